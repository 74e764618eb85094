"""Filtering and resizing of images, by hand and against SciPy and Pillow."""

import numpy as np
import pytest
from PIL import Image

from rawgan import Tensor, ops
from rawgan.ops.resampling import separated


def draw(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# --- upfirdn2d -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("up", [1, 2, 3])
@pytest.mark.parametrize("down", [1, 2])
def test_a_filter_of_both_axes_is_scipys_along_each(up, down):
    from scipy.signal import upfirdn  # which takes a second: not where tests are collected

    x, f = draw(2, 5, 6, 3), draw(4, seed=1)
    y = ops.upfirdn2d(x, f, up=up, down=down, padding=3).numpy()
    expected = upfirdn(f, upfirdn(f, x, up, down, axis=1), up, down, axis=2)
    # SciPy puts no zeros behind the last pixel, and pads as far as the filter reaches.
    np.testing.assert_allclose(y[:, : expected.shape[1], : expected.shape[2]], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal([y.shape[1], y.shape[2]], [(n * up + 6 - 4) // down + 1 for n in (5, 6)])
    assert not y[:, expected.shape[1] :].any()


@pytest.mark.parametrize("flip", [False, True])
def test_a_filter_of_two_axes_is_a_convolution_unless_flipped(flip):
    from scipy.signal import convolve2d

    x, f = draw(1, 5, 6, 1), draw(3, 2)
    y = ops.upfirdn2d(x, f, flip_filter=flip, gain=2.0, padding=((1, 0), (0, -1))).numpy()
    padded = np.pad(x[0, :, :5, 0], ((1, 0), (0, 0)))
    expected = 2 * convolve2d(padded, f[::-1, ::-1] if flip else f, "valid")
    np.testing.assert_allclose(y[0, ..., 0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2), (3, 1), (1, 3)])
def test_same_padding_keeps_size_and_place(taps, up, down):
    """A ramp stays one, and its values are the places of the pixels' centres."""
    size, box = 24, np.full(up, 1 / up)
    f = np.convolve(np.convolve(box, box), np.full(taps, 1 / taps))  # the first two interpolate linearly
    x = np.broadcast_to(np.arange(size) + 0.5, (1, size, size)).reshape(1, size, size, 1)
    y = ops.upfirdn2d(x, f, up=up, down=down, padding="same", gain=up**2).numpy()[0, size // 2 * up // down, :, 0]
    centres = (np.arange(size * up // down) + 0.5) * down / up
    half = 0.5 * ((len(f) + up - down + 1) % 2) / up  # an odd pixel of padding is in front
    assert len(y) == len(centres)
    inside = slice(len(centres) // 3, -len(centres) // 3)
    np.testing.assert_allclose(y[inside], centres[inside] - half, rtol=1e-12)


def test_separable_filters_take_one_pass_and_are_exact():
    f = np.outer([1.0, 3, 3, 1], [1.0, 2, 1]) / 32
    ((rows, columns),) = separated(f.tobytes(), f.shape)
    np.testing.assert_array_equal(np.outer(rows, columns), f)
    general = draw(4, 3)
    np.testing.assert_allclose(sum(np.outer(*pair) for pair in separated(general.tobytes(), general.shape)), general)
    zero = np.zeros((2, 2))
    assert ops.upfirdn2d(draw(1, 2, 2, 1), zero).item() == 0


def test_infinite_pixels_reach_no_further_than_the_taps():
    x = np.zeros((1, 1, 5, 1))
    x[0, 0, 2, 0] = np.inf
    y = ops.upfirdn2d(x, [[1.0, 2.0]], up=(1, 2)).numpy()[0, 0, :, 0]
    np.testing.assert_array_equal(np.isfinite(y), [True] * 3 + [False] * 2 + [True] * 4)


def test_filters_may_be_lists_arrays_and_tensors():
    x = draw(1, 4, 4, 1)
    expected = ops.upfirdn2d(x, (1.0, 1.0, 1.0), padding=1).numpy()
    for f in ([1, 1, 1], np.ones(3, "float32"), Tensor(np.ones(3)), np.ones((3, 3), int)):
        np.testing.assert_array_equal(ops.upfirdn2d(x, f, padding=1).numpy(), expected)


# --- resize ----------------------------------------------------------------------------------------------------------

PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@pytest.mark.parametrize("mode", PILLOW)
@pytest.mark.parametrize("size", [(3, 29), (12, 5), (7, 11), (1, 1)])
def test_antialiased_images_are_pillows(mode, size):
    x = draw(7, 11, dtype="float32")
    expected = np.asarray(Image.fromarray(x).resize(size[::-1], PILLOW[mode]))
    y = ops.resize(x[None, ..., None], size, mode).numpy()[0, ..., 0]
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
def test_the_same_size_is_the_same_image(mode):
    x = draw(2, 5, 6, 3, dtype="float32")
    x[0, 2, 2] = np.inf  # reaches no other pixel
    for options in ({"antialias": False}, {"antialias": True}):
        np.testing.assert_array_equal(ops.resize(x, (5, 6), mode, **options).numpy(), x)


def test_nearest_pixels_by_hand():
    x = np.arange(5.0).reshape(1, 1, 5, 1)

    def resized(mode, **options):
        return ops.resize(x, mode=mode, **options).numpy()[0, 0, :, 0].tolist()

    assert resized("nearest", size=(1, 3)) == [0, 1, 3]
    assert resized("nearest-exact", size=(1, 3)) == [0, 2, 4]
    assert resized("nearest", size=(1, 10)) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert resized("nearest", scale_factor=(1, 0.5)) == [0, 2]
    assert resized("area", size=(1, 3)) == pytest.approx([0.5, 2, 3.5])
    # 49 · (1 / 49) is less than 1.
    assert resized("nearest", scale_factor=(1, 49)) == np.repeat(np.arange(5.0), 49).tolist()


@pytest.mark.parametrize("channels", [1, 3, 6, 33])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_pixels_are_copied_whatever_the_factor(mode, channels):
    """Over several blocks of rows, of which some begin inside of equal rows; NaN and infinity are copied, too."""
    x = draw(2, 7, 40, channels, dtype="float32")
    x[0, 3, 3], x[1, 2, 2] = np.nan, np.inf
    for size in ((35, 400), (9, 12), (3, 100)):
        rows, columns = (
            (2 * np.arange(new) + (mode == "nearest-exact")) * old // (2 * new)
            for old, new in zip((7, 40), size, strict=True)
        )
        np.testing.assert_array_equal(ops.resize(x, size, mode).numpy(), x[:, rows][:, :, columns])


@pytest.mark.parametrize("channels", [1, 3, 6, 33])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_pixels_that_are_not_chosen_get_no_gradient(mode, channels):
    """A smaller image chooses each pixel at most once: its gradient is copied, NaN included, and all else is 0."""
    gradient = draw(2, 3, 12, channels, dtype="float32")
    gradient[0, 2, 3] = np.nan
    x = Tensor(np.ones((2, 7, 40, channels), "float32"), requires_grad=True)
    ops.resize(x, (3, 12), mode).backward(Tensor(gradient))
    rows, columns = (
        (2 * np.arange(new) + (mode == "nearest-exact")) * old // (2 * new) for old, new in ((7, 3), (40, 12))
    )
    expected = np.zeros(x.shape, "float32")
    expected[:, rows[:, None], columns] = gradient
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_constant_images_stay_constant_in_float32():
    x = np.full((1, 37, 41, 2), 1000.0, "float32")
    for mode in ("bilinear", "bicubic", "area"):
        np.testing.assert_allclose(ops.resize(x, (8, 90), mode).numpy(), 1000, rtol=3e-7)
