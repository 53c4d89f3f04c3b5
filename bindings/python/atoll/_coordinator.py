"""A coordinator inside this process, and what an operator asks one."""
from __future__ import annotations

import json
from typing import Any

from . import _core


class Coordinator:
    """Decides who is in the run and how its calls end (atollCoordinator_t). Moves no arrays.

    Works from the moment that it is made until stop(), or until the end of the `with` block, on a
    thread of the library. For tests, notebooks and small runs; a run over many machines is better
    served by the command `atoll coordinator`, which survives the trainers.

    listen          "HOST:PORT"; port 0, the default, lets the kernel choose
    min_replicas    the first view waits for so many complete replicas
    run             name of the run; peers that name another one are refused
    insecure        allow an address that is not loopback
    heartbeat       seconds; peer_timeout: a peer silent for so long is dropped
    state_dir       folder for what a coordinator that is started again would like to know
    rejoin_window   seconds that it then waits for members of a run that goes on
    new_run         nobody can be in the run yet: begin at once. The default when the kernel
                    chooses the port
    instance, accept_lower_revision   see atollCoordinatorConfig_t
    """

    def __init__(self, listen: str = "127.0.0.1:0", *, min_replicas: int = 1,
                 run: str | None = None, insecure: bool = False, heartbeat: float = 0.5,
                 peer_timeout: float = 5.0, state_dir: str | None = None,
                 rejoin_window: float = 1.5, new_run: bool = False, instance: str | None = None,
                 accept_lower_revision: bool = False) -> None:
        self._core = _core.Coordinator({
            "listen": listen, "min_replicas": min_replicas, "run": run, "insecure": insecure,
            "heartbeat": heartbeat, "peer_timeout": peer_timeout, "state_dir": state_dir,
            "rejoin_window": rejoin_window, "new_run": new_run, "instance": instance,
            "accept_lower_revision": accept_lower_revision})

    @property
    def address(self) -> str:
        """"HOST:PORT" with the port that was chosen."""
        return self._core.address()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it has ended, by stop() in another thread; at most so many seconds.

        Returns whether it has. Raises SteppedDown when another coordinator has taken its run."""
        return self._core.wait(timeout)

    def stop(self) -> None:
        """Ends it. Peers go on without it for their coordinator_timeout. May be called again."""
        self._core.stop()

    def __enter__(self) -> Coordinator:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __reduce__(self) -> Any:
        raise TypeError("an atoll.Coordinator belongs to its process, and cannot be pickled or "
                        "copied")


def coordinator_status(address: str, timeout: float = 1.0) -> dict[str, Any]:
    """How the run of the coordinator at "HOST:PORT" is, as `atoll status --json` shows it.

    Asked from outside of the run; raises CoordinatorUnreachable or Timeout."""
    status: dict[str, Any] = json.loads(_core.coordinator_status(address, timeout))
    return status


def install_dump_signal(signal_number: int) -> None:
    """From now on this signal, signal.SIGUSR1 say, writes the state of all communicators of the
    process to standard error, or to files in ATOLL_DUMP_DIR."""
    _core.install_dump_signal(signal_number)
