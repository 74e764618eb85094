"""Options about the images to make: in files of their own, or made of the images themselves."""

import dataclasses
import math
from typing import Annotated

from rawgan.config.options import Above, Group, Hidden, Named, OneOf, Place, Word
from rawgan.data import KNOWN_SETS
from rawgan.data.pairs.made_sources import MADE_SOURCES
from rawgan.data.pairs.styles import STYLES, checked_styles
from rawgan.errors import ArgumentError

SIDE_BY_SIDE, TWO_FOLDERS = "side-by-side", "two folders"


@dataclasses.dataclass(frozen=True)
class TargetOptions(Group):
    """Target images in files of their own."""

    place: Annotated[str | None, Named("targets"), Word("DATA"), Place()] = None
    white: Annotated[float | None, Named("targets_white"), Above(0, math.inf)] = None
    """Value of white in images of --targets of more than 8 bits a channel; see --white."""

    def check(self) -> None:
        super().check()
        if self.white is not None and self.place is None:
            raise ArgumentError(f"targets_white {self.white} has no effect without --targets; leave it out")


@dataclasses.dataclass(frozen=True)
class PairOptions(TargetOptions):
    """Pairs of a source image and a target image."""

    pairs: Annotated[str | None, OneOf((SIDE_BY_SIDE, *MADE_SOURCES))] = None
    """Origin of the pairs. side-by-side: each image of --data is two, the source on the left. The others make a source
    image: the edges, the brightness, or a map of regions that are alike in brightness. Unset: edges for known sets,
    side-by-side for folders."""
    place: Annotated[str | None, Named("targets"), Word("FOLDER"), Place()] = None
    """A folder of target images, with the same names as the source images of --data."""
    reverse: bool = False
    """Swap sources and targets: make the left image, or that of --data, of the other one."""
    source_channels: Annotated[int | None, Hidden()] = None
    """Channels of the source images, as the data has them."""

    @property
    def how(self) -> str:
        """Origin of the pairs: as --pairs says, or two folders."""
        return TWO_FOLDERS if self.place is not None else self.pairs or SIDE_BY_SIDE

    @property
    def are_made(self) -> bool:
        """True if sources are made of the targets."""
        return self.how in MADE_SOURCES

    def check(self) -> None:
        super().check()
        if self.place is not None and self.pairs is not None:
            raise ArgumentError(f"targets and pairs {self.pairs} both say where pairs come from; give one of them")
        if self.reverse and self.are_made:
            raise ArgumentError(f"reverse is for pairs in files, but these are {self.how}; leave it out")
        if self.source_channels not in (None, 1, 2, 3, 4):
            raise ArgumentError(f"source_channels must lie in 1 ... 4, but is {self.source_channels}; leave it out")

    def check_data(self, data: str) -> None:
        """Raise an ArgumentError for a data set that has no such pairs."""
        if self.place is not None and data in KNOWN_SETS:
            raise ArgumentError(f"targets is for two folders, but data is {data}")
        if self.how == SIDE_BY_SIDE and data in KNOWN_SETS:
            raise ArgumentError(
                f"pairs {self.how}: {data} has single images; make pairs of them, by "
                f"--pairs {', '.join(MADE_SOURCES)}, or say ./{data} for a folder of that name"
            )


@dataclasses.dataclass(frozen=True)
class OtherKindOptions(TargetOptions):
    """Images of the other kind, in files of their own or made by a style."""

    place: Annotated[str | None, Named("targets"), Word("DATA"), Place()] = None
    """Images of the other kind, as --data. Unset: half of --data in another style, to be made of the other half."""
    style: Annotated[str | None, Word("STYLES")] = None
    """That style: some of thick, slanted, inverted, separated by commas. Unset: all three."""

    @property
    def styles(self) -> str | None:
        """Style of the other kind; None where it has files of its own."""
        return None if self.place is not None else self.style or ",".join(STYLES)

    def check(self) -> None:
        super().check()
        if self.place is not None and self.style is not None:
            raise ArgumentError(f"targets and style {self.style} both say what the other kind is; give one of them")
        if self.styles is not None:
            checked_styles(self.styles)
