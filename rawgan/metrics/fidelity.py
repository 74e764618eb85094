"""How near images are to what they should be, pixel by pixel: PSNR, SSIM, L1. One number for each image.

They see what a person sees less of than FID does: a blurred image is often nearest in all three. So both kinds belong
together.
"""

import numpy as np
from numpy.typing import NDArray

from rawgan.errors import ArgumentError, DTypeError, ShapeError, shapes

PEAK = 255.0
"""The largest difference that two pixels can have."""
WINDOW, SIGMA = 11, 1.5
"""The window by which SSIM looks at an image: its width in pixels, and the standard deviation of its Gaussian."""
K1, K2 = 0.01, 0.03
"""What keeps SSIM's quotients tame where an image is dark, and where it is flat."""

Images = NDArray[np.uint8]
"""(N, H, W, C)."""


def psnr(images: Images, targets: Images, finite: bool = False) -> NDArray[np.float64]:
    """The peak signal-to-noise ratio of each image, in dB: 10 · log₁₀(255² / mean squared error).

    Equal images have ∞; or, with `finite`, what they would have if a single value were wrong by 1: nothing else comes
    as near, so means can be taken of all images.

    Shapes: images and targets (N, H, W, C) → (N,)
    Raises: ShapeError, DTypeError for what are not two sets of images alike

    >>> zeros = np.zeros((1, 16, 16, 1), np.uint8)
    >>> psnr(zeros + 51, zeros).round(2)
    array([13.98])
    >>> psnr(zeros, zeros, finite=True).round(2)
    array([72.21])
    """
    x, y = _checked("psnr", images, targets)
    error = ((x - y) ** 2).mean(axis=(1, 2, 3))
    if finite:
        error = np.maximum(error, 1 / x[0].size)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(PEAK**2 / error)


def l1(images: Images, targets: Images) -> NDArray[np.float64]:
    """The mean absolute difference of each image's pixels, of which 1 is the largest that there can be.

    Shapes: images and targets (N, H, W, C) → (N,)
    Raises: as `psnr`

    >>> zeros = np.zeros((1, 16, 16, 1), np.uint8)
    >>> l1(zeros + 51, zeros)
    array([0.2])
    """
    x, y = _checked("l1", images, targets)
    return np.abs(x - y).mean(axis=(1, 2, 3)) / PEAK


def ssim(images: Images, targets: Images) -> NDArray[np.float64]:
    """The structural similarity of each image, at most 1: mean over the places where the whole window lies inside the
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
    x, y = _checked("ssim", images, targets)
    if min(x.shape[1:3]) < WINDOW:
        raise ArgumentError(f"ssim: a window of {WINDOW} × {WINDOW} pixels does not fit\n{shapes(images=images)}")
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    m_x, m_y, squares_x, squares_y, products = (_seen(z) for z in (x, y, x * x, y * y, x * y))
    v_x, v_y, c = squares_x - m_x**2, squares_y - m_y**2, products - m_x * m_y
    similarity = (2 * m_x * m_y + c1) * (2 * c + c2) / ((m_x**2 + m_y**2 + c1) * (v_x + v_y + c2))
    return similarity.mean(axis=(1, 2, 3))


def bell(width: int, sigma: float) -> NDArray[np.float64]:
    """Weights of a Gaussian at `width` places, an odd number, 1 in all.

    >>> bell(3, 1.0).round(3)
    array([0.274, 0.452, 0.274])
    """
    weights = np.exp(-0.5 * ((np.arange(width) - width // 2) / sigma) ** 2)
    return weights / weights.sum()


def windowed(x: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted sums over windows, along the rows and then along the columns, where whole windows fit.

    Shapes: x (N, H, W, C), weights (K,) → (N, H − K + 1, W − K + 1, C)
    """
    for axis in (1, 2):
        windows = np.lib.stride_tricks.sliding_window_view(x, len(weights), axis)
        x = windows @ weights  # (N, H − K + 1, W, C, K) @ (K,)
    return x


def _seen(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return windowed(x, bell(WINDOW, SIGMA))


def _checked(metric: str, images: Images, targets: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    for name, x in (("images", images), ("targets", targets)):
        if x.dtype != np.uint8:
            raise DTypeError(f"{metric}: {name} must be uint8, but are {x.dtype}; rawgan.data.to_uint8 makes them so")
    if images.ndim != 4 or images.shape != targets.shape or not images.size:
        raise ShapeError(
            f"{metric}: images and targets must be alike, (N, H, W, C), at least one\n"
            f"{shapes(images=images, targets=targets)}"
        )
    return images.astype(np.float64), targets.astype(np.float64)
