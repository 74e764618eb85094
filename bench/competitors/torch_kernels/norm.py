"""Norms and their gradients."""

import math
from typing import Any

import torch
from torch import Tensor

from bench.competitors.kernel_calls import norm_of
from bench.competitors.torch_kernels.activation import activate, activation_grad
from bench.competitors.torch_kernels.counterpart import Run, aten, counterpart


@counterpart
def normalize(x: Tensor, gamma: Tensor, beta: Tensor, axes: tuple[int, ...], eps: float, slope: float = 1.0) -> Run:
    """A norm in training mode, with the statistics that it keeps for its gradient, and the activation."""
    norm, _, _ = _norm(x, gamma, beta, axes, eps)
    return lambda: activate(norm()[0], slope)


@counterpart
def normalize_grad(
    x: Tensor, gy: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor, axes: tuple[int, ...], eps: float,
    slope: float = 1.0,
) -> Run:  # fmt: skip
    """Gradient of an activation, from its result, and of a norm, with the mean and the variance that are given."""
    _, norm_grad, arranged = _norm(x, gamma, beta, axes, eps)
    inv_std = (var + eps).rsqrt()
    y = None if slope == 1.0 else activate(arranged(_scaled(x, mean, inv_std, gamma, beta)), slope)
    gy, statistics = arranged(gy), [each.reshape(_statistics_shape(x, gamma, axes)) for each in (mean, inv_std)]
    return lambda: norm_grad(gy if y is None else activation_grad(y, gy, slope), *statistics)


def _scaled(x: Tensor, mean: Tensor, inv_std: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """(x − mean) · inv_std · gamma + beta, where the last axes are those of gamma in rawgan's layout."""
    if x.ndim != 4:
        return (x - mean) * inv_std * gamma + beta
    x, mean, inv_std = (each.permute(0, 2, 3, 1) for each in (x, mean, inv_std))
    return ((x - mean) * inv_std * gamma + beta).permute(0, 3, 1, 2)


def _statistics_shape(x: Tensor, gamma: Tensor, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a mean that PyTorch's gradient takes."""
    match norm_of(x.ndim, gamma.ndim, axes):
        case "batch":
            return (-1,)
        case "layer":
            return -1, 1
        case _:
            return len(x), len(gamma)


def _norm(x: Tensor, gamma: Tensor, beta: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """Forward; backward, from gy, mean and 1 / std; and the function that lays out gy as x.

    Instance norm is PyTorch's group norm with groups of one channel.
    """
    mask, kind = (True, True, True), norm_of(x.ndim, gamma.ndim, axes)
    if kind == "batch":
        return (
            lambda: torch.native_batch_norm(x, gamma, beta, None, None, True, 0.1, eps),
            lambda gy, mean, inv_std: aten.native_batch_norm_backward(
                gy, x, gamma, None, None, mean, inv_std, True, eps, mask
            ),
            lambda gy: gy,
        )
    last = x.is_contiguous(memory_format=torch.channels_last) if x.ndim == 4 else False

    def arranged(x: Tensor) -> Tensor:
        """(rows, C) for a layer norm, else images (N, C, height, width) in the layout that competes."""
        x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
        if kind == "layer":
            return x.reshape(-1, x.shape[-1])
        pixels = x.numel() // (len(x) * gamma.numel())
        height = next(each for each in range(math.isqrt(pixels), 0, -1) if pixels % each == 0)
        images = x.reshape(len(x), height, -1, gamma.numel()).permute(0, 3, 1, 2)
        return images.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)

    groups = len(gamma)
    x, gamma, beta = arranged(x), gamma.flatten(), beta.flatten()
    if kind == "layer":
        shape = gamma.shape
        return (
            lambda: aten.native_layer_norm(x, shape, gamma, beta, eps),
            lambda gy, mean, inv_std: aten.native_layer_norm_backward(
                gy, x, shape, mean, inv_std, gamma, beta, mask
            ),
            arranged,
        )  # fmt: skip
    sizes = (*x.shape[:2], x[0, 0].numel(), groups)
    return (
        lambda: aten.native_group_norm(x, gamma, beta, *sizes, eps),
        lambda gy, mean, inv_std: aten.native_group_norm_backward(gy, x, mean, inv_std, gamma, *sizes, mask),
        arranged,
    )
