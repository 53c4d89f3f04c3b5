"""Arrays of numpy, in whatever order and of whatever type, against numpy's own arithmetic."""
from __future__ import annotations

import atoll
import pytest
from support import SOON_S, errors_of, members, on_all

np = pytest.importorskip("numpy")
hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
         "float32", "float64", "bool"]
PROPERTIES = hypothesis.settings(deadline=None, max_examples=100, derandomize=True,
                                 suppress_health_check=list(hypothesis.HealthCheck))


@pytest.fixture(scope="module")
def worlds():
    """Runs of one to four members."""
    with members(1) as one, members(2) as two, members(3) as three, members(4) as four:
        yield {1: one, 2: two, 3: three, 4: four}


@st.composite
def shapes(draw):
    return tuple(draw(st.lists(st.integers(0, 5), max_size=4)))


@st.composite
def views(draw, shape):
    """A function that makes an array of this shape, which lies in memory in some order, perhaps
    with gaps or backwards. The same draw gives the same order on all members."""
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 2, -1, 3])) for _ in shape]

    def make(dtype):
        extents = [shape[i] * abs(steps[i]) for i in order]
        whole = np.zeros(extents, dtype)
        back = np.argsort(order) if order else []
        turned = whole.transpose(back) if order else whole
        index = tuple(slice(None, None, step) for step in steps)
        view = turned[index] if steps else turned
        assert view.shape == tuple(shape)
        return whole, view

    return make


def random_array(rng, shape, dtype):
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    return rng.integers(-5 if dtype[0] in "if" else 0, 6, shape).astype(dtype)


def expected_of(op, inputs):
    stacked = np.stack(inputs)
    if inputs[0].dtype == bool:
        return stacked.any(0) if op in ("sum", "max") else stacked.all(0)
    functions = {"sum": np.sum, "prod": np.prod, "min": np.min, "max": np.max}
    if op == "avg":
        total = stacked.astype("float64").sum(0) / len(inputs)
        return (np.trunc(total) if inputs[0].dtype.kind in "iu" else total).astype(inputs[0].dtype)
    keep = {} if op in ("min", "max") else {"dtype": inputs[0].dtype}
    return functions[op](stacked, axis=0, **keep)


@PROPERTIES
@hypothesis.given(data=st.data(), dtype=st.sampled_from(TYPES), world=st.integers(1, 4),
                  op=st.sampled_from(["sum", "avg", "prod", "min", "max"]),
                  in_place=st.booleans(), seed=st.integers(0, 1 << 30))
def test_all_reduce_is_numpys(worlds, data, dtype, world, op, in_place, seed):
    hypothesis.assume(not (dtype == "bool" and op == "avg"))
    shape = data.draw(shapes())
    make_in, make_out = data.draw(views(shape)), data.draw(views(shape))
    rng = np.random.default_rng(seed)
    inputs = [random_array(rng, shape, dtype) for _ in range(world)]
    expected = expected_of(op, inputs)

    def call(comm, rank):
        whole, tensor = make_in(dtype)
        tensor[...] = inputs[rank]
        untouched = whole.copy()
        out_whole, out = make_out(dtype)
        comm.all_reduce(tensor, None if in_place else out, op=op)
        result = tensor if in_place else out
        tolerance = {"float16": 1e-2, "float32": 1e-6}.get(dtype, 1e-12)
        if op == "avg" or dtype == "float16":
            np.testing.assert_allclose(result, expected, rtol=tolerance)
        else:
            np.testing.assert_array_equal(result, expected)
        # What lies between the elements stays as it was.
        gaps = np.ones(whole.shape, bool) if in_place else np.ones(out_whole.shape, bool)
        whole_of_result, view_of_gaps = (make_in if in_place else make_out)("bool")
        view_of_gaps[...] = True
        gaps = ~whole_of_result
        before, after = (untouched, whole) if in_place else (np.zeros_like(out_whole), out_whole)
        np.testing.assert_array_equal(after[gaps], before[gaps])
        if not in_place:
            np.testing.assert_array_equal(whole, untouched)
        return result.tobytes()

    assert len(set(on_all(worlds[world], call))) == 1


