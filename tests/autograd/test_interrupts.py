"""Ctrl-C between any two lines: nothing is left half done, and what comes next works."""

import gc
import sys

import numpy as np
import pytest

import rawgan_kernels
from rawgan import Tensor, autograd, grad, nn, no_grad, ops, optim
from rawgan.autograd import is_recording
from rawgan.nn.base import module
from rawgan.ops import normalisation
from rawgan_kernels.cpu.run import pool as pool_module
from rawgan_kernels.cpu.run.pool import POOL, SMALL, Pool

F32 = np.dtype("float32")


def each_interrupt(action, module, at="line"):
    """Run `action()` again and again, with a KeyboardInterrupt before the 1st, 2nd, … line or call of this module.

    Yields whether it was interrupted, until it has run to its end. Python itself looks for signals where a function
    begins ("call"), after calls, and where a loop turns; `__exit__` begins so quickly after what was before it that it
    is left out.
    """
    number = 0
    while True:
        left = number

        def count(frame, event, arg):
            nonlocal left
            if frame.f_code.co_filename == module.__file__:
                if event == at and frame.f_code.co_name != "__exit__":
                    left -= 1
                    if left < 0:
                        sys.settrace(None)
                        raise KeyboardInterrupt
                return count
            return None

        tracer = sys.gettrace()  # of whoever measures what the tests cover
        sys.settrace(count)
        try:
            action()
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(tracer)
        yield interrupted
        if not interrupted:
            return
        number += 1


@pytest.mark.parametrize("held", [0, 2])
def test_the_pool_hands_each_block_out_once_and_gets_all_back(held):
    """Interrupted are allocating, returning, joining and trimming."""
    pool = Pool(region=16 * SMALL)
    live = []

    def action():
        xs = [pool.empty((n,), F32) for n in (SMALL, SMALL // 2, SMALL, SMALL // 3)]
        live[:] = xs[: held + 1]
        del xs
        live.append(pool.empty((SMALL * 2,), F32))
        pool.trim()

    interrupts = 0
    for interrupted in each_interrupt(action, pool_module):
        interrupts += interrupted
        live[:] = [*live, *(pool.empty((n,), F32) for n in (SMALL, SMALL // 2))]
        for number, x in enumerate(live):
            x[...] = number
        assert [float(x[0]) for x in live] == [float(x[-1]) for x in live] == [*range(len(live))]
        assert not any(np.shares_memory(x, y) for i, x in enumerate(live) for y in live[:i])
        live.clear()
        x = None
        pool.trim()
        assert (pool.regions, pool.allocated, pool.starts, pool.sizes) == ({}, {}, [], [])
    assert interrupts > 100


def test_the_pool_serves_a_signals_handler_while_it_is_at_work():
    """A handler runs between two lines of the thread that holds the lock."""
    pool, served = Pool(region=16 * SMALL), []

    def handler(frame, event, arg):
        if frame.f_code.co_filename == pool_module.__file__ and frame.f_code.co_name != "empty" and event == "line":
            sys.settrace(None)
            served.append(pool.empty((SMALL,), F32))
            sys.settrace(handler)
        return handler

    tracer = sys.gettrace()
    sys.settrace(handler)
    try:
        x = pool.empty((SMALL,), F32)
    finally:
        sys.settrace(tracer)
    assert len(served) > 10
    assert not any(np.shares_memory(x, y) for y in served)


def test_memory_is_given_back_to_the_system():
    gc.collect()
    rawgan_kernels.trim_memory()
    before, resident = set(POOL.regions), _resident()
    xs = [POOL.empty((1 << 24,), F32) for _ in range(3)]
    for x in xs:
        x[...] = 1
    assert _resident() > resident + 150 * 2**20
    kept = xs[1]
    del xs, x
    rawgan_kernels.trim_memory()
    assert _resident() < resident + 100 * 2**20  # the region is still there, with the array in its middle
    assert kept.min() == 1
    del kept
    rawgan_kernels.trim_memory()
    assert set(POOL.regions) <= before


def _resident():
    """Bytes of this process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_running_statistics_move_as_a_whole_or_not_at_all():
    layer, x = nn.BatchNorm(2), Tensor(np.random.default_rng(0).normal(5, 1, (8, 2)).astype("float32"))
    start, moved = layer.state_dict(), nn.BatchNorm(2)
    moved(x)
    allowed = {name: (start[name].tolist(), after.tolist()) for name, after in moved.state_dict().items()}

    def action():
        layer.load_state_dict(start)
        layer(x)

    for _ in each_interrupt(action, normalisation):
        for name, after in layer.state_dict().items():
            assert after.tolist() in allowed[name]


def test_recording_goes_on_after_an_interrupt():
    def action():
        with no_grad():
            assert not (Tensor([1.0], requires_grad=True) * 2).requires_grad

    for _ in each_interrupt(action, autograd, "call"):
        assert is_recording()


def test_modes_are_given_back_after_an_interrupt():
    network = nn.Sequential(nn.Linear(2, 2, rng=np.random.default_rng(0)), nn.BatchNorm(2), nn.ReLU())
    network.layers[1].eval()
    modes = [(each.training, each.buffers_frozen) for _, each in network.modules()]

    def action():
        with network.evaluating(), network.frozen_buffers():
            assert not network.training

    for _ in each_interrupt(action, module):
        assert [(each.training, each.buffers_frozen) for _, each in network.modules()] == modes


def test_a_step_that_is_interrupted_outdates_graphs():
    for _ in each_interrupt(_step_and_walk, optim):
        pass


def _step_and_walk():
    w = nn.Parameter([1.0, 2.0])
    y, sgd = (w * w).sum(), optim.SGD([w], 0.1)
    try:
        sgd.step([Tensor([1.0, 1.0])])
    except KeyboardInterrupt:
        if w.numpy().tolist() != [1.0, 2.0]:  # it had been taken
            with pytest.raises(ValueError, match="was written to"):
                grad(y, w)
        raise


def test_a_graph_may_be_walked_after_a_walk_that_was_interrupted():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for _ in each_interrupt(lambda: grad(ops.tanh(x * x).sum(), x), autograd, "call"):
        (g,) = grad((x * x).sum(), x)
        assert g.numpy().tolist() == [2, 4]
