"""Synchronous DiLoCo."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._work import Work

if TYPE_CHECKING:
    from ._communicator import Communicator


class Diloco:
    """DiLoCo (arXiv 2311.08105, Algorithm 1) on one vector of float32 parameters (atollDiloco_t).

    Every replica takes some number of inner steps by its own optimizer, from the same parameters;
    then step() averages the pseudo-gradients, delta = mean of (outer - local), and takes the outer
    step, SGD with Nesterov momentum:

        momentum = mu * momentum + delta
        outer    = outer - learning_rate * (delta + mu * momentum)

    after which the parameters are the outer ones on all replicas. Outer parameters and momentum are
    a shared state of their own; the state of the inner optimizer stays where it is.

    parameters   the initial values, copied; a contiguous float32 array of any shape
    tag          of its collective calls
    """

    def __init__(self, parameters: Any, *, learning_rate: float = 0.7, momentum: float = 0.9,
                 nesterov: bool = True, tag: int = 0) -> None:
        self._core = _core.Diloco(parameters, learning_rate, momentum, nesterov, tag)

    def sync(self, comm: Communicator, parameters: Any) -> _core.SyncInfo:
        """After update(), before the inner steps: all members get the same outer parameters,
        momentum and round, and `parameters` (as many float32 values) become the outer ones."""
        info: _core.SyncInfo = self._core.sync(comm._core, parameters, True)
        return info

    def sync_async(self, comm: Communicator, parameters: Any) -> Work[_core.SyncInfo]:
        """sync() as a Work."""
        return Work(self._core.sync(comm._core, parameters, False))

    def step(self, comm: Communicator, parameters: Any) -> _core.DilocoInfo:
        """The outer step. `parameters` are what the inner steps made, and become the new outer
        parameters. On an error they and the outer state are as they were: call it again."""
        info: _core.DilocoInfo = self._core.step(comm._core, parameters, True)
        return info

    def step_async(self, comm: Communicator, parameters: Any) -> Work[_core.DilocoInfo]:
        """step() as a Work; `parameters` must not change until it has ended."""
        return Work(self._core.step(comm._core, parameters, False))

    def outer(self, out: Any) -> None:
        """Copies the outer parameters into `out`, a float32 array of as many elements."""
        self._core.outer(out)

    @property
    def round(self) -> int:
        """Outer steps taken by the run, as far as this peer knows."""
        return self._core.round()

    def __reduce__(self) -> Any:
        raise TypeError("an atoll.Diloco cannot be pickled or copied: save its parameters")
