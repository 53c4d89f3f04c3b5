"""State that is the same on all peers."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Mapping

from . import _core
from ._names import STRATEGIES, look_up
from ._work import Work

if TYPE_CHECKING:
    from ._communicator import Communicator


class SharedState:
    """Named arrays that are to be the same, bit for bit, on all members, with a revision that
    counts up (atollState_t).

    `tensors`: a mapping, or pairs, of names (at most 128 bytes) and arrays that are writable and
    contiguous; any shape, also empty. All members give the same names, types and counts in the same
    order. They are not copied, and stay alive as long as this object.

    Between publish() and begin_write() leave the bytes alone: the library reads them then.
    """

    def __init__(self, tensors: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        self._core = _core.State()
        pairs = tensors.items() if isinstance(tensors, Mapping) else tensors
        for name, tensor in pairs:
            self._core.add(name, tensor)

    @property
    def revision(self) -> int:
        """0 before the first publish() or sync()."""
        return self._core.revision()

    def begin_write(self) -> None:
        """From here the arrays may be changed."""
        self._core.begin_write()

    def publish(self, revision: int | None = None) -> int:
        """The bytes now are this revision, greater than the last one. None: the next one."""
        number = self._core.revision() + 1 if revision is None else revision
        self._core.publish(number)
        return number

    def sync(self, comm: Communicator, *, strategy: str = "popular", tag: int = 0,
             deadline: float | None = None) -> _core.SyncInfo:
        """All members bring their state; one content is elected, and who differs fetches what
        differs (atollSyncState). Returns a SyncInfo. On an error the bytes are as they were,
        unless the state had never been published or synced.

        strategy   "popular": the highest revision, then the content that most hold; "send_only":
                   this peer's content is to win; "receive_only": it counts for nothing
        deadline   in seconds, for all of it; None: the timeouts of the communicator
        """
        info: _core.SyncInfo = self._sync(comm, strategy, tag, deadline, True)
        return info

    def sync_async(self, comm: Communicator, *, strategy: str = "popular", tag: int = 0,
                   deadline: float | None = None) -> Work[_core.SyncInfo]:
        """sync() as a Work. Until it has ended nothing else takes the state: InvalidUsage."""
        return Work(self._sync(comm, strategy, tag, deadline, False))

    def _sync(self, comm: Communicator, strategy: str, tag: int, deadline: float | None,
              wait: bool) -> Any:
        return self._core.sync(comm._core, look_up(STRATEGIES, strategy, "strategy"), tag,
                               deadline or 0.0, wait)

    def follow(self, comm: Communicator, *, tag: int = 0, level_timeout: float = 120.0) -> None:
        """Between connect() and the first update(): that update brings what the members synced last
        into these arrays, and lets this peer in when it is level with them (atollFollowState).

        level_timeout   seconds in update() after which the peer is to be admitted as it is
        """
        self._core.follow(comm._core, tag, level_timeout)

    def __reduce__(self) -> Any:
        raise TypeError("an atoll.SharedState cannot be pickled or copied: save its arrays")
