"""PSNR, SSIM and L1, beside scikit-image; and what needs no network."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from rawgan.config.translation import EnhanceConfig, Pix2pixConfig
from rawgan.errors import ArgumentError, DTypeError, ShapeError
from rawgan.metrics import l1, psnr, ssim
from rawgan.tasks.baselines import blurred, median
from rawgan.tasks.enhance import EnhanceTask
from rawgan.tasks.pix2pix import Pix2pixTask


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def like(images, by=20):
    noise = np.random.default_rng(1).integers(-by, by + 1, images.shape)
    return (images + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(3, 28, 28, 1), (2, 11, 40, 3), (2, 33, 17, 1)])
@pytest.mark.parametrize("by", [1, 20, 255])
def test_both_agree_with_scikit_image(shape, by):
    x = pixels(*shape)
    y = like(x, by)
    for one, other, p, s in zip(x, y, psnr(x, y), ssim(x, y), strict=True):
        assert p == pytest.approx(peak_signal_noise_ratio(one, other), abs=1e-6)
        expected = structural_similarity(
            one, other, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        )
        assert s == pytest.approx(expected, abs=1e-6)


def test_equal_images():
    x = pixels(2, 16, 16, 3)
    assert psnr(x, x).tolist() == [np.inf] * 2
    np.testing.assert_allclose(ssim(x, x), 1)
    assert l1(x, x).tolist() == [0, 0]


@pytest.mark.parametrize("metric", [psnr, ssim, l1])
def test_what_cannot_be_compared_is_refused(metric):
    x = pixels(2, 16, 16, 1)
    with pytest.raises(DTypeError, match="images must be uint8, but are float64"):
        metric(x / 255, x)
    with pytest.raises(ShapeError, match="must be alike"):
        metric(x, x[:1])
    with pytest.raises(ShapeError, match="must be alike"):
        metric(x[0], x[0])


def test_an_image_smaller_than_the_window_has_no_ssim():
    x = pixels(1, 10, 28, 1)
    with pytest.raises(ArgumentError, match="a window of 11 × 11 pixels does not fit"):
        ssim(x, x)


# --- baselines -------------------------------------------------------------------------------------------------------


def test_filters_by_hand():
    spot = np.zeros((1, 9, 9, 1))
    spot[0, 4, 4, 0] = 1
    seen = blurred(spot, 1.0)[0, :, :, 0]
    assert seen.sum() == pytest.approx(1, abs=1e-3)  # its tails come back from the border
    np.testing.assert_allclose(seen, seen.T)
    assert seen[4, 5] / seen[4, 4] == pytest.approx(np.exp(-0.5))
    line = np.arange(7.0).reshape(1, 1, 7, 1).repeat(7, axis=1)
    np.testing.assert_array_equal(median(line, 3)[0, 3, 1:-1, 0], np.arange(1, 6))


def test_a_filter_is_the_best_one_for_the_images_that_it_is_chosen_by():
    target = np.zeros((4, 16, 16, 1))
    target[:, 4:12, 4:12] = 1
    source = target + 0.5 * np.random.default_rng(0).standard_normal(target.shape)
    makers = EnhanceTask.baselines(EnhanceConfig.of(task="denoise"), source, target)
    (name, best), _ = makers.items()
    error = ((best(source) - target) ** 2).mean()
    assert name.startswith("Gaussian filter, σ ")
    assert all(error <= ((blurred(source, sigma) - target) ** 2).mean() for sigma in (0.3, 0.8, 1.0, 1.5, 3.0))


def test_each_task_has_its_own():
    source, target = np.zeros((4, 7, 7, 1), "float32"), np.zeros((4, 28, 28, 1), "float32")
    (enlarged,) = EnhanceTask.baselines(EnhanceConfig.of(), source, target).values()
    assert enlarged(source).shape == target.shape
    assert [*Pix2pixTask.baselines(Pix2pixConfig.of(), target, target)] == ["the source as it is", "the mean target"]
    assert [*EnhanceTask.baselines(EnhanceConfig.of(task="inpaint"), target, target)] == ["the mean of what is left"]
