"""Losses. See `twins`."""

import math
from typing import Any

import numpy as np
import torch
from samples import Array, NotApplicable
from torch.nn import functional
from twins import twin

from rawgan import Tensor, ops


@twin("bce_with_logits", "nn.functional.binary_cross_entropy_with_logits")
def binary_cross_entropy(
    x: Tensor, t: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """A weight for positive targets is a sum of two losses, against 1 and against 0, weighted by the target."""
    w = Tensor(np.ones(x.shape)) if weight is None else ops.broadcast_to(weight, x.shape)
    if pos_weight is None:
        return ops.bce_with_logits(x, t, None if weight is None else w, reduction)
    positive = ops.bce_with_logits(x, 1.0, w * pos_weight * t, reduction)
    return positive + ops.bce_with_logits(x, 0.0, w * (1 - t), reduction)


@twin("cross_entropy", "nn.functional.cross_entropy")
def cross_entropy(x: Tensor, target: Tensor | Array, weight: Tensor | None = None, **options: Any) -> Tensor:
    """PyTorch's classes are along the second axis."""
    return ops.cross_entropy(x, target, weight, axis=min(1, x.ndim - 1), **options)


@twin("cross_entropy", "nn.functional.linear_cross_entropy")
def linear_cross_entropy(
    x: Tensor, w: Tensor, target: Tensor | Array, linear_bias: Tensor | None = None, **options: Any
) -> Tensor:
    """Of a linear layer's results, which may have axes behind that of the classes."""
    y = ops.linear(x, ops.transpose(ops.reshape(w, (-1, w.shape[-1]))))
    y = ops.reshape(y, (*x.shape[:-1], *w.shape[:-1]))
    return cross_entropy(y if linear_bias is None else y + linear_bias, target, **options)


@twin("nll", "nn.functional.nll_loss")
def nll_loss(x: Tensor, target: Array, weight: Tensor | None = None, **options: Any) -> Tensor:
    """PyTorch's mean of no labels is NaN."""
    if options.get("reduction") == "mean" and (target == options.get("ignore_index")).all():
        raise NotApplicable("a mean of no labels, which rawgan refuses")
    return ops.nll(x, target, weight, axis=min(1, x.ndim - 1), **options)


@twin("bce_with_logits", "nn.functional.soft_margin_loss")
def soft_margin_loss(x: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    """Of targets 1 and −1, as far as they are: log(1 + e^(−t · x))."""
    return ops.bce_with_logits(t * x, 1.0, reduction=reduction)


@twin("hinge", "nn.functional.margin_ranking_loss")
def margin_ranking_loss(a: Tensor, b: Tensor, t: Tensor, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """Of a difference."""
    return ops.hinge(a - b, t, reduction=reduction, margin=margin)


@twin("huber", "nn.functional.smooth_l1_loss")
def smooth_l1_loss(x: Tensor, t: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Huber's, divided by the bend; without one, the absolute error."""
    return ops.huber(x, t, reduction=reduction, delta=beta) / beta if beta else ops.l1(x, t, reduction=reduction)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """Mean, sum, or the losses themselves."""
    return losses if reduction == "none" else getattr(ops, reduction)(losses)


@twin("log", "nn.functional.gaussian_nll_loss")
def gaussian_nll_loss(
    x: Tensor, t: Tensor, var: Tensor, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """−log of a normal density. PyTorch's gradient takes a variance below eps for a free one; no sample has one."""
    var = var[..., None] if x.ndim == var.ndim + 1 and x.shape[:-1] == var.shape else var
    losses = (ops.log(var) + (x - t) ** 2 / var + (math.log(2 * math.pi) if full else 0.0)) / 2
    return reduced(losses, reduction)


@twin("log", "nn.functional.poisson_nll_loss")
def poisson_nll_loss(
    x: Tensor, t: Tensor, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Tensor:
    """−log of Poisson's probability of t; Stirling's formula stands for the logarithm of its factorial."""
    losses = ops.exp(x) - t * x if log_input else x - t * ops.log(x + eps)
    if full:
        many = ops.where(t > 1, t, 2)
        losses = losses + ops.where(t > 1, many * ops.log(many) - many + ops.log(2 * math.pi * many) / 2, 0)
    return reduced(losses, reduction)


def kl_div_in_torch(*args: Any, reduction: str = "mean", **kwargs: Any) -> torch.Tensor:
    """Without the advice not to take the mean."""
    losses = functional.kl_div(*args, reduction="none" if reduction == "mean" else reduction, **kwargs)
    return losses.mean() if reduction == "mean" else losses


@twin("exp", "nn.functional.kl_div", theirs=kl_div_in_torch)
def kl_div(x: Tensor, t: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Of logarithms of probabilities; PyTorch's `batchmean` is the sum for each sample."""
    losses = ops.exp(t) * (t - x) if log_target else ops.where(t > 0, t * (ops.log(ops.where(t > 0, t, 1)) - x), 0)
    return ops.sum(losses) / len(x) if reduction == "batchmean" else reduced(losses, reduction)


@twin("hinge", "nn.functional.hinge_embedding_loss")
def hinge_embedding_loss(x: Tensor, t: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """The distance itself where the target is 1, a hinge where it is −1."""
    losses = ops.where(t == 1, x, 0) + ops.where(t == -1, ops.hinge(x, 1.0, reduction="none", margin=margin), 0)
    both = ops.where((t == 1) | (t == -1), losses, x + ops.hinge(x, 1.0, reduction="none", margin=margin))
    return reduced(both, reduction)


@twin("cosine_similarity", "nn.functional.cosine_embedding_loss")
def cosine_embedding_loss(a: Tensor, b: Tensor, t: Array, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """1 − cosine where the target is 1, what the cosine has above the margin where it is −1."""
    cosine = ops.cosine_similarity(a, b)
    apart = ops.where(np.asarray(t.data if isinstance(t, Tensor) else t) == -1, ops.relu(cosine - margin), 0)
    together = np.asarray(t.data if isinstance(t, Tensor) else t) == 1
    return reduced(ops.where(together, 1 - cosine, apart), reduction)


@twin("norm", "nn.functional.triplet_margin_loss")
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """The difference of two distances beyond a margin."""

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return ops.norm(a - b + 1e-6, axis=-1)

    far = distance(anchor, negative)
    far = ops.minimum(far, distance(positive, negative)) if swap else far
    return reduced(ops.relu(distance(anchor, positive) - far + margin), reduction)


twin("huber", "nn.functional.huber_loss")(ops.huber)
twin("l1", "nn.functional.l1_loss")(ops.l1)
twin("mse", "nn.functional.mse_loss")(ops.mse)
