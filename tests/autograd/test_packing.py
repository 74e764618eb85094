"""Graphs in bf16 keep large results in half the memory, and give the gradients of rounded factors all the same."""

import weakref

import numpy as np
import pytest

import rawgan_kernels as kernels
from rawgan import Tensor, grad, ops
from rawgan.autograd import packing
from rawgan.autograd.packing import SMALL
from rawgan_kernels import Backend, Window, precision
from rawgan_kernels.halves import narrowed, widened

reference = Backend("reference")
IMAGES, WEIGHTS = (2, 24, 24, 8), (3, 3, 8, 8)
WINDOW = Window((24, 24), (3, 3), padding=((1, 1), (1, 1)))
assert np.prod(IMAGES) > SMALL


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def leaf(*shape, seed=0):
    return Tensor(draw(*shape, seed=seed), requires_grad=True)


def rounded(x):
    return reference.rounded(x, 7)


# --- 16 bits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_narrow_numbers_are_rounded_ones(backend):
    bits = np.random.default_rng(0).integers(0, 2**32, 40_000, dtype=np.uint32)
    x = np.concatenate((bits.view("float32"), np.float32([np.inf, -np.inf, np.nan, 0, -0.0, 3.4e38])))
    kernels.use(backend)
    try:
        for each in (x, x.reshape(2, -1)[:, ::3], x[:0], x[5]):
            array = np.asarray(each)
            found = narrowed(array)
            assert found.dtype == np.uint16
            np.testing.assert_array_equal(widened(found), rounded(array))
            assert widened(found).dtype == np.float32
        odd = np.array([0x7F800001, 0xFFFFFFFF], np.uint32).view("float32")  # NaN without its quiet bit, and with all
        assert np.isnan(widened(narrowed(odd))).all()
    finally:
        kernels.use("auto")


# --- graphs ----------------------------------------------------------------------------------------------------------


def test_gradients_are_those_of_rounded_factors():
    x, w, v = leaf(*IMAGES), leaf(*WEIGHTS, seed=1), leaf(*WEIGHTS, seed=2)
    gz = draw(*IMAGES, seed=3)
    with precision("bf16"):
        y = ops.leaky_relu(ops.conv2d(x, w, padding=1))
        z = ops.conv2d(y, v, padding=1)
        gw, gv = grad(z, [w, v], Tensor(gz))
    hidden = reference.leaky_relu(reference.conv2d(rounded(x.data), rounded(w.data), WINDOW), 0.2)
    expected = reference.conv2d_weight_grad(rounded(hidden), rounded(gz), WINDOW)
    np.testing.assert_allclose(gv.data, expected, rtol=0, atol=1e-3 * abs(expected).max())
    gy = reference.conv2d_input_grad(rounded(gz), rounded(v.data), WINDOW) * np.where(hidden > 0, 1, np.float32(0.2))
    expected = reference.conv2d_weight_grad(rounded(x.data), rounded(gy), WINDOW)
    np.testing.assert_allclose(gw.data, expected, rtol=0, atol=1e-3 * abs(expected).max())


def test_the_slope_at_a_packed_result_is_found_part_by_part(monkeypatch):
    gradients = {}
    for size in (packing.PART, 1000):  # all at once, and in parts of which the last is smaller
        monkeypatch.setattr(packing, "PART", size)
        x, w = leaf(*IMAGES), leaf(*WEIGHTS, seed=1)
        with precision("bf16"):
            y = ops.conv2d(x, w, padding=1, slope=0.2)
            gradients[size] = grad(y, [x, w], Tensor(draw(*IMAGES, seed=3)))
    for whole, parts in zip(*gradients.values(), strict=True):
        np.testing.assert_array_equal(whole.data, parts.data)
    hidden = reference.conv2d(rounded(x.data), rounded(w.data), WINDOW)
    gy = draw(*IMAGES, seed=3) * np.where(hidden > 0, 1, np.float32(0.2))
    expected = reference.conv2d_weight_grad(rounded(x.data), rounded(gy), WINDOW)
    np.testing.assert_allclose(parts.data, expected, rtol=0, atol=1e-3 * abs(expected).max())


