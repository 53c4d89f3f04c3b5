"""Ctrl-C, and other signals, while the main thread waits. Pytest runs on the main thread."""
from __future__ import annotations

import array
import os
import signal
import socket
import threading
import time

import atoll
import pytest
from support import SOON_S, members, on_all, run_python, start_python, until

AT_ONCE_S = 1.0


def floats(*values):
    return array.array("f", values)


def waits(comm, kind):
    """Whether somebody waits in a call of this communicator at this moment."""
    state = comm.inspect()
    if kind == "update":
        return state["update"]["waiting"]
    return any(kind in str(call) for call in state["calls"])


class Interrupter:
    """Sends a signal once a condition holds, and says how long ago that was."""

    def __init__(self, condition, number=signal.SIGINT):
        self.sent_at = None

        def run():
            until(condition, "nobody waits")
            self.sent_at = time.monotonic()
            os.kill(os.getpid(), number)

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def check(self):
        took = time.monotonic() - self.sent_at
        self.thread.join()
        assert took < AT_ONCE_S, f"{took} s after the signal"


CALLS = {
    "update": lambda comm: comm.update(),
    "all-reduce": lambda comm: comm.all_reduce(floats(1, 2)),
    "barrier": lambda comm: comm.barrier(),
    "broadcast": lambda comm: comm.broadcast(floats(1), root=1),
    "all-gather": lambda comm: comm.all_gather(floats(1), floats(1, 2)),
    "send": lambda comm: comm.recv(floats(1), peer=1),
    "state-sync": lambda comm: atoll.SharedState({"x": floats(1)}).sync(comm),
}


def check_next_call(comms):
    def call(comm, rank):
        comm.update()
        data = floats(rank + 1)
        comm.all_reduce(data, tag=77)
        return data[0]

    assert on_all(comms, call) == [3] * len(comms)


@pytest.mark.parametrize("kind", CALLS)
def test_an_interrupt_ends_a_wait(pair, kind):
    interrupter = Interrupter(lambda: waits(pair[0], kind))
    with pytest.raises(KeyboardInterrupt):
        CALLS[kind](pair[0])
    interrupter.check()
    if kind != "update":
        # For the other it has ended too, by name.
        other = dict(CALLS, send=lambda comm: comm.send(floats(1), peer=0))[kind]
        with pytest.raises(atoll.Cancelled, match="peer-0"):
            other(pair[1])
    check_next_call(pair)


def test_an_interrupt_ends_the_wait_for_a_work(pair):
    data = floats(1, 2)
    work = pair[0].all_reduce_async(data)
    interrupter = Interrupter(lambda: waits(pair[0], "all-reduce"))
    with pytest.raises(KeyboardInterrupt):
        work.wait()
    interrupter.check()
    with pytest.raises(atoll.Cancelled, match="peer-0"):
        work.wait(SOON_S)
    assert list(data) == [1, 2]
    with pytest.raises(atoll.Cancelled):
        pair[1].all_reduce(floats(1, 2))
    check_next_call(pair)


def test_an_interrupt_ends_connecting():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        comm = atoll.Communicator("127.0.0.1:%d" % silent.getsockname()[1], connect_timeout=60)
        asked = threading.Event()
        threading.Thread(target=lambda: (silent.accept(), asked.set()), daemon=True).start()
        interrupter = Interrupter(asked.is_set)
        with pytest.raises(KeyboardInterrupt):
            comm.connect()
        interrupter.check()
    with atoll.Coordinator() as coordinator:
        with atoll.connect(coordinator.address) as other:
            assert other.update().world == 1


def test_an_interrupt_ends_a_coordinators_wait():
    with atoll.Coordinator() as coordinator:
        started = time.monotonic()
        interrupter = Interrupter(lambda: time.monotonic() > started + 0.1)
        with pytest.raises(KeyboardInterrupt):
            coordinator.wait()
        interrupter.check()


