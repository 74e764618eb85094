"""Losses. Classifiers and discriminators give logits: probabilities would round to 0 and 1, and lose the gradient."""

from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.arrays import integers
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.activation import sigmoid
from rawgan.ops.arguments import as_tensors, operands
from rawgan.ops.elementary import abs, exp, log
from rawgan.ops.reduce import broadcast_to, mean, sum
from rawgan.ops.registry import apart, between, case, constant, normal, op
from rawgan.ops.shape import reshape
from rawgan.ops.taking import take
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

REDUCTIONS = ("mean", "sum", "none")


class BCEWithLogits(Op):
    """y = −t · log σ(x) − (1 − t) · log(1 − σ(x)), element by element: cross-entropy of σ(x) against the target t.

    Backward: gx = gy · ((1 − t) · σ(x) − t · σ(−x))    which is σ(x) − t without the cancellation
              gt = −gy · x
    Source:   Goodfellow et al. 2014
    """

    def forward(self, x: Any, t: Any) -> Any:
        return kernels.bce_with_logits(x, t)

    def backward(self, gy: Tensor) -> Gradients:
        x, t = self.inputs
        gx = None
        if self.needs[0] and is_recording():
            gx = gy * ((1 - t) * sigmoid(x) - t * sigmoid(-x))
        elif self.needs[0]:
            gx = Tensor.wrap(kernels.bce_with_logits_grad(x._array, t._array, gy._array))
        return gx, -gy * x if self.needs[1] else None


@op(
    case("mean", normal(2, 3), between(0, 1, 2, 3)),
    case("weight", normal(2, 3), between(0, 1, 2, 3), normal(2, 3), reduction="sum"),
    case("one target", normal(2, 3), normal(), reduction="none"),
)
def bce_with_logits(x: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Binary cross-entropy, in nats, of the logits x against the probabilities `target`.

    Exact for every finite logit: where σ(x) rounds to 0 or 1, the loss and its gradient keep their precision.

    Shapes: x any; target, weight the same or a number → a number, or as x with reduction "none"
    Raises: ShapeError if the shapes differ, ArgumentError for an unknown reduction

    >>> bce_with_logits(Tensor([-1000.0, 0.0]), 1.0, reduction="none")
    Tensor([1.000000e+03, 6.931472e-01], float32)
    """
    x, t = operands(x, target)
    return _reduce("bce_with_logits", BCEWithLogits()(x, _fit("bce_with_logits", x, target=t)), weight, reduction)


@op(
    case("mean", normal(2, 3), normal(2, 3)),
    case("weight", normal(2, 3), normal(), normal(2, 3), reduction="none"),
)
def mse(x: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Squared error.

    Shapes: x any; target, weight the same or a number → a number, or as x with reduction "none"
    Raises: ShapeError if the shapes differ, ArgumentError for an unknown reduction

    >>> mse(Tensor([1.0, 3.0]), 0.0)
    Tensor(5., float32)
    """
    x, t = operands(x, target)
    difference = x - _fit("mse", x, target=t)
    return _reduce("mse", difference * difference, weight, reduction)


@op(
    case("mean", apart(2, 3), apart(2, 3, offset=0.05)),
    case("weight", apart(2, 3), constant(0.05), normal(), reduction="sum"),
)
def l1(x: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Absolute error.

    Shapes: x any; target, weight the same or a number → a number, or as x with reduction "none"
    Raises: ShapeError if the shapes differ, ArgumentError for an unknown reduction

    >>> l1(Tensor([1.0, -3.0]), 0.0)
    Tensor(2., float32)
    """
    x, t = operands(x, target)
    return _reduce("l1", abs(x - _fit("l1", x, target=t)), weight, reduction)


def _against_labels(op: Any, x: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    """A call with fixed labels, which are no Tensor."""
    return op(x, np.array([2, 0, 2, 1]), weight, reduction)


@op(
    case("mean", normal(4, 3), call=_against_labels),
    case("weight", normal(4, 3), normal(4), call=_against_labels, reduction="sum"),
    case("none", normal(4, 3), call=_against_labels, reduction="none"),
)
def softmax_cross_entropy(x: Any, labels: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Cross-entropy, in nats, of softmax(x) against class numbers: log Σ eˣ − x[label] for each sample.

    Shapes: x (N, classes), labels integers (N,), weight (N,) or a number → a number, or (N,) with reduction "none"
    Raises: ShapeError if the shapes do not fit, DTypeError unless labels are integers, ArgumentError for a label that
            is not a class

    >>> import numpy as np
    >>> softmax_cross_entropy(Tensor([[0.0, 0.0], [1000.0, 0.0]]), np.array([0, 1]), reduction="none")
    Tensor([6.931472e-01, 1.000000e+03], float32)
    """
    op = "softmax_cross_entropy"
    (x,) = as_tensors(x)
    xp = array_module(x._array)
    labels = integers(labels._array if isinstance(labels, Tensor) else labels, f"{op}: labels", x._array)
    if x.ndim != 2 or not x.shape[1] or labels.shape != x.shape[:1]:
        way_out = ""
        if labels.shape == x.shape and x.ndim == 2:
            way_out = "\n  labels are class numbers; turn one-hot vectors into these: labels.argmax(axis=1)"
        elif x.ndim == 2 and labels.size == len(x):
            way_out = "\n  give them one axis: labels.reshape(-1)"
        raise ShapeError(f"{op}: x must be (N, classes) and labels (N,)\n{shapes(x=x, labels=labels)}{way_out}")
    classes = x.shape[1]
    if labels.size and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        raise ArgumentError(
            f"{op}: labels must lie in 0 … {classes - 1}, but go from {labels.min()} to {labels.max()}\n"
            f"{shapes(x=(x, '(N, classes)'), labels=(labels, '(N,)'))}"
        )
    # Softmax does not change when the largest logit, taken as a constant, is subtracted from all: e^x cannot overflow.
    shifted = x - Tensor.wrap(x._array.max(axis=1, keepdims=True))
    chosen = take(reshape(shifted, (-1,)), xp.arange(len(labels)) * classes + labels)
    losses = log(sum(exp(shifted), axis=1)) - chosen
    return _reduce(op, losses, weight, reduction)


def _fit(op: str, x: Tensor, **others: Tensor) -> Tensor:
    """Repeat a number; anything else must have x's shape, as broadcasting hides mistakes in a loss."""
    ((name, other),) = others.items()
    check_alike(op, x=x, **others)
    if other.shape not in ((), x.shape):
        raise ShapeError(f"{op}: {name} must have x's shape or be a number\n{shapes(x=x, **others)}")
    return broadcast_to(other, x.shape)


def _reduce(op: str, losses: Tensor, weight: Any, reduction: str) -> Tensor:
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ArgumentError(f"{op}: reduction is {described(reduction)}; choose one of: {', '.join(REDUCTIONS)}")
    if weight is not None:
        losses, w = operands(losses, weight)
        losses = losses * _fit(op, losses, weight=w)
    return {"mean": mean, "sum": sum, "none": lambda each: each}[reduction](losses)
