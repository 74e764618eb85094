"""Degradations that an enhancer learns to undo: fewer pixels, noise, or a hole. They are drawn anew in each step."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.errors import ArgumentError
from rawgan_kernels import array_module
from rawgan_kernels.resampling import Interpolation, dense

TASKS = ("super-resolution", "denoise", "inpaint")


@dataclass(frozen=True)
class Degradation:
    """A task of enhancement, and its difficulty.

    Raises: ArgumentError for an unknown task or a value out of range

    >>> images = np.zeros((2, 28, 28, 1), np.float32)
    >>> [Degradation(task).apply(images, np.random.default_rng(0)).shape for task in TASKS]
    [(2, 7, 7, 1), (2, 28, 28, 1), (2, 28, 28, 2)]
    """

    task: str
    factor: int = 4
    """Super-resolution: enlargement in each direction, a power of 2."""
    noise: float = 0.5
    """Denoising: standard deviation of the noise, for pixels from −1 to 1. Noisy pixels are not clipped."""
    hole: int = 10
    """Inpainting: height and width of the hole, in pixels."""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ArgumentError(f"there is no task {self.task!r}; choose one of: {', '.join(TASKS)}")
        if self.factor not in (2, 4, 8):
            raise ArgumentError(f"factor must be 2, 4 or 8, but is {self.factor}")
        if not 0 < self.noise <= 10:
            raise ArgumentError(f"noise must be more than 0 and at most 10, but is {self.noise}")
        if self.hole < 1:
            raise ArgumentError(f"hole must be at least 1, but is {self.hole}")

    @property
    def scale(self) -> int:
        """Enlargement from source to target, in each direction."""
        return self.factor if self.task == "super-resolution" else 1

    def source_channels(self, channels: int) -> int:
        """Number of channels that an enhancer reads: inpainting adds a mask of the hole."""
        return channels + 1 if self.task == "inpaint" else channels

    def apply(self, images: Any, rng: np.random.Generator) -> Any:
        """Degraded images, as an array on the same device.

        Shapes: (N, H, W, C) in [−1, 1] → (N, H / factor, W / factor, C) for super-resolution, (N, H, W, C) for
                denoising, (N, H, W, C + 1) for inpainting
        """
        if self.task == "super-resolution":
            return shrunk(images, self.factor)
        if self.task == "denoise":
            noise = self.noise * rng.standard_normal(images.shape)
            return images + array_module(images).asarray(noise, images.dtype)
        return with_hole(images, self._holes(images.shape, rng))

    def _holes(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
        """Mask of a random hole in each image. Shapes: → (N, H, W, 1)"""
        n, height, width, _ = shape
        if self.hole >= min(height, width):
            raise ArgumentError(f"hole {self.hole} leaves nothing of images of {width} × {height} pixels")
        places = rng.integers(0, [height - self.hole + 1, width - self.hole + 1], (n, 2))  # one image after the other
        top, left = places[:, :1], places[:, 1:]
        rows, columns = np.arange(height), np.arange(width)
        tall = (rows >= top) & (rows < top + self.hole)
        wide = (columns >= left) & (columns < left + self.hole)
        return (tall[:, :, None] & wide[:, None, :])[..., None]


def with_hole(images: Any, holes: NDArray[np.bool_]) -> Any:
    """Images that are grey in their holes, with a mask channel: 1 in the hole, −1 elsewhere.

    Shapes: images (N, H, W, C), holes (N, H, W, 1) → (N, H, W, C + 1)
    """
    xp = array_module(images)
    missing = xp.asarray(holes)
    where = xp.where(missing, 1, -1).astype(images.dtype)
    return xp.concatenate([xp.where(missing, images.dtype.type(0), images), where], axis=3)


def shrunk(images: Any, factor: int) -> Any:
    """Images of fewer pixels, bicubic; `factor` is a whole number.

    Shapes: (N, H, W, C) → (N, H / factor, W / factor, C)
    """
    height, width = images.shape[1:3]
    if height % factor or width % factor:
        raise ArgumentError(f"images of {width} × {height} pixels cannot be shrunk by {factor}; take a multiple")
    return resampled(images, (height // factor, width // factor))


def resampled(images: Any, size: tuple[int, int]) -> Any:
    """Images of another size, bicubic, with the weights of Pillow: shrinking averages over more pixels.

    Shapes: (N, H, W, C) in [−1, 1] → (N, *size, C)

    >>> resampled(np.ones((1, 4, 6, 3), np.float32), (8, 3)).shape
    (1, 8, 3, 3)
    """
    xp = array_module(images)
    n, height, width, c = images.shape
    rows, columns = (
        xp.asarray(bicubic_weights(before, after), images.dtype)
        for before, after in ((height, size[0]), (width, size[1]))
    )
    tall = rows @ images.reshape(n, height, width * c)  # (I, H) @ (N, H, W·C) → (N, I, W·C)
    wide = columns @ tall.reshape(n * size[0], width, c)  # (J, W) @ (N·I, W, C) → (N·I, J, C)
    return wide.reshape(n, *size, c).clip(-1, 1)


@cache
def bicubic_weights(before: int, after: int) -> NDArray[np.float32]:
    """Weights of resampling a row of `before` pixels to `after`, which are Pillow's. Shapes: → (after, before)"""
    weights: NDArray[np.float32] = dense(Interpolation(before, after, "bicubic")).astype(np.float32)
    weights.flags.writeable = False
    return weights