@pytest.mark.parametrize("name", ["float32", "tf32", "bf16"])
def test_only_bf16_lets_go_of_the_results_themselves(name):
    x, w = leaf(*IMAGES), leaf(*WEIGHTS, seed=1)
    with precision(name):
        y = ops.conv2d(x, w, padding=1)
        z = ops.conv2d(ops.reshape(y, y.shape), w, padding=1, slope=0.2)
        held = weakref.ref(y._array)
        output = weakref.ref(z._array)
        total = z.sum()
        del y, z
    assert (held() is None) == (name == "bf16")
    assert (output() is None) == (name == "bf16")
    total.backward()
    assert np.isfinite(w.grad.data).all()


def test_parts_of_a_result_and_a_reshaped_one_have_numbers_of_their_own():
    x, w, v = leaf(*IMAGES), leaf(*WEIGHTS, seed=1), leaf(8, 8, seed=2)
    with precision("bf16"):
        y = ops.conv2d(x, w, padding=1)
        z = ops.conv2d(y, w, padding=1)  # keeps y as a whole
        rows = ops.matmul(ops.reshape(y, (-1, 8)), v)
        part = ops.matmul(ops.reshape(y[1:], (-1, 8)), v)
        (gv,) = grad(rows.sum() + 2 * part.sum() + 0 * z.sum(), v)
    both = rounded(y.data).reshape(2, -1, 8).sum(1, dtype="float64")
    expected = both[0] + 3 * both[1]
    np.testing.assert_allclose(gv.data, np.repeat(expected[:, None], 8, 1), rtol=0, atol=1e-4 * abs(expected).max())


def test_leaves_and_small_results_are_kept_as_they_are():
    x, w = leaf(3, 4), leaf(4, 5, seed=1)
    large = leaf(*IMAGES, seed=2)
    with precision("bf16"):
        y = ops.matmul(ops.matmul(x, w), leaf(5, 2))
        z = ops.conv2d(large, leaf(*WEIGHTS), padding=1)
    assert [type(each) for each in (*y.op.recorded_inputs, *z.op.recorded_inputs)] == [Tensor] * 4


def test_ops_of_losses_keep_their_inputs_in_float32():
    x = leaf(2 * SMALL)
    with precision("bf16"):
        y = x * 1.0
        (gx,) = grad((y * y).sum(), x)
    np.testing.assert_array_equal(gx.data, 2 * x.data)


def test_a_graph_may_be_walked_twice_and_outside_of_the_block():
    x, w = leaf(*IMAGES), leaf(*WEIGHTS, seed=1)
    with precision("bf16"):
        y = ops.conv2d(ops.conv2d(x, w, padding=1), w, padding=1)
        (first,) = grad(y.sum(), w, retain_graph=True)
        (second,) = grad(y.sum(), w, retain_graph=True)
    np.testing.assert_array_equal(first.data, second.data)
    (outside,) = grad(y.sum(), w)
    np.testing.assert_allclose(outside.data, first.data, rtol=0, atol=1e-2 * abs(first.data).max())


def test_second_derivatives_go_through_packed_results():
    x, w = leaf(*IMAGES), leaf(*WEIGHTS, seed=1)

    def penalty():
        y = ops.conv2d(ops.batch_norm(ops.conv2d(x, w, padding=1), training=True, slope=0.2), w, padding=1)
        (gx,) = grad((y * y).mean(), x, create_graph=True)
        (gw,) = grad((gx * gx).sum(), w)
        return gw.data

    exact = penalty()
    with precision("bf16"):
        found = penalty()
    assert 1e-4 < np.linalg.norm(found - exact) / np.linalg.norm(exact) < 0.05


def test_writes_to_a_packed_result_do_no_harm():
    """In float32, the graph would be stale; here it has numbers of its own."""
    x, w = leaf(*IMAGES), leaf(*WEIGHTS, seed=1)
    with precision("bf16"):
        y = ops.conv2d(x, w, padding=1)
        z = ops.conv2d(y, w, padding=1)
        (expected,) = grad(z.sum(), w, retain_graph=True)
        y.data[...] = 0
        (found,) = grad(z.sum(), w)
    np.testing.assert_array_equal(found.data, expected.data)
