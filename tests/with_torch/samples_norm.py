"""Normalisation. See `twins`."""

import math
from typing import Any

import torch
from samples import NotApplicable, channels_first, channels_last
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
    options = {"training": training, "momentum": momentum, "eps": eps}
    y = channels_first(ops.batch_norm(channels_last(x), weight, bias, mean, var, **options))
    return with_statistics(y, mean, var)


@twin("layer_norm", "nn.functional.layer_norm")
def layer_norm(
    x: Tensor,
    normalized_shape: tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    check_eps(eps)
    if math.prod(normalized_shape) == 1:
        raise NotApplicable("the normalisation of a single value")
    return ops.layer_norm(x, weight, bias, axis=tuple(range(-len(normalized_shape), 0)), eps=eps)


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
    return channels_first(ops.instance_norm(channels_last(x), weight, bias, eps=eps))


@twin("group_norm", "nn.functional.group_norm")
def group_norm(
    x: Tensor, groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    check_eps(eps)
    return channels_first(ops.group_norm(channels_last(x), groups, weight, bias, eps=eps))


def check_eps(eps: float) -> None:
    """Below 0, it is no guard against a variance of 0."""
    if eps < 0:
        raise NotApplicable("a negative eps")
