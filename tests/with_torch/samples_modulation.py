"""Modulated convolutions, over the samples of PyTorch's plain ones. See `twins`.

PyTorch has no operator for them. It is given the definition: a kernel for each image, scaled and divided by its norm,
and a group of the channels for each image. The style is the mean of an image's channels, plus 1.
"""

from typing import Any

import torch
from samples import NotApplicable, both, kernel, over_images
from torch.nn import functional
from twins import twin

from rawgan import Tensor, ops


def _plain(groups: int, dilation: Any) -> None:
    if groups != 1 or both(dilation, 2, 1) != (1, 1):
        raise NotApplicable("groups or dilation")


def _style(images: Tensor) -> Tensor:
    return ops.mean(images, axis=(1, 2)) + 1.0


def convolved(
    x: Tensor, w: Tensor, b: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    _plain(groups, dilation)
    pads: Any = padding if padding == "same" else both(0 if padding == "valid" else padding, 2, 0)

    def modulated(images: Tensor) -> Tensor:
        y = ops.modulated_conv2d(
            images, kernel(w, 2), _style(images), stride=both(stride, 2, 1), padding=pads, gain=1.5, eps=0.1
        )
        return y if b is None else y + b

    return over_images(modulated, x, 2)


def transposed(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    _plain(groups, dilation)
    steps, extra = both(stride, 2, 1), both(output_padding, 2, 0)
    if any(e >= s for e, s in zip(extra, steps, strict=True)):
        raise NotApplicable("output_padding as large as the stride")

    def modulated(images: Tensor) -> Tensor:
        y = ops.modulated_conv_transpose2d(
            images, kernel(w, 2), _style(images), stride=steps, padding=both(padding, 2, 0), output_padding=extra,
            demodulate=False, gain=0.5,
        )  # fmt: skip
        return y if b is None else y + b

    return over_images(modulated, x, 2)


def _grouped(function: Any, demodulated: bool, gain: float) -> Any:
    """The definition in PyTorch, for images with or without an axis of the batch."""

    def run(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None, *rest: Any, **options: Any) -> Any:
        batch = x if x.ndim == 4 else x[None]
        n, channels, *size = batch.shape
        inputs = 1 if function is functional.conv2d else 0  # axis of w
        style = (batch.mean((2, 3)) + 1).reshape([n, *(channels if axis == inputs else 1 for axis in range(4))])
        each = w * style
        if demodulated:
            each = each * (each.square().sum(dim=(inputs + 1, 3, 4), keepdim=True) + 0.1).rsqrt()
        y = function(batch.reshape(1, -1, *size), each.flatten(0, 1), None, *rest, **options | {"groups": n}) * gain
        y = y.reshape(n, -1, *y.shape[2:])
        y = y if b is None else y + b[:, None, None]
        return y if x.ndim == 4 else y[0]

    return run


twin("modulated_conv2d", "nn.functional.conv2d (modulated)", theirs=_grouped(functional.conv2d, True, 1.5))(convolved)
twin(
    "modulated_conv_transpose2d",
    "nn.functional.conv_transpose2d (modulated)",
    theirs=_grouped(functional.conv_transpose2d, False, 0.5),
)(transposed)


def _scaled(x: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
    return x * x.mean(list(range(1, x.ndim - 1)), keepdim=True)


@twin("scale_channels", "nn.functional.instance_norm (channels scaled)", theirs=_scaled)
def scaled(x: Tensor, *rest: Any, **options: Any) -> Tensor:
    """The factors of each image's channels, which are the last axis here, are their means."""
    return ops.scale_channels(x, ops.mean(x, axis=tuple(range(1, x.ndim - 1))))
