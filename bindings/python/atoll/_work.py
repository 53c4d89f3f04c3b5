"""Calls that go on while the program does something else."""
from __future__ import annotations

from typing import Any, Callable, Generator, Generic, TypeVar, cast

from . import _core
from ._errors import InvalidUsage

T = TypeVar("T")


class Work(Generic[T]):
    """A call in flight, from a function whose name ends in `_async`.

    The arrays of the call are kept alive, and are Atoll's: neither read what it writes nor write
    what it reads until the call has ended. A Work that is dropped lets the call go on to its end.
    Any thread may use it, several at the same time too.

    `await work` waits in an asyncio task without keeping the event loop; cancelling the task
    cancels the call.
    """

    __slots__ = ("_core", "_finish", "__weakref__")

    def __init__(self, core: _core.Work, finish: Callable[[Any], T] | None = None) -> None:
        self._core = core
        self._finish = finish

    def wait(self, timeout: float | None = None) -> T:
        """Waits for the end and returns what the blocking call returns, or raises its error.

        With a timeout, in seconds: raises TimeoutError when that is over, and the call goes on.
        Ctrl-C, or another handler of a signal that raises, cancels the call."""
        if not self._core.wait(timeout):
            raise TimeoutError(f"the call goes on after {timeout} s")
        return self.result()

    def done(self) -> bool:
        """Whether the call has ended. Never waits."""
        return self._core.ended()

    def result(self) -> T:
        """What wait() returns, of a call that has ended; else InvalidUsage."""
        if not self._core.ended():
            raise InvalidUsage("the call goes on: wait() waits for its result")
        outcome = self._core.result()
        return self._finish(outcome) if self._finish else cast("T", outcome)

    def cancel(self) -> None:
        """Asks for the call to be ended on all members. Returns at once; wait() then raises
        Cancelled, unless the call had already succeeded."""
        self._core.cancel()

    def add_done_callback(self, function: Callable[[Work[T]], object]) -> None:
        """Calls `function(work)` when the call has ended, on a thread of its own, which may wait,
        for another call too. What it raises goes to threading.excepthook."""
        from . import _callbacks

        _callbacks.when_ended(self._core, lambda: function(self))

    def __await__(self) -> Generator[Any, None, T]:
        from . import _loop

        if not self._core.ended():
            yield from _loop.end_of(self._core).__await__()
        return self.result()

    def __repr__(self) -> str:
        return f"<atoll.Work {'ended' if self._core.ended() else 'in flight'}>"

    def __reduce__(self) -> Any:
        raise TypeError("an atoll.Work belongs to its process, and cannot be pickled or copied")
