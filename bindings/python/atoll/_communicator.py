"""A peer of a run."""
from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Callable

from . import _core
from ._errors import InvalidArgument, NotConnected
from ._names import OPERATORS, CallOptions, look_up, options
from ._work import Work

if TYPE_CHECKING:
    from typing_extensions import Unpack

_COUNTERS = ("bytes_sent", "bytes_received", "listening_port", "connections",
             "input_backup_bytes", "input_backup_peak_bytes", "input_backup_kept_bytes")
_FIRST_COUNTER = 4  # atollAttributeBytesSent


class PeerId(int):
    """What names a peer for the whole run. Where a rank may be given, so may a PeerId."""

    def __repr__(self) -> str:
        return f"PeerId({int(self)})"


class Communicator:
    """One peer of a run (atollComm_t). Nothing is opened before connect().

    coordinator   "HOST:PORT", or a comma-separated list; None: the variable ATOLL_COORDINATOR
    run, name, replica, shard, shard_count, bind, advertise, connections, dump_on_error,
    input_backup_bytes, input_backup_limit_bytes   see atollCommConfig_t
    connect_timeout, update_timeout, arrival_timeout, progress_timeout, outcome_grace,
    coordinator_timeout   in seconds; see there
    log           called as log(level, message), level from "trace" to "error", on a thread of the
                  library; must not call Atoll. None: standard error, by ATOLL_LOG

    Any thread may call. Calls with different tags may run at the same time; the order of calls with
    one tag must be the same on all peers. The end of a `with` block, or the end of the last
    reference, leaves the run. In a forked child every call is refused with InvalidUsage.

    Every call that waits lets other threads run and can be interrupted: Ctrl-C cancels it, on all
    peers, and raises KeyboardInterrupt within a second. Each has a form whose name ends in
    `_async`, which returns a Work.

    Arrays are numpy arrays, torch tensors on the CPU, whatever has the buffer protocol or
    __dlpack__. Elements are int8 to int64, uint8 to uint64, float16, bfloat16, float32, float64 or
    bool, of which "sum" and "max" mean any and "prod" and "min" mean all. Contiguous ones are used
    in place, without a copy; see `layout` of CallOptions for others.
    """

    def __init__(self, coordinator: str | None = None, *, run: str | None = None,
                 name: str | None = None, replica: str | None = None, shard: int = 0,
                 shard_count: int = 1, bind: str | None = None, advertise: str | None = None,
                 connections: int = 0, connect_timeout: float = 10.0,
                 update_timeout: float = 0.0, arrival_timeout: float = 600.0,
                 progress_timeout: float = 30.0, outcome_grace: float = 10.0,
                 coordinator_timeout: float = 30.0, input_backup_bytes: int = 1 << 30,
                 input_backup_limit_bytes: int = 0, dump_on_error: str | None = None,
                 log: Callable[[str, str], object] | None = None) -> None:
        coordinator = coordinator or os.environ.get("ATOLL_COORDINATOR")
        if not coordinator:
            raise InvalidArgument("no coordinator: give its address, \"HOST:PORT\", or set "
                                  "ATOLL_COORDINATOR")
        self.coordinator = coordinator
        """Address or addresses of the coordinator."""
        self._core = _core.Comm({
            "coordinator": coordinator, "run": run, "name": name, "replica": replica,
            "shard": shard, "shard_count": shard_count, "bind": bind, "advertise": advertise,
            "connections": connections, "connect_timeout": connect_timeout,
            "update_timeout": update_timeout, "arrival_timeout": arrival_timeout,
            "progress_timeout": progress_timeout, "outcome_grace": outcome_grace,
            "coordinator_timeout": coordinator_timeout, "input_backup_bytes": input_backup_bytes,
            "input_backup_limit_bytes": input_backup_limit_bytes, "dump_on_error": dump_on_error,
            "log": log})

    # ---- being in the run ---------------------------------------------------------------------

    def connect(self) -> None:
        """Registers with the coordinator, within connect_timeout. May be called again after a
        ReconnectError or leave(). Raises CoordinatorUnreachable, DuplicatePeer, VersionMismatch,
        Mismatch (another run or shard count) or OtherInstance."""
        self._core.connect(True)

    def connect_async(self) -> Work[None]:
        """connect() as a Work."""
        return Work(self._core.connect(False))

    def update(self) -> _core.View:
        """The meeting point of all members, and the only place where newcomers get in. Returns
        when all have called it; a newcomer waits here to be let in."""
        view: _core.View = self._core.update(True)
        return view

    def update_async(self) -> Work[_core.View]:
        """update() as a Work. Calls that are started before it ended are of the view before."""
        return Work(self._core.update(False))

    def leave(self) -> None:
        """Leaves the run in an orderly way: the others need not find out."""
        self._core.leave()

    def abort(self) -> None:
        """From any thread: calls in progress end with Cancelled soon, and this peer leaves."""
        self._core.abort()

    def close(self) -> None:
        """leave(), unless this peer is out already. May be called again."""
        try:
            self._core.leave()
        except NotConnected:
            pass

    def __enter__(self) -> Communicator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def view(self) -> _core.View:
        """The view as it stands, without waiting. NotConnected before the first update()."""
        return self._core.view()

    @property
    def rank(self) -> int:
        """This peer's place in the view, 0 to world - 1."""
        return self._core.view().rank

    @property
    def world(self) -> int:
        """Number of peers in the view."""
        return self._core.view().world

    def peer_at(self, rank: int) -> PeerId:
        """The id of the peer that had this rank in the view of the last update()."""
        peer: PeerId = self._core.peer_at(rank)
        return peer

    # ---- collectives --------------------------------------------------------------------------
    # In each: `tensor` is read; `out` is written. Returns an OpInfo. All members of the group make
    # the same calls in the same order; a difference raises Mismatch on all of them.

    def all_reduce(self, tensor: Any, out: Any = None, *, op: str = "sum",
                   **given: Unpack[CallOptions]) -> _core.OpInfo:
        """out = op over all members of tensor; in place without `out`. Any shape.

        `tensor` may be a list of arrays of one type, `out` then a list of as many: one call, which
        succeeds or fails as a whole, from the same contributors.

        op   "sum", "avg" (by weights: sum(weight * input) / sum(weight)), "prod", "min" or "max"
        """
        info: _core.OpInfo = self._core.all_reduce(
            tensor, out, look_up(OPERATORS, op, "op"), options(True, given))
        return info

    def all_reduce_async(self, tensor: Any, out: Any = None, *, op: str = "sum",
                         **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """all_reduce() as a Work."""
        return Work(self._core.all_reduce(
            tensor, out, look_up(OPERATORS, op, "op"), options(False, given)))

    def broadcast(self, tensor: Any, root: int = 0, **given: Unpack[CallOptions]) -> _core.OpInfo:
        """tensor on all = tensor of the root, a rank or a PeerId. RootLost when that dies."""
        info: _core.OpInfo = self._core.broadcast(tensor, root, options(True, given))
        return info

    def broadcast_async(self, tensor: Any, root: int = 0,
                        **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """broadcast() as a Work."""
        return Work(self._core.broadcast(tensor, root, options(False, given)))

    def reduce_scatter(self, tensor: Any, out: Any, *, op: str = "sum",
                       **given: Unpack[CallOptions]) -> _core.OpInfo:
        """out = this peer's block of op over all members of tensor, which has a block of as many
        elements as `out` for each peer of the group, in the order of ranks."""
        info: _core.OpInfo = self._core.reduce_scatter(
            tensor, out, look_up(OPERATORS, op, "op"), options(True, given))
        return info

    def reduce_scatter_async(self, tensor: Any, out: Any, *, op: str = "sum",
                             **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """reduce_scatter() as a Work."""
        return Work(self._core.reduce_scatter(
            tensor, out, look_up(OPERATORS, op, "op"), options(False, given)))

    def all_gather(self, tensor: Any, out: Any, **given: Unpack[CallOptions]) -> _core.OpInfo:
        """out on all = the tensors of all peers of the group, one after the other, by rank."""
        info: _core.OpInfo = self._core.all_gather(tensor, out, options(True, given))
        return info

    def all_gather_async(self, tensor: Any, out: Any,
                         **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """all_gather() as a Work."""
        return Work(self._core.all_gather(tensor, out, options(False, given)))

    def reduce(self, tensor: Any, out: Any = None, *, root: int = 0, op: str = "sum",
               **given: Unpack[CallOptions]) -> _core.OpInfo:
        """out of the root = op over all members of tensor; without `out` in place there. Others
        need no `out`."""
        info: _core.OpInfo = self._core.reduce(
            tensor, out, look_up(OPERATORS, op, "op"), root, options(True, given))
        return info

    def reduce_async(self, tensor: Any, out: Any = None, *, root: int = 0, op: str = "sum",
                     **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """reduce() as a Work."""
        return Work(self._core.reduce(
            tensor, out, look_up(OPERATORS, op, "op"), root, options(False, given)))

    def gather(self, tensor: Any, out: Any = None, *, root: int = 0,
               **given: Unpack[CallOptions]) -> _core.OpInfo:
        """out of the root = the tensors of all, one after the other, by rank. Others need none."""
        info: _core.OpInfo = self._core.gather(tensor, out, root, options(True, given))
        return info

    def gather_async(self, tensor: Any, out: Any = None, *, root: int = 0,
                     **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """gather() as a Work."""
        return Work(self._core.gather(tensor, out, root, options(False, given)))

    def scatter(self, tensor: Any, out: Any, *, root: int = 0,
                **given: Unpack[CallOptions]) -> _core.OpInfo:
        """out = this peer's block of the root's tensor; on other peers `tensor` may be None."""
        info: _core.OpInfo = self._core.scatter(tensor, out, root, options(True, given))
        return info

    def scatter_async(self, tensor: Any, out: Any, *, root: int = 0,
                      **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """scatter() as a Work."""
        return Work(self._core.scatter(tensor, out, root, options(False, given)))

    def send(self, tensor: Any, peer: int, **given: Unpack[CallOptions]) -> _core.OpInfo:
        """To one peer, a rank or a PeerId, who receives with the same type, number of elements and
        tag. Returns when it was received: two peers that both send first wait for each other."""
        info: _core.OpInfo = self._core.send(tensor, peer, options(True, given))
        return info

    def send_async(self, tensor: Any, peer: int,
                   **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """send() as a Work."""
        return Work(self._core.send(tensor, peer, options(False, given)))

    def recv(self, tensor: Any, peer: int, **given: Unpack[CallOptions]) -> _core.OpInfo:
        """From one peer, a rank or a PeerId, into tensor. PeerLost when that dies."""
        info: _core.OpInfo = self._core.recv(tensor, peer, options(True, given))
        return info

    def recv_async(self, tensor: Any, peer: int,
                   **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """recv() as a Work."""
        return Work(self._core.recv(tensor, peer, options(False, given)))

    def barrier(self, **given: Unpack[CallOptions]) -> _core.OpInfo:
        """Returns when all members of the group have called it."""
        info: _core.OpInfo = self._core.barrier(options(True, given))
        return info

    def barrier_async(self, **given: Unpack[CallOptions]) -> Work[_core.OpInfo]:
        """barrier() as a Work."""
        return Work(self._core.barrier(options(False, given)))

    def optimize_topology(self, *, tag: int = 0, deadline: float | None = None) -> None:
        """Measures what the network between the members carries; the next update() brings a plan
        made of it, if that is faster. A few seconds for each member, all of whom call it."""
        self._core.optimize_topology(options(True, {"tag": tag, "deadline": deadline}))

    def optimize_topology_async(self, *, tag: int = 0,
                                deadline: float | None = None) -> Work[None]:
        """optimize_topology() as a Work."""
        return Work(self._core.optimize_topology(
            options(False, {"tag": tag, "deadline": deadline})))

    # ---- looking inside -----------------------------------------------------------------------

    def counters(self) -> dict[str, int]:
        """Payload bytes since connect(), connections, memory for inputs (atollAttribute_t)."""
        return {name: self._core.attribute(_FIRST_COUNTER + number)
                for number, name in enumerate(_COUNTERS)}

    def inspect(self) -> dict[str, Any]:
        """Who this is, the view, links, open calls with who is awaited, what happened lately: the
        fields of docs/HACKING.md. At any time, from any thread."""
        state: dict[str, Any] = json.loads(self._core.format_state())
        return state

    def dump(self, path: str | None = None) -> None:
        """Writes inspect() to a file, or to standard error."""
        self._core.dump_state(path)

    def reset_connections(self) -> None:
        """Resets all data connections, as a bad network would. Calls in progress go on."""
        self._core.reset_connections()

    def __reduce__(self) -> Any:
        raise TypeError("an atoll.Communicator belongs to its process, and cannot be pickled or "
                        "copied: each process connects its own")


def connect(coordinator: str | None = None, **config: Any) -> Communicator:
    """A Communicator that is connected. Takes what Communicator takes; without a coordinator's
    address the variable ATOLL_COORDINATOR says it."""
    comm = Communicator(coordinator, **config)
    comm.connect()
    return comm
