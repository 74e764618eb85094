"""Deep images: more than one byte for each number, of 16 or 32 bits or floats."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Values = NDArray[Any]
"""Numbers of an image: (H, W, C) of uint16, int32 or float32, with 1 to 4 channels."""

OTHER_BYTE = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBX;16B": "RGBX;16L", "RGBX;16L": "RGBX;16B",
    "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGB;16N": "RGB;16B", "RGBX;16N": "RGBX;16B",
    "RGBA;16N": "RGBA;16B",
}  # fmt: skip
"""Raw modes that unpack the lower byte of 16-bit numbers, by those that unpack the upper one. With several channels,
Pillow keeps the upper byte only. (N: in the byte order of the machine, the lower byte first.)"""
BOTH_BYTES = {"LA;16B": "RGBA"}
"""Raw mode of grey and alpha of 16 bits, and one of four channels, which unpacks the same four bytes."""
PHOTOMETRIC = 262
"""The tag of a TIFF that says whether 0 is black (1) or white (0)."""
WHITE_16 = 65535
"""White in images of 16 bits."""


def is_deep(image: "Image.Image") -> bool:
    """True if an image that is not yet decoded has more than one byte for each number.

    >>> from PIL import Image
    >>> is_deep(Image.new("F", (4, 4))), is_deep(Image.new("RGB", (4, 4)))
    (True, False)
    """
    return image.mode[0] in "IF" or raw_mode_of(image) in OTHER_BYTE.keys() | BOTH_BYTES.keys()


def values_of(image: "Image.Image", again: Callable[[], AbstractContextManager["Image.Image"]], white: float) -> Values:
    """Numbers of a deep image, turned upright by its EXIF tag; a transparent colour becomes alpha.

    `again` opens the same file once more, as Pillow unpacks one byte of colours at a time. If `white` is that of 16
    bits, the upper byte alone decides about the byte that the image becomes, and the lower one is not read.

    Shapes: → (H, W, C)
    """
    raw_mode = raw_mode_of(image)
    transparent = image.info.get("transparency")
    if image.mode[0] in "IF":
        values = _upright(image)
        if values.dtype == np.uint16 and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0:
            values = WHITE_16 - values
    elif raw_mode in BOTH_BYTES:
        parts = _unpacked_as(image, BOTH_BYTES[raw_mode]).astype(np.uint16)
        values = 256 * parts[..., ::2] + parts[..., 1::2]
    else:
        upper = _upright(image).astype(np.uint16)
        if white == WHITE_16 and transparent is None and upper[..., :3].max() >= 64:
            values = 257 * upper
        else:
            with again() as other:
                lower = _unpacked_as(other, OTHER_BYTE[raw_mode])
            values = 256 * upper + lower
    if transparent is not None:
        alpha = (values != np.asarray(transparent)).any(axis=2, keepdims=True)
        values = np.concatenate([values, alpha * values.dtype.type(WHITE_16)], axis=2)
    return values


def raw_mode_of(image: "Image.Image") -> str:
    """Raw mode by which Pillow will unpack the numbers of an image."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0].args if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _unpacked_as(image: "Image.Image", raw_mode: str) -> Values:
    """Bytes of an image that is not yet decoded, unpacked by another raw mode. Shapes: → (H, W, C)"""
    image.tile = [  # type: ignore[attr-defined]
        each._replace(args=(raw_mode, *each.args[1:]) if isinstance(each.args, tuple) else raw_mode)
        for each in image.tile  # type: ignore[attr-defined]
    ]
    return _upright(image)


def _upright(image: "Image.Image") -> Values:
    """Numbers of an image, turned upright by its EXIF tag. Shapes: → (H, W, C)"""
    from PIL import ImageOps

    array = np.asarray(ImageOps.exif_transpose(image))
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return array if array.ndim == 3 else array[..., None]
