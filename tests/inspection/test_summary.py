"""Summaries and pictures of arrays."""

import numpy as np
import pytest

from rawgan.inspection.summary import BINS, images_of, kernels_first, maps_of, summary_of


def test_a_summary_has_the_numbers_of_the_array():
    array = np.random.default_rng(0).standard_normal((7, 5)).astype("float32")
    found = summary_of(array)
    assert found.shape == (7, 5)
    assert (found.least, found.greatest) == (array.min(), array.max())
    assert found.rms == pytest.approx(np.sqrt(np.mean(array.astype(float) ** 2)))
    assert found.counts == tuple(np.histogram(array.astype(float), BINS)[0])  # NumPy's, for a range that is wide enough
    assert found.nonfinite == 0


def test_large_numbers_do_not_overflow():
    assert summary_of(np.full(3, 1e30, "float32")).rms == pytest.approx(1e30)
    found = summary_of(np.array([-1.7e308, 1.7e308]))
    assert found.rms == pytest.approx(1.7e308)
    assert found.counts == (1, *(0,) * (BINS - 2), 1)


@pytest.mark.parametrize(
    "array", [np.full(4, 0.1), np.array([1.0, np.nextafter(1, 2)] * 2), np.zeros(4), np.full(4, 5e-324)]
)
def test_numbers_that_are_almost_the_same_have_a_histogram(array):
    assert sum(summary_of(array).counts) == 4


def test_numbers_that_are_not_finite_are_counted_apart():
    found = summary_of(np.array([np.nan, -1.0, np.inf, 1.0]))
    assert (found.least, found.greatest, found.rms, found.nonfinite) == (-1, 1, 1, 2)
    nothing = summary_of(np.array([np.nan]))
    assert nothing.nonfinite == 1
    assert nothing.bars == " " * BINS


def test_every_part_with_an_element_has_a_bar():
    bars = summary_of(np.array([0.0, *np.ones(10_000)])).bars
    assert bars == "▁" + " " * (BINS - 2) + "█"


def test_maps_are_those_of_the_first_image_on_one_scale():
    array = np.zeros((2, 2, 2, 3), "float32")
    array[0, 0, 0] = 4, -2, np.nan
    array[1] = 100
    maps = maps_of(array, 8)
    assert maps.shape == (3, 2, 2, 1)
    assert list(maps[:2, 0, 0, 0]) == [1, -0.5]
    assert maps_of(array, 2).shape == (2, 2, 2, 1)
    assert not maps_of(np.zeros((1, 2, 2, 1)), 1).any()


@pytest.mark.parametrize("shape", [(3, 4), (5,), (), (2, 1, 1, 8)])
def test_other_arrays_have_no_maps(shape):
    assert maps_of(np.ones(shape), 4) is None
    assert images_of(np.ones(shape), 4) is None


def test_kernels_of_the_first_channel_are_maps():
    weight = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    maps = maps_of(kernels_first(weight), 9)
    np.testing.assert_allclose(maps[..., 0] * weight[:, :, 0].max(), np.moveaxis(weight[:, :, 0], -1, 0))
    assert kernels_first(np.ones((2, 3))).shape == (2, 3)


def test_images_are_as_they_are():
    images = np.ones((5, 2, 2, 3))
    assert images_of(images, 2).shape == (2, 2, 2, 3)
    assert images_of(np.ones((5, 2, 2, 8)), 2) is None
