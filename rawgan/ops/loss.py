"""Losses. Classifiers and discriminators give logits: probabilities would round to 0 and 1, and lose the gradient."""

from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.activation import relu, sigmoid
from rawgan.ops.arguments import choice, is_number, operands
from rawgan.ops.elementary import abs
from rawgan.ops.reduce import broadcast_to, mean, sum
from rawgan.ops.registry import apart, between, case, constant, normal, op
from rawgan.ops.selection import clip
from rawgan.tensor import Tensor

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


@op(
    case("mean", apart(2, 3), apart(2, 3, offset=0.05), delta=0.3),
    case("weight", apart(2, 3), constant(0.05), normal(), reduction="sum"),
)
def huber(x: Any, target: Any, weight: Any = None, reduction: str = "mean", *, delta: float = 1.0) -> Tensor:
    """½d² where |d| ≤ delta, else delta · (|d| − ½delta), with d = x − target: robust to outliers.

    PyTorch's smooth_l1_loss is this, divided by delta.

    Shapes: x any; target, weight the same or a number → a number, or as x with reduction "none"
    Raises: ShapeError if the shapes differ, ArgumentError for an unknown reduction, or unless delta > 0
    Source: Huber 1964

    >>> huber(Tensor([0.5, -3.0]), 0.0, reduction="none")
    Tensor([0.125, 2.5  ], float32)
    """
    if not (is_number(delta) and 0 < delta < float("inf")):
        raise ArgumentError(f"huber: delta must be a number, more than 0 and finite, but is {described(delta)}")
    x, t = operands(x, target)
    difference = x - _fit("huber", x, target=t)
    near = clip(difference, -delta, delta)
    return _reduce("huber", near * (difference - 0.5 * near), weight, reduction)


@op(
    case("mean", apart(2, 3), constant([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])),
    case("a margin, one target", apart(2, 3), constant(-1.0), margin=0.25, reduction="none"),
)
def hinge(x: Any, target: Any, weight: Any = None, reduction: str = "mean", *, margin: float = 1.0) -> Tensor:
    """max(0, margin − target · x), for logits x and targets 1 and −1: 0 beyond the margin.

    Shapes: x any; target, weight the same or a number → a number, or as x with reduction "none"
    Raises: ShapeError if the shapes differ, ArgumentError for an unknown reduction, or a margin that is no number
    Source: Lim and Ye 2017, Geometric GAN

    >>> hinge(Tensor([2.0, 0.25]), [1.0, -1.0], reduction="none")
    Tensor([0.  , 1.25], float32)
    """
    if not is_number(margin):
        raise ArgumentError(f"hinge: margin must be a number, but is {described(margin)}")
    x, t = operands(x, target)
    return _reduce("hinge", relu(margin - _fit("hinge", x, target=t) * x), weight, reduction)


def _fit(op: str, x: Tensor, **others: Tensor) -> Tensor:
    """Repeat a number; anything else must have x's shape, as broadcasting hides mistakes in a loss."""
    ((name, other),) = others.items()
    check_alike(op, x=x, **others)
    if other.shape not in ((), x.shape):
        raise ShapeError(f"{op}: {name} must have x's shape or be a number\n{shapes(x=x, **others)}")
    return broadcast_to(other, x.shape)


def _reduce(op: str, losses: Tensor, weight: Any, reduction: str) -> Tensor:
    choice(op, "reduction", reduction, REDUCTIONS)
    if weight is not None:
        losses, w = operands(losses, weight)
        losses = losses * _fit(op, losses, weight=w)
    return reduced(losses, reduction)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """Mean, sum, or the losses themselves."""
    return {"mean": mean, "sum": sum, "none": lambda each: each}[reduction](losses)
