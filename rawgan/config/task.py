"""Options about the damage that is to be undone."""

import dataclasses
from typing import Annotated, Literal

from rawgan.config.options import Group, Named
from rawgan.data.pairs.degradations import Degradation
from rawgan.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class TaskOptions(Group):
    """What images have lost, and how much of it."""

    name: Annotated[Literal["super-resolution", "denoise", "inpaint"], Named("task")] = "super-resolution"
    """What images have lost: pixels, clarity, or a part."""
    factor: int = 4
    """Of super-resolution: pixels to make of one, in each direction: 2, 4 or 8."""
    noise: float = 0.5
    """Of denoising: the noise's standard deviation, where pixels are from −1 to 1."""
    hole: int = 10
    """Of inpainting: height and width of what is missing, in pixels."""

    @property
    def degradation(self) -> Degradation:
        """The damage."""
        return Degradation(self.name, self.factor, self.noise, self.hole)

    def check(self) -> None:
        """Raise an ArgumentError for options that make no sense."""
        super().check()
        for option, task in (("factor", "super-resolution"), ("noise", "denoise"), ("hole", "inpaint")):
            if self.name != task and getattr(self, option) != getattr(TaskOptions, option):
                raise ArgumentError(f"{option} is for --task {task}, not for {self.name}; leave it out")

    def check_beside(self, size: int) -> None:
        """Raise an ArgumentError for damage that images of a size, in pixels, cannot take."""
        if size % self.degradation.scale:
            raise ArgumentError(f"images of {size} pixels cannot be shrunk by {self.factor}; take a multiple")
        if self.name == "inpaint" and self.hole >= size:
            raise ArgumentError(f"hole {self.hole} leaves nothing of images of {size} pixels")
