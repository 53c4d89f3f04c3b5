"""Exceptions, by what the caller should do next. Numbers and sentences are those of atoll.h."""
from __future__ import annotations


class Error(Exception):
    """Anything that Atoll refuses or fails at. Its text is one sentence: what and who.

    `result` is the number of atollResult_t.
    """

    result = 0


class CallError(Error):
    """Fix the call. The run goes on."""


class RetryError(Error):
    """Try again. The run goes on, and the input is as it was."""


class ReconnectError(Error, ConnectionError):
    """This peer has left the run: call connect() again, on the same communicator."""


class ResourceError(Error):
    """Give the process what it lacks."""


class InternalError(Error):
    """A bug in Atoll: please report it."""

    result = 500


class InvalidArgument(CallError, ValueError):
    """A value that is not allowed: an unknown name, an array of a wrong shape, a bad address."""

    result = 100


class InvalidUsage(CallError):
    """The object is not in a state for this call."""

    result = 101


class Mismatch(CallError):
    """Peers called with different arguments or in a different order; the text names them."""

    result = 102


class Unsupported(CallError):
    """This library cannot do that."""

    result = 103


class DuplicatePeer(CallError):
    """Another live peer has the same replica and shard."""

    result = 104


class VersionMismatch(CallError):
    """Coordinator and peer speak no common version of the protocol."""

    result = 105


class StateConflict(CallError):
    """A sync has no content that all may take, or would replace a revision that somebody holds."""

    result = 106


class OtherInstance(CallError):
    """The coordinator drives another instance of the run: only a new communicator may join it."""

    result = 107


class SteppedDown(CallError):
    """Of a coordinator: it was stopped when another coordinator drove the run."""

    result = 108


class PeerLost(RetryError):
    """A peer died, and the call was not to be tried again without it."""

    result = 200


class Aborted(RetryError):
    """The call was ended on all peers; the text says why."""

    result = 201


class Timeout(RetryError, TimeoutError):
    """A deadline or timeout of the call is over, on all peers; the text names those who lack.

    Work.wait(timeout) raises the built-in TimeoutError instead, after which the call goes on.
    """

    result = 202


class Cancelled(RetryError):
    """A peer cancelled the call, by Ctrl-C for example; the text names it."""

    result = 203


class RootLost(RetryError):
    """The root of a broadcast, scatter, gather or reduce died."""

    result = 204


class CoordinatorUnreachable(ReconnectError):
    """The coordinator does not answer."""

    result = 300


class OutcomeUnknown(ReconnectError):
    """The coordinator was lost before the outcome of the call was known."""

    result = 301


class Evicted(ReconnectError):
    """The run went on without this peer; the text says why."""

    result = 302


class NotConnected(ReconnectError):
    """connect() was not called, or this peer has left."""

    result = 303


class OutOfMemory(ResourceError, MemoryError):
    """The process, or another peer of the call, has too little memory."""

    result = 400


class SystemFailure(ResourceError):
    """The system refused something: a descriptor, a thread, an address."""

    result = 401


_BY_RESULT = {
    one.result: one
    for one in (
        InvalidArgument, InvalidUsage, Mismatch, Unsupported, DuplicatePeer, VersionMismatch,
        StateConflict, OtherInstance, SteppedDown, PeerLost, Aborted, Timeout, Cancelled, RootLost,
        CoordinatorUnreachable, OutcomeUnknown, Evicted, NotConnected, OutOfMemory, SystemFailure,
        InternalError,
    )
}
_BY_GROUP = {1: CallError, 2: RetryError, 3: ReconnectError, 4: ResourceError, 5: InternalError}
_HINTS = {
    "is connected": "; go on with it, or call leave() first to connect anew",
    "is not connected": "; call connect() first",
}


def make_error(result: int, sentence: str) -> Error:
    """The exception for a result of the C API, for the extension."""
    kind = _BY_RESULT.get(result) or _BY_GROUP.get(result // 100, Error)
    for end, hint in _HINTS.items():
        if sentence.endswith(end):
            sentence += hint
    error = kind(sentence)
    error.result = result
    return error
