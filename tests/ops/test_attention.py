"""Attention: its weights, its memory, and the ends of its range. Gradients are checked with those of all ops."""

import tracemalloc

import numpy as np
import pytest

import rawgan_kernels
from rawgan import Tensor, grad, nn, ops
from rawgan.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)


def drawn(*shape, dtype="float64"):
    return Tensor(RNG.standard_normal(shape).astype(dtype), requires_grad=True)


def plain(q, k, v, scale):
    """Attention, one query at a time."""
    rows = []
    for query in q:
        scores = np.array([scale * sum(a * b for a, b in zip(query, key, strict=True)) for key in k])
        weights = np.exp(scores - scores.max())
        rows.append(sum(w * value for w, value in zip(weights, v, strict=True)) / weights.sum())
    return np.array(rows)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize(("length", "keys"), [(1, 1), (97, 3), (5, 200), (193, 97)])
def test_any_number_of_blocks_gives_the_formula(backend, length, keys):
    """Blocks have 96 queries and 96 keys on the CPU, and 128 queries in the reference."""
    q, k, v = drawn(length, 3), drawn(keys, 3), drawn(keys, 2)
    gy = RNG.standard_normal((length, 2))
    rawgan_kernels.use(backend)
    try:
        y = ops.attention(q, k, v, scale=0.7)
        by_blocks = grad(y, [q, k, v], Tensor(gy))
    finally:
        rawgan_kernels.use("auto")
    np.testing.assert_allclose(y.data, plain(q.data, k.data, v.data, 0.7), rtol=1e-12, atol=1e-13)
    recorded = grad(ops.attention(q, k, v, scale=0.7), [q, k, v], Tensor(gy), create_graph=True)
    for found, expected in zip(by_blocks, recorded, strict=True):
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-10, atol=1e-12)


def test_scores_are_never_in_memory_as_a_whole():
    """With all scores in memory it would be 64 MiB, and as much again for their gradient."""
    q, k, v = (drawn(4096, 4, dtype="float32") for _ in range(3))
    gy = Tensor(np.ones((4096, 4), np.float32))
    grad(ops.attention(q, k, v), [q, k, v], gy)  # compiled, and its pools are full
    tracemalloc.start()
    try:
        grad(ops.attention(q, k, v), [q, k, v], gy)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_large_scores_neither_overflow_nor_lose_the_gradient():
    q, k = Tensor([[100.0]], requires_grad=True), Tensor([[100.0], [-100.0], [100.0]], requires_grad=True)
    v = Tensor([[1.0], [2.0], [4.0]], requires_grad=True)
    y = ops.attention(q, k, v)
    assert y.item() == 2.5
    gq, gk, gv = grad(y.sum(), [q, k, v])
    assert abs(gq.item()) < 1e-3
    np.testing.assert_allclose(gk.data.ravel(), [-75, 0, 75], rtol=1e-3)  # as exact as a score of 10,000 is
    np.testing.assert_allclose(gv.data.ravel(), [0.5, 0, 0.5], rtol=1e-3)


@pytest.mark.parametrize(
    "shapes", [((0, 3, 2), (0, 4, 2), (0, 4, 5)), ((0, 2), (4, 2), (4, 1)), ((3, 2), (4, 2), (4, 0))]
)
def test_empty_arrays(shapes):
    inputs = [drawn(*shape) for shape in shapes]
    y = ops.attention(*inputs)
    assert y.shape == (*shapes[0][:-1], shapes[2][-1])
    assert [g.shape for g in grad(y.sum(), inputs)] == list(shapes)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3,), (4, 2), (4, 1)), "attention: query, key and value need at least 2 axes\n"),
        (((3, 2), (4, 3), (4, 1)), "attention: query has 2 channels but key has 3\n"),
        (((3, 2), (4, 2), (5, 1)), "attention: key has 4 rows but value has 5\n"),
        (((3, 2), (0, 2), (0, 1)), "attention: there must be at least one key, and one channel\n"),
        (((2, 3, 2), (3, 4, 2), (4, 1)), "attention: the axes in front do not broadcast\n"),
    ],
)
def test_shapes_that_do_not_fit(shapes, message):
    with pytest.raises(ShapeError) as error:
        ops.attention(*(drawn(*shape) for shape in shapes))
    assert str(error.value).startswith(message)
    assert all(str(shape) in str(error.value) for shape in shapes)


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), "1", True])
def test_a_scale_is_a_finite_number(scale):
    with pytest.raises(ArgumentError, match="attention: scale must be a finite number, or None, but is"):
        ops.attention(drawn(3, 2), drawn(4, 2), drawn(4, 1), scale=scale)


# --- the layer -------------------------------------------------------------------------------------------------------


def test_the_layer_is_its_formula():
    layer = nn.SelfAttention(16, rng=np.random.default_rng(0))
    layer.gamma[:] = 0.5
    x = RNG.standard_normal((2, 3, 5, 16)).astype("float32")
    rows = x.reshape(2, 15, 16)
    q, k, v = (rows @ each.w.data[0, 0] + each.b.data for each in (layer.query, layer.key, layer.value))
    assert (q.shape[-1], k.shape[-1], v.shape[-1]) == (2, 2, 16)
    seen = np.stack([plain(*each, scale=1.0) for each in zip(q, k, v, strict=True)])
    np.testing.assert_allclose(layer(x).data, x + 0.5 * seen.reshape(x.shape), rtol=1e-5, atol=1e-5)


def test_the_layer_begins_as_the_identity_and_can_leave_it():
    layer = nn.SelfAttention(3, rng=np.random.default_rng(0))
    x = drawn(1, 2, 2, 3, dtype="float32")
    y = layer(x)
    np.testing.assert_array_equal(y.data, x.data)
    slope = grad(y.sum(), layer.gamma)[0]
    assert np.abs(slope.data).min() > 0
    with pytest.raises(ShapeError, match="SelfAttention: x must be images with 3 channels"):
        layer(x[..., :2])
