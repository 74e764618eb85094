"""Normalisation. See `twins`."""

import math
from typing import Any

import numpy as np
import torch
from samples import NotApplicable, over_images
from torch.nn import functional
from twins import twin

from rawgan import Tensor, ops


def with_statistics(y: Any, mean: Any, var: Any) -> list[Any]:
    """A result, and the running statistics where there are any."""
    return [each for each in (y, mean, var) if each is not None]


def batch_norm_in_torch(x: torch.Tensor, mean: Any, var: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """With the running statistics as they are afterwards."""
    return with_statistics(functional.batch_norm(x, mean, var, *args, **kwargs), mean, var)


@twin("batch_norm", "nn.functional.batch_norm", theirs=batch_norm_in_torch)
def batch_norm(
    x: Tensor,
    mean: Tensor | None,
    var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> list[Tensor]:
    """With the running statistics as they are afterwards."""
    if x.ndim == 1:
        raise NotApplicable("an array without channels")
    if training and not 0 <= momentum <= 1:
        raise NotApplicable("a momentum that is no share of anything")
    gamma, beta = scales(x.shape[1:2], weight, bias)

    def normalized(values: Tensor) -> Tensor:
        return ops.batch_norm(values, gamma, beta, mean, var, training=training, momentum=momentum, eps=eps)

    y = normalized(x) if x.ndim == 2 else over_images(normalized, x, x.ndim - 2)
    return with_statistics(y, mean, var)


@twin("layer_norm", "nn.functional.layer_norm")
def layer_norm(
    x: Tensor,
    normalized_shape: tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """PyTorch may normalise over all axes: rawgan then takes x to be one sample."""
    check_eps(eps)
    if math.prod(normalized_shape) == 1:
        raise NotApplicable("the normalisation of a single value")
    gamma, beta = scales(normalized_shape, weight, bias)
    if x.ndim == gamma.ndim:
        return ops.layer_norm(x[None], gamma, beta, eps=eps)[0]
    return ops.layer_norm(x, gamma, beta, eps=eps)


@twin(
    "instance_norm",
    "nn.functional.instance_norm",
    remark="the running statistics that PyTorch keeps are not compared: rawgan keeps none",
)
def instance_norm(
    x: Tensor,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """All samples use the image's own statistics; running ones, which PyTorch keeps, do not change the result."""
    gamma, beta = scales(x.shape[1:2], weight, bias)
    return over_images(lambda images: ops.instance_norm(images, gamma, beta, eps=eps), x, x.ndim - 2)


@twin("layer_norm", "nn.functional.group_norm")
def group_norm(
    x: Tensor, groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """A layer norm of each group of channels, scaled for each channel."""
    check_eps(eps)
    channels = x.shape[1]
    rows = ops.reshape(x, (x.shape[0] * groups, math.prod(x.shape[1:]) // groups))
    y = ops.reshape(ops.layer_norm(rows, *scales(rows.shape[1:], None, None), eps=eps), x.shape)
    gamma, beta = (ops.reshape(s, (channels, *(1,) * (x.ndim - 2))) for s in scales((channels,), weight, bias))
    return y * gamma + beta


def scales(shape: tuple[int, ...], weight: Tensor | None, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Scale and shift, which PyTorch may leave out."""
    return (
        Tensor(np.ones(shape)) if weight is None else weight,
        Tensor(np.zeros(shape)) if bias is None else bias,
    )


def check_eps(eps: float) -> None:
    """Below 0, it is no guard against a variance of 0."""
    if eps < 0:
        raise NotApplicable("a negative eps")
