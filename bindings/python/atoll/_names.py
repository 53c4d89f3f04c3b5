"""The words that calls take for the enumerations of atoll.h, and the options of all calls."""
from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple, TypedDict

from ._errors import InvalidArgument

OPERATORS = {"sum": 0, "avg": 1, "prod": 2, "min": 3, "max": 4}
GROUPS = {"shard": 0, "replica": 1, "all": 2, "shard_alone": 3}
ALGORITHMS = {"auto": 0, "ring": 1, "star": 2, "mesh": 3, "direct": 4}
LAYOUTS = {"copy": False, "dense": True}
STRATEGIES = {"popular": 0, "send_only": 1, "receive_only": 2}
KEEP_COMPLETED_SEGMENTS = 1

OptionTuple = Tuple[float, Optional[float], int, int, int, int, bool, bool, bool, bool]


class CallOptions(TypedDict, total=False):
    """The keywords of all collective calls (atollOpOptions_t).

    weight      of this peer in op="avg" on floats, 0 to 2^50; 0 contributes nothing and receives.
                Each peer has its own; default 1
    deadline    seconds for the call as a whole; default None: the timeouts of the communicator
    tag         calls with different tags are independent of each other; may be the step; default 0
    group       who takes part: "shard" (default; with one shard for each replica, everybody),
                "replica" (the shards of this replica), "all", or "shard_alone"
    algorithm   of an all-reduce: "auto" (default), "ring", "star", "mesh" or "direct"
    retry       True (default): when a peer dies, try again with the survivors; False: PeerLost
    disposable  True: after an error the input of a call in place need not be intact
    keep_segments  True: ATOLL_KEEP_COMPLETED_SEGMENTS, of a large all-reduce
    layout      "copy" (default): an array that is not contiguous is copied, and copied back;
                "dense": it is not copied, must have no gaps, and lies in the same order on all
    """

    weight: float
    deadline: float | None
    tag: int
    group: str
    algorithm: str
    retry: bool
    disposable: bool
    keep_segments: bool
    layout: str


def look_up(table: Mapping[str, int], name: str, argument: str) -> int:
    """The number of a name, or InvalidArgument with all names that there are."""
    try:
        return table[name]
    except (KeyError, TypeError):
        known = ", ".join(repr(one) for one in table)
        raise InvalidArgument(f"{argument} is {name!r}, not one of {known}") from None


def _given(wait: bool, weight: float = 1.0, deadline: float | None = None, tag: int = 0,
           group: str = "shard", algorithm: str = "auto", retry: bool = True,
           disposable: bool = False, keep_segments: bool = False,
           layout: str = "copy") -> OptionTuple:
    return (weight, deadline, tag, look_up(GROUPS, group, "group"),
            look_up(ALGORITHMS, algorithm, "algorithm"),
            KEEP_COMPLETED_SEGMENTS if keep_segments else 0, retry, disposable,
            bool(look_up(LAYOUTS, layout, "layout")), wait)


_DEFAULTS = {wait: _given(wait) for wait in (False, True)}


def options(wait: bool, given: Mapping[str, Any]) -> OptionTuple:
    """As the extension takes them."""
    return _given(wait, **given) if given else _DEFAULTS[wait]
