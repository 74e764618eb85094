"""Convolutions and their gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bench.competitors.torch_kernels.activation import activate
from bench.competitors.torch_kernels.counterpart import NoCounterpart, Run, aten, counterpart


@counterpart
def conv2d(x: Tensor, w: Tensor, window: Any, b: Tensor | None = None, slope: float = 1.0) -> Run:
    """functional.conv2d and the activation."""
    stride, padding, dilation, groups = _geometry(window)
    return lambda: activate(functional.conv2d(x, w, b, stride, padding, dilation, groups), slope)


@counterpart
def conv2d_input_grad(gy: Tensor, w: Tensor, window: Any, b: Tensor | None = None, slope: float = 1.0) -> Run:
    """functional.conv_transpose2d and the activation."""
    stride, padding, dilation, groups = _geometry(window)
    without = [
        (size - 1) * s - 2 * p + d * (taps - 1) + 1
        for size, s, p, d, taps in zip(window.output, stride, padding, dilation, window.kernel, strict=True)
    ]
    extra = [size - found for size, found in zip(window.size, without, strict=True)]
    return lambda: activate(functional.conv_transpose2d(gy, w, b, stride, padding, extra, groups, dilation), slope)


@counterpart
def conv2d_weight_grad(x: Tensor, gy: Tensor, window: Any) -> Run:
    """The weight's part of convolution_backward, which reads only shape and layout of the weight."""
    stride, padding, dilation, groups = _geometry(window)
    w = torch.empty(gy.shape[1], x.shape[1] // groups, *window.kernel, dtype=x.dtype)
    if x.is_contiguous(memory_format=torch.channels_last):
        w = w.contiguous(memory_format=torch.channels_last)
    mask = (False, True, False)
    rest = (stride, padding, dilation, False, (0, 0), groups, mask)
    return lambda: aten.convolution_backward(gy, x, w, None, *rest)[1]


def _geometry(window: Any) -> tuple[Any, Any, Any, int]:
    (top, bottom), (left, right) = window.padding
    if (top, left) != (bottom, right):
        raise NoCounterpart("padding that differs from side to side")
    return window.stride, (top, left), window.dilation, window.groups
