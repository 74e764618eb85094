"""Options about what images are to be made of others: from files, or made of the images themselves."""

import dataclasses
import math
from typing import Annotated

from rawgan.config.options import Above, Group, Hidden, Named, OneOf, Place, Word
from rawgan.data import KNOWN_SETS
from rawgan.data.pairs.made_sources import MADE_SOURCES
from rawgan.data.pairs.styles import STYLES, checked_styles
from rawgan.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class TargetOptions(Group):
    """Images of the other kind, in files of their own."""

    place: Annotated[str | None, Named("targets"), Word("DATA"), Place()] = None
    """Images of the other kind, as --data."""
    white: Annotated[float | None, Named("targets_white"), Above(0, math.inf)] = None
    """The value of white in images of --targets of more than a byte for each number; as --white."""

    def check(self) -> None:
        """Raise an ArgumentError for options that make no sense."""
        super().check()
        if self.white is not None and self.place is None:
            raise ArgumentError(f"targets_white {self.white} is for images of --targets, which is unset; leave it out")


@dataclasses.dataclass(frozen=True)
class PairOptions(TargetOptions):
    """Pairs of a source and a target image."""

    pairs: Annotated[str | None, OneOf(("side-by-side", *MADE_SOURCES))] = None
    """Where pairs come from: images of --data that are two side by side, the source on the left; or images of which the
    source is made: their edges, their brightness, or a map of regions alike in brightness. Unset: edges of known sets,
    side by side in folders."""
    place: Annotated[str | None, Named("targets"), Word("FOLDER"), Place()] = None
    """A folder of target images, with the same names as the source images of --data."""
    reverse: bool = False
    """Make the left image, or that of --data, out of the other one."""
    source_channels: Annotated[int | None, Hidden()] = None
    """Channels of the source images, as the data has them."""

    @property
    def how(self) -> str:
        """Where pairs come from: what --pairs says, or two folders."""
        return "two folders" if self.place is not None else self.pairs or "side-by-side"

    @property
    def are_made(self) -> bool:
        """True if sources are made of the targets."""
        return self.how in MADE_SOURCES

    def check_beside(self, data: str) -> None:
        """Raise an ArgumentError for pairs that this data does not have."""
        if self.place is not None and self.pairs is not None:
            raise ArgumentError(f"targets and pairs {self.pairs} both say where pairs come from; give one of them")
        if self.reverse and self.are_made:
            raise ArgumentError(f"reverse is for pairs in files, but these are {self.how}; leave it out")
        if self.place is not None and data in KNOWN_SETS:
            raise ArgumentError(f"targets is for two folders, but data is {data}")
        if self.how == "side-by-side" and data in KNOWN_SETS:
            raise ArgumentError(
                f"pairs {self.how}: {data} has single images; make pairs of them, by "
                f"--pairs {', '.join(MADE_SOURCES)}, or say ./{data} for a folder of that name"
            )

    def check(self) -> None:
        """Raise an ArgumentError for options that make no sense."""
        super().check()
        if self.source_channels not in (None, 1, 2, 3, 4):
            raise ArgumentError(f"source_channels must lie in 1 ... 4, but is {self.source_channels}; leave it out")


@dataclasses.dataclass(frozen=True)
class OtherKindOptions(TargetOptions):
    """Images of the other kind, from files or by a style."""

    place: Annotated[str | None, Named("targets"), Word("DATA"), Place()] = None
    """Images of the other kind, as --data. Unset: one half of --data in another style, to be made of the other half."""
    style: Annotated[str | None, Word("STYLES")] = None
    """That style: some of thick, slanted, inverted, with commas between them. Unset: all three."""

    @property
    def styles(self) -> str | None:
        """The style of the other kind; None where it has images in files."""
        return None if self.place is not None else self.style or ",".join(STYLES)

    def check(self) -> None:
        """Raise an ArgumentError for options that make no sense."""
        super().check()
        if self.place is not None and self.style is not None:
            raise ArgumentError(f"targets and style {self.style} both say what the other kind is; give one of them")
        if self.styles is not None:
            checked_styles(self.styles)
