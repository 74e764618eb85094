"""Precision of products: factors are rounded as specified, and nothing else is."""

import numpy as np
import pytest
from kernel_calls import arguments_of

import rawgan_kernels as kernels
from rawgan import Tensor, grad, ops
from rawgan_kernels import KERNELS, PRECISIONS, Backend, UnknownPrecision, Window, chosen_precision, precision
from rawgan_kernels.cpu import bf16

cpu, reference = Backend("cpu"), Backend("reference")

PRODUCTS = [name for name, each in KERNELS.items() if each.factors]
BOTH = {"float32": np.uint32, "float64": np.uint64}


def exactly(x, bits):
    """The specification: of the numbers with so many bits, the nearest one, and of two, the even one."""
    fraction, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.rint(np.ldexp(fraction, bits + 1)), exponent - bits - 1)


@pytest.mark.parametrize("backend", [cpu, reference], ids=["cpu", "reference"])
@pytest.mark.parametrize("bits", [7, 10])
def test_the_nearest_number_is_taken_and_of_two_the_even_one(backend, bits):
    x = np.random.default_rng(0).standard_normal(1000).astype("float32")
    ties = np.float32([1 + k * 2.0 ** -(bits + 1) for k in range(9)])
    for numbers in (x, ties, -ties, 2 - ties * 2.0**-12, np.float32([0, -0.0, 2.0**-126])):
        found = backend.rounded(numbers, bits)
        np.testing.assert_array_equal(found, exactly(numbers, bits))
        np.testing.assert_array_equal(np.signbit(found), np.signbit(numbers))


@pytest.mark.parametrize("dtype", BOTH)
def test_every_backend_rounds_every_number_alike(dtype):
    """Drawn bits: denormal numbers, infinity and all kinds of NaN are among them."""
    bits = np.random.default_rng(0).integers(0, 2**63, 20_000, dtype=np.uint64)
    special = np.array([0, 1, np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).tiny], dtype)
    x = np.concatenate((bits.view(dtype), -bits.view(dtype), special, -special))
    expected = reference.rounded(x, 7)
    np.testing.assert_array_equal(cpu.rounded(x, 7).view(BOTH[dtype]), expected.view(BOTH[dtype]))
    np.testing.assert_array_equal(np.isnan(expected), np.isnan(x))
    assert np.isinf(reference.rounded(special[4:5], 7)).all()


def test_a_single_number_that_is_not_rounded_yet_is_found():
    x = np.ones(70_000, "float32")
    for place in (0, 255, 256, 69_999):
        x[place] = 1 + 2.0**-20
        for backend in (cpu, reference):
            assert backend.rounded(x, 7)[place] == 1
        x[place] = 1


def test_arrays_of_any_layout_are_rounded():
    x = np.random.default_rng(0).standard_normal((4, 6, 3)).astype("float32")
    for each in (x.transpose(2, 0, 1), x[::2, ::-1], x[:0], np.broadcast_to(x[:1], x.shape), x[0, 0, 0:1].reshape(())):
        for backend in (cpu, reference):
            np.testing.assert_array_equal(backend.rounded(each, 7), exactly(each, 7))


@pytest.mark.parametrize("name", [name for name in PRECISIONS if name != "float32"])
@pytest.mark.parametrize("kernel", PRODUCTS)
def test_products_are_those_of_rounded_factors(kernel, name):
    args = arguments_of(kernel, "float32")
    factors = [
        exactly(x, PRECISIONS[name]).astype("float32") if place in KERNELS[kernel].factors else x
        for place, x in enumerate(args)
    ]
    expected, exact = KERNELS[kernel].on("reference")(*factors), KERNELS[kernel].on("reference")(*args)
    for backend in ("reference", "cpu"):
        kernels.use(backend)
        try:
            with precision(name):
                found = getattr(kernels, kernel)(*args)
            unchanged = getattr(kernels, kernel)(*args)
        finally:
            kernels.use("auto")
        for x, y, z, u in zip(*map(listed, (found, expected, exact, unchanged)), strict=True):
            assert x.dtype == "float32"
            scale = np.abs(y).max()
            np.testing.assert_allclose(x, y, rtol=0, atol=3e-6 * scale)
            np.testing.assert_allclose(u, z, rtol=0, atol=3e-6 * scale)
            assert np.abs(x - z).max() > 3e-5 * scale  # the rounding is seen


def listed(result):
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("kernel", PRODUCTS)
def test_float64_is_never_rounded(kernel):
    args = arguments_of(kernel)
    with precision("bf16"):
        found = getattr(kernels, kernel)(*args)
    for x, y in zip(listed(found), listed(getattr(kernels, kernel)(*args)), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_bias_is_not_a_factor():
    b = np.float32([1 + 2.0**-12])
    with precision("bf16"):
        y = kernels.conv2d(
            np.ones((1, 1, 1, 1), "float32"), np.zeros((1, 1, 1, 1), "float32"), Window((1, 1), (1, 1)), b
        )
    assert y == b


def test_gradients_of_orders_1_and_2_are_products_of_rounded_factors():
    rng = np.random.default_rng(0)
    x, w = (Tensor(rng.standard_normal((3, 3)).astype("float32"), requires_grad=True) for _ in range(2))
    with precision("bf16"):
        (gx,) = grad(ops.matmul(x, w).sum(), [x], create_graph=True)
        (gw,) = grad((gx * gx).sum(), [w])
    rounded_w = exactly(w.numpy(), 7)
    np.testing.assert_allclose(gx.numpy(), np.broadcast_to(rounded_w.sum(1), (3, 3)), rtol=1e-6)
    factor = exactly((2 * gx.numpy()).astype("float32"), 7)  # the gradient of gx, a factor of the last product
    np.testing.assert_allclose(gw.numpy(), np.ones((3, 3)) * factor.sum(0)[:, None], rtol=1e-6)


def test_precisions_are_nested_and_end_with_the_block():
    assert chosen_precision() == "float32"
    with precision("bf16"):
        with precision("float32"):
            assert chosen_precision() == "float32"
        assert chosen_precision() == "bf16"
    with pytest.raises(ZeroDivisionError), precision("tf32"):
        raise ZeroDivisionError
    assert chosen_precision() == "float32"


def test_a_precision_that_does_not_exist_is_refused():
    with (
        pytest.raises(UnknownPrecision, match=r"^there is no precision 'fp16'; choose one of: float32, tf32, bf16$"),
        precision("fp16"),
    ):
        pass


@pytest.mark.parametrize("images", [0, 1, 7])
def test_a_weight_gradient_is_the_sum_over_parts_of_the_batch(monkeypatch, images):
    rng, window = np.random.default_rng(0), Window((6, 5), (4, 4), (2, 2), padding=((1, 1), (1, 1)))
    x = rng.standard_normal((images, 6, 5, 8)).astype("float32")
    gy = rng.standard_normal((images, *window.output, 16)).astype("float32")
    expected = reference.conv2d_weight_grad(exactly(x, 7), exactly(gy, 7), window)
    monkeypatch.setattr(bf16, "PART", 3 * 4 * (6 * 5 * 8 + np.prod(window.output) * 16))  # three images
    with precision("bf16"):
        found = kernels.conv2d_weight_grad(x, gy, window)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, abs(expected).max(initial=0)))
