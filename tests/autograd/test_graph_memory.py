"""Memory of graphs: freed by the walk, and never in a cycle."""

import contextlib
import gc
import weakref

import numpy as np
import pytest
from graphs import Faulty, leaf

from rawgan import Tensor, grad, ops
from rawgan.errors import ShapeError


@pytest.fixture
def no_collector():
    """With the cycle collector off, only what is in no cycle is freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def small_network(x, w, gamma):
    y = ops.tanh(ops.conv2d(x, w, padding=1))
    y = ops.batch_norm(y, gamma, gamma * 0, training=True)
    return ops.leaky_relu(ops.max_pool2d(y)), y


def test_the_arrays_of_a_graph_are_freed_by_the_walk(no_collector):
    x, w, gamma = (Tensor(np.random.default_rng(0).standard_normal(s), True) for s in [(2, 4, 4, 1), (3, 3, 1, 2), 2])
    y, middle = small_network(x, w, gamma)
    loss = y.mean()
    array = weakref.ref(middle.data)
    del y, middle
    assert array() is not None  # the graph needs it
    loss.backward()
    assert array() is None  # though `loss` is still here


def test_a_graph_that_is_never_walked_is_freed_with_its_result(no_collector):
    x, w, gamma = (Tensor(np.random.default_rng(0).standard_normal(s), True) for s in [(2, 4, 4, 1), (3, 3, 1, 2), 2])
    y, middle = small_network(x, w, gamma)
    refs = [weakref.ref(t) for t in (y, middle)] + [weakref.ref(middle.data)]
    del y, middle
    assert [ref() for ref in refs] == [None] * 3


def test_graphs_of_gradients_are_in_no_cycle(no_collector):
    x, w, gamma = (Tensor(np.random.default_rng(0).standard_normal(s), True) for s in [(2, 4, 4, 1), (3, 3, 1, 2), 2])
    y, middle = small_network(x, w, gamma)
    gs = grad(y.mean(), [x, w, gamma], create_graph=True)
    refs = [weakref.ref(t) for t in (y, middle, *gs)]
    grad(gs[0].sum(), w)
    del y, middle, gs
    assert [ref() for ref in refs] == [None] * len(refs)


def test_a_failed_walk_is_in_no_cycle(no_collector):
    x = leaf(1.0)
    y = Faulty(lambda gy: ())(x)
    ref = weakref.ref(y)
    with contextlib.suppress(ShapeError):
        y.backward()
    del y
    assert ref() is None
