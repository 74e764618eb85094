"""The memory pool: blocks are reused, never shared, and a warm training step needs no more memory."""

import gc
import threading
import tracemalloc
from itertools import combinations, permutations

import numpy as np
import pytest

from rawgan import Tensor, ops
from rawgan.gan import ImageSpec, build, train_step
from rawgan_kernels import Backend
from rawgan_kernels.cpu.run.pool import ALIGNMENT, CLASSES, POOL, SMALL, Pool, size_class

cpu = Backend("cpu")
F32 = np.dtype("float32")


def address(x):
    return x.__array_interface__["data"][0]


@pytest.fixture
def pool():
    return Pool(region=1 << 21, small=1 << 16)


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
    x = pool.empty((pool.small // 4,), F32)
    assert x.base is None
    assert not pool.regions
    assert pool.empty((), F32).shape == ()
    assert pool.empty((0, 5), F32).shape == (0, 5)


def test_size_classes_cover_every_size_with_little_to_spare():
    sizes = np.unique(np.geomspace(SMALL, 1 << 34, 5000).astype(int)).tolist()
    classes = [size_class(n) for n in sizes]
    assert all(n <= size <= n + n // CLASSES + ALIGNMENT for n, size in zip(sizes, classes, strict=True))
    assert all(size % ALIGNMENT == 0 and size_class(size) == size for size in classes)
    assert classes == sorted(classes)
    assert len({size for size in classes if 1 << 20 < size <= 1 << 21}) == CLASSES


def test_a_block_serves_a_slightly_different_size_and_leaves_no_sliver(pool):
    x, beside = pool.empty((40000,), F32), pool.empty((40000,), F32)
    first, free = address(x), pool.sizes[:]
    del x
    y = pool.empty((40500,), F32)
    assert address(y) == first
    assert pool.sizes == free
    y[...], beside[...] = 1, 2
    assert y.min() == y.max() == 1


def test_the_smallest_free_block_that_is_large_enough_is_cut(pool):
    xs = [pool.empty((n,), F32) for n in (20000, 17000, 61000, 17000, 40000, 17000)]
    small, large, medium = (address(x) for x in xs[::2])
    xs[::2] = [None] * 3  # and so no neighbours
    assert address(x := pool.empty((30000,), F32)) == medium
    assert address(y := pool.empty((20000,), F32)) == small
    assert address(z := pool.empty((20000,), F32)) == large
    assert address(pool.empty((40000,), F32)) == address(z) + size_class(z.nbytes)
    assert not np.shares_memory(x, y)


def test_the_oldest_region_is_used_first_whatever_block_fits_better(pool):
    """Otherwise two regions would both be touched from end to end, where one and a bit would do."""
    old = [pool.empty((n,), F32) for n in (300_000, 200_000)]
    new = pool.empty((400_000,), F32)
    assert len(pool.regions) == 2
    first = address(old[0])
    old[0] = None
    assert address(pool.empty((90_000,), F32)) == first  # 300,000 numbers are free here, 122,000 there
    del new


def test_neighbours_are_joined_whatever_the_order_they_come_back_in(pool):
    everything = 31 * (1 << 21) // 32 // 4  # all but the last size class: a region's ends are lost
    for order in permutations(range(3)):
        xs = [pool.empty((n,), F32) for n in (17000, 30000, everything - 48000)]
        for index in order:
            xs[index] = None
        assert pool.empty((everything,), F32).nbytes == everything * 4
        assert len(pool.regions) == 1


def test_a_pool_that_is_full_takes_another_region_and_gives_unused_ones_back(pool):
    xs = [pool.empty((1 << 18,), F32) for _ in range(3)]  # half a region each and, as its ends are lost, no two in one
    huge = pool.empty((1 << 20,), F32)  # more than a region
    assert len(pool.regions) == 4
    assert not any(np.shares_memory(x, y) for x, y in combinations([*xs, huge], 2))
    del huge, xs[0]
    pool.trim()
    assert len(pool.regions) == 2
    for number, x in enumerate(xs):
        x[...] = number
    assert [x.min() == x.max() == number for number, x in enumerate(xs)] == [True, True]
    xs.clear()
    del x
    pool.trim()
    assert not pool.regions
    assert not pool.starts


def test_no_array_overlaps_another(pool):
    rng, live = np.random.default_rng(0), []
    for number in range(2000):
        if live and rng.random() < 0.5:
            of, x = live.pop(rng.integers(len(live)))
            assert (x == of).all()
        else:
            live.append((number, pool.empty((int(rng.integers(pool.small // 4, 1 << 16)),), F32)))
            live[-1][1][...] = number
    for of, x in live:
        assert (x == of).all()


def test_where_addresses_are_scarce_the_region_is_smaller():
    asked = []

    def scarce(nbytes):
        asked.append(nbytes)
        if nbytes > 1 << 24:
            raise MemoryError
        return np.zeros(nbytes, np.uint8)

    pool = Pool(reserve=scarce)
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
    x = np.ones((128, 512), "float32")
    first, second = cpu.add(x, x), cpu.add(x, x)
    assert not np.shares_memory(first, second)
    third = cpu.add(first, second)
    assert not np.shares_memory(third, first)
    np.testing.assert_array_equal(third, 4)


def test_a_detached_result_outlives_its_graph():
    x = Tensor(np.ones((128, 512), "float32"), requires_grad=True)
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
def test_a_warm_step_asks_the_system_for_no_large_array(model):
    gc.collect()
    POOL.trim()
    training, reached = steps(model, 6, images=64), {}

    def note(address, nbytes):
        region = max(first for first in POOL.regions if first <= address)
        reached[region] = max(reached.get(region, 0), address + nbytes)

    with POOL.observe(note):
        for _ in range(3):
            next(training)
        gc.collect()
        when_warm = dict(reached)
        tracemalloc.start()  # NumPy reports its arrays to it
        try:
            before, _ = tracemalloc.get_traced_memory()
            taken = len(list(training))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert taken == 3
    assert reached == when_warm  # no address that was not touched before
    assert peak - before < 64 * 14 * 14 * 16 * 4  # the smallest activation of a convolution
