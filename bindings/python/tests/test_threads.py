"""Threads, references and copies: what must not deadlock, nor leak, nor be copied."""
from __future__ import annotations

import array
import copy
import gc
import os
import pickle
import threading
import time

import atoll
import pytest
from support import SOON_S, members, on_all, until


def floats(*values):
    return array.array("f", values)


def test_waits_let_other_threads_run(pair):
    """Each kind of wait, on threads of their own, while this one counts."""
    def spin(seconds):
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            count += 1
        return count

    alone = max(spin(0.1) for _ in range(3))
    state = atoll.SharedState({"x": floats(1)})
    calls = [lambda: pair[0].all_reduce(floats(1), tag=1), lambda: pair[0].barrier(tag=2),
             lambda: pair[0].recv(floats(1), peer=1, tag=3),
             lambda: state.sync(pair[0], tag=4),
             lambda: pair[0].all_reduce_async(floats(1), tag=5).wait()]
    ended = []

    def run(call):
        with pytest.raises(atoll.Error):
            call()
        ended.append(call)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    until(lambda: len(pair[0].inspect()["calls"]) == len(calls), "all wait")
    beside = max(spin(0.1) for _ in range(5))
    pair[0].abort()
    for thread in threads:
        thread.join(SOON_S)
    assert len(ended) == len(calls)
    # Holding the GIL would make it none. A busy machine may take half.
    assert beside > alone / 2


def test_two_threads_with_tags_of_their_own(pair):
    def call(comm, rank):
        def many(tag):
            for _ in range(50):
                data = floats(1)
                comm.all_reduce(data, tag=tag)
                assert data[0] == 2

        threads = [threading.Thread(target=many, args=(tag,)) for tag in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON_S)
            assert not thread.is_alive()

    on_all(pair, call)


def test_several_threads_wait_for_one_work(pair):
    work = pair[0].barrier_async()
    infos = []
    threads = [threading.Thread(target=lambda: infos.append(work.wait(SOON_S))) for _ in range(4)]
    for thread in threads:
        thread.start()
    pair[1].barrier()
    for thread in threads:
        thread.join(SOON_S)
    assert [info.contributors for info in infos] == [2] * 4 and work.done()
    assert work.result().contributors == 2 and repr(work) == "<atoll.Work ended>"


def test_wait_with_a_timeout_goes_on(pair):
    work = pair[0].barrier_async()
    with pytest.raises(TimeoutError):
        work.wait(0.01)
    with pytest.raises(atoll.InvalidUsage, match="goes on"):
        work.result()
    assert not work.done() and repr(work) == "<atoll.Work in flight>"
    pair[1].barrier()
    work.wait(SOON_S)


def test_a_dropped_work_goes_on(pair):
    data = floats(1, 2)
    pair[0].all_reduce_async(data)
    gc.collect()
    pair[1].all_reduce(floats(1, 2))
    pair[0].barrier_async().cancel()
    until(lambda: list(data) == [2, 4], "the dropped call has ended")


def test_a_communicator_in_use_may_be_dropped():
    with members(2) as comms:
        address = comms[0].coordinator
        for _ in range(10):
            comm = atoll.connect(address)
            work = comm.update_async()
            del comm
            gc.collect()
            assert not work.done()
            work.cancel()
            del work
            gc.collect()
        on_all(comms, lambda comm, rank: comm.barrier())


def test_dropping_it_with_calls_in_flight_does_not_hang():
    with members(2) as comms:
        lost = atoll.connect(comms[0].coordinator)
        update = lost.update_async()
        while not update.done():
            on_all(comms, lambda comm, rank: comm.update())
        lost.all_reduce_async(bytearray(100))
        lost.barrier_async(tag=9)
        began = time.monotonic()
        del lost, update
        gc.collect()
        assert time.monotonic() - began < SOON_S / 2
        on_all(comms, lambda comm, rank: comm.barrier(tag=9))


