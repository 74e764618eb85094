"""Options about the machine that computes."""

import dataclasses
from typing import Annotated, Literal

from rawgan.config.options import Changeable, Group, OneOf
from rawgan.errors import ArgumentError
from rawgan_kernels import FLOAT32, PRECISIONS


@dataclasses.dataclass(frozen=True)
class MachineOptions(Group):
    """The device, and the kernels that compute on it."""

    device: Annotated[Literal["auto", "cpu", "cuda"], Changeable()] = "auto"
    """Device; auto takes a GPU if there is one."""
    backend: Annotated[Literal["auto", "cpu", "cuda", "reference"], Changeable()] = "auto"
    """Kernels: reference is plain NumPy or CuPy; cpu and cuda are Numba's. auto takes cpu, and on a GPU reference."""
    precision: Annotated[str, OneOf([*PRECISIONS]), Changeable()] = FLOAT32
    """Precision of the numbers that products multiply: bf16 has 8 significant bits, tf32 11, float32 24. Sums, weights,
    statistics and losses stay float32."""


@dataclasses.dataclass(frozen=True)
class NoiseMachineOptions(MachineOptions):
    """The device, the kernels, and CUDA graphs."""

    cuda_graph: Annotated[bool, Changeable()] = False
    """Send each training step to the GPU as one CUDA graph, instead of kernel by kernel. For --backend cuda."""

    def check(self) -> None:
        super().check()
        if self.cuda_graph and (self.device == "cpu" or self.backend != "cuda"):
            raise ArgumentError(
                f"cuda_graph is for --device cuda --backend cuda, not for device {self.device}, backend {self.backend}"
            )
