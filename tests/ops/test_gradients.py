"""Every op against finite differences, by way of its cases, and what finite differences cannot say."""

import numpy as np
import pytest

from rawgan import Tensor, grad, ops
from rawgan.device import to_device
from rawgan.ops.conv import Conv2d, Conv2dWeightGrad, ConvTranspose2d
from rawgan.ops.registry import CASES
from rawgan.testing import gradcheck
from rawgan.testing.backends import targets, use_backend
from rawgan.testing.functions.backward import leaves
from rawgan_kernels import Window
from rawgan_kernels.dispatch import observe

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_every_case_passes_the_gradient_check(case):
    """Orders 1 and 2, of the convolutions also 3; and inputs left alone, any layout, float32, … (`CHECKS`).

    Other backends of a device are checked at order 1, as their gradients are made of the same ops, and each kernel is
    compared with the reference; not at all where the same NumPy calls would be made: `add` apart, no kernel is called.
    """
    (backend, device), *others = targets()
    called = set()
    with observe(lambda name, args: called.add(name)):
        _passes_the_gradient_check(case, backend, device, case.order)
    for backend, other in others:
        if other != device:
            _passes_the_gradient_check(case, backend, other, case.order)
        elif called - {"add"}:
            _passes_the_gradient_check(case, backend, other, 1)


def _passes_the_gradient_check(case, backend, device, order):
    with use_backend(backend):
        report = gradcheck(case.function, *(to_device(x, device) for x in case.arrays()), order=order)
    where = f"on {device} with backend {backend}"
    assert report.orders == list(range(1, order + 1)), where
    assert report.kinks == (), where
    assert report.error(1) <= 1e-6, where
    assert order == 1 or report.error(2) <= 1e-5, where


def test_the_convolutions_are_checked_to_order_3():
    assert {case.op for case in CASES if case.order == 3} == {"conv2d", "conv_transpose2d"}


@every_case
def test_backward_leaves_the_same_gradients_as_grad(case):
    xs, copies = leaves(case.arrays()), leaves(case.arrays())
    y = case.function(*xs)
    v = Tensor(np.random.default_rng(1).standard_normal(y.shape))
    expected = grad(case.function(*copies), copies, [v], unconnected="zero")
    y.backward(v)
    for x, g in zip(xs, expected, strict=True):
        np.testing.assert_array_equal(np.zeros(x.shape) if x.grad is None else x.grad.data, g.data)


# --- order 3: the conv triple is closed ----------------------------------------------------------------

WINDOW = Window((4, 5), (2, 3), (2, 1), ((1, 0), (0, 1)), (1, 1), 2)
X, W, Y = (1, 4, 5, 2), (2, 3, 1, 4), (1, 2, 4, 4)


@pytest.mark.parametrize(
    ("op", "shapes"), [(Conv2d, (X, W)), (ConvTranspose2d, (Y, W)), (Conv2dWeightGrad, (X, Y))], ids=lambda p: str(p)
)
def test_the_conv_triple_has_a_third_derivative(op, shapes):
    assert WINDOW.output == Y[1:3]
    rng = np.random.default_rng(0)

    # The triple is bilinear: cubed, its third derivative is not zero.
    def function(a, b):
        y = op(WINDOW)(a, b)
        return y * y * y

    gradcheck(function, *(0.5 * rng.standard_normal(shape) for shape in shapes), order=3)


# --- conversions, which finite differences in float64 cannot see ---------------------------------------


def test_the_gradient_of_a_conversion_has_the_dtype_of_its_input():
    x = Tensor(np.array([1.0, 2.0], "float32"), requires_grad=True)
    y = x.astype("float64")
    (g,) = grad(y, x, [Tensor(np.array([0.5, 3.0]))])
    assert (y.dtype, g.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(g.data, [0.5, 3.0])


# --- points where the derivative jumps: which of the slopes it is --------------------------------------


def slopes(function, *arrays):
    xs = leaves([np.array(array, "float64") for array in arrays])
    return [g.data.tolist() for g in grad(function(*xs).sum(), xs)]


def test_slopes_at_kinks(each_backend):
    assert slopes(lambda x: ops.leaky_relu(x, 0.25), [0.0]) == [[0.25]]
    assert slopes(ops.relu, [0.0, -0.0]) == [[0.0, 0.0]]
    assert slopes(ops.abs, [0.0]) == [[0.0]]
    assert slopes(ops.maximum, [1.0, 2.0], [1.0, 3.0]) == [[0.5, 0.0], [0.5, 1.0]]
    assert slopes(lambda x: ops.max(x, 1), [[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]]) == [[[0.5, 0, 0.5], [1 / 3] * 3]]
    assert slopes(ops.l1, [1.0, 2.0], [1.0, 1.0]) == [[0.0, 0.5], [0.0, -0.5]]


def test_equal_pixels_of_a_pooling_window_share_the_gradient_and_padding_gets_none():
    (g,) = slopes(lambda x: ops.max_pool2d(x, 2, padding=1), np.full((1, 2, 2, 1), -5.0))
    assert g == np.ones((1, 2, 2, 1)).tolist()  # each pixel is alone in its window, with padding around it
    (g,) = slopes(ops.max_pool2d, np.zeros((1, 2, 2, 1)))
    assert g == np.full((1, 2, 2, 1), 0.25).tolist()


def test_powers_at_zero_have_finite_slopes():
    assert slopes(lambda x: x**2, [0.0]) == [[0.0]]
    assert slopes(lambda x: x**1, [0.0]) == [[1.0]]
    x = Tensor([0.0], requires_grad=True)
    (g,) = grad((x**2).sum(), x, create_graph=True)
    (g,) = grad(g.sum(), x, create_graph=True)
    assert g.item() == 2.0
    assert [z.item() for z in grad(g.sum(), x, unconnected="zero")] == [0.0]


# --- two formulas for one gradient ---------------------------------------------------------------------


def test_the_fused_and_the_composed_backward_of_batch_norm_agree():
    rng = np.random.default_rng(0)
    xs = leaves([rng.standard_normal((4, 3, 2, 5)), rng.standard_normal(5), rng.standard_normal(5)])
    v = Tensor(rng.standard_normal((4, 3, 2, 5)))
    composed = grad(ops.batch_norm(*xs, training=True), xs, v, create_graph=True)
    fused = grad(ops.batch_norm(*xs, training=True), xs, v)
    for a, b in zip(fused, composed, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-11, atol=1e-12)
