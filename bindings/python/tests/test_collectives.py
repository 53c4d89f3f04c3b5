"""Every call of the C API, on memory of the standard library: no numpy here, nor torch."""
from __future__ import annotations

import array

import atoll
import pytest
from support import SOON_S, errors_of, members, on_all, run_python


def floats(*values):
    return array.array("f", values)


def test_update_tells_the_view(pair):
    views = [comm.view for comm in pair]
    assert [view.rank for view in views] == [0, 1]
    assert views[0].world == views[0].replicas == 2
    assert pair[0].peer_at(1) == views[1].peer != views[0].peer
    assert isinstance(views[0].peer, atoll.PeerId)
    assert (pair[1].rank, pair[1].world) == (1, 2)


@pytest.mark.parametrize("op, expected", [("sum", 5), ("avg", 2.5), ("prod", 6), ("min", 2),
                                          ("max", 3)])
@pytest.mark.parametrize("algorithm", ["auto", "ring", "star", "mesh", "direct"])
def test_all_reduce(pair, op, expected, algorithm):
    def reduce(comm, rank):
        data = floats(*[rank + 2.0] * 7)
        info = comm.all_reduce(data, op=op, algorithm=algorithm)
        assert list(data) == [expected] * 7
        return info

    first, second = on_all(pair, reduce)
    assert first.contributors == 2 and first.attempts == 1
    assert first.contributor_ids == second.contributor_ids == (pair[0].peer_at(0),
                                                               pair[0].peer_at(1))
    assert first.contributor_weights == (1.0, 1.0) and first.total_weight == 2
    assert first.duration > 0 and "contributors=2" in repr(first)
    assert first.ranges == ((7, first.contributor_ids, 2.0),)


def test_out_of_place_leaves_the_input(pair):
    def reduce(comm, rank):
        data, out = floats(1, rank), floats(9, 9)
        comm.all_reduce(data, out)
        return list(data), list(out)

    assert on_all(pair, reduce) == [([1, 0], [2, 1]), ([1, 1], [2, 1])]


def test_weights(pair):
    def reduce(comm, rank):
        data = floats(rank)
        info = comm.all_reduce(data, op="avg", weight=[1.0, 3.0][rank])
        return data[0], info.contributor_weights, info.total_weight

    assert on_all(pair, reduce) == [(0.75, (1.0, 3.0), 4.0)] * 2


def test_a_batch_is_one_call(pair):
    def reduce(comm, rank):
        one, two, outs = floats(rank, 1), floats(5), [floats(0, 0), floats(0)]
        comm.all_reduce([one, two], outs)
        comm.all_reduce((one, two))
        info = comm.all_reduce([])
        return list(one), list(two), list(outs[0]), list(outs[1]), info.contributors

    assert on_all(pair, reduce) == [([1, 2], [10], [1, 2], [10], 2)] * 2


def test_broadcast_by_rank_and_by_id(pair):
    def call(comm, rank):
        data = floats(rank, rank)
        comm.broadcast(data, root=1)
        other = floats(rank)
        comm.broadcast(other, comm.peer_at(0))
        return list(data), list(other)

    assert on_all(pair, call) == [([1, 1], [0])] * 2


def test_blocks(pair):
    def call(comm, rank):
        gathered, scattered, collected = floats(*[9] * 4), floats(9, 9), floats(*[9] * 4)
        comm.all_gather(floats(rank, 10 + rank), gathered)
        comm.reduce_scatter(floats(1, 2, 3, 4), scattered, op="avg")
        comm.gather(floats(rank, rank), collected if rank == 1 else None, root=1)
        part = floats(9)
        comm.scatter(floats(7, 8) if rank == 0 else None, part)
        return list(gathered), list(scattered), list(collected), list(part)

    assert on_all(pair, call) == [
        ([0, 10, 1, 11], [1, 2], [9] * 4, [7]), ([0, 10, 1, 11], [3, 4], [0, 0, 1, 1], [8])]


def test_reduce(pair):
    def call(comm, rank):
        data, out = floats(rank + 1), floats(9)
        comm.reduce(data, out if rank == 1 else None, root=1)
        comm.reduce(data, root=0, op="max")
        return data[0], out[0]

    assert on_all(pair, call) == [(2, 9), (2, 3)]


