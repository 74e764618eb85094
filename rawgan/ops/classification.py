"""Losses of classifiers, against class numbers or shares of classes, along any axis of any number of axes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan.arrays import integers, listed
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import as_tensors, axes_of, choice, integer, is_number, operands
from rawgan.ops.elementary import exp, log
from rawgan.ops.loss import REDUCTIONS, reduced
from rawgan.ops.reduce import mean, sum
from rawgan.ops.registry import between, case, normal, op
from rawgan.ops.selection import where
from rawgan.ops.shape import reshape, transpose
from rawgan.ops.taking import take
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


def _against_labels(op: Callable[..., Tensor], x: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
    """A call with fixed labels, which are no Tensor, one of them ignored."""
    return op(x, np.array([[2, 0], [2, 1]]), weight, ignore_index=0, **options)


@op(
    case("labels", normal(4, 3), call=lambda op, x: op(x, np.array([2, 0, 2, 1]))),
    case("weights, smoothing, an axis between", normal(2, 3, 2), between(1, 2, 3), call=_against_labels,
         axis=1, label_smoothing=0.2),
    case("shares, weights, smoothing", normal(2, 3), between(0, 1, 2, 3), between(1, 2, 3), label_smoothing=0.2),
    case("none", normal(2, 2, 3), call=_against_labels, reduction="none"),
)  # fmt: skip
def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    *,
    axis: int = -1,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy, in nats, of softmax(x) along `axis` against the target: Σ target · (log Σ eˣ − x) for each sample.

    The target is a class number for each sample, or the share of each class, floats of x's shape. With smoothing s, it
    is moved to (1 − s) · target + s / classes. `weight` is a factor for each class; the mean over labels is then
    divided by the sum of their weights, as in PyTorch. Samples with the label `ignore_index` have no part.

    Shapes: x (N, classes) or any with classes along `axis`; target integers (N,), x's shape without `axis`, or floats
            as x; weight (classes,) → a number, or one for each sample with reduction "none"
    Raises: ShapeError if the shapes do not fit, DTypeError unless labels are integers, ArgumentError for a label that
            is not a class, if all are ignored in a mean, or unless 0 ≤ label_smoothing ≤ 1
    Source: Szegedy et al. 2016 for smoothing

    >>> cross_entropy(Tensor([[0.0, 0.0], [1000.0, 0.0]]), [0, 1], reduction="none")
    Tensor([6.931472e-01, 1.000000e+03], float32)
    >>> cross_entropy(Tensor([[0.0, 0.0]]), [[0.5, 0.5]])
    Tensor(0.6931472, float32)
    """
    name = "cross_entropy"
    if not (is_number(label_smoothing) and 0 <= label_smoothing <= 1):
        raise ArgumentError(
            f"{name}: label_smoothing must be a number between 0 and 1, but is {described(label_smoothing)}"
        )
    x, rows, axis, weight = _rows(name, x, weight, reduction, axis)
    if _is_shares(name, target, x):
        x, target = operands(x, target)
        check_alike(name, x=x, target=target)
        shares = _last(target, axis)
        if label_smoothing:
            shares = shares * (1 - label_smoothing) + label_smoothing / rows.shape[1]
        losses = sum((shares if weight is None else shares * weight) * _surprises(rows, shares), axis=1)
        return _result(losses, x, axis, reduction)
    labels, kept, scale = _labels(name, x, target, axis, weight, ignore_index, reduction)
    if kept is not None:
        rows = where(kept[:, None], rows, 0)
    # Softmax does not change when the largest logit, taken as a constant, is subtracted from all: e^x cannot overflow.
    shifted = rows - Tensor.wrap(rows._array.max(axis=1, keepdims=True))
    log_sums = log(sum(exp(shifted), axis=1))
    losses = log_sums - _chosen(shifted, labels)
    smooth = None
    if label_smoothing:
        smooth = log_sums - mean(shifted, axis=1)
        if weight is not None:
            smooth = mean((reshape(log_sums, (-1, 1)) - shifted) * weight, axis=1)
    return _weighted(losses, smooth, float(label_smoothing), kept, scale, x, axis, reduction)


@op(
    case("labels", normal(4, 3), call=lambda op, x: op(x, np.array([2, 0, 2, 1]))),
    case("weights, an axis between", normal(2, 3, 2), between(1, 2, 3), call=_against_labels, axis=1),
)
def nll(
    x: Any, target: Any, weight: Any = None, reduction: str = "mean", *, axis: int = -1, ignore_index: int = -100
) -> Tensor:
    """−x[target], the negative log-likelihood of class numbers, for logarithms x of probabilities.

    `cross_entropy(x, …)` is `nll(log_softmax(x), …)`; weights and `ignore_index` are those of `cross_entropy`.

    Shapes: x (N, classes) or any with classes along `axis`; target integers (N,), x's shape without `axis`;
            weight (classes,) → a number, or one for each sample with reduction "none"
    Raises: as cross_entropy

    >>> nll(Tensor([[-0.5, -1.0], [-2.0, -0.25]]), [0, 1], reduction="sum")
    Tensor(0.75, float32)
    """
    x, rows, axis, weight = _rows("nll", x, weight, reduction, axis)
    labels, kept, scale = _labels("nll", x, target, axis, weight, ignore_index, reduction)
    if kept is not None:
        rows = where(kept[:, None], rows, 0)
    return _weighted(-_chosen(rows, labels), None, 0.0, kept, scale, x, axis, reduction)


