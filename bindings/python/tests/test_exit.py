"""The end of the interpreter while threads wait and calls are in flight."""
from __future__ import annotations

import os
import random
import signal

import pytest
from support import SOON_S, run_python, start_python

# ATOLL_EXIT_PROCESSES=200 for the whole proof.
PROCESSES = int(os.environ.get("ATOLL_EXIT_PROCESSES", "40"))
AT_ONCE = 4

# argv: how to end, after how many seconds.
BUSY = """
    import array, os, random, signal, socket, sys, threading, time
    import atoll

    class Slow:
        # Lets the interpreter take its time to end, and others have the GIL meanwhile.
        sleep = staticmethod(time.sleep)
        def __del__(self):
            self.sleep(0.15)

    slow = Slow()
    how, after = sys.argv[1], float(sys.argv[2])
    coordinator = atoll.Coordinator(min_replicas=2)
    comms = [atoll.connect(coordinator.address) for _ in range(2)]
    for work in [comm.update_async() for comm in comms]:
        work.wait()
    silent = socket.create_server(("127.0.0.1", 0))
    lost = atoll.Communicator("127.0.0.1:%d" % silent.getsockname()[1], connect_timeout=100)
    floats = lambda: array.array("f", [1.0] * 1000)
    in_flight = comms[0].all_reduce_async(floats(), tag=50)

    def spin(comm):
        while True:
            comm.all_reduce(floats(), tag=60)

    def spin_short(comm):
        for tag in range(10 ** 9):
            work = comm.barrier_async(tag=61)
            try:
                work.wait(random.random() / 100)
            except TimeoutError:
                work.wait()

    async def awaits():
        while True:
            await comms[1].barrier_async(tag=61)

    def run_loop():
        import asyncio
        asyncio.run(awaits())

    for wait in (
            lost.connect, comms[0].update, lambda: comms[0].all_reduce(floats(), tag=1),
            lambda: comms[0].barrier(tag=2), lambda: comms[0].recv(floats(), peer=1, tag=3),
            lambda: atoll.SharedState({"x": floats()}).sync(comms[0], tag=4),
            in_flight.wait, coordinator.wait, lambda: spin(comms[0]), lambda: spin(comms[1]),
            lambda: spin_short(comms[0]), run_loop):
        threading.Thread(target=wait, daemon=True).start()
    in_flight.add_done_callback(print)
    dropped = [comms[0].barrier_async(tag=70 + i) for i in range(3)]
    del dropped[:]
    print("ready", flush=True)
    time.sleep(after)
    if how == "raise":
        raise RuntimeError("on purpose")
    if how == "exit":
        sys.exit(7)
    if how == "_exit":
        os._exit(9)
    if how == "term":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(100)
"""
CODES = {"return": 0, "raise": 1, "exit": 7, "_exit": 9, "term": -signal.SIGTERM}


def test_whoever_ends_with_daemon_threads_in_waits_keeps_its_exit_code():
    rng = random.Random(1)
    jobs = [(list(CODES)[i % len(CODES)], round(rng.random() * 0.2, 3)) for i in range(PROCESSES)]
    running = []
    failures = []

    def finish(how, after, process):
        try:
            _, errors = process.communicate(timeout=SOON_S)
        except BaseException:
            process.kill()
            _, errors = process.communicate()
            failures.append((how, after, "hangs", errors))
            return
        if process.returncode != CODES[how]:
            failures.append((how, after, process.returncode, errors))

    for how, after in jobs:
        if len(running) == AT_ONCE:
            finish(*running.pop(0))
        process = start_python(BUSY, how, after, environment={"ATOLL_LOG": "off"})
        running.append((how, after, process))
    for job in running:
        finish(*job)
    assert not failures, failures[:3]


def test_del_and_atexit_may_call():
    output = run_python("""
        import atexit, atoll

        class Holder:
            def __init__(self, comm):
                self.comm = comm
            def __del__(self):
                self.comm.all_reduce(bytearray(3), tag=1)
                print("deleted", flush=True)

        coordinator = atoll.Coordinator()
        comm = atoll.connect(coordinator.address)
        comm.update()
        holder = Holder(comm)
        atexit.register(lambda: (comm.barrier(), print("at exit", flush=True)))
        comm.cycle = holder
        late = Holder(comm)
    """)
    assert "at exit" in output and "deleted" in output


@pytest.mark.parametrize("how, expected", [("pass", 0), ("raise ValueError('x')", 1),
                                           ("sys.exit(3)", 3)])
def test_a_thread_that_is_no_daemon_is_waited_for(how, expected):
    output = run_python("""
        import atoll, sys, threading, time
        coordinator = atoll.Coordinator(min_replicas=2)
        comms = [atoll.connect(coordinator.address) for _ in range(2)]
        for work in [comm.update_async() for comm in comms]:
            work.wait()
        def wait():
            print(comms[0].barrier().contributors, flush=True)
        threading.Thread(target=wait).start()
        def other():
            time.sleep(0.3)
            comms[1].barrier()
        threading.Thread(target=other).start()
    """ + "\n        " + how, expected=expected)
    assert output == "2\n"


def test_a_cancelled_exit_of_a_with_block_leaves():
    output = run_python("""
        import atoll
        coordinator = atoll.Coordinator()
        try:
            with atoll.connect(coordinator.address) as comm:
                comm.update()
                raise KeyError("mine")
        except KeyError as error:
            print(error)
        try:
            comm.update()
        except atoll.NotConnected as error:
            print("out")
    """)
    assert output == "'mine'\nout\n"
