"""Memory that is used again: nobody sees it, and a training step asks for no more once it is warm."""

import gc
import threading
import tracemalloc
from itertools import combinations, permutations
from types import SimpleNamespace

import numpy as np
import pytest

from rawgan import Tensor, ops
from rawgan.gan import ImageSpec, build, train_step
from rawgan_kernels import Backend
from rawgan_kernels.cpu.run import pool as buffers
from rawgan_kernels.cpu.run.pool import ALIGNMENT, SMALL, Pool

cpu = Backend("cpu")
F32 = np.dtype("float32")


def address(x):
    return x.__array_interface__["data"][0]


@pytest.fixture
def pool():
    return Pool(chunk=1 << 21)


def test_memory_is_used_again_when_the_last_view_is_gone_and_not_before(pool):
    x = pool.empty((256, 128), F32)
    first, view = address(x), x.reshape(-1)[100:].view("int32")
    del x
    other = pool.empty((256, 128), F32)
    assert address(other) != first
    del view
    assert address(pool.empty((128, 256), F32)) == first


def test_arrays_are_aligned_writable_and_of_the_shape_asked_for(pool):
    for shape in [(7, 12345), (3, 5, 1 << 13), (1 << 20,)]:
        x = pool.empty(shape, F32)
        assert (x.shape, x.dtype, address(x) % ALIGNMENT) == (shape, F32, 0)
        assert x.flags.c_contiguous
        x[...] = 1


def test_small_arrays_do_not_come_from_the_pool(pool):
    x = pool.empty((SMALL // 4,), F32)
    assert x.base is None
    assert not pool.chunks
    assert pool.empty((), F32).shape == ()
    assert pool.empty((0, 5), F32).shape == (0, 5)


def test_the_smallest_free_piece_that_is_large_enough_is_cut(pool):
    xs = [pool.empty((n,), F32) for n in (20000, 17000, 60000, 17000, 40000, 17000)]
    small, large, medium = (address(x) for x in xs[::2])
    xs[::2] = [None] * 3  # and so no neighbours
    assert address(x := pool.empty((30000,), F32)) == medium
    assert address(y := pool.empty((20000,), F32)) == small
    assert address(z := pool.empty((20000,), F32)) == large
    assert address(pool.empty((40000,), F32)) == address(z) + z.nbytes
    assert not np.shares_memory(x, y)


def test_the_oldest_chunk_is_used_first_whatever_piece_fits_better(pool):
    """Or two chunks would both be touched from end to end, where one and a bit would do."""
    old = [pool.empty((n,), F32) for n in (300_000, 200_000)]
    new = pool.empty((400_000,), F32)
    assert len(pool.chunks) == 2
    first = address(old[0])
    old[0] = None
    assert address(pool.empty((90_000,), F32)) == first  # 300,000 are free here, 124,000 there
    del new


def test_neighbours_are_joined_whatever_the_order_they_come_back_in(pool):
    everything = (1 << 21) // 4 - 16
    for order in permutations(range(3)):
        xs = [pool.empty((n,), F32) for n in (17000, 30000, everything - 48000)]
        for index in order:
            xs[index] = None
        assert pool.empty((everything,), F32).nbytes == everything * 4
        assert len(pool.chunks) == 1


def test_a_pool_that_is_full_takes_another_chunk_and_gives_unused_ones_back(pool):
    xs = [pool.empty((1 << 18,), F32) for _ in range(3)]  # half a chunk and, with what its ends lose, no second one
    huge = pool.empty((1 << 20,), F32)  # more than a chunk
    assert len(pool.chunks) == 4
    assert not any(np.shares_memory(x, y) for x, y in combinations([*xs, huge], 2))
    del huge, xs[0]
    pool.trim()
    assert len(pool.chunks) == 2
    for number, x in enumerate(xs):
        x[...] = number
    assert [x.min() == x.max() == number for number, x in enumerate(xs)] == [True, True]
    xs.clear()
    del x
    pool.trim()
    assert not pool.chunks
    assert not pool.starts


def test_no_request_ever_overlaps_another(pool):
    rng, live = np.random.default_rng(0), []
    for number in range(2000):
        if live and rng.random() < 0.5:
            of, x = live.pop(rng.integers(len(live)))
            assert (x == of).all()
        else:
            live.append((number, pool.empty((int(rng.integers(SMALL // 4, 1 << 16)),), F32)))
            live[-1][1][...] = number
    for of, x in live:
        assert (x == of).all()


def test_where_addresses_are_scarce_the_chunk_is_smaller(monkeypatch):
    pool, asked = Pool(), []

    def scarce(length, dtype):
        asked.append(length)
        if length > 1 << 24:
            raise MemoryError
        return np.zeros(length, dtype)

    monkeypatch.setattr(buffers, "np", SimpleNamespace(empty=scarce, asarray=np.asarray, uint8=np.uint8))
    assert pool.empty((1 << 20,), F32).shape == (1 << 20,)
    assert asked == [1 << n for n in range(30, 23, -1)]
    with pytest.raises(MemoryError):
        pool.empty((1 << 23,), F32)


def test_threads_may_take_and_return_at_once(pool):
    failures = []

    def work(number):
        for _ in range(300):
            x = pool.empty((SMALL // 2,), F32)
            x[...] = number
            if not (x == number).all():
                failures.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_results_of_two_calls_are_two_arrays_twice_over():
    x = np.ones((64, 512), "float32")
    first, second = cpu.add(x, x), cpu.add(x, x)
    assert not np.shares_memory(first, second)
    third = cpu.add(first, second)
    assert not np.shares_memory(third, first)
    np.testing.assert_array_equal(third, 4)


def test_a_detached_result_outlives_its_graph():
    x = Tensor(np.ones((64, 512), "float32"), requires_grad=True)
    kept = ops.tanh(x).detach().numpy()[3:5]
    expected = kept.copy()
    for _ in range(3):
        ops.leaky_relu(ops.tanh(x * 0.5))
    np.testing.assert_array_equal(kept, expected)


def steps(model, count, images=16):
    gan = build(model, ImageSpec(28), width=16)
    rng = np.random.default_rng(0)
    batch = [Tensor(rng.uniform(-1, 1, shape).astype("float32")) for shape in ((images, 28, 28, 1), (images, 100))]
    for _ in range(count):
        yield train_step(gan, *batch)


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_training_is_the_same_whatever_the_memory_held_before(model, poison_memory):
    expected = [[value.item() for value in outcome.by_name().values()] for outcome in steps(model, 3)]
    poison_memory()
    assert [[value.item() for value in outcome.by_name().values()] for outcome in steps(model, 3)] == expected


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_a_warm_step_asks_the_system_for_no_large_array(model, monkeypatch):
    gc.collect()
    buffers.pool.trim()
    training, reached, lend = steps(model, 6, images=64), {}, buffers.pool.lend

    def watched(block, size):
        start = lend(block, size)
        chunk = max(first for first in buffers.pool.chunks if first <= start)
        reached[chunk] = max(reached.get(chunk, 0), start + size)
        return start

    monkeypatch.setattr(buffers.pool, "lend", watched)
    for _ in range(3):
        next(training)
    gc.collect()
    when_warm = dict(reached)
    tracemalloc.start()  # which NumPy tells of its arrays
    try:
        before, _ = tracemalloc.get_traced_memory()
        taken = len(list(training))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken == 3
    assert reached == when_warm  # no address that was not touched before
    assert peak - before < 64 * 14 * 14 * 16 * 4  # the smallest activation of a convolution
