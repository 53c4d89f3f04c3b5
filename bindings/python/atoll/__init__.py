"""Atoll: fault-tolerant collective communication over the public internet.

    import atoll, numpy

    with atoll.connect("127.0.0.1:7700") as comm:
        comm.update()                           # meets the others; newcomers get in
        gradient = numpy.ones(1000, dtype=numpy.float32)
        info = comm.all_reduce(gradient, op="avg")
        print(info.contributors)

docs/PYTHON.md is the guide; include/atoll/atoll.h says all about each call. Importing this module
starts no thread and imports neither numpy nor torch."""
from __future__ import annotations

import atexit as _atexit

from . import _core
from ._arrays import describe as _describe
from ._communicator import Communicator, PeerId, connect
from ._coordinator import Coordinator, coordinator_status, install_dump_signal
from ._core import DilocoInfo, OpInfo, SyncInfo, View
from ._diloco import Diloco
from ._errors import (
    Aborted, CallError, Cancelled, CoordinatorUnreachable, DuplicatePeer, Error, Evicted,
    InternalError, InvalidArgument, InvalidUsage, Mismatch, NotConnected, OtherInstance,
    OutcomeUnknown, OutOfMemory, PeerLost, ReconnectError, ResourceError, RetryError, RootLost,
    StateConflict, SteppedDown, SystemFailure, Timeout, Unsupported, VersionMismatch, make_error,
)
from ._state import SharedState
from ._work import Work

__version__ = _core.version()

__all__ = [
    "Aborted", "CallError", "Cancelled", "Communicator", "Coordinator", "CoordinatorUnreachable",
    "Diloco", "DilocoInfo", "DuplicatePeer", "Error", "Evicted", "InternalError",
    "InvalidArgument", "InvalidUsage", "Mismatch", "NotConnected", "OpInfo", "OtherInstance",
    "OutOfMemory", "OutcomeUnknown", "PeerId", "PeerLost", "ReconnectError", "ResourceError",
    "RetryError", "RootLost", "SharedState", "StateConflict", "SteppedDown", "SyncInfo",
    "SystemFailure", "Timeout", "Unsupported", "VersionMismatch", "View", "Work", "connect",
    "coordinator_status", "install_dump_signal",
]

_core.set_hooks(make_error, _describe, PeerId)
_atexit.register(_core.begin_closing)
del make_error