def test_send_and_receive(pair):
    def call(comm, rank):
        if rank == 0:
            comm.send(floats(4, 2), peer=1, tag=5)
            return None
        data = floats(0, 0)
        comm.recv(data, peer=0, tag=5)
        return list(data)

    assert on_all(pair, call) == [None, [4, 2]]


def test_barrier_and_counters(pair):
    on_all(pair, lambda comm, rank: comm.barrier())
    on_all(pair, lambda comm, rank: comm.all_reduce(floats(1, 2)))
    counters = pair[0].counters()
    assert counters["bytes_sent"] > 0 and counters["listening_port"] > 0
    assert counters["connections"] >= 1
    pair[0].reset_connections()
    on_all(pair, lambda comm, rank: comm.all_reduce(floats(1, 2)))


def test_groups_of_shards():
    with atoll.Coordinator(min_replicas=1) as coordinator:
        comms = [atoll.connect(coordinator.address, replica="r", shard=shard, shard_count=2)
                 for shard in range(2)]
        on_all(comms, lambda comm, rank: comm.update())

        def call(comm, rank):
            alone, both = floats(1), floats(1)
            comm.all_reduce(alone, tag=1)
            comm.all_reduce(both, group="replica", tag=2)
            gathered = floats(0, 0)
            comm.all_gather(floats(rank), gathered, group="all", tag=3)
            return alone[0], both[0], list(gathered)

        assert on_all(comms, call) == [(1, 2, [0, 1])] * 2
        for comm in comms:
            comm.close()


def test_optimize_topology(pair):
    on_all(pair, lambda comm, rank: comm.optimize_topology(tag=99, deadline=SOON_S))


def test_a_mismatch_names_both(pair):
    errors = errors_of(pair, lambda comm, rank: comm.all_reduce(floats(*[1] * (rank + 1))))
    for error in errors:
        assert isinstance(error, atoll.Mismatch) and error.result == 102
        assert "peer-0" in str(error) and "peer-1" in str(error) and "count" in str(error)


def test_a_deadline_is_a_timeout(pair):
    with pytest.raises(atoll.Timeout, match="peer-1") as caught:
        pair[0].all_reduce(floats(1), deadline=0.2)
    assert isinstance(caught.value, TimeoutError) and isinstance(caught.value, atoll.RetryError)
    error = errors_of(pair[1:], lambda comm, rank: comm.all_reduce(floats(1)))[0]
    assert isinstance(error, atoll.Timeout)


