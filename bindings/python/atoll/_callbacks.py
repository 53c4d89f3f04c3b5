"""Callbacks of calls that have ended. One thread hears of the ends; each callback runs on a thread
that does nothing else, so it may wait for another call. Threads are started when they are needed,
and rest for a while afterwards."""
from __future__ import annotations

import itertools
import os
import queue
import sys
import threading
from typing import Any, Callable

from . import _core

_REST_SECONDS = 5.0


class _Dispatcher:
    def __init__(self) -> None:
        self._notifier = _core.Notifier()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[Any, Callable[[], object]]] = {}
        self._jobs: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._idle = 0
        self._hears = False

    def add(self, work: Any, function: Callable[[], object]) -> None:
        with self._lock:
            token = next(self._numbers)
            self._waiting[token] = (work, function)
            if not self._hears:
                self._hears = True
                self._start(self._hear, "atoll-ends")
        work.notify(self._notifier, token)

    @staticmethod
    def _start(function: Callable[..., None], name: str, *arguments: Any) -> None:
        threading.Thread(target=function, args=arguments, name=name, daemon=True).start()

    def _hear(self) -> None:
        while True:
            self._notifier.wait(60000)
            for token in self._notifier.take():
                with self._lock:
                    _, function = self._waiting.pop(token)
                    idle = self._idle
                    self._idle -= 1 if idle else 0
                if idle:
                    self._jobs.put(function)
                else:
                    self._start(self._work, "atoll-callback", function)

    def _work(self, function: Callable[[], object]) -> None:
        while True:
            try:
                function()
            except BaseException:  # noqa: B036: whatever it is, the thread has nobody to tell
                threading.excepthook(threading.ExceptHookArgs(
                    [*sys.exc_info(), threading.current_thread()]))
            with self._lock:
                self._idle += 1
            try:
                function = self._jobs.get(timeout=_REST_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        return
                function = self._jobs.get()


_dispatcher: tuple[int, _Dispatcher] | None = None


def when_ended(work: Any, function: Callable[[], object]) -> None:
    """Calls `function` on a thread of its own when the call has ended."""
    global _dispatcher
    if _dispatcher is None or _dispatcher[0] != os.getpid():  # a child has none of its parent's
        _dispatcher = (os.getpid(), _Dispatcher())
    _dispatcher[1].add(work, function)