# --- reading the arguments ------------------------------------------------------------------------------------------


def _rows(op: str, x: Any, weight: Any, reduction: str, axis: int) -> tuple[Tensor, Tensor, int, Tensor | None]:
    """x, x as (samples, classes), the axis counted from the front, and the weights as a Tensor."""
    choice(op, "reduction", reduction, REDUCTIONS)
    (x,) = as_tensors(x)
    axes = axes_of(op, x, axis)
    if len(axes) != 1 or not x.shape[axes[0]]:
        raise ShapeError(f"{op}: x must have one axis of classes, at least one of them\n{shapes(x=x, axis=axis)}")
    if weight is not None:
        x, weight = operands(x, weight)
        check_alike(op, x=x, weight=weight)
        if weight.shape != (x.shape[axes[0]],):
            listing = shapes(x=x, axis=axis, weight=weight)
            raise ShapeError(f"{op}: weight must have a number for each of {x.shape[axes[0]]} classes\n{listing}")
    return x, _last(x, axes[0]), axes[0], weight


def _last(x: Tensor, axis: int) -> Tensor:
    """Shapes: x any → (the other axes as one, `axis`)"""
    if axis != x.ndim - 1:
        x = transpose(x, (*(a for a in range(x.ndim) if a != axis), axis))
    return x if x.ndim == 2 else reshape(x, (x.size // x.shape[-1], x.shape[-1]))


def _is_shares(op: str, target: Any, x: Tensor) -> bool:
    """True if the target has x's shape and is no array of integers."""
    array = target._array if isinstance(target, Tensor) else listed(target, f"{op}: labels")
    return bool(array.shape == x.shape and array.dtype.kind not in "iu")


def _labels(
    op: str, x: Tensor, target: Any, axis: int, weight: Tensor | None, ignore_index: int, reduction: str
) -> tuple[Any, Any, Tensor | None]:
    """Class numbers (samples,); a mask of those that count, None if all do; their weights, None if all are alike."""
    ignore_index = integer(op, "ignore_index", ignore_index)
    given = target._array if isinstance(target, Tensor) else listed(target, f"{op}: labels")
    labels = integers(given, f"{op}: labels", x._array)
    classes, shape = x.shape[axis], (*x.shape[:axis], *x.shape[axis + 1 :])
    if labels.shape != shape:
        way_out = ""
        if labels.shape == x.shape:
            way_out = f"\n  turn one-hot vectors into class numbers, labels.argmax(axis={axis}), or into floats"
        elif labels.size == x.size // classes:
            way_out = f"\n  give them these axes: labels.reshape({', '.join(map(str, shape))})"
        raise ShapeError(f"{op}: labels must have x's shape without its axis of classes, {shape}\n"
                         f"{shapes(x=x, axis=axis, labels=labels)}{way_out}")  # fmt: skip
    given, labels, kept = labels, labels.reshape(-1), None
    counted = labels != ignore_index
    if not counted.all():
        kept, labels = counted, array_module(labels).where(counted, labels, 0)
        if reduction == "mean" and not counted.any():
            raise ArgumentError(f"{op}: all labels are {ignore_index}, ignore_index, and there is no mean of none")
    if labels.size and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        raise ArgumentError(
            f"{op}: labels must lie in 0 … {classes - 1}, but go from {labels.min()} to {labels.max()}\n"
            f"{shapes(x=x, axis=axis, labels=given)}"
        )
    return labels, kept, None if weight is None else take(weight, labels)


# --- computing ------------------------------------------------------------------------------------------------------


def _surprises(rows: Tensor, shares: Tensor) -> Tensor:
    """log Σ eˣ − x, the loss for each class; 0 where it is infinite and the class has no share."""
    shifted = rows - Tensor.wrap(rows._array.max(axis=1, keepdims=True))
    none = (shares._array == 0) & (shifted._array == -np.inf)
    log_sums = reshape(log(sum(exp(shifted), axis=1)), (-1, 1))
    return log_sums - shifted if not none.any() else where(none, 0, log_sums - where(none, 0, shifted))


def _chosen(rows: Tensor, labels: Any) -> Tensor:
    """The element of each row that its label names."""
    places = array_module(labels).arange(len(labels)) * rows.shape[1] + labels
    return take(reshape(rows, (-1,)), places)


def _weighted(
    losses: Tensor, smooth: Tensor | None, smoothing: float, kept: Any, scale: Tensor | None, x: Tensor, axis: int,
    reduction: str,
) -> Tensor:  # fmt: skip
    """The losses of labels, scaled, smoothed and reduced; their mean is divided by the sum of their weights."""
    if scale is not None:
        losses = losses * scale
    if smooth is not None:
        losses = losses * (1 - smoothing) + smooth * smoothing
    if kept is not None:
        losses = where(kept, losses, 0)
        scale = Tensor.wrap(kept.astype(x.dtype)) if scale is None else where(kept, scale, 0)
    if reduction == "mean" and scale is not None:
        return sum(losses) / sum(scale)
    return _result(losses, x, axis, reduction)


def _result(losses: Tensor, x: Tensor, axis: int, reduction: str) -> Tensor:
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return reduced(losses if losses.shape == shape else reshape(losses, shape), reduction)