@pytest.mark.parametrize("arguments, sentence", [
    ({"op": "mean"}, "op is 'mean', not one of 'sum', 'avg'"),
    ({"group": "everyone"}, "group is 'everyone'"),
    ({"algorithm": 7}, "algorithm is 7"),
    ({"layout": "c"}, "layout is 'c'"),
    ({"deadline": 0}, "deadline is 0"),
    ({"deadline": -1.0}, "deadline is -1"),
    ({"weight": -1.0, "op": "avg"}, "weight is -1"),
])
def test_bad_arguments(pair, arguments, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        pair[0].all_reduce(floats(1), **arguments)
    assert isinstance(caught.value, atoll.InvalidArgument)


def test_unknown_keywords_and_ranks(pair):
    with pytest.raises(TypeError, match="wieght"):
        pair[0].all_reduce(floats(1), wieght=1)
    with pytest.raises(atoll.InvalidArgument, match="rank"):
        pair[0].broadcast(floats(1), root=2)
    with pytest.raises(atoll.InvalidArgument, match="rank"):
        pair[0].broadcast(floats(1), root=-1)


@pytest.mark.parametrize("size, sentence", [
    (3, r"all_gather: an array of shape \(3,\) has 3 elements, not 4 \(2 blocks of 2\)"),
    (5, "has 5 elements, not 4")])
def test_blocks_of_a_wrong_size(pair, size, sentence):
    with pytest.raises(ValueError, match=sentence):
        pair[0].all_gather(floats(1, 2), floats(*[0] * size))
    with pytest.raises(ValueError, match="different types, float32 and int32"):
        pair[0].all_gather(floats(1, 2), array.array("i", [0] * 4))


def test_without_a_view():
    with atoll.Coordinator() as coordinator:
        comm = atoll.Communicator(coordinator.address)
        with pytest.raises(atoll.NotConnected, match="connect"):
            comm.update()
        comm.connect()
        with pytest.raises(atoll.NotConnected, match="update"):
            comm.all_gather(floats(1), floats(1))
        with pytest.raises(atoll.InvalidUsage, match="leave.. first"):
            comm.connect()
        comm.leave()
        comm.connect()
        assert comm.update().world == 1
        comm.close()
        comm.close()


def test_nobody_listens():
    with atoll.Coordinator() as coordinator:
        address = coordinator.address
    with pytest.raises(ConnectionError) as caught:
        atoll.connect(address, connect_timeout=0.3)
    assert isinstance(caught.value, atoll.CoordinatorUnreachable)
    with pytest.raises(atoll.ReconnectError):
        atoll.coordinator_status(address, 0.2)


def test_the_address_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("ATOLL_COORDINATOR", raising=False)
    with pytest.raises(atoll.InvalidArgument, match="ATOLL_COORDINATOR"):
        atoll.connect()
    with atoll.Coordinator() as coordinator:
        monkeypatch.setenv("ATOLL_COORDINATOR", coordinator.address)
        with atoll.connect() as comm:
            assert comm.update().world == 1


def test_looking_inside(pair, tmp_path):
    assert pair[0].inspect()["name"] == "peer-0"
    pair[0].dump(str(tmp_path / "dump.json"))
    assert "peer-0" in (tmp_path / "dump.json").read_text()
    with atoll.Coordinator(run="mine") as coordinator:
        assert "mine" in str(atoll.coordinator_status(coordinator.address))
    with pytest.raises(atoll.InvalidArgument):
        atoll.install_dump_signal(11)


def test_a_dead_peer_is_no_contributor():
    with members(3) as comms:
        works = [comm.all_reduce_async(floats(1, 2)) for comm in comms[:2]]
        comms[2].abort()
        infos = [work.wait(SOON_S) for work in works]
        assert [info.contributors for info in infos] == [2, 2] and infos[0].attempts >= 2
        assert [comm.update_async() for comm in comms[:2]][0].wait(SOON_S).lost == 1


def test_no_retry():
    with members(3) as comms:
        works = [comm.all_reduce_async(floats(1), retry=False) for comm in comms[:2]]
        comms[2].abort()
        for work in works:
            with pytest.raises(atoll.PeerLost):
                work.wait(SOON_S)


def test_keeping_segments():
    size = 1 << 19
    with members(2) as comms:
        def call(comm, rank):
            data = array.array("f", [1.0]) * size
            info = comm.all_reduce(data, keep_segments=True)
            return data[0], data[-1], info.ranges[-1][0]

        assert on_all(comms, call) == [(2, 2, size)] * 2


def test_the_log_goes_to_a_callback():
    output = run_python("""
        import atoll
        with atoll.Coordinator() as coordinator:
            comm = atoll.connect(coordinator.address, name="speaker",
                                 log=lambda level, line: print(level, line, flush=True))
            comm.update()
            comm.close()
            del comm
    """, environment={"ATOLL_LOG": "info"})
    assert "info view 1.1 of 1 peers: speaker is admitted" in output


def test_arguments_of_a_wrong_type(pair):
    for arguments, name in (({"weight": "1"}, "weight"), ({"tag": -1}, "tag"),
                            ({"tag": 1 << 64}, "tag"), ({"deadline": "soon"}, "deadline")):
        with pytest.raises(TypeError, match=name):
            pair[0].all_reduce(floats(1), op="avg", **arguments)
    with pytest.raises(TypeError):
        pair[0].broadcast(floats(1), root="first")
    with pytest.raises(TypeError, match="shard_count is 'two'"):
        atoll.Communicator("127.0.0.1:1", shard_count="two")
    with pytest.raises(TypeError, match="min_replicas is -1"):
        atoll.Coordinator(min_replicas=-1)