@PROPERTIES
@hypothesis.given(data=st.data(), world=st.integers(1, 4), seed=st.integers(0, 1 << 30))
def test_a_batch_is_many_calls(worlds, data, world, seed):
    wanted = data.draw(st.lists(shapes(), min_size=1, max_size=5))
    makes = [data.draw(views(shape)) for shape in wanted]
    rng = np.random.default_rng(seed)
    inputs = [[random_array(rng, shape, "int32") for shape in wanted] for _ in range(world)]

    def call(comm, rank):
        tensors = [make("int32")[1] for make in makes]
        for tensor, value in zip(tensors, inputs[rank]):
            tensor[...] = value
        comm.all_reduce(tensors)
        for i, tensor in enumerate(tensors):
            np.testing.assert_array_equal(tensor, expected_of("sum", [one[i] for one in inputs]))

    on_all(worlds[world], call)


@PROPERTIES
@hypothesis.given(data=st.data(), world=st.integers(1, 4), count=st.integers(0, 6),
                  root=st.integers(0, 3), dtype=st.sampled_from(TYPES))
def test_blocks_are_numpys(worlds, data, world, count, root, dtype):
    root %= world
    rng = np.random.default_rng(count)
    blocks = [random_array(rng, (count, 2), dtype) for _ in range(world)]
    every = [random_array(rng, (world, count, 2), dtype) for _ in range(world)]
    make_block, make_all = data.draw(views((count, 2))), data.draw(views((world, count, 2)))

    def call(comm, rank):
        block, out = make_block(dtype)[1], make_all(dtype)[1]
        block[...] = blocks[rank]
        comm.all_gather(block, out)
        np.testing.assert_array_equal(out, np.stack(blocks))
        collected = make_all(dtype)[1]
        comm.gather(block, collected, root=root)
        np.testing.assert_array_equal(collected, out if rank == root else np.zeros_like(out))
        part = make_block(dtype)[1]
        comm.scatter(out if rank == root else None, part, root=root)
        np.testing.assert_array_equal(part, blocks[rank])
        comm.broadcast(block, root)
        np.testing.assert_array_equal(block, blocks[root])
        whole = make_all(dtype)[1]
        whole[...] = every[rank]
        comm.reduce_scatter(whole, part, op="max")
        np.testing.assert_array_equal(part, expected_of("max", every)[rank])
        comm.reduce(whole, root=root, op="min")
        wanted = expected_of("min", every) if rank == root else every[rank]
        np.testing.assert_array_equal(whole, wanted)

    on_all(worlds[world], call)


def test_contiguous_memory_is_not_copied(pair):
    """A call in flight works in the array itself: an abort shows it, which gives the input back."""
    def call(comm, rank):
        big = np.ones(1 << 20, np.float32)
        before = comm.counters()["input_backup_peak_bytes"]
        comm.all_reduce(big)
        return comm.counters()["input_backup_peak_bytes"] - before

    # In place there is a backup of the input; a copy of the package's own would need none.
    assert all(grown > 0 for grown in on_all(pair, call))


def test_dense_layouts_have_to_agree(pair):
    def fortran(comm, rank):
        data = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        comm.all_reduce(data, layout="dense")
        return data.tolist()

    assert on_all(pair, fortran) == [(2 * np.arange(6.0).reshape(2, 3)).tolist()] * 2

    def different(comm, rank):
        data = np.ones((2, 3), order="CF"[rank])
        comm.all_reduce(data, layout="dense")

    for error in errors_of(pair, different):
        assert isinstance(error, atoll.Mismatch) and "layout" in str(error)

    def plain_beside_dense(comm, rank):
        comm.all_reduce(np.ones((2, 3)), layout=["dense", "copy"][rank])

    on_all(pair, plain_beside_dense)
    with pytest.raises(atoll.InvalidArgument, match="gaps"):
        pair[0].all_reduce(np.ones((4, 4))[:, ::2], layout="dense")
    with pytest.raises(atoll.InvalidArgument, match="backwards"):
        pair[0].all_reduce(np.ones(4)[::-1], layout="dense")


