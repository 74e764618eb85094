"""Losses. See `twins`."""

from functools import reduce

import numpy as np
from samples import Array
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


@twin("softmax_cross_entropy", "nn.functional.cross_entropy")
def cross_entropy(
    x: Tensor,
    target: Tensor | Array,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Pixels are samples. A weight of each class, or none for one class, is a weight of each sample."""
    order = (0, *range(2, x.ndim), 1)
    rows = ops.reshape(ops.transpose(x, order), (x.size // x.shape[1], x.shape[1]))
    if isinstance(target, Tensor):
        shares = ops.reshape(ops.transpose(target, order), rows.shape)
        if weight is not None:
            shares = shares * weight
        losses = soft_cross_entropy(rows, shares, reduction)
        return ops.reshape(losses, (x.shape[0], *x.shape[2:])) if reduction == "none" else losses
    labels = target.reshape(-1)
    if weight is None and ignore_index is None:
        losses = ops.softmax_cross_entropy(rows, labels, reduction=reduction)
    else:
        each = np.ones(labels.size) if weight is None else weight.numpy()[labels]
        each = each * (labels != ignore_index)
        losses = ops.softmax_cross_entropy(rows, labels, each, "none" if reduction == "none" else "sum")
        if reduction == "mean":  # PyTorch's is a weighted mean
            losses = losses / float(each.sum())
    return ops.reshape(losses, target.shape) if reduction == "none" else losses


def soft_cross_entropy(rows: Tensor, shares: Tensor, reduction: str) -> Tensor:
    """Against a share of each class: the sum of the losses against each class alone, weighted by its share."""
    n, classes = rows.shape
    losses = (ops.softmax_cross_entropy(rows, np.full(n, c), shares[:, c], reduction) for c in range(classes))
    return reduce(ops.add, losses)


twin("l1", "nn.functional.l1_loss")(ops.l1)
twin("mse", "nn.functional.mse_loss")(ops.mse)
