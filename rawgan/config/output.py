"""Options about the files that a run writes: pictures and checkpoints."""

import dataclasses
from typing import Annotated

from rawgan.config.options import Changeable, Group, Range
from rawgan.errors import ArgumentError

LARGEST_PICTURE = 2**26
"""Most pixels of a picture; larger ones could not be read again for the animation."""


@dataclasses.dataclass(frozen=True)
class OutputOptions(Group):
    """Pictures and checkpoints that a run writes."""

    sample_every: Annotated[int, Range(1, 10**9)] = 200
    """Steps between pictures."""
    samples: Annotated[int, Range(1, 2**16)] = 64
    """Images, or points, per picture."""
    checkpoint_every: Annotated[int, Range(1, 10**9), Changeable()] = 200
    """Steps between checkpoints. A run that was stopped or killed goes on from the latest."""
    keep: Annotated[int, Range(1, 10**6), Changeable()] = 3
    """Number of latest checkpoints to keep."""

    def check_size(self, size: int) -> None:
        """Raise an ArgumentError for more samples of a size, in pixels, than fit a picture."""
        if self.samples * size**2 > LARGEST_PICTURE:
            raise ArgumentError(
                f"samples {self.samples} of {size} × {size} pixels make a picture of more than "
                f"{LARGEST_PICTURE:,} pixels; take fewer samples"
            )
