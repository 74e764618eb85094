"""SSIM: structural similarity of images to their targets."""

import numpy as np
from numpy.typing import NDArray

from rawgan.errors import ArgumentError, shapes
from rawgan.metrics.figures.metric import Figure, ImagePairs, Metric
from rawgan.metrics.figures.pixel_checks import PEAK, Images, checked_pixels

WINDOW, SIGMA = 11, 1.5
"""Width of the Gaussian window in pixels, and its standard deviation."""
K1, K2 = 0.01, 0.03
"""Constants that keep the quotients finite in dark and in flat parts of an image."""


def ssim(images: Images, targets: Images) -> NDArray[np.float64]:
    """Structural similarity of each image, at most 1: mean over all places at which the whole window lies inside the
    image, and over the channels.

    Around each place, means m, variances v and covariance c under a Gaussian window of 11 × 11 pixels, σ = 1.5:

        (2 · m_x · m_y + C₁) · (2 · c + C₂) / ((m_x² + m_y² + C₁) · (v_x + v_y + C₂))

    where C₁ = (0.01 · 255)² and C₂ = (0.03 · 255)².

    Shapes: images and targets (N, H, W, C), H and W at least 11 → (N,)
    Raises: as `psnr`; ArgumentError for images smaller than the window
    Source: Wang et al. 2004

    >>> image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    >>> ssim(image, image), ssim(255 - image, image).round(3)
    (array([1.]), array([-0.826]))
    """
    x, y = checked_pixels("ssim", images, targets)
    if min(x.shape[1:3]) < WINDOW:
        raise ArgumentError(f"ssim: a window of {WINDOW} × {WINDOW} pixels does not fit\n{shapes(images=images)}")
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    m_x, m_y, squares_x, squares_y, products = (_windowed_means(z) for z in (x, y, x * x, y * y, x * y))
    v_x, v_y, c = squares_x - m_x**2, squares_y - m_y**2, products - m_x * m_y
    similarity = (2 * m_x * m_y + c1) * (2 * c + c2) / ((m_x**2 + m_y**2 + c1) * (v_x + v_y + c2))
    return similarity.mean(axis=(1, 2, 3))


def bell(width: int, sigma: float) -> NDArray[np.float64]:
    """Weights of a Gaussian at `width` places, an odd number. Their sum is 1.

    >>> bell(3, 1.0).round(3)
    array([0.274, 0.452, 0.274])
    """
    weights = np.exp(-0.5 * ((np.arange(width) - width // 2) / sigma) ** 2)
    return weights / weights.sum()


def windowed(x: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted sums over windows, along the rows and then along the columns, wherever a whole window fits.

    Shapes: x (N, H, W, C), weights (K,) → (N, H − K + 1, W − K + 1, C)
    """
    for axis in (1, 2):
        windows = np.lib.stride_tricks.sliding_window_view(x, len(weights), axis)
        x = windows @ weights  # (N, H − K + 1, W, C, K) @ (K,)
    return x


def _windowed_means(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return windowed(x, bell(WINDOW, SIGMA))


def _computed(pairs: ImagePairs) -> dict[str, NDArray[np.float64]]:
    """Nothing for images smaller than the window."""
    fits = min(pairs.images.shape[1:3]) >= WINDOW
    return {"ssim": ssim(pairs.images, pairs.targets)} if fits else {}


SSIM = Metric(
    name="ssim",
    summary="structural similarity",
    takes=ImagePairs,
    figures=(Figure("ssim", "SSIM", ".4f", "1 if equal"),),
    compute=_computed,
    position=2,
)