def test_a_call_whose_outcome_is_out_is_waited_for_by_the_next():
    """The coordinator stands still, so nobody can say how the interrupted call ends."""
    process = start_python("""
        import atoll, sys
        coordinator = atoll.Coordinator(min_replicas=2, peer_timeout=60)
        print(coordinator.address, flush=True)
        sys.stdin.read()
    """, stdin=-1)
    try:
        address = process.stdout.readline().strip()
        comms = [atoll.connect(address, name=f"peer-{i}", outcome_grace=60) for i in range(2)]
        on_all(comms, lambda comm, rank: comm.update())
        comms.sort(key=lambda comm: comm.rank)
        os.kill(process.pid, signal.SIGSTOP)
        data = bytearray(1000)
        interrupter = Interrupter(lambda: waits(comms[0], "all-reduce"))
        with pytest.raises(KeyboardInterrupt):
            comms[0].all_reduce(data)
        interrupter.check()
        with pytest.raises(BufferError):  # it is the library's still
            data.append(1)
        # The next call waits, and can be interrupted.
        started = time.monotonic()
        interrupter = Interrupter(lambda: time.monotonic() > started + 0.1)
        with pytest.raises(KeyboardInterrupt):
            comms[0].barrier()
        interrupter.check()
        os.kill(process.pid, signal.SIGCONT)
        errors = [None, None]

        def call(comm, rank):
            try:
                comm.all_reduce(bytearray(1000)) if rank else None
            except atoll.Cancelled as error:
                errors[rank] = error
            comm.update()

        on_all(comms, call)
        # The other one may have come before the coordinator heard of the interrupt.
        assert errors[1] is None or "peer-0" in str(errors[1])
        data.append(1)
        for comm in comms:
            comm.close()
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.stdin.close()
        process.wait(SOON_S)
        process.stdout.close()
        process.stderr.close()


def test_a_handler_runs_while_the_main_thread_waits(pair):
    """And may leave the run, or call: the wait goes on where it does not raise."""
    seen = []

    def handler(number, frame):
        seen.append(time.monotonic())
        pair[1].all_reduce_async(floats(1))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        interrupter = Interrupter(lambda: waits(pair[0], "all-reduce"), signal.SIGUSR1)
        data = floats(1)
        pair[0].all_reduce(data)
        interrupter.check()
        assert data[0] == 2 and seen[0] - interrupter.sent_at < AT_ONCE_S
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_handler_may_leave(pair):
    before = signal.signal(signal.SIGTERM, lambda number, frame: pair[0].leave())
    try:
        interrupter = Interrupter(lambda: waits(pair[0], "all-reduce"), signal.SIGTERM)
        with pytest.raises(atoll.Error):
            pair[0].all_reduce(floats(1))
        interrupter.check()
    finally:
        signal.signal(signal.SIGTERM, before)
    update = pair[1].update_async()
    assert update.wait(SOON_S).lost == 1


def test_other_threads_are_not_interrupted(pair):
    result = []
    thread = threading.Thread(target=lambda: result.append(pair[0].barrier()))
    thread.start()
    until(lambda: waits(pair[0], "barrier"), "the thread waits")
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(SOON_S)
    pair[1].barrier()
    thread.join(SOON_S)
    assert result[0].contributors == 2


def test_a_cell_is_run_again_after_an_interrupt():
    """As in a notebook: the same names are bound anew, in the same process."""
    output = run_python("""
        import atoll, os, signal, threading, time
        coordinator = atoll.Coordinator()
        def cell():
            global comm
            comm = atoll.connect(coordinator.address, name="me")
            comm.update()
            data = bytearray(8)
            comm.all_reduce(data)
            return len(data)
        def interrupted():
            global comm
            comm = atoll.connect(coordinator.address, name="me")
            comm.update()
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            while True:
                comm.barrier()
        for _ in range(2):
            try:
                interrupted()
            except KeyboardInterrupt:
                print("interrupted")
        try:
            comm.connect()
        except atoll.InvalidUsage as error:
            print(error)
        comm = None
        print(cell())
    """)
    assert output.count("interrupted") == 2
    assert "go on with it, or call leave() first" in output and output.endswith("8\n")
