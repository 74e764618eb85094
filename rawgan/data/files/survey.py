"""Notes about the images of a set, taken as they are read and reported in a line for each kind of remark."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data.files.deep_images import WHITE_16
from rawgan.data.pixels import CROP, FITS
from rawgan.errors import DataError, one_line

if TYPE_CHECKING:
    from PIL import Image

NAMED = 5
"""Number of files that are named in a note."""
DEPTHS = (*range(1, 9), 10, 12, 14, *range(16, 130))
"""Bit depths to choose white from: 1, which is enough for masks and for floats up to 1, to 8; those of cameras and
scanners; and more, up to the largest float."""
MOVING = ("GIF", "WEBP", "PNG", "AVIF", "TIFF", "DCX", "FLI")
"""Formats whose frames or pages are all images of their own. A second frame of a JPEG is a preview; those of a PSD are
layers."""


class LeftOut(DataError):
    """An image that is left out although it is not damaged; the survey has noted why."""


class TooSmall(LeftOut):
    """An image that would have to be enlarged, but `enlarge` is false."""


class Undecoded(LeftOut):
    """An image of a kind that Pillow knows but does not decode."""


def counted(count: int, noun: str = "image") -> str:
    """Count with its noun, in the plural unless it is 1.

    >>> counted(1), counted(1200, "tile")
    ('1 image', '1,200 tiles')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def undecoded(count: int) -> str:
    """Note about a number of images that Pillow does not decode."""
    return f"left out {counted(count)} of kinds that Pillow does not decode"


def named(files: Iterable[Path], below: Path) -> str:
    """Names of the first few files, relative to a folder.

    >>> named([Path("x/a.txt"), Path("x/b.txt")], Path("x"))
    'a.txt, b.txt'
    """
    within = (file.relative_to(below) if file.is_relative_to(below) else file for file in sorted(files))
    names = [one_line(file.as_posix()) for file in within]
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def white_for(peak: float) -> float:
    """White of deep images whose brightest number is `peak`: the least of 1, 3, 7, …, 255, 1023, 4095, 16383, 65535, …
    that is no darker, up to rounding to a byte.

    >>> white_for(3900), white_for(0.7), white_for(300), white_for(1.0001)
    (4095.0, 1.0, 1023.0, 1.0)
    """
    return next(float(2**bits - 1) for bits in DEPTHS if 255 * peak / (2**bits - 1) < 255.5)


