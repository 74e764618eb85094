"""Options about the machine that computes."""

import dataclasses
from typing import Annotated, Literal

from rawgan.config.options import Changeable, Group
from rawgan.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class MachineOptions(Group):
    """Device and kernels."""

    device: Annotated[Literal["auto", "cpu", "cuda"], Changeable()] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    backend: Annotated[Literal["auto", "cpu", "cuda", "reference"], Changeable()] = "auto"
    """Which kernels compute: reference is plain NumPy or CuPy; cpu and cuda are Numba's, cuda not yet run on a GPU.
    auto is cpu, and on a GPU reference."""


@dataclasses.dataclass(frozen=True)
class NoiseMachineOptions(MachineOptions):
    """Device and kernels, and how these are sent to a GPU."""

    cuda_graph: Annotated[bool, Changeable()] = False
    """Send each training step to the GPU as one CUDA graph, instead of kernel by kernel; for --backend cuda."""

    def check(self) -> None:
        """Raise an ArgumentError for options that make no sense."""
        super().check()
        if self.cuda_graph and (self.device == "cpu" or self.backend != "cuda"):
            raise ArgumentError(
                f"cuda_graph is for --device cuda --backend cuda, not for device {self.device}, backend {self.backend}"
            )
