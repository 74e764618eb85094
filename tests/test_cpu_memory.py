"""Memory that is used again: nobody sees it, and a training step asks for no more once it is warm."""

import gc
import threading
import tracemalloc

import numpy as np
import pytest

from rawgan import Tensor, ops
from rawgan.gan import ImageKind, build, train_step
from rawgan_kernels import cpu
from rawgan_kernels.cpu import buffers
from rawgan_kernels.cpu.buffers import ALIGNMENT, SMALL, Shelf

F32 = np.dtype("float32")


def address(x):
    return x.__array_interface__["data"][0]


@pytest.fixture
def shelf():
    return Shelf(limit=1 << 20)


def test_memory_is_used_again_when_the_last_view_is_gone_and_not_before(shelf):
    x = shelf.empty((256, 128), F32)
    first, view = address(x), x.reshape(-1)[100:].view("int32")
    del x
    other = shelf.empty((256, 128), F32)
    assert address(other) != first
    del view
    assert address(shelf.empty((128, 256), F32)) == first


def test_arrays_are_aligned_writable_and_of_the_shape_asked_for(shelf):
    for shape in [(7, 12345), (3, 5, 1 << 13), (1 << 20,)]:
        x = shelf.empty(shape, F32)
        assert (x.shape, x.dtype, address(x) % ALIGNMENT) == (shape, F32, 0)
        assert x.flags.c_contiguous
        x[...] = 1


def test_small_arrays_do_not_come_from_the_shelf(shelf):
    x = shelf.empty((SMALL // 4,), F32)
    assert x.base is None
    assert shelf.empty((), F32).shape == ()
    assert shelf.empty((0, 5), F32).shape == (0, 5)


def test_a_piece_serves_smaller_requests_but_none_of_half_its_size(shelf):
    large = shelf.empty((1 << 16,), F32)
    first = address(large)
    del large
    assert address(shelf.empty((40000,), F32)) == first
    assert address(shelf.empty((20000,), F32)) != first


def test_what_lies_unused_for_longest_is_let_go():
    shelf = Shelf(limit=3 * (1 << 17))
    xs = [shelf.empty(((1 << 15) + 512 * i,), F32) for i in range(4)]
    first = address(xs[0])
    for i in range(4):
        xs[i] = None
    shelf.empty((SMALL + 1,), np.dtype("uint8"))
    assert shelf.free_bytes <= shelf.limit
    assert first not in shelf.pieces
    shelf.clear()
    assert shelf.free_bytes == 0


def test_threads_may_take_and_return_at_once(shelf):
    failures = []

    def work(number):
        for _ in range(300):
            x = shelf.empty((SMALL // 2,), F32)
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
    gan = build(model, ImageKind(28), width=16)
    rng = np.random.default_rng(0)
    batch = [Tensor(rng.uniform(-1, 1, shape).astype("float32")) for shape in ((images, 28, 28, 1), (images, 100))]
    for _ in range(count):
        yield train_step(gan, *batch)


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_training_is_the_same_whatever_the_memory_held_before(model, poison_memory):
    expected = [[value.item() for value in outcome] for outcome in steps(model, 3)]
    poison_memory()
    assert [[value.item() for value in outcome] for outcome in steps(model, 3)] == expected


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_a_warm_step_asks_the_system_for_no_large_array(model, monkeypatch):
    buffers.shelf.clear()
    training, new = steps(model, 6, images=64), []
    for _ in range(3):
        next(training)
    gc.collect()
    take = buffers.shelf.take

    def watched(size):
        known = {id(piece) for piece in (*buffers.shelf.pieces.values(), *buffers.shelf.returned)}
        piece = take(size)
        if id(piece) not in known:
            new.append(size)
        return piece

    monkeypatch.setattr(buffers.shelf, "take", watched)
    tracemalloc.start()  # which NumPy tells of its arrays
    try:
        before, _ = tracemalloc.get_traced_memory()
        taken = len(list(training))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken == 3
    assert new == []
    assert peak - before < 64 * 14 * 14 * 16 * 4  # the smallest activation of a convolution
