"""Images of more than a byte for each number: of 16 and 32 bits, and of floats."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Values = NDArray[Any]
"""(H, W, C) of uint16, int32 or float32: grey, grey and alpha, colours, colours and alpha."""

OTHER_BYTE = {
    "RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBX;16B": "RGBX;16L", "RGBX;16L": "RGBX;16B",
    "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGB;16N": "RGB;16B", "RGBX;16N": "RGBX;16B",
    "RGBA;16N": "RGBA;16B",
}  # fmt: skip
"""Pillow keeps the upper byte of each number of 16 bits where an image has several channels. By the ways to unpack them
that keep it, those that keep the lower one. (N: in the byte order of the machine, the lower one first.)"""
BOTH_BYTES = {"LA;16B": "RGBA"}
"""Grey and alpha of 16 bits: four bytes, which may as well be unpacked as four channels."""
PHOTOMETRIC = 262
"""The tag of a TIFF that says whether 0 is black (1) or white (0)."""
WHOLE = 65535
"""White of 16 bits."""


def is_deep(image: "Image.Image") -> bool:
    """Whether an image that is not yet decoded has more than a byte for each number.

    >>> from PIL import Image
    >>> is_deep(Image.new("F", (4, 4))), is_deep(Image.new("RGB", (4, 4)))
    (True, False)
    """
    return image.mode[0] in "IF" or unpacked(image) in OTHER_BYTE.keys() | BOTH_BYTES.keys()


def values_of(image: "Image.Image", again: Callable[[], AbstractContextManager["Image.Image"]], white: float) -> Values:
    """The numbers of a deep image, turned as its camera was held; a transparent colour becomes alpha.

    `again` opens the same file once more, as Pillow gives no more than one byte of colours at a time. Where
    white is that of 16 bits, the lower byte of colours is not looked at if the upper one says as much.

    Shapes: → (H, W, C)
    """
    raw_mode = unpacked(image)
    transparent = image.info.get("transparency")
    if image.mode[0] in "IF":
        values = _upright(image)
        if values.dtype == np.uint16 and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0:
            values = WHOLE - values
    elif raw_mode in BOTH_BYTES:
        parts = _unpacked_as(image, BOTH_BYTES[raw_mode]).astype(np.uint16)
        values = 256 * parts[..., ::2] + parts[..., 1::2]
    else:
        upper = _upright(image).astype(np.uint16)
        if white == WHOLE and transparent is None and upper[..., :3].max() >= 64:
            values = 257 * upper
        else:
            with again() as other:
                lower = _unpacked_as(other, OTHER_BYTE[raw_mode])
            values = 256 * upper + lower
    if transparent is not None:
        alpha = (values != np.asarray(transparent)).any(axis=2, keepdims=True)
        values = np.concatenate([values, alpha * values.dtype.type(WHOLE)], axis=2)
    return values


def unpacked(image: "Image.Image") -> str:
    """How Pillow will unpack the numbers of an image: its raw mode."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0].args if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _unpacked_as(image: "Image.Image", raw_mode: str) -> Values:
    """The bytes of an image that is not yet decoded, unpacked in another way."""
    image.tile = [  # type: ignore[attr-defined]
        each._replace(args=(raw_mode, *each.args[1:]) if isinstance(each.args, tuple) else raw_mode)
        for each in image.tile  # type: ignore[attr-defined]
    ]
    return _upright(image)


def _upright(image: "Image.Image") -> Values:
    from PIL import ImageOps

    array = np.asarray(ImageOps.exif_transpose(image))
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return array if array.ndim == 3 else array[..., None]
