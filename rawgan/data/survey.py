"""What is remarkable about the images of a set, noted as they are read, and said in a line each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data.deep import WHOLE
from rawgan.errors import DataError, one_line

if TYPE_CHECKING:
    from PIL import Image

NAMED = 5
"""So many files are named in a line."""
DEPTHS = (*range(1, 9), 10, 12, 14, *range(16, 130))
"""Bits that numbers of images have: from 1, which is enough for masks and for floats up to 1, to those of a byte; those
of cameras and scanners; and more, up to the largest float."""
MOVING = ("GIF", "WEBP", "PNG", "AVIF", "TIFF", "DCX", "FLI")
"""Formats whose frames or pages are images alike; a JPEG's second one is a preview, a PSD's are layers."""


class LeftOut(DataError):
    """An image that is not damaged, and yet not taken; a survey knows why."""


class TooSmall(LeftOut):
    """An image that would have to be enlarged, where that is not wanted."""


class Undecoded(LeftOut):
    """An image of a kind that Pillow knows, and does not decode."""


def counted(count: int, what: str = "image") -> str:
    """So many things, in words.

    >>> counted(1), counted(1200, "square")
    ('1 image', '1,200 squares')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def undecoded(count: int) -> str:
    """What to say of so many images that Pillow does not decode."""
    return f"{counted(count)} of kinds that Pillow does not decode, left out"


def named(files: Iterable[Path], below: Path) -> str:
    """The first names of some files.

    >>> named([Path("x/a.txt"), Path("x/b.txt")], Path("x"))
    'a.txt, b.txt'
    """
    within = (file.relative_to(below) if file.is_relative_to(below) else file for file in sorted(files))
    names = [one_line(file.as_posix()) for file in within]
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def white_for(peak: float) -> float:
    """White of deep images none of whose numbers is above `peak`: the least of 1, 3, 7, …, 255, 1023, 4095, 16383,
    65535, …, to within what a byte can tell.

    >>> white_for(3900), white_for(0.7), white_for(300), white_for(1.0001)
    (4095.0, 1.0, 1023.0, 1.0)
    """
    return next(float(2**bits - 1) for bits in DEPTHS if 255 * peak / (2**bits - 1) < 255.5)


@dataclass
class Survey:
    """What is remarkable about images, and what white is in those of more than a byte for each number.

    All deep images of a set have the same white, so that one that is darker than another stays so. If none is given, it
    is `white_for` the brightest of them.
    """

    white: float | None = None
    """What was said, or found before."""
    least: int = 0
    """Pixels that the shorter side of an image has, or it is small."""
    enlarge: bool = True
    """Take small images, too."""
    beside: int = 1
    """How many images lie beside each other in a file."""
    beyond: tuple[Path, ...] = ()
    """Images of the same set that are not read, and have the same white."""
    peaks: dict[Path, float] = field(default_factory=dict)
    """The brightest number of each deep image."""
    floats: set[Path] = field(default_factory=set)
    """Those of them that are of floats."""
    moving: set[Path] = field(default_factory=set)
    small: set[Path] = field(default_factory=set)
    undecoded: set[Path] = field(default_factory=set)
    clear: set[Path] = field(default_factory=set)
    """Images that are transparent in part."""

    @property
    def taken(self) -> float:
        """White, for all that is known yet."""
        return WHOLE if self.white is None else self.white

    def see(self, path: Path, image: "Image.Image") -> None:
        """Note what an image is like that was opened, and not yet decoded.

        Raises: TooSmall for a small image, unless these are taken
        """
        if image.format in MOVING and getattr(image, "is_animated", False):
            self.moving.add(path)
        if min(image.width // self.beside, image.height) < self.least:
            self.small.add(path)
            if not self.enlarge:
                raise TooSmall(f"{image.width} × {image.height} pixels are fewer than {self.least} × {self.least}")

    def in_bytes(self, path: Path, values: NDArray[Any]) -> "Image.Image":
        """A deep image as one of bytes: 0 is black, and what is white, or brighter, is 255.

        Shapes: values (H, W, C), as `values_of` has them
        Raises: DataError for numbers below black, or that are none
        """
        from PIL import Image

        if not np.isfinite(values).all():
            raise DataError("has values that are no numbers; black is 0, and white the same in all images")
        alpha = values.shape[2] in (2, 4)
        shown = values[..., :-1] if alpha else values
        peak, lowest = float(shown.max()), float(shown.min())
        if 255 * lowest / self.taken < -0.5:
            raise DataError(f"has values from {lowest:g} to {peak:g}, but black is 0: add {-lowest:g} to all images")
        self.peaks[path] = peak
        if values.dtype.kind == "f":
            self.floats.add(path)
        made = np.rint(shown.astype(np.float32) * np.float32(255 / self.taken)).clip(0, 255).astype(np.uint8)
        if alpha:
            made = np.concatenate([made, np.rint(values[..., -1:] / (WHOLE / 255)).astype(np.uint8)], axis=2)
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[made.shape[2]]
        return Image.frombytes(mode, made.shape[1::-1], np.ascontiguousarray(made).data)

    def settle(self) -> bool:
        """Settle what white is, once all images were seen. Returns whether deep ones were read by another.

        Raises: DataError for whole numbers beside floats, as nobody could tell what is white in both
        """
        if self.white is not None or not any(self.peaks.values()):
            return False
        whole = next((path for path in self.peaks if path not in self.floats), None)
        if self.floats and whole is not None:
            raise DataError(
                f"{whole} is of whole numbers, {min(self.floats)} of floats: what is white in both, nobody could tell\n"
                "  save them alike, or say what white is: --white"
            )
        self.white = white_for(max(self.peaks.values()))
        return self.white != WHOLE

    def notes(self, below: Path) -> tuple[str, ...]:
        """What there is to say, a line for each thing."""
        found = list[str]()
        if self.moving:
            found.append(
                f"{counted(len(self.moving))} of several frames or pages, of which the first is taken: "
                f"{named(self.moving, below)}"
            )
        if self.small and self.enlarge:
            found.append(
                f"{counted(len(self.small))} smaller than {self.least} × {self.least} pixels, and enlarged: "
                f"{named(self.small, below)}"
            )
        elif self.small:
            found.append(
                f"{counted(len(self.small))} left out, smaller than {self.least} × {self.least} pixels (enlarged, they "
                f"would teach what is blurred): {named(self.small, below)}"
            )
        if self.undecoded:
            found.append(f"{undecoded(len(self.undecoded))}: {named(self.undecoded, below)}; save them in another way")
        if self.clear:
            found.append(
                f"{counted(len(self.clear))} transparent in part, and laid on white (--channels 4 keeps transparency): "
                f"{named(self.clear, below)}"
            )
        if self.peaks and self.white not in (None, WHOLE):
            found.append(
                f"{counted(len(self.peaks))} of 16 bits or more, where white is {self.white:.9g} "
                f"(the brightest has {max(self.peaks.values()):.9g}): {named(self.peaks, below)}"
            )
        return tuple(found)
