"""Properties of convolutions over any geometry. hypothesis draws the windows and prints the smallest that fails."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from left_alone import left_alone
from loops import conv_triple, positions

from rawgan import Tensor, grad, ops
from rawgan.errors import ArgumentError, ShapeError
from rawgan.testing import gradcheck
from rawgan.testing.strategies import MAGNITUDES, arrays, shapes, windows
from rawgan.testing.tolerances import TOLERANCES

slopes_agree = partial(gradcheck, order=2, checks=())  # layouts, dtypes and writes are looked at with the values
pairs, sizes = shapes(axes=2, max_length=3), shapes(axes=2)
fitting = windows()


@st.composite
def geometries(draw, windows=fitting):
    """A window that fits, with shapes of x, w and y."""
    window = draw(windows)
    batch, per_group, outputs_per_group = draw(shapes(axes=3, max_length=2))
    channels, outputs = window.groups * per_group, window.groups * outputs_per_group
    x, w = (batch, *window.size, channels), (*window.kernel, per_group, outputs)
    return window, x, w, (batch, *window.output, outputs)


any_geometry = geometries()


@st.composite
def convolutions(draw, geometries=any_geometry, dtypes=("float64", "float32"), magnitudes=tuple(MAGNITUDES)):
    """A window that fits, with x, w and y awkward in memory and magnitude."""
    window, *wanted = draw(geometries)
    dtype = draw(st.sampled_from(dtypes))
    return window, *(draw(arrays(shape, dtype, magnitudes=magnitudes)) for shape in wanted)


small = geometries(windows(max_size=5, max_padding=1, max_dilation=2, max_groups=2))
tame = convolutions(small, ["float64"], ["ordinary"])  # of other magnitudes, finite differences say nothing


def options(window):
    return {
        "stride": window.stride,
        "padding": window.padding,
        "dilation": window.dilation,
        "groups": window.groups,
    }


def remainders(window):
    """Number of pixels after the last window, which output_padding restores."""
    return tuple(
        (n + sum(pads) - (d * (k - 1) + 1)) % s
        for n, k, s, pads, d in zip(
            window.size, window.kernel, window.stride, window.padding, window.dilation, strict=True
        )
    )


def leaf(array):
    return Tensor(array, requires_grad=True)


def bias(channels, dtype):
    return leaf(np.arange(1, channels + 1, dtype=dtype))


def assert_sum(got, exact, terms):
    """`got` is `exact`, a sum of products, up to rounding; `terms` is the sum of their absolute values."""
    dtype = got.dtype
    error = np.abs(got.data.astype("float64") - exact)
    assert got.shape == exact.shape
    assert np.all(error <= TOLERANCES[dtype.name] * terms + np.finfo(dtype).tiny), f"got {got}, not {exact}"


# --- values and gradients ------------------------------------------------------------------------------


@given(convolutions())
def test_conv2d_and_its_gradients_agree_with_loops(convolution):
    window, x, w, gy = convolution
    xs = leaf(x), leaf(w), bias(gy.shape[3], gy.dtype)
    with left_alone(x, w, gy):
        y = ops.conv2d(*xs, **options(window))
        gx, gw, gb = grad(y, xs, [Tensor(gy)])
    b, exact, terms = xs[2].data, conv_triple(x, w, gy, window), conv_triple(abs(x), abs(w), abs(gy), window)
    assert_sum(y, exact[0] + b, terms[0] + b)
    assert_sum(gx, exact[1], terms[1])
    assert_sum(gw, exact[2], terms[2])
    assert_sum(gb, gy.sum((0, 1, 2), "float64"), abs(gy).sum((0, 1, 2), "float64"))


@given(convolutions())
def test_conv_transpose2d_and_its_gradients_agree_with_loops(convolution):
    """It is the gradient of a conv2d of x: it takes what has the shape of y, and its upstream gradient is like x."""
    window, gx, w, y = convolution
    ys = leaf(y), leaf(w), bias(gx.shape[3], gx.dtype)
    with left_alone(gx, w, y):
        x = ops.conv_transpose2d(*ys, output_padding=remainders(window), **options(window))
        gy, gw, gb = grad(x, ys, [Tensor(gx)])
    b, exact, terms = ys[2].data, conv_triple(gx, w, y, window), conv_triple(abs(gx), abs(w), abs(y), window)
    assert_sum(x, exact[1] + b, terms[1] + b)
    assert_sum(gy, exact[0], terms[0])
    assert_sum(gw, exact[2], terms[2])
    assert_sum(gb, gx.sum((0, 1, 2), "float64"), abs(gx).sum((0, 1, 2), "float64"))


@given(tame)
def test_conv2d_has_the_gradients_of_finite_differences(convolution):
    window, x, w, y = convolution
    b = np.arange(1.0, 1 + y.shape[3])
    slopes_agree(lambda x, w, b: ops.conv2d(x, w, b, **options(window)), x, w, b)


@given(tame)
def test_conv_transpose2d_has_the_gradients_of_finite_differences(convolution):
    window, x, w, y = convolution
    b, settings = np.arange(1.0, 1 + x.shape[3]), {**options(window), "output_padding": remainders(window)}
    slopes_agree(lambda y, w, b: ops.conv_transpose2d(y, w, b, **settings), y, w, b)


# --- how the triple hangs together ---------------------------------------------------------------------


def normal(shape, seed):
    return Tensor(np.random.default_rng(seed).standard_normal(shape))


def dot(a, b):
    return float(np.sum(a.data * b.data))


@given(any_geometry)
def test_conv_transpose_is_the_adjoint_of_conv(geometry):
    """⟨conv2d(x, w), y⟩ = ⟨x, conv_transpose2d(y, w)⟩, with output_padding making up for the floor in the size."""
    window, *wanted = geometry
    x, w, y = map(normal, wanted, range(3))
    forth = ops.conv2d(x, w, **options(window))
    back = ops.conv_transpose2d(y, w, output_padding=remainders(window), **options(window))
    assert back.shape == x.shape
    np.testing.assert_allclose(dot(forth, y), dot(x, back), rtol=1e-10, atol=1e-10)


@given(any_geometry)
def test_the_gradients_of_conv_are_its_adjoints(geometry):
    """conv2d is linear in x and in w, so ⟨gx, x⟩ = ⟨gy, y⟩ = ⟨gw, w⟩."""
    window, *wanted = geometry
    x, w, gy = map(normal, wanted, range(3))
    x, w = leaf(x.data), leaf(w.data)
    y = ops.conv2d(x, w, **options(window))
    gx, gw = grad(y, [x, w], [gy])
    np.testing.assert_allclose(dot(gx, x), dot(gy, y), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(dot(gw, w), dot(gy, y), rtol=1e-10, atol=1e-10)


@given(any_geometry)
def test_groups_are_convolutions_side_by_side(geometry):
    window, x_shape, w_shape, _ = geometry
    x, w = normal(x_shape, 0), normal(w_shape, 1)
    c, k = x_shape[3] // window.groups, w_shape[3] // window.groups
    alone = {**options(window), "groups": 1}
    parts = [
        ops.conv2d(x[..., g * c : (g + 1) * c], w[..., g * k : (g + 1) * k], **alone) for g in range(window.groups)
    ]
    np.testing.assert_allclose(
        ops.conv2d(x, w, **options(window)).data, ops.concatenate(parts, -1).data, rtol=1e-11, atol=1e-12
    )


@given(any_geometry)
def test_padding_is_a_border_of_zeros(geometry):
    window, x_shape, w_shape, _ = geometry
    x, w = normal(x_shape, 0), normal(w_shape, 1)
    bordered = ops.pad(x, ((0, 0), *window.padding, (0, 0)))
    np.testing.assert_allclose(
        ops.conv2d(x, w, **options(window)).data,
        ops.conv2d(bordered, w, **{**options(window), "padding": 0}).data,
        rtol=1e-12,
        atol=1e-12,
    )


# --- sizes ---------------------------------------------------------------------------------------------


@given(sizes, pairs, pairs, pairs)
def test_same_padding_gives_the_sizes_of_keras(size, kernel, stride, dilation):
    x, w = Tensor(np.zeros((1, *size, 1))), Tensor(np.zeros((*kernel, 1, 1)))
    options = {"stride": stride, "dilation": dilation, "padding": "same"}
    assert ops.conv2d(x, w, **options).shape[1:3] == tuple(-(-n // s) for n, s in zip(size, stride, strict=True))
    assert ops.conv_transpose2d(x, w, **options).shape[1:3] == tuple(n * s for n, s in zip(size, stride, strict=True))


@given(any_geometry, st.data())
def test_a_convolution_brings_a_transposed_size_back(geometry, data):
    """size → conv_transpose2d with any output_padding below the stride → conv2d → the same size."""
    window, _, w_shape, y_shape = geometry
    extra = data.draw(st.tuples(*(st.integers(0, s - 1) for s in window.stride)), "output_padding")
    # The window's size belongs to one output_padding, the remainder; what is smaller may not be there at all.
    assume(all(n - r + e >= 1 for n, r, e in zip(window.size, remainders(window), extra, strict=True)))
    y, w = Tensor(np.zeros(y_shape)), Tensor(np.zeros(w_shape))
    wide = ops.conv_transpose2d(y, w, output_padding=extra, **options(window))
    assert ops.conv2d(wide, w, **options(window)).shape == y.shape


def in_range(window):
    positive = (*window.size, *window.kernel, *window.stride, *window.dilation, window.groups)
    return min(positive) >= 1 and min(sum(window.padding, ())) >= 0


def arguments(window):
    """An image and a kernel of these sizes, with channels enough for the groups."""
    channels = max(window.groups, 1)
    return Tensor(np.zeros((1, *window.size, channels))), Tensor(np.zeros((*window.kernel, 1, channels)))


@given(windows(valid=False))
def test_conv2d_takes_the_windows_that_fit_and_refuses_all_others(window):
    x, w = arguments(window)
    axes = zip(window.size, window.kernel, window.stride, window.padding, window.dilation, strict=True)
    size = tuple(positions(*axis) for axis in axes) if in_range(window) else (0, 0)
    if min(size) >= 1:
        assert ops.conv2d(x, w, **options(window)).shape == (1, *size, window.groups)
    else:
        with pytest.raises((ArgumentError, ShapeError), match=r"^conv2d: "):
            ops.conv2d(x, w, **options(window))


# Small images and kernels, where padding often leaves no output.
few_pixels = windows(valid=False, max_size=2, max_kernel=2, max_dilation=2)
extras = st.just((0, 0)) | st.tuples(st.integers(-1, 2), st.integers(-1, 2))


@given(few_pixels, extras)
def test_conv_transpose2d_takes_what_leaves_an_image_and_refuses_all_else(window, extra):
    x, w = arguments(window)
    size = tuple(
        (n - 1) * s + d * (k - 1) + 1 + e - sum(pads)  # from the first tap to the last, and less the padding
        for n, k, s, pads, d, e in zip(
            window.size, window.kernel, window.stride, window.padding, window.dilation, extra, strict=True
        )
    )
    settings = {**options(window), "output_padding": extra}
    if in_range(window) and all(0 <= e < s for e, s in zip(extra, window.stride, strict=True)) and min(size) >= 1:
        assert ops.conv_transpose2d(x, w, **settings).shape == (1, *size, window.groups)
    else:
        with pytest.raises((ArgumentError, ShapeError), match=r"^conv_transpose2d: "):
            ops.conv_transpose2d(x, w, **settings)
