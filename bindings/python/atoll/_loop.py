"""asyncio: one descriptor for each event loop, which becomes readable when a call has ended."""
from __future__ import annotations

import asyncio
import itertools
import weakref
from typing import Any

from . import _core

_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Bridge] = (
    weakref.WeakKeyDictionary())


class _Bridge:
    """Belongs to one event loop, and is used on its thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.notifier = _core.Notifier()
        self.waiting: dict[int, asyncio.Future[None]] = {}
        self.numbers = itertools.count()
        loop.add_reader(self.notifier.fileno(), self.read)

    def read(self) -> None:
        for token in self.notifier.take():
            future = self.waiting.pop(token, None)
            if future is not None and not future.done():
                future.set_result(None)


async def end_of(work: Any) -> None:
    """Returns when the call has ended. When the task is cancelled, so is the call."""
    loop = asyncio.get_running_loop()
    bridge = _bridges.get(loop)
    if bridge is None:
        bridge = _bridges[loop] = _Bridge(loop)
    future: asyncio.Future[None] = loop.create_future()
    token = next(bridge.numbers)
    bridge.waiting[token] = future
    work.notify(bridge.notifier, token)
    try:
        await future
    except asyncio.CancelledError:
        work.cancel()
        raise
    finally:
        bridge.waiting.pop(token, None)