def test_abort_frees_those_who_wait(pair):
    errors = []

    def wait(call):
        with pytest.raises(atoll.Error) as caught:
            call()
        errors.append(caught.value)

    threads = [threading.Thread(target=wait, args=(call,))
               for call in (lambda: pair[0].barrier(tag=1), lambda: pair[0].update())]
    for thread in threads:
        thread.start()
    until(lambda: pair[0].inspect()["calls"] and pair[0].inspect()["update"]["waiting"],
          "both wait")
    began = time.monotonic()
    pair[0].abort()
    for thread in threads:
        thread.join(SOON_S)
    assert len(errors) == 2 and time.monotonic() - began < 1


def test_a_callback_may_wait_for_another_call(pair):
    seen = []

    def then(work):
        data = floats(work.result().contributors)
        pair[0].all_reduce(data, tag=2)
        seen.append((data[0], threading.current_thread().name))

    works = [pair[0].barrier_async(tag=1) for _ in range(3)]
    for work in works:
        work.add_done_callback(then)
    for _ in works:
        pair[1].barrier(tag=1)
        pair[1].all_reduce(floats(2), tag=2)
    until(lambda: len(seen) == 3, "all callbacks have ended")
    assert {value for value, _ in seen} == {4.0}
    works[0].add_done_callback(lambda work: seen.append(work))  # of one that has ended, too
    until(lambda: len(seen) == 4, "the callback is called")


def test_what_a_callback_raises_is_reported(pair, monkeypatch):
    reported = []
    monkeypatch.setattr("threading.excepthook", reported.append)
    work = pair[0].barrier_async()
    work.add_done_callback(lambda one: 1 / 0)
    pair[1].barrier()
    until(lambda: reported, "it is reported")
    assert isinstance(reported[0].exc_value, ZeroDivisionError)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_nothing_is_copied(pair, copied):
    work = pair[0].barrier_async()
    for thing in (pair[0], work, atoll.SharedState({}), atoll.Diloco(floats(1)),
                  {"model": [pair[0]]}):
        if isinstance(thing, dict) and copied is copy.copy:
            continue
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            copied(thing)
    with atoll.Coordinator() as coordinator, pytest.raises(TypeError, match="pickled"):
        copied(coordinator)
    pair[1].barrier()
    work.wait(SOON_S)


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads_of_process():
    return len(os.listdir("/proc/self/task"))


def resident_kib():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4


def test_nothing_grows():
    """The first tenth warms up; ATOLL_MANY=1 does it a thousand times."""
    rounds = 1000 if os.environ.get("ATOLL_MANY") else 150
    with atoll.Coordinator() as coordinator:
        for i in range(rounds):
            comm = atoll.connect(coordinator.address)
            comm.update()
            comm.all_reduce(bytearray(100))
            state = atoll.SharedState({"x": floats(1)})
            state.sync(comm)
            comm.close()
            del comm, state
            if i == rounds // 10:
                gc.collect()
                before = open_descriptors(), threads_of_process(), resident_kib()
        gc.collect()
        after = open_descriptors(), threads_of_process(), resident_kib()
    assert after[0] <= before[0] and after[1] <= before[1]
    assert after[2] - before[2] < 8192, "KiB"


def test_many_communicators_at_once():
    count = 64
    with atoll.Coordinator():  # the first one in a process leaves a pipe for signals
        pass
    before = open_descriptors(), threads_of_process()
    with atoll.Coordinator(min_replicas=count) as coordinator:
        comms = [atoll.connect(coordinator.address, connections=1) for _ in range(count)]
        for work in [comm.update_async() for comm in comms]:
            assert work.wait(SOON_S).world == count
        works = [comm.barrier_async() for comm in comms]
        assert {work.wait(SOON_S).contributors for work in works} == {count}
        for comm in comms:
            comm.abort()
        comms.clear()
        del comm, works, work
        gc.collect()
    until(lambda: (open_descriptors(), threads_of_process()) <= before, "all is given back")