@dataclass
class Survey:
    """Notes about images, and the number that is white in deep images (more than a byte for each number).

    All deep images of a set share one white, so that an image darker than another stays darker. Unless it is given, it
    is `white_for` the brightest of them.
    """

    white: float | None = None
    """White, as given by the user or found by an earlier survey."""
    least: int = 0
    """Side of the squares in pixels. An image that would have to be enlarged is small."""
    enlarge: bool = True
    """True to take small images, too."""
    beside: int = 1
    """Number of images side by side in each file."""
    beyond: tuple[Path, ...] = ()
    """Images of the same set that are not read, but share its white."""
    fit: str = CROP
    """Framing: a name of `FITS`."""
    total: int = 0
    """Number of images that are read."""
    peaks: dict[Path, float] = field(default_factory=dict)
    """Brightest number of each deep image."""
    floats: set[Path] = field(default_factory=set)
    """Deep images of floats."""
    moving: set[Path] = field(default_factory=set)
    small: set[Path] = field(default_factory=set)
    undecoded: set[Path] = field(default_factory=set)
    clear: set[Path] = field(default_factory=set)
    """Images that are transparent in part."""

    @property
    def white_or_default(self) -> float:
        """White as known so far; that of 16 bits until then."""
        return WHITE_16 if self.white is None else self.white

    def anew(self) -> "Survey":
        """Survey of other images that are read alike, without notes."""
        return Survey(self.white, self.least, self.enlarge, self.beside, fit=self.fit)

    def note_size(self, path: Path, image: "Image.Image") -> None:
        """Note the size of an image that is open and not yet decoded.

        Raises: TooSmall for a small image if `enlarge` is false
        """
        if FITS[self.fit].side(image.width // self.beside, image.height) < self.least:
            self.small.add(path)
            if not self.enlarge:
                raise TooSmall(f"{image.width} × {image.height} pixels are fewer than {self.least} × {self.least}")

    def note_frames(self, path: Path, image: "Image.Image") -> None:
        """Note an image of several frames or pages, which is open and not yet decoded."""
        if image.format in MOVING and getattr(image, "is_animated", False):
            self.moving.add(path)

    def as_bytes(self, path: Path, values: NDArray[Any]) -> "Image.Image":
        """Deep image converted to bytes: 0 is black, white and above becomes 255.

        Shapes: values (H, W, C), as from `values_of`
        Raises: DataError for numbers below black, NaN or infinity
        """
        from PIL import Image

        if not np.isfinite(values).all():
            raise DataError("has values that are NaN or infinite; black is 0, and white the same in all images")
        alpha = values.shape[2] in (2, 4)
        shown = values[..., :-1] if alpha else values
        peak, lowest = float(shown.max()), float(shown.min())
        if 255 * lowest / self.white_or_default < -0.5:
            raise DataError(f"has values from {lowest:g} to {peak:g}, but black is 0: add {-lowest:g} to all images")
        self.peaks[path] = peak
        if values.dtype.kind == "f":
            self.floats.add(path)
        made = np.rint(shown.astype(np.float32) * np.float32(255 / self.white_or_default)).clip(0, 255).astype(np.uint8)
        if alpha:
            made = np.concatenate([made, np.rint(values[..., -1:] / (WHITE_16 / 255)).astype(np.uint8)], axis=2)
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[made.shape[2]]
        return Image.frombytes(mode, made.shape[1::-1], np.ascontiguousarray(made).data)

    def settle(self) -> bool:
        """Set white, once all images were noted; return True if deep images were converted with another white so far.

        Raises: DataError for whole numbers beside floats, which have no white in common
        """
        if self.white is not None or not any(self.peaks.values()):
            return False
        whole = next((path for path in self.peaks if path not in self.floats), None)
        if self.floats and whole is not None:
            raise DataError(
                f"{whole} has whole numbers, {min(self.floats)} floats, and no white can be told for both\n"
                "  save them alike, or give the number that is white: --white"
            )
        self.white = white_for(max(self.peaks.values()))
        return self.white != WHITE_16

    def notes(self, below: Path) -> tuple[str, ...]:
        """Lines to report, one for each kind of remark."""
        found = list[str]()
        if self.moving:
            found.append(
                f"took the first frame or page of {counted(len(self.moving))} with several: {named(self.moving, below)}"
            )
        if self.small and self.enlarge:
            found.append(
                f"enlarged {counted(len(self.small))} smaller than {self.least} × {self.least} pixels: "
                f"{named(self.small, below)}"
            )
        elif self.small:
            found.append(
                f"left out {counted(len(self.small))} smaller than {self.least} × {self.least} pixels, which would "
                f"teach blur if enlarged: {named(self.small, below)}"
            )
        if self.undecoded:
            found.append(f"{undecoded(len(self.undecoded))}: {named(self.undecoded, below)}; save them in another way")
        if self.clear:
            share = f", {max(1, round(100 * len(self.clear) / self.total))} % of all" if self.total else ""
            found.append(
                f"laid {counted(len(self.clear))} with transparency on white{share} (--channels 4 keeps it): "
                f"{named(self.clear, below)}"
            )
        if self.peaks and self.white not in (None, WHITE_16):
            found.append(
                f"took {self.white:.9g} for white in {counted(len(self.peaks))} of 16 bits or more "
                f"(the brightest number is {max(self.peaks.values()):.9g}): {named(self.peaks, below)}"
            )
        return tuple(found)
