"""Conversion of image arrays to pictures.

Images come as NumPy arrays (N, H, W, C): uint8, or floats in [−1, 1], the range of tanh. One channel is grey, two are
grey and alpha, three RGB, four RGBA. Floats outside the range are clipped; NaN, which a network that has diverged
generates, is black.
"""

from typing import TYPE_CHECKING

import numpy as np

from rawgan.data.pixels import to_uint8
from rawgan.errors import ArgumentError, DTypeError, ShapeError

if TYPE_CHECKING:
    from PIL.Image import Image

BACKGROUND = 64
"""Dark grey between images, which sets off black images and white ones."""
FIELDS = np.array([204, 255])
"""Greys of the checkerboard behind transparent images."""


def checked_pixels(op: str, images: np.ndarray) -> np.ndarray:
    """Check images (N, H, W, C) of 1 to 4 channels, and convert them to uint8.

    Raises: DTypeError, ShapeError, naming `op`
    """
    if not isinstance(images, np.ndarray):
        raise DTypeError(
            f"{op}: images are a NumPy array, not {type(images).__module__}.{type(images).__qualname__}\n"
            "  an array on a GPU has to be copied first: images.get()"
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DTypeError(f"{op}: images are floats in [-1, 1] or uint8, not {images.dtype} {images.shape}")
    if images.ndim != 4 or 0 in images.shape or images.shape[-1] > 4:
        raise ShapeError(f"{op}: images are (N, H, W, C), one or more, with 1 to 4 channels\n  images {images.shape}")
    return images if images.dtype == np.uint8 else to_uint8(np.nan_to_num(images, nan=-1.0))


def at_least(op: str, name: str, value: int, least: int) -> int:
    """Check that an option is a whole number of at least `least`.

    Raises: ArgumentError, naming `op` and the option
    """
    if not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(f"{op}: {name} is a whole number, {least} or more, got {value!r}")
    return int(value)


def picture_of(pixels: np.ndarray) -> "Image":
    """Pillow image of mode L, LA, RGB or RGBA. Shapes: pixels uint8 (H, W, C)"""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def opaque(picture: "Image") -> "Image":
    """Picture without transparency: grey stays grey; any other mode becomes RGB, laid on white where transparent."""
    from PIL import Image

    if picture.mode in ("L", "RGB"):
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def on_checkerboard(images: np.ndarray) -> np.ndarray:
    """Images with alpha laid on a board of light and dark fields, eight along the longer side.

    Shapes: images uint8 (N, H, W, C) → (N, H, W, 1 or 3)
    """
    height, width, channels = images.shape[1:]
    if channels in (1, 3):
        return images
    field = max(1, max(height, width) // 8)
    rows, columns = np.arange(height) // field, np.arange(width) // field
    board = FIELDS[(rows[:, None] + columns) % 2][..., None].astype(np.float32)  # (H, W, 1)
    found = np.empty((*images.shape[:3], channels - 1), np.uint8)
    for image, pixels in zip(found, images, strict=True):
        alpha = pixels[..., -1:] / np.float32(255)
        image[...] = np.rint(alpha * pixels[..., :-1] + (1 - alpha) * board)
    return found


def resized(image: np.ndarray, size: tuple[int, int]) -> "Image":
    """Colour picture of an image, on a checkerboard where transparent, averaged down or enlarged to (width, height) in
    pixels.

    Shapes: image uint8 (H, W, C)
    """
    from PIL.Image import Resampling

    return on_board(image).resize(size, Resampling.BOX)


def on_board(image: np.ndarray) -> "Image":
    """Colour picture of an image, on a checkerboard where transparent. Shapes: image uint8 (H, W, C)"""
    return picture_of(on_checkerboard(image[None])[0]).convert("RGB")
