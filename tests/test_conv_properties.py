"""Properties of convolutions over any geometry. hypothesis draws the shapes and prints the smallest that fails."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rawgan import Tensor, grad, ops

conv_settings = settings(deadline=None, derandomize=True, max_examples=100)

small = st.integers(1, 3)
pairs = st.tuples(small, small)
paddings = st.tuples(st.tuples(st.integers(0, 2), st.integers(0, 2)), st.tuples(st.integers(0, 2), st.integers(0, 2)))
sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))


@st.composite
def geometries(draw):
    """Options of a convolution whose window fits, with the shapes of x and w."""
    size, kernel, stride, dilation = draw(sizes), draw(pairs), draw(pairs), draw(pairs)
    padding, groups = draw(paddings), draw(small)
    for n, k, d, pads in zip(size, kernel, dilation, padding, strict=True):
        assume(n + sum(pads) >= d * (k - 1) + 1)
    channels, outputs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return (draw(small), *size, channels), (*kernel, channels // groups, outputs), options


def remainders(size, kernel, stride, padding, dilation):
    """How many pixels are left over after the last window: what output_padding gives back."""
    return tuple(
        (n + sum(pads) - (d * (k - 1) + 1)) % s
        for n, k, s, pads, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def normal(shape, seed):
    return Tensor(np.random.default_rng(seed).standard_normal(shape))


def dot(a, b):
    return float(np.sum(a.data * b.data))


@conv_settings
@given(geometries())
def test_conv_transpose_is_the_adjoint_of_conv(geometry):
    """⟨conv2d(x, w), y⟩ = ⟨x, conv_transpose2d(y, w)⟩, with output_padding making up for the floor in the size."""
    x_shape, w_shape, options = geometry
    x, w = normal(x_shape, 0), normal(w_shape, 1)
    forth = ops.conv2d(x, w, **options)
    y = normal(forth.shape, 2)
    extra = remainders(x_shape[1:3], w_shape[:2], options["stride"], options["padding"], options["dilation"])
    back = ops.conv_transpose2d(y, w, output_padding=extra, **options)
    assert back.shape == x.shape
    np.testing.assert_allclose(dot(forth, y), dot(x, back), rtol=1e-10, atol=1e-10)


@conv_settings
@given(geometries())
def test_the_gradients_of_conv_are_its_adjoints(geometry):
    """conv2d is linear in x and in w, so ⟨gx, x⟩ = ⟨gy, y⟩ = ⟨gw, w⟩."""
    x_shape, w_shape, options = geometry
    x, w = Tensor(normal(x_shape, 0).data, True), Tensor(normal(w_shape, 1).data, True)
    y = ops.conv2d(x, w, **options)
    gy = normal(y.shape, 2)
    gx, gw = grad(y, [x, w], [gy])
    np.testing.assert_allclose(dot(gx, x), dot(gy, y), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(dot(gw, w), dot(gy, y), rtol=1e-10, atol=1e-10)


@conv_settings
@given(sizes, pairs, pairs, pairs)
def test_same_padding_gives_the_sizes_of_keras(size, kernel, stride, dilation):
    x, w = Tensor(np.zeros((1, *size, 1))), Tensor(np.zeros((*kernel, 1, 1)))
    options = {"stride": stride, "dilation": dilation, "padding": "same"}
    assert ops.conv2d(x, w, **options).shape[1:3] == tuple(-(-n // s) for n, s in zip(size, stride, strict=True))
    assert ops.conv_transpose2d(x, w, **options).shape[1:3] == tuple(n * s for n, s in zip(size, stride, strict=True))


@conv_settings
@given(geometries(), st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_a_convolution_brings_a_transposed_size_back(geometry, extra):
    """size → conv_transpose2d with any output_padding below the stride → conv2d → the same size."""
    (n, *size, _), (*kernel, c, k), options = geometry
    assume(all(e < s for e, s in zip(extra, options["stride"], strict=True)))
    for m, a, s, d, pads, e in zip(
        size, kernel, options["stride"], options["dilation"], options["padding"], extra, strict=True
    ):
        assume((m - 1) * s - sum(pads) + d * (a - 1) + 1 + e >= 1)
    x, w = Tensor(np.zeros((n, *size, k))), Tensor(np.zeros((*kernel, c, k)))
    wide = ops.conv_transpose2d(x, w, output_padding=extra, **options)
    assert ops.conv2d(wide, w, **options).shape == x.shape


@conv_settings
@given(geometries())
def test_groups_are_convolutions_side_by_side(geometry):
    x_shape, w_shape, options = geometry
    groups = options["groups"]
    x, w = normal(x_shape, 0), normal(w_shape, 1)
    c, k = x_shape[3] // groups, w_shape[3] // groups
    alone = {**options, "groups": 1}
    parts = [ops.conv2d(x[..., g * c : (g + 1) * c], w[..., g * k : (g + 1) * k], **alone) for g in range(groups)]
    np.testing.assert_allclose(
        ops.conv2d(x, w, **options).data, ops.concatenate(parts, -1).data, rtol=1e-11, atol=1e-12
    )


@conv_settings
@given(geometries())
def test_padding_is_a_border_of_zeros(geometry):
    x_shape, w_shape, options = geometry
    x, w = normal(x_shape, 0), normal(w_shape, 1)
    bordered = ops.pad(x, ((0, 0), *options["padding"], (0, 0)))
    np.testing.assert_allclose(
        ops.conv2d(x, w, **options).data,
        ops.conv2d(bordered, w, **{**options, "padding": 0}).data,
        rtol=1e-12,
        atol=1e-12,
    )
