"""Pixels: conversion from bytes to numbers and back, and from images of any size and mode to squares of one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import refuse_too_large
from rawgan.errors import ArgumentError, DataError, DTypeError

if TYPE_CHECKING:
    from PIL import Image

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's mode for images of bytes, by the number of channels."""
VISIBLE = [0] + [255] * 255
"""Table from alpha to a mask: 0 for pixels that are fully transparent, 255 for all others."""


class Fit(NamedTuple):
    """A way to make a square of an image of any proportions."""

    summary: str
    frame: Callable[["Image.Image", int], "Image.Image"]
    """Function of a Pillow image of bytes and the side of the square in pixels."""
    side: Callable[[int, int], int]
    """The width or the height of an image that becomes the side of its square; a smaller image is enlarged."""


def cropped(image: "Image.Image", size: int) -> "Image.Image":
    """Cut the largest square from the middle of an image, and resize it (bicubic)."""
    from PIL import Image, ImageOps

    return ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)


def padded(image: "Image.Image", size: int) -> "Image.Image":
    """Resize an image (bicubic) until its longer side is that of the square, and centre it on a transparent square, or
    on a white one where there is no alpha: on white, as all transparency is then.
    """
    from PIL import Image

    longer = max(image.size)
    inner = image.resize([max(1, round(side * size / longer)) for side in image.size], Image.Resampling.BICUBIC)
    square = Image.new(image.mode, (size, size), 0 if image.mode in ("LA", "RGBA") else "white")
    square.paste(inner, ((size - inner.width) // 2, (size - inner.height) // 2))
    return square


def stretched(image: "Image.Image", size: int) -> "Image.Image":
    """Resize an image (bicubic), each axis by itself."""
    from PIL import Image

    return image.resize((size, size), Image.Resampling.BICUBIC)


CROP = "crop"
FITS = {
    CROP: Fit("the centre square", cropped, min),
    "pad": Fit("the whole image, with transparent sides (white without alpha)", padded, max),
    "stretch": Fit("the whole image, both axes scaled to fit", stretched, min),
}
"""Ways to make squares, by the name that the user gives."""


def to_unit(pixels: NDArray[np.uint8], dtype: DTypeLike = np.float32) -> NDArray[np.floating]:
    """Convert bytes 0…255 to numbers from −1 to 1, the range of tanh.

    Shapes:  pixels any shape → the same
    Forward: y = pixels / 127.5 − 1, so that 0 ↦ −1 and 255 ↦ 1 exactly
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
    """Convert numbers from −1 to 1 to bytes 0…255: the nearest byte, halves rounded up; numbers outside are clipped.

    Shapes:  images any shape → the same
    Forward: y = round((x + 1) · 127.5), the inverse of :func:`to_unit`
    Raises:  DTypeError for images that are not floats; ArgumentError for NaN

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
    fit: str = CROP,
) -> NDArray[np.uint8]:
    """Resize the images of one array to squares of `size` pixels with so many `channels` (None keeps them).

    `fit` is a name of FITS.

    Shapes: images (N, H, W) or (N, H, W, C) → (N, size, size, channels)
    Raises: DataError for 2 or 4 channels (with alpha) if the images have no alpha, or for more bytes than memory holds

    >>> resized(np.zeros((5, 28, 28), np.uint8), 32, 3, "zeros").shape
    (5, 32, 32, 3)
    """
    has = 1 if images.ndim == 3 else images.shape[3]
    wanted = channels or has
    if wanted in (2, 4) and wanted != has:
        raise DataError(f"{name}: channels={wanted} include alpha, but the images have {has}; expected 1 or 3")
    if images.shape[1:3] == (size, size) and has == wanted:
        return images.reshape(-1, size, size, has)

    from PIL import Image

    flat = images[..., 0] if images.shape[3:] == (1,) else images  # Pillow wants grey as (H, W)
    refuse_too_large(name, len(images) * size * size * wanted)
    squares = np.empty((len(images), size, size, wanted), np.uint8)
    for i, pixels in enumerate(flat):
        squares[i] = square(Image.fromarray(pixels), size, wanted, fit)
        if on_progress and (i % 100 == 99 or i + 1 == len(flat)):
            on_progress(i + 1, len(flat))
    return squares


def square(image: "Image.Image", size: int, channels: int, fit: str = CROP) -> NDArray[np.uint8]:
    """Make a square of a Pillow image of any size and mode, framed as the name of FITS says.

    Colours are averaged by their alpha, so that those of transparent pixels do not bleed into others, and are black
    where the result is fully transparent.

    Shapes: image of any size → (size, size, channels)

    >>> from PIL import Image
    >>> square(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), 1, 3)
    array([[[255, 255, 255]]], dtype=uint8)
    >>> [square(Image.new("L", (40, 10), 9), 4, 1, fit)[:, 0, 0].tolist() for fit in FITS]
    [[9, 9, 9, 9], [255, 9, 255, 255], [9, 9, 9, 9]]
    """
    framed = FITS[fit].frame(with_channels(image, channels), size)  # Pillow multiplies colours by alpha as it resizes
    pixels = np.asarray(framed).reshape(size, size, channels)
    if channels in (1, 3):
        return pixels
    return pixels * (pixels[..., -1:] > 0)  # Pillow leaves overshoots of the bicubic filter there


def with_channels(image: "Image.Image", channels: int) -> "Image.Image":
    """Convert a Pillow image of any mode to bytes with 1 (grey), 2 (and alpha), 3 (colour) or 4 (and alpha) channels.

    Without alpha, transparent pixels are laid on white. With alpha, fully transparent pixels become black.

    >>> from PIL import Image
    >>> with_channels(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), 3).getpixel((0, 0))
    (255, 255, 255)
    """
    from PIL import Image

    if channels in (1, 3) and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if channels in (2, 4) and has_clear_pixels(image):
        image = image.convert("RGBA")
        image = Image.composite(image, Image.new("RGBA", image.size), image.getchannel("A").point(VISIBLE))
    return image.convert(MODES[channels])


def has_clear_pixels(image: "Image.Image") -> bool:
    """True if any pixel of a Pillow image is transparent.

    >>> from PIL import Image
    >>> has_clear_pixels(Image.new("RGBA", (4, 3), (9, 9, 9, 254))), has_clear_pixels(Image.new("LA", (4, 3), (9, 255)))
    (True, False)
    """
    if not image.has_transparency_data:
        return False
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return lowest != 255
