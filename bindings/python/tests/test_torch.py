"""Tensors of torch, on the CPU. Left out where torch is not installed; see docs/HACKING.md."""
from __future__ import annotations

import atoll
import pytest
from support import on_all, run_python

torch = pytest.importorskip("torch")

TYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.int8,
         torch.uint8]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_types_and_orders(pair, dtype):
    def call(comm, rank):
        plain = torch.ones(5, 7, dtype=dtype)
        turned = torch.arange(12).reshape(3, 4).to(dtype).t()
        expected = 2 * turned.clone()
        comm.all_reduce([plain, turned])
        assert (plain == 2).all() and (turned == expected).all()

    on_all(pair, call)


def test_shapes_and_kinds(pair):
    def call(comm, rank):
        flags, scalar = torch.tensor([rank == 0, False]), torch.tensor(3.0)
        parameter = torch.nn.Parameter(torch.ones(3))
        comm.all_reduce(flags)
        comm.all_reduce(scalar)
        comm.all_reduce(parameter)
        comm.all_reduce(torch.empty(0))
        assert flags.tolist() == [True, False] and scalar.item() == 6
        assert parameter.tolist() == [2, 2, 2]
        gathered = torch.zeros(2, 5)
        comm.all_gather(torch.full((5,), float(rank)), gathered)
        assert gathered[:, 0].tolist() == [0, 1]

    on_all(pair, call)


def test_what_lies_between_stays(pair):
    """As all_reduce of gloo does not: it sums the first elements of the memory instead."""
    def call(comm, rank):
        big = torch.zeros(4, 6)
        columns = big[:, ::2]
        columns += 1
        comm.all_reduce(columns)
        assert (columns == 2).all() and big[:, 1::2].abs().sum() == 0

    on_all(pair, call)


def test_channels_last_without_a_copy(pair):
    def call(comm, rank):
        images = torch.ones(4, 3, 8, 8).to(memory_format=torch.channels_last)
        comm.all_reduce(images, layout="dense")
        assert (images == 2).all()

    on_all(pair, call)


def test_the_state_of_a_model(pair):
    def call(comm, rank):
        model = torch.nn.Linear(3, 2)
        state = atoll.SharedState(model.state_dict())
        state.sync(comm)
        return model.weight.tolist()

    first, second = on_all(pair, call)
    assert first == second


@pytest.mark.parametrize("make, sentence", [
    (lambda: torch.ones(2, dtype=torch.complex64), "pairs of floats"),
    (lambda: torch.eye(2).to_sparse(), "sparse"),
    (lambda: torch.ones(2, device="meta"), "on meta")])
def test_what_is_refused(pair, make, sentence):
    with pytest.raises(TypeError, match=sentence):
        pair[0].all_reduce(make())
    with pytest.raises(atoll.InvalidArgument, match="share memory"):
        pair[0].all_reduce(torch.ones(3).expand(4, 3))


@pytest.mark.parametrize("order", ["atoll, torch", "torch, atoll"])
def test_in_whatever_order_they_are_imported(order):
    run_python(f"""
        import {order}
        with atoll.Coordinator() as coordinator, atoll.connect(coordinator.address) as comm:
            comm.update()
            tensor = torch.ones(3)
            comm.all_reduce(tensor)
            assert tensor.tolist() == [1, 1, 1]
    """)
