"""Options about the degradation that an enhancer undoes."""

import dataclasses
from typing import Annotated

from rawgan.config.options import Group, Named, OneOf
from rawgan.data.pairs.degradations import TASKS, Degradation
from rawgan.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class TaskOptions(Group):
    """The degradation, and its strength."""

    name: Annotated[str, Named("task"), OneOf(TASKS)] = "super-resolution"
    """Enlarge images, remove noise, or fill in a hole."""
    factor: int = 4
    """For super-resolution: enlargement in each direction: 2, 4 or 8."""
    noise: float = 0.5
    """For denoising: standard deviation of the noise. Pixels are from −1 to 1."""
    hole: int = 10
    """For inpainting: height and width of the hole, in pixels."""

    @property
    def degradation(self) -> Degradation:
        """The degradation that makes sources of images."""
        return Degradation(self.name, self.factor, self.noise, self.hole)

    def check(self) -> None:
        super().check()
        for option, task in (("factor", "super-resolution"), ("noise", "denoise"), ("hole", "inpaint")):
            if self.name != task and getattr(self, option) != getattr(TaskOptions, option):
                raise ArgumentError(f"{option} is for --task {task}, not for {self.name}; leave it out")

    def check_size(self, size: int) -> None:
        """Raise an ArgumentError for a degradation that does not fit images of a size, in pixels."""
        if size % self.degradation.scale:
            raise ArgumentError(f"images of {size} pixels cannot be shrunk by {self.factor}; take a multiple")
        if self.name == "inpaint" and self.hole >= size:
            raise ArgumentError(f"hole {self.hole} leaves nothing of images of {size} pixels")
