"""Shared state and DiLoCo."""
from __future__ import annotations

import array

import atoll
import pytest
from support import SOON_S, members, on_all


def doubles(*values):
    return array.array("d", values)


def floats(*values):
    return array.array("f", values)


def test_a_sync_brings_the_newest_to_all(pair):
    def call(comm, rank):
        weights, empty = doubles(rank, rank, rank), doubles()
        state = atoll.SharedState({"weights": weights, "none": empty})
        assert state.revision == 0
        if rank == 0:
            state.begin_write()
            weights[1] = 7
            assert state.publish(5) == 5
        info = state.sync(comm, deadline=SOON_S)
        assert state.revision == info.revision == 5 and info.attempts == 1
        return list(weights), info.digest, info.bytes_received > 0, info.tensors_received

    first, second = on_all(pair, call)
    assert first == ([0, 7, 0], second[1], False, 0)
    assert second == ([0, 7, 0], first[1], True, 1) and first[1] > 0


def test_strategies(pair):
    def call(comm, rank):
        data = doubles(rank)
        state = atoll.SharedState([("x", data)])
        state.publish()
        state.sync(comm, strategy=["receive_only", "send_only"][rank])
        return data[0]

    assert on_all(pair, call) == [1, 1]
    with pytest.raises(atoll.InvalidArgument, match="'popular'"):
        atoll.SharedState({}).sync(pair[0], strategy="newest")


def test_a_sync_in_flight_has_the_state(pair):
    data = doubles(1)
    state = atoll.SharedState({"x": data})
    state.publish(3)
    work = state.sync_async(pair[0])
    with pytest.raises(atoll.InvalidUsage, match="waited for"):
        state.begin_write()
    other = atoll.SharedState({"x": doubles(2)})
    assert other.sync(pair[1]).revision == 3
    assert work.wait(SOON_S).revision == 3
    state.begin_write()


def test_states_have_to_be_the_same_tables(pair):
    def call(comm, rank):
        state = atoll.SharedState({["a", "b"][rank]: doubles(1)})
        with pytest.raises(atoll.Mismatch):
            state.sync(comm)

    on_all(pair, call)


def test_a_newcomer_follows(pair):
    states = on_all(pair, lambda comm, rank: atoll.SharedState({"x": doubles(*range(100))}))
    states[0].publish(1)
    on_all(pair, lambda comm, rank: states[rank].sync(comm))
    address = pair[0].coordinator
    with atoll.connect(address, name="late") as late:
        data = doubles(*[0] * 100)
        state = atoll.SharedState({"x": data})
        state.follow(late)
        update = late.update_async()
        while not update.done():
            on_all(pair, lambda comm, rank: comm.update())
        assert update.wait().world == 3
        assert list(data) == list(range(100)) and state.revision == 1


@pytest.mark.parametrize("tensor, sentence", [
    (b"123", "read-only"), (memoryview(bytearray(8))[::2], "not contiguous")])
def test_bad_tensors(tensor, sentence):
    with pytest.raises(atoll.InvalidArgument, match=sentence):
        atoll.SharedState({"x": tensor})


def test_bad_revisions():
    state = atoll.SharedState({"x": doubles(1)})
    state.publish(5)
    with pytest.raises(atoll.CallError):
        state.publish(5)
    with pytest.raises(atoll.CallError):
        atoll.SharedState([("x", doubles(1)), ("x", doubles(1))])


def test_diloco_takes_the_outer_step(pair):
    """Against the formula, from parameters of zeros."""
    local = [floats(1, 2, -4, 0), floats(3, -2, -8, 1)]
    delta = [-2.0, 0.0, 6.0, -0.5]

    def call(comm, rank):
        diloco = atoll.Diloco(floats(*[rank] * 4))
        parameters = floats(9, 9, 9, 9)
        diloco.sync(comm, parameters)
        start = list(parameters)
        parameters[:] = array.array("f", [s + x for s, x in zip(start, local[rank])])
        info = diloco.step(comm, parameters)
        outer = floats(0, 0, 0, 0)
        diloco.outer(outer)
        assert outer == parameters and diloco.round == info.round == 1
        assert info.contributors == 2 and info.pseudo_gradient_norm > 0
        return start, list(parameters)

    results = on_all(pair, call)
    assert results[0] == results[1]
    start, end = results[0]
    expected = [s - 0.7 * (d + 0.9 * d) for s, d in zip(start, delta)]
    assert end == pytest.approx(expected, rel=1e-6)


def test_diloco_without_waiting(pair):
    both = [atoll.Diloco(floats(0, 0), learning_rate=1.0, momentum=0.0) for _ in pair]
    values = [floats(0, 0) for _ in pair]
    for work in [one.sync_async(comm, value) for one, comm, value in zip(both, pair, values)]:
        work.wait(SOON_S)
    values[0][0], values[1][0] = 2.0, 4.0
    works = [one.step_async(comm, value) for one, comm, value in zip(both, pair, values)]
    assert [work.wait(SOON_S).round for work in works] == [1, 1]
    assert [list(value) for value in values] == [[3.0, 0.0]] * 2


def test_diloco_refuses_other_arrays(pair):
    with pytest.raises(atoll.InvalidArgument, match="float64, not float32"):
        atoll.Diloco(doubles(1))
    diloco = atoll.Diloco(floats(1))
    with pytest.raises(atoll.InvalidArgument, match="has? 2 elements, not 1|have 2 elements"):
        diloco.step(pair[0], floats(1, 2))


def test_a_failed_step_leaves_all_as_it_was():
    with members(2) as comms:
        diloco = atoll.Diloco(floats(1, 2))
        parameters = floats(5, 6)
        work = diloco.step_async(comms[0], parameters)
        work.cancel()
        with pytest.raises(atoll.Cancelled):
            work.wait(SOON_S)
        assert list(parameters) == [5, 6] and diloco.round == 0
