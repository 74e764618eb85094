"""The blocks of Inception v3 as a table: branches of convolutions and pools, under the names that PyTorch gives them.

Every convolution is followed by batch norm and ReLU. Branches of a block take the same input, and what they make is
concatenated.

Source: Szegedy et al. 2016
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from rawgan import ops
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair

EPS = 1e-3
"""Number that batch norms add to variances."""
CHANNELS = 2048
"""Channels of the last block."""


class Unit(NamedTuple):
    """Convolution, batch norm and ReLU."""

    name: str
    channels: int
    kernel: IntPair = (1, 1)
    stride: int = 1
    padded: bool = True
    """True to keep height and width, if the stride is 1; with stride 2, nothing is padded."""

    @property
    def padding(self) -> IntPair:
        """Rows above and below, and columns on the left and right."""
        return (self.kernel[0] // 2, self.kernel[1] // 2) if self.padded and self.stride == 1 else (0, 0)


class Fork(NamedTuple):
    """Units that take the same input, and whose results are concatenated."""

    units: tuple[Unit, ...]


Pool = Callable[[Tensor], Tensor]
Step = Unit | Fork | Pool
Branch = tuple[Step, ...]


def average(x: Tensor) -> Tensor:
    """Mean of 3 × 3 pixels around each one, without those outside of the image. Shapes: x (N, H, W, C) → the same"""
    ones = Tensor(np.ones((1, *x.shape[1:3], 1), np.float32))
    return ops.avg_pool2d(x, 3, 1, 1) / ops.avg_pool2d(ones, 3, 1, 1)


def largest(x: Tensor) -> Tensor:
    """Largest of 3 × 3 pixels around each one. Shapes: x (N, H, W, C) → the same"""
    return ops.max_pool2d(x, 3, 1, 1)


def halved(x: Tensor) -> Tensor:
    """Largest of 3 × 3 pixels, of every other one. Shapes: x (N, H, W, C) → (N, (H − 1) / 2, (W − 1) / 2, C)"""
    return ops.max_pool2d(x, 3, 2)


def _of_35(pool: int) -> tuple[Branch, ...]:
    """Block at 35 × 35 pixels, with so many channels behind its pool."""
    return (
        (Unit("branch1x1", 64),),
        (Unit("branch5x5_1", 48), Unit("branch5x5_2", 64, (5, 5))),
        (Unit("branch3x3dbl_1", 64), Unit("branch3x3dbl_2", 96, (3, 3)), Unit("branch3x3dbl_3", 96, (3, 3))),
        (average, Unit("branch_pool", pool)),
    )


def _of_17(inner: int) -> tuple[Branch, ...]:
    """Block at 17 × 17 pixels, with so many channels inside its branches."""
    wide, tall = (1, 7), (7, 1)
    return (
        (Unit("branch1x1", 192),),
        (Unit("branch7x7_1", inner), Unit("branch7x7_2", inner, wide), Unit("branch7x7_3", 192, tall)),
        (
            Unit("branch7x7dbl_1", inner),
            Unit("branch7x7dbl_2", inner, tall),
            Unit("branch7x7dbl_3", inner, wide),
            Unit("branch7x7dbl_4", inner, tall),
            Unit("branch7x7dbl_5", 192, wide),
        ),
        (average, Unit("branch_pool", 192)),
    )


def _of_8(pool: Pool) -> tuple[Branch, ...]:
    """Block at 8 × 8 pixels, with this pool."""
    wide, tall = (1, 3), (3, 1)
    return (
        (Unit("branch1x1", 320),),
        (Unit("branch3x3_1", 384), Fork((Unit("branch3x3_2a", 384, wide), Unit("branch3x3_2b", 384, tall)))),
        (
            Unit("branch3x3dbl_1", 448),
            Unit("branch3x3dbl_2", 384, (3, 3)),
            Fork((Unit("branch3x3dbl_3a", 384, wide), Unit("branch3x3dbl_3b", 384, tall))),
        ),
        (pool, Unit("branch_pool", 192)),
    )


_STEM: Branch = (
    Unit("Conv2d_1a_3x3", 32, (3, 3), 2),
    Unit("Conv2d_2a_3x3", 32, (3, 3), padded=False),
    Unit("Conv2d_2b_3x3", 64, (3, 3)),
    halved,
    Unit("Conv2d_3b_1x1", 80),
    Unit("Conv2d_4a_3x3", 192, (3, 3), padded=False),
    halved,
)
_TO_17: tuple[Branch, ...] = (
    (Unit("branch3x3", 384, (3, 3), 2),),
    (Unit("branch3x3dbl_1", 64), Unit("branch3x3dbl_2", 96, (3, 3)), Unit("branch3x3dbl_3", 96, (3, 3), 2)),
    (halved,),
)
_TO_8: tuple[Branch, ...] = (
    (Unit("branch3x3_1", 192), Unit("branch3x3_2", 320, (3, 3), 2)),
    (
        Unit("branch7x7x3_1", 192),
        Unit("branch7x7x3_2", 192, (1, 7)),
        Unit("branch7x7x3_3", 192, (7, 1)),
        Unit("branch7x7x3_4", 192, (3, 3), 2),
    ),
    (halved,),
)

BLOCKS: tuple[tuple[str, tuple[Branch, ...]], ...] = (
    ("", (_STEM,)),
    ("Mixed_5b.", _of_35(32)),
    ("Mixed_5c.", _of_35(64)),
    ("Mixed_5d.", _of_35(64)),
    ("Mixed_6a.", _TO_17),
    ("Mixed_6b.", _of_17(128)),
    ("Mixed_6c.", _of_17(160)),
    ("Mixed_6d.", _of_17(160)),
    ("Mixed_6e.", _of_17(192)),
    ("Mixed_7a.", _TO_8),
    ("Mixed_7b.", _of_8(average)),
    ("Mixed_7c.", _of_8(largest)),
)
"""Blocks in order, each with the beginning of the names of its units, and with its branches."""


def units_of() -> Iterator[tuple[str, int, Unit]]:
    """Every unit with its whole name and the number of channels that it takes.

    >>> [(name, inputs) for name, inputs, _ in units_of()][-1]
    ('Mixed_7c.branch_pool', 2048)
    """
    channels = 3
    for prefix, branches in BLOCKS:
        made = 0
        for steps in branches:
            inputs = channels
            for step in steps:
                units = step.units if isinstance(step, Fork) else (step,) if isinstance(step, Unit) else ()
                for unit in units:
                    yield prefix + unit.name, inputs, unit
                inputs = sum(unit.channels for unit in units) or inputs
            made += inputs
        channels = made
