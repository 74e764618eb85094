"""Calls of ops that PyTorch's own samples do not have: values, gradients and second derivatives, in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from samples import compare, kernel, over_images
from torch.nn import functional

from rawgan import Tensor, ops

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """The same function twice, in PyTorch's layout, and the shapes of its arguments."""

    name: str
    ours: Callable[..., Tensor]
    theirs: Callable[..., torch.Tensor]
    shapes: tuple[Shape, ...]
    scale: float = 1.0

    def __str__(self) -> str:
        return self.name


def of_images(
    name: str, ours: Callable[[Tensor], Tensor], theirs: Callable[[torch.Tensor], torch.Tensor], shape: Shape
) -> Case:
    """A function of images alone."""
    return Case(name, lambda x: over_images(ours, x, 2), theirs, (shape,))


def conv2d(x: Tensor, w: Tensor, b: Tensor, **options: Any) -> Tensor:
    """Shapes: x (N, C, H, W), w (K, C/groups, A, B)"""
    return over_images(lambda images: ops.conv2d(images, kernel(w, 2), b, **options), x, 2)


def transposed(name: str, shapes: tuple[Shape, Shape, Shape], **options: Any) -> Case:
    """A conv_transpose2d with bias."""

    def ours(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return over_images(lambda images: ops.conv_transpose2d(images, kernel(w, 2), b, **options), x, 2)

    return Case(
        f"conv_transpose2d {name}", ours, lambda x, w, b: functional.conv_transpose2d(x, w, b, **options), shapes
    )


CASES = [
    Case(
        "conv2d asymmetric padding",
        lambda x, w, b: conv2d(x, w, b, padding=((0, 2), (1, 0))),
        lambda x, w, b: functional.conv2d(functional.pad(x, (1, 0, 0, 2)), w, b),
        ((2, 2, 6, 6), (3, 2, 3, 3), (3,)),
    ),
    Case("conv2d 1x1", conv2d, functional.conv2d, ((2, 3, 5, 5), (2, 3, 1, 1), (2,))),
    transposed(
        "every option a pair",
        ((2, 2, 3, 3), (2, 3, 3, 2), (3,)),
        stride=(3, 2),
        output_padding=(2, 0),
        padding=(0, 1),
        dilation=(1, 2),
    ),
    transposed("groups and stride", ((2, 4, 4, 4), (4, 3, 4, 4), (6,)), groups=2, stride=2, padding=1),
    transposed("one pixel", ((2, 5, 1, 1), (5, 3, 4, 4), (3,))),
    *(
        of_images(
            f"upsample_{mode} {factor}",
            lambda x, op=op, factor=factor: op(x, factor),
            lambda x, mode=mode, factor=factor: functional.interpolate(x, scale_factor=factor, mode=mode),
            (2, 2, 3, 4),
        )
        for mode, op in (("nearest", ops.upsample_nearest), ("bilinear", ops.upsample_bilinear))
        for factor in (2, 3)
    ),
    of_images(
        "pixel_shuffle to several channels",
        lambda x: ops.pixel_shuffle(x, 2),
        lambda x: functional.pixel_shuffle(x, 2),
        (2, 12, 3, 4),
    ),
    of_images(
        "reflection_pad2d each side its own",
        lambda x: ops.reflection_pad2d(x, ((0, 2), (3, 1))),
        lambda x: functional.pad(x, (3, 1, 0, 2), mode="reflect"),
        (2, 3, 3, 4),
    ),
    of_images(
        "avg_pool2d window not square",
        lambda x: ops.avg_pool2d(x, (2, 3), (1, 2)),
        lambda x: functional.avg_pool2d(x, (2, 3), (1, 2)),
        (2, 3, 6, 7),
    ),
    Case(
        "bce_with_logits sure",
        lambda x: ops.bce_with_logits(x, 1.0, reduction="none"),
        lambda x: functional.binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction="none"),
        ((3, 4),),
        scale=300.0,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_derivatives(case: Case) -> None:
    rng = np.random.default_rng(2)
    arrays = [case.scale * rng.standard_normal(shape) for shape in case.shapes]
    compare(case.ours, case.theirs, *(torch.from_numpy(array).requires_grad_() for array in arrays))
