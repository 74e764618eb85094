"""Shapes as text, as people type them."""

import re

from bench.common.errors import BenchError
from rawgan.gan import ImageSpec


def parse_image(text: str) -> ImageSpec:
    """Parse a square image's shape: 28x28x1 is 28 by 28 pixels with one channel.

    Raises: BenchError for anything else
    """
    sizes = parse_sizes(text)
    if len(sizes) != 3 or sizes[0] != sizes[1]:
        raise BenchError(f"image {text!r}: expected HEIGHTxWIDTHxCHANNELS of a square image, such as 28x28x1")
    return ImageSpec(sizes[0], sizes[2])


def parse_sizes(text: str) -> tuple[int, ...]:
    """Parse sizes.

    Raises: BenchError for anything but whole numbers from 1 with an x between them

    >>> parse_sizes("128x32x32x64")
    (128, 32, 32, 64)
    """
    if not re.fullmatch(r"[1-9]\d*([x×][1-9]\d*)*", text):
        raise BenchError(f"shape {text!r}: expected whole numbers from 1, with an x between them, such as 128x32x32x64")
    return tuple(int(size) for size in re.split("[x×]", text))


def as_text(shape: tuple[int, ...]) -> str:
    """A shape as text; that of a single number is 1.

    >>> as_text((128, 32, 32, 64)), as_text(())
    ('128×32×32×64', '1')
    """
    return "×".join(map(str, shape)) or "1"
