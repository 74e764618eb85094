"""Modulated convolutions, layers with an equalised learning rate, noise inputs, pixel norm."""

import numpy as np
import pytest
from error_tables import check, entries

from rawgan import Tensor, grad, nn, ops
from rawgan.errors import ArgumentError


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_modulated_convolution_has_a_kernel_of_its_own_for_each_image():
    """The definition, image by image; and the largest style there is makes no difference to a demodulated result."""
    draw = rng().standard_normal
    x, w, s = draw((3, 5, 4, 2)), draw((3, 3, 2, 4)), draw((3, 2))
    y = ops.modulated_conv2d(x, w, s, padding=1, gain=0.5).data
    for image, style, of_image in zip(x, s, y, strict=True):
        kernel = w * style[:, None]
        kernel /= np.sqrt((kernel**2).sum(axis=(0, 1, 2)) + 1e-8)
        np.testing.assert_allclose(of_image, 0.5 * ops.conv2d(image[None], kernel, padding=1).data[0], rtol=1e-12)
    np.testing.assert_allclose(ops.modulated_conv2d(x, w, 1e6 * s, padding=1, gain=0.5).data, y, rtol=1e-5)


@pytest.mark.parametrize("demodulate", [False, True])
def test_a_transposed_one_is_modulated_alike(demodulate):
    draw = rng().standard_normal
    x, w, s = draw((2, 3, 4, 5)), draw((4, 4, 2, 5)), draw((2, 5))
    y = ops.modulated_conv_transpose2d(x, w, s, demodulate=demodulate, stride=2, padding="same", gain=0.5).data
    for image, style, of_image in zip(x, s, y, strict=True):
        kernel = 0.5 * w * style
        if demodulate:
            kernel /= np.sqrt(4 * (kernel**2).sum(axis=(0, 1, 3), keepdims=True))
        expected = ops.conv_transpose2d(image[None], kernel, stride=2, padding="same").data[0]
        np.testing.assert_allclose(of_image, expected, rtol=1e-7)


ERRORS = """
ops.modulated_conv2d(zeros(2, 4, 4, 3), zeros(3, 3, 2, 5), zeros(2, 2))
ShapeError: modulated_conv2d: x has 3 channels but w takes 2
  x (2, 4, 4, 3), laid out (N, H, W, C)   w (3, 3, 2, 5), laid out (kh, kw, in, out)   s (2, 2), laid out (N, in)

ops.modulated_conv_transpose2d(zeros(2, 4, 4, 3), zeros(3, 3, 5, 3), zeros(1, 3))
ShapeError: modulated_conv_transpose2d: s must have a row for each of 2 images, and a number for each of 3 channels
  x (2, 4, 4, 3), laid out (N, H, W, C)   w (3, 3, 5, 3), laid out (kh, kw, out, in)   s (1, 3), laid out (N, in)

ops.modulated_conv2d(zeros(2, 4, 4, 3), zeros(3, 3, 3, 5), zeros(2, 3), gain=-1)
ArgumentError: modulated_conv2d: gain must be a number, at least 0 and finite, but is -1

nn.EqualizedLinear(3, 2, rng=rng(), rate=0.0)
ArgumentError: EqualizedLinear: rate must be a number, more than 0 and finite, but is 0.0

nn.NoiseInput(rng=rng())(zeros(4, 3))
ShapeError: NoiseInput: x must be (N, H, W, C)
  x (4, 3)
  in NoiseInput()

nn.PixelNorm()(zeros())
ShapeError: PixelNorm: x must have an axis of channels
  x ()
  in PixelNorm()
"""


@pytest.mark.parametrize(("call", "expected"), entries(ERRORS))
def test_errors(call, expected):
    check(call, expected)


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_equalised_weights_begin_at_one_size_whatever_the_rate(rate):
    """The same draws at every rate make the same layer, which the optimiser moves `rate` times as fast."""
    x = Tensor(rng(1).standard_normal((400, 300)).astype("float32"))
    layer, plain = (nn.EqualizedLinear(300, 50, rng=rng(), gain=2.0, rate=each) for each in (rate, 1.0))
    np.testing.assert_allclose(layer(x).data, plain(x).data, rtol=1e-4, atol=1e-5)
    assert layer(x).data.std() == pytest.approx(2, rel=0.02)
    assert layer.w.data.std() == pytest.approx(1 / rate, rel=0.02)
    slopes, unscaled = (grad(ops.sum(each(x)), [each.w, each.b]) for each in (layer, plain))
    for slope, full in zip(slopes, unscaled, strict=True):
        np.testing.assert_allclose(slope.data, rate * full.data, rtol=1e-4)


def test_an_equalised_convolution_keeps_the_mean_square():
    x = rng(1).standard_normal((20, 16, 16, 8)).astype("float32")
    y = nn.EqualizedConv2d(8, 32, 3, padding=1, rng=rng(), gain=2.0)(x).data
    assert y[:, 1:-1, 1:-1].std() == pytest.approx(2, rel=0.05)


# --- noise ------------------------------------------------------------------------------------------------------------


def strong(layer):
    layer.strength.data = np.array([0.5], "float32")
    return layer


def test_noise_is_new_in_each_call_of_training_and_goes_on_where_it_was():
    x = np.zeros((2, 8, 8, 3), "float32")
    layer, resumed = (strong(nn.NoiseInput(rng=rng())) for _ in range(2))
    assert (nn.NoiseInput(rng=rng())(x).data == 0).all()  # until it has learned a strength
    first, second = layer(x).data, layer(x).data
    assert (first == first[..., :1]).all()
    assert (first[0] != first[1]).any()
    assert (first != second).any()
    assert second.std() == pytest.approx(0.5, rel=0.15)
    resumed.load_state_dict(layer.state_dict())
    with layer.frozen_buffers():
        third = layer(x).data
    np.testing.assert_array_equal(layer(x).data, third)
    np.testing.assert_array_equal(resumed(x).data, third)
    assert (layer(x).data != third).any()
    assert (strong(nn.NoiseInput(rng=rng(1)))(x).data != first).any()


def test_noise_is_new_after_more_draws_than_float32_counts():
    x = np.zeros((1, 4, 4, 1), "float32")
    layer = strong(nn.NoiseInput(rng=rng()))
    layer.count.data = np.array(2**24 - 1, "float32")
    assert len({layer(x).data.tobytes() for _ in range(4)}) == 4
    assert layer.count.item() == 2**24 + 6


def test_noise_in_evaluation_is_the_same_for_every_image():
    layer = strong(nn.NoiseInput(rng=rng())).eval()
    y = layer(np.zeros((3, 8, 8, 1), "float32")).data
    assert (y == y[:1]).all()
    assert y.std() > 0.3
    np.testing.assert_array_equal(layer(np.zeros((1, 8, 8, 1), "float32")).data, y[:1])


def test_a_count_of_draws_that_is_read_only_is_refused():
    layer = nn.NoiseInput(rng=rng())
    view = layer.count.data
    view.flags.writeable = False
    layer.count.take_over(view)
    with pytest.raises(ArgumentError, match=r"NoiseInput.*count"):
        layer(np.zeros((1, 2, 2, 1), "float32"))


def test_pixel_norm_makes_the_mean_square_1():
    y = nn.PixelNorm()(7 * rng().standard_normal((2, 3, 3, 5)).astype("float32")).data
    np.testing.assert_allclose((y**2).mean(axis=-1), 1, rtol=1e-5)
    assert (nn.PixelNorm()(np.zeros((1, 4), "float32")).data == 0).all()
