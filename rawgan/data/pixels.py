"""Pixels: bytes to numbers and back, and images of any size and mode to squares of one size and mode."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rawgan.data.bounded import refuse_too_large
from rawgan.data.imageset import Progress
from rawgan.errors import ArgumentError, DataError, DTypeError

if TYPE_CHECKING:
    from PIL import Image

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""What Pillow calls an image of so many channels."""
SEEN = [0] + [255] * 255
"""Of each alpha, whether anything of a pixel is seen."""


def to_unit(pixels: NDArray[np.uint8], dtype: DTypeLike = np.float32) -> NDArray[np.floating]:
    """Bytes 0…255 as numbers from -1 to 1, the range of tanh.

    Shapes:  pixels any shape → the same
    Forward: y = pixels / 127.5 - 1, so that 0 ↦ -1 and 255 ↦ 1 exactly
    Raises:  DTypeError for pixels that are not uint8, or a dtype other than float32 and float64

    >>> to_unit(np.array([0, 51, 255], np.uint8))
    array([-1. , -0.6,  1. ], dtype=float32)
    """
    if pixels.dtype != np.uint8:
        raise DTypeError(f"to_unit: expected pixels as uint8, came {pixels.dtype} {pixels.shape}")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise DTypeError(f"to_unit: expected dtype float32 or float64, came {np.dtype(dtype)}")
    unit = pixels.astype(dtype)
    unit /= 127.5
    unit -= 1
    return unit


def to_uint8(images: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Numbers from -1 to 1 as bytes 0…255: the nearest byte, halves away from zero, what is outside clipped.

    Shapes:  images any shape → the same
    Forward: y = round((x + 1) · 127.5), the inverse of :func:`to_unit`
    Raises:  DTypeError for images that are not floats; ArgumentError for NaN, which has no colour

    >>> to_uint8(np.array([-1, 0, 1, 7.5]))
    array([  0, 128, 255, 255], dtype=uint8)
    """
    if images.dtype.kind != "f":
        raise DTypeError(f"to_uint8: expected images as floats in [-1, 1], came {images.dtype} {images.shape}")
    levels = (np.clip(images.astype(np.float64), -1, 1) + 1) * 127.5
    if lost := int(np.isnan(levels).sum()):
        raise ArgumentError(
            f"to_uint8: {lost} of {images.size} values of images {images.shape} are NaN; "
            "the network that made them has diverged"
        )
    whole = np.floor(levels)
    return (whole + (levels - whole >= 0.5)).astype(np.uint8)


def resized(
    images: NDArray[np.uint8],
    size: int,
    channels: int | None,
    name: str,
    on_progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Images that lie in one array, as squares of `size` pixels with so many `channels` (None: as they are).

    Shapes: images (N, H, W) or (N, H, W, C) → (N, size, size, channels)
    Raises: DataError for 2 or 4 channels, with alpha, wanted of images that have none; for more than memory holds

    >>> resized(np.zeros((5, 28, 28), np.uint8), 32, 3, "zeros").shape
    (5, 32, 32, 3)
    """
    has = 1 if images.ndim == 3 else images.shape[3]
    wanted = channels or has
    if wanted in (2, 4) and wanted != has:
        raise DataError(f"{name}: channels={wanted} is with alpha, but the images have {has}; expected 1 or 3")
    if images.shape[1:3] == (size, size) and has == wanted:
        return images.reshape(-1, size, size, has)

    from PIL import Image

    flat = images[..., 0] if images.shape[3:] == (1,) else images  # Pillow wants grey as (H, W)
    refuse_too_large(name, len(images) * size * size * wanted)
    squares = np.empty((len(images), size, size, wanted), np.uint8)
    for i, pixels in enumerate(flat):
        squares[i] = square(Image.fromarray(pixels), size, wanted)
        if on_progress and (i % 100 == 99 or i + 1 == len(flat)):
            on_progress(i + 1, len(flat))
    return squares


def square(image: "Image.Image", size: int, channels: int) -> NDArray[np.uint8]:
    """The largest square in the middle of a Pillow image of any mode, resized and with so many `channels`.

    Shapes: image of any size → (size, size, channels)

    >>> from PIL import Image
    >>> square(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), 1, 3)
    array([[[255, 255, 255]]], dtype=uint8)
    """
    from PIL import Image, ImageOps

    image = ImageOps.fit(in_mode(image, channels), (size, size), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(size, size, channels)


def in_mode(image: "Image.Image", channels: int) -> "Image.Image":
    """A Pillow image of any mode with so many channels, of bytes.

    Unless alpha is wanted, transparency is laid on white. What cannot be seen, as it is transparent, is black.

    >>> from PIL import Image
    >>> in_mode(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), 3).getpixel((0, 0))
    (255, 255, 255)
    """
    from PIL import Image

    if channels in (1, 3) and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if channels in (2, 4) and has_clear_pixels(image):
        image = image.convert("RGBA")
        image = Image.composite(image, Image.new("RGBA", image.size), image.getchannel("A").point(SEEN))
    return image.convert(MODES[channels])


def has_clear_pixels(image: "Image.Image") -> bool:
    """Whether a Pillow image is transparent somewhere.

    >>> from PIL import Image
    >>> has_clear_pixels(Image.new("RGBA", (4, 3), (9, 9, 9, 254))), has_clear_pixels(Image.new("LA", (4, 3), (9, 255)))
    (True, False)
    """
    if not image.has_transparency_data:
        return False
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return lowest != 255