def test_what_cannot_be_written_to_is_refused(pair):
    comm = pair[0]
    expanded = np.broadcast_to(np.ones(3), (2, 3))
    overlapping = np.lib.stride_tricks.as_strided(np.ones(5), (3, 3), (8, 8), writeable=True)
    read_only = np.ones(3)
    read_only.flags.writeable = False
    with pytest.raises(atoll.InvalidArgument, match="read-only"):
        comm.all_reduce(read_only)
    with pytest.raises(atoll.InvalidArgument, match="read-only"):
        comm.all_reduce(expanded)
    with pytest.raises(atoll.InvalidArgument, match="share memory"):
        comm.all_reduce(overlapping)
    with pytest.raises(atoll.InvalidArgument, match="read-only"):
        comm.all_reduce(np.ones(3), b"12345678" * 3)

    def reads_what_it_only_reads(comm, rank):
        out = np.zeros((2, 3))
        comm.all_reduce(expanded, out)
        return out.tolist()

    assert on_all(pair, reads_what_it_only_reads) == [[[2.0] * 3] * 2] * 2


@pytest.mark.parametrize("array, sentence", [
    (np.ones(3, complex), "pairs of floats"),
    (np.ones(3, ">f4"), "little-endian"),
    (np.array(["a", "b"]), "cannot be sent"),
    (np.array([object()]), "cannot be sent"),
    (np.zeros(2, [("a", "i4")]), "cannot be sent"),
    (np.ones(3, np.longdouble), "cannot be sent"),
])
def test_types_that_atoll_lacks(pair, array, sentence):
    with pytest.raises(TypeError, match=sentence):
        pair[0].all_reduce(array)


def test_what_is_no_array(pair):
    for thing in (3, "text", None, object(), np.float32(1)):
        with pytest.raises((TypeError, atoll.InvalidArgument), match="tensor"):
            pair[0].all_reduce(thing)
    with pytest.raises(atoll.InvalidArgument, match="no mean of bool"):
        pair[0].all_reduce(np.array([True]), op="avg")
    with pytest.raises(atoll.InvalidArgument, match="different types"):
        pair[0].all_reduce([np.ones(1, "f4"), np.ones(1, "f8")])
    with pytest.raises(atoll.InvalidArgument, match="as many arrays"):
        pair[0].all_reduce([np.ones(1)], [np.ones(1), np.ones(1)])


class HalfFloats:
    """As ml_dtypes' bfloat16 arrays: numpy has the memory, and no buffer format for it."""

    def __init__(self, bits):
        self.bits = bits
        self.__array_interface__ = bits.__array_interface__
        self.shape, self.strides, self.dtype = bits.shape, bits.strides, "bfloat16"


class OnlyDlpack:
    def __init__(self, array):
        self._array = array

    def __dlpack__(self):
        return self._array.__dlpack__()


def test_arrays_without_a_buffer(pair):
    def call(comm, rank):
        ones = np.full(4, 0x3F80, np.uint16)  # 1.0 as bfloat16
        comm.all_reduce(HalfFloats(ones))
        plain = np.full((2, 3), rank + 1.0)
        comm.all_reduce(OnlyDlpack(plain.T))
        return ones.tolist(), plain.tolist()

    assert on_all(pair, call) == [([0x4000] * 4, [[3.0] * 3] * 2)] * 2


def test_a_sum_of_halves_is_exact():
    with members(4) as comms:
        def call(comm, rank):
            data = np.ones(1024, np.float16)
            comm.all_reduce(data)
            return set(data.tolist())

        assert on_all(comms, call) == [{4.0}] * 4


def test_an_array_in_flight_is_kept_alive_and_cannot_be_resized(pair):
    data = bytearray(1000)
    work = pair[0].all_reduce_async(data)
    with pytest.raises(BufferError):
        data.append(1)
    pair[1].all_reduce(bytearray(1000))
    work.wait(SOON_S)
    data.append(1)
