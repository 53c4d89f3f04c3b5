"""Forks, as data loaders make them."""
from __future__ import annotations

import multiprocessing
import os
import signal
import time

import atoll
import pytest
from support import SOON_S, on_all, run_python, start_python


def in_child(function):
    """What the function returns in a forked child, as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, repr(function()).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    assert os.waitpid(child, 0)[1] == 0
    return text


def refused(call):
    def run():
        try:
            call()
        except atoll.InvalidUsage as error:
            return str(error)
        return "not refused"

    return in_child(run)


def test_a_child_is_refused_and_the_parent_goes_on(pair):
    work = pair[0].barrier_async(tag=5)
    state = atoll.SharedState({"x": bytearray(8)})
    diloco = atoll.Diloco(memoryview(bytearray(8)).cast("f"))
    comm = pair[0]
    for call in (comm.update, comm.connect, comm.leave, comm.abort, comm.barrier,
                 lambda: comm.all_reduce(bytearray(3)), lambda: comm.view, comm.counters,
                 work.result, work.wait, lambda: state.sync(comm), lambda: state.revision,
                 lambda: diloco.round, comm.inspect):
        sentence = refused(call)
        assert "fork" in sentence, sentence
    pair[1].barrier(tag=5)
    work.wait(SOON_S)
    on_all(pair, lambda comm, rank: comm.barrier())


def test_a_child_may_connect_its_own(pair):
    def own():
        with atoll.Coordinator() as coordinator, atoll.connect(coordinator.address) as comm:
            return comm.update().world

    assert in_child(own) == "1"


def test_workers_that_end_take_nothing_with_them():
    output = run_python("""
        import atoll, multiprocessing, sys
        def work(number):
            return number * number
        if __name__ == "__main__":
            coordinator = atoll.Coordinator(min_replicas=2)
            comms = [atoll.connect(coordinator.address) for _ in range(2)]
            for one in [comm.update_async() for comm in comms]:
                one.wait()
            in_flight = comms[0].all_reduce_async(bytearray(10), tag=2)
            with multiprocessing.get_context("fork").Pool(2) as pool:
                for batch in range(50):
                    pool.map(work, range(8))
                    works = [comm.barrier_async() for comm in comms]
                    assert [one.wait(60).contributors for one in works] == [2, 2]
            comms[1].all_reduce(bytearray(10), tag=2)
            print(in_flight.wait(60).contributors)
    """)
    assert output == "2\n"


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no such")
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_other_ways_to_start_workers(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"""
import atoll, multiprocessing
def work(number):
    return number + 1
if __name__ == "__main__":
    with atoll.Coordinator() as coordinator, atoll.connect(coordinator.address) as comm:
        comm.update()
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            print(pool.map(work, range(3)))
        comm.barrier()
""")
    output = run_python("import runpy, sys; sys.argv = sys.argv[1:]; "
                        "runpy.run_path(sys.argv[0], run_name='__main__')", script)
    assert output == "[1, 2, 3]\n"


def test_the_death_of_a_trainer_with_workers_is_noticed_at_once():
    """Its workers, which hold what they inherited, live on for a while. The survivor comes second,
    so it has dialled the trainer: to be refused there later is proof of its death only then."""
    with atoll.Coordinator(min_replicas=2) as coordinator:
        trainer = start_python("""
            import atoll, os, sys, time
            comm = atoll.connect(sys.argv[1], name="trainer")
            print("connected", flush=True)
            comm.update()
            workers = []
            for _ in range(2):
                worker = os.fork()
                if worker == 0:
                    time.sleep(100)
                    os._exit(0)
                workers.append(worker)
            print(*workers, flush=True)
            comm.barrier()
        """, coordinator.address)
        workers = []
        try:
            assert trainer.stdout.readline() == "connected\n"
            comm = atoll.connect(coordinator.address, name="survivor")
            comm.update()
            workers = [int(word) for word in trainer.stdout.readline().split()]
            work = comm.all_reduce_async(bytearray(10), retry=False, tag=1)
            killed = time.monotonic()
            trainer.kill()
            with pytest.raises(atoll.PeerLost, match="trainer"):
                work.wait(SOON_S)
            assert time.monotonic() - killed < 1
            assert len(workers) == 2
            for worker in workers:
                os.kill(worker, 0)
            comm.close()
        finally:
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            trainer.kill()
            trainer.communicate()
