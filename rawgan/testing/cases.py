"""The one table of every op: a line here is all that an op needs to be checked by `rawgan gradcheck` and the tests.

A case is a function of Tensors and the kind of arrays to call it with. Every array is differentiated, so options that
are not Tensors belong into the function. Where a function has kinks, the arrays keep away from them: a finite
difference across a kink says nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rawgan import Tensor, ops

Array = np.ndarray[Any, Any]
Draw = Callable[[np.random.Generator], Array]


@dataclass(frozen=True)
class Case:
    """One call of one op."""

    op: str  # the name in rawgan.ops
    what: str  # what is special about this call
    function: Callable[..., Tensor]
    draws: tuple[Draw, ...]
    order: int
    """The highest order at which it is checked."""

    def __str__(self) -> str:
        return f"{self.op}-{self.what}".replace(" ", "-")

    def arrays(self, dtype: str = "float64") -> list[Array]:
        """The same inputs at every call."""
        rng = np.random.default_rng(sum(map(ord, str(self))))
        return [draw(rng).astype(dtype) for draw in self.draws]


# --- arrays to call with -------------------------------------------------------------------------------


def normal(*shape: int) -> Draw:
    """Standard normal numbers, for functions without kinks."""
    return lambda rng: rng.standard_normal(shape)


def between(low: float, high: float, *shape: int) -> Draw:
    """Uniform numbers, for functions that are not defined or not tame everywhere."""
    return lambda rng: rng.uniform(low, high, shape)


def nonzero(*shape: int) -> Draw:
    """Numbers of both signs at least 0.1 away from 0, for functions with a kink or a pole there."""
    return lambda rng: rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape)


def apart(*shape: int, offset: float = 0.0) -> Draw:
    """Shuffled multiples of 0.1, plus `offset`: no two are closer than 0.1, for functions with a kink at equality."""
    size = int(np.prod(shape))
    return lambda rng: (0.1 * (rng.permutation(size) - size // 2) + offset).reshape(shape)


def constant(array: Any) -> Draw:
    """These very numbers."""
    return lambda rng: np.array(array)


# --- the table -----------------------------------------------------------------------------------------


def case(
    op: str, what: str, *draws: Draw, function: Callable[..., Tensor] | None = None, order: int = 2, **options: Any
) -> Case:
    """A case that calls `function`, or the op itself, with options that are not Tensors."""
    return Case(op, what, partial(function or getattr(ops, op), **options), draws, order)


def dropped(x: Tensor, rate: float) -> Tensor:
    """Dropout with the same mask at every call."""
    return ops.dropout(x, rate, np.random.default_rng(3))


def joined(*xs: Tensor, axis: int) -> Tensor:
    """Concatenate as a function of Tensors."""
    return ops.concatenate(xs, axis)


def evaluated(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """Batch norm with running statistics, of which it is a differentiable function too."""
    return ops.batch_norm(x, gamma, beta, mean, var, training=False)


def classified(x: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
    """Softmax cross-entropy against fixed labels."""
    return ops.softmax_cross_entropy(x, np.array([2, 0, 2, 1]), weight, **options)


def cast(x: Tensor) -> Tensor:
    """To the dtype it has already: finite differences in float64 cannot be taken through float32."""
    return ops.astype(x, x.dtype)


conv_case = partial(case, order=3)  # the conv triple is closed under differentiation

CASES = [
    # arithmetic
    case("add", "same shapes", normal(2, 3), normal(2, 3)),
    case("add", "broadcasting both", normal(4, 1, 3), normal(2, 1)),
    case("add", "a number to an array", normal(), normal(2, 2)),
    case("sub", "same shapes", normal(2, 3), normal(2, 3)),
    case("sub", "broadcasting the second", normal(2, 3), normal(1, 3)),
    case("mul", "same shapes", normal(2, 3), normal(2, 3)),
    case("mul", "broadcasting both", normal(3, 1), normal(1, 4)),
    case("mul", "with itself", normal(3), function=lambda x: ops.mul(x, x)),
    case("mul", "by a Python number", normal(3), function=lambda x: 2.5 * x),
    case("div", "same shapes", normal(2, 3), nonzero(2, 3)),
    case("div", "broadcasting both", normal(2, 1, 3), nonzero(4, 1)),
    case("maximum", "same shapes", apart(3, 4), apart(3, 4, offset=0.05)),
    case("maximum", "broadcasting the second", apart(3, 4), apart(4, offset=0.05)),
    case("maximum", "with a number", nonzero(3, 4), function=lambda x: ops.maximum(x, 0)),
    case("neg", "any", normal(2, 3)),
    case("pow", "cubed", normal(2, 3), exponent=3),
    case("pow", "squared", normal(2, 3), exponent=2),
    case("pow", "to the first", normal(2, 3), exponent=1),
    case("pow", "to the zeroth", normal(2, 3), exponent=0),
    case("pow", "fraction", between(0.5, 2, 2, 3), exponent=-1.5),
    case("exp", "any", normal(2, 3)),
    case("log", "positive", between(0.3, 3, 2, 3)),
    case("sqrt", "positive", between(0.3, 3, 2, 3)),
    case("abs", "away from 0", nonzero(2, 3)),
    case("astype", "its own dtype", normal(2, 3), function=cast),
    # shape
    case("reshape", "free length", normal(2, 6), shape=(3, -1)),
    case("reshape", "to a number", normal(1, 1), shape=()),
    case("transpose", "reversed", normal(2, 3, 4)),
    case("transpose", "a cycle", normal(2, 3, 4), axes=(1, 2, 0)),
    case("transpose", "from the back", normal(2, 3, 4), axes=(-1, 0, -2)),
    case("slice_", "steps", normal(5, 4), index=(slice(None, None, 2), slice(3, 0, -1))),
    case("slice_", "integer and new axis", normal(2, 3, 4), index=(-1, None, ..., 1)),
    case("take", "a row twice", normal(4, 2), indices=np.array([3, 0, 3])),
    case("take", "indices with two axes", normal(4, 2, 2), indices=np.array([[1, 1], [0, 3]])),
    case("concatenate", "first axis", normal(2, 3), normal(1, 3), function=joined, axis=0),
    case("concatenate", "three along the last", normal(2, 1), normal(2, 3), normal(2, 2), function=joined, axis=-1),
    case("pad", "uneven", normal(2, 3), widths=((1, 0), (2, 1))),
    case("pad", "with a value", normal(3), widths=((1, 1),), value=2.0),
    # reductions
    case("sum", "everything", normal(2, 3)),
    case("sum", "an axis from the back", normal(2, 3, 4), axis=-2),
    case("sum", "two axes kept", normal(2, 3, 4), axis=(0, 2), keepdims=True),
    case("mean", "everything", normal(2, 3)),
    case("mean", "two axes", normal(2, 3, 4), axis=(1, 2)),
    case("mean", "an axis kept", normal(2, 3), axis=0, keepdims=True),
    case("max", "everything", apart(2, 3)),
    case("max", "two axes", apart(2, 3, 4), axis=(0, 2)),
    case("max", "an axis kept", apart(2, 3), axis=-1, keepdims=True),
    case("broadcast_to", "new axes and length 1", normal(3, 1), shape=(2, 3, 4)),
    case("broadcast_to", "its own shape", normal(3, 2), shape=(3, 2)),
    # products
    case("matmul", "matrices", normal(2, 3), normal(3, 4)),
    case("matmul", "many matrices and one", normal(2, 2, 3), normal(3, 2)),
    case("matmul", "broadcasting both", normal(3, 1, 2, 4), normal(2, 4, 1)),
    case("linear", "bias", normal(3, 4), normal(4, 2), normal(2)),
    case("linear", "no bias", normal(3, 4), normal(4, 2)),
    # activations
    case("leaky_relu", "default slope", nonzero(3, 4)),
    case("leaky_relu", "largest slope", nonzero(3, 4), slope=1.0),
    case("relu", "away from 0", nonzero(3, 4)),
    case("tanh", "any", normal(3, 4)),
    case("sigmoid", "any", normal(3, 4)),
    case("softplus", "any", normal(3, 4)),
    case("dropout", "fixed mask", normal(3, 4), function=dropped, rate=0.4),
    # convolutions
    conv_case("conv2d", "plain", normal(2, 4, 5, 2), normal(3, 2, 2, 3)),
    conv_case("conv2d", "bias and stride", normal(2, 5, 4, 2), normal(2, 3, 2, 3), normal(3), stride=(2, 1)),
    conv_case("conv2d", "padding and a remainder", normal(1, 6, 5, 1), normal(3, 3, 1, 2), stride=2, padding=(0, 1)),
    conv_case("conv2d", "same", normal(1, 5, 4, 2), normal(4, 3, 2, 2), stride=2, padding="same"),
    conv_case("conv2d", "asymmetric padding", normal(1, 3, 4, 1), normal(3, 3, 1, 2), padding=((2, 0), (0, 3))),
    conv_case("conv2d", "dilation", normal(1, 7, 6, 1), normal(3, 2, 1, 2), dilation=(2, 3), padding=1),
    conv_case("conv2d", "groups", normal(2, 3, 3, 4), normal(2, 2, 2, 6), groups=2),
    conv_case("conv2d", "one group per channel", normal(1, 4, 4, 3), normal(3, 3, 1, 3), groups=3, stride=2, padding=1),
    conv_case("conv2d", "1×1", normal(2, 2, 3, 3), normal(1, 1, 3, 2)),
    conv_case("conv2d", "then leaky_relu", normal(1, 4, 3, 2), normal(2, 2, 2, 2), normal(2), stride=(2, 1), slope=0.2),
    conv_case("conv_transpose2d", "plain", normal(2, 3, 2, 2), normal(2, 3, 3, 2)),
    conv_case(
        "conv_transpose2d", "bias, DCGAN's", normal(1, 3, 3, 2), normal(4, 4, 2, 2), normal(2), stride=2, padding=1
    ),
    conv_case(
        "conv_transpose2d", "output padding", normal(1, 2, 3, 1), normal(3, 3, 2, 1), stride=3, output_padding=(2, 1)
    ),
    conv_case("conv_transpose2d", "same", normal(1, 3, 2, 2), normal(3, 5, 1, 2), stride=(2, 3), padding="same"),
    conv_case("conv_transpose2d", "asymmetric", normal(1, 3, 3, 1), normal(3, 3, 2, 1), padding=((1, 0), (0, 2))),
    conv_case("conv_transpose2d", "dilation", normal(1, 2, 3, 2), normal(2, 3, 2, 2), dilation=2, stride=2),
    conv_case("conv_transpose2d", "groups", normal(2, 2, 2, 4), normal(3, 2, 3, 4), groups=2, stride=2),
    conv_case(
        "conv_transpose2d",
        "then relu",
        normal(1, 2, 2, 2),
        normal(3, 3, 2, 2),
        normal(2),
        stride=2,
        padding=1,
        slope=0.0,
    ),
    # images
    case("upsample_nearest", "three times", normal(2, 2, 3, 2), factor=3),
    case("upsample_bilinear", "twice", normal(2, 2, 3, 2)),
    case("upsample_bilinear", "three times, one row", normal(1, 1, 3, 1), factor=3),
    case("pixel_shuffle", "twice", normal(2, 2, 3, 8)),
    case("reflection_pad2d", "all sides alike", normal(2, 3, 4, 2), padding=2),
    case("reflection_pad2d", "each side its own", normal(1, 3, 4, 2), padding=((0, 2), (3, 1))),
    case("avg_pool2d", "default", normal(2, 4, 5, 2)),
    case("avg_pool2d", "overlapping and padded", normal(1, 5, 4, 2), kernel=3, stride=2, padding=1),
    case("max_pool2d", "default", apart(2, 4, 4, 2)),
    case("max_pool2d", "overlapping and padded", apart(1, 5, 4, 2), kernel=(3, 2), stride=(2, 1), padding=(1, 0)),
    case("max_pool2d", "same", apart(1, 5, 4, 1), kernel=3, stride=2, padding="same"),
    # normalisation
    case("batch_norm", "training, images", normal(3, 2, 2, 3), normal(3), normal(3), training=True),
    case("batch_norm", "training, vectors", normal(5, 3), normal(3), normal(3), training=True, eps=0.1),
    case(
        "batch_norm",
        "evaluation",
        normal(3, 4),
        normal(4),
        normal(4),
        normal(4),
        between(0.5, 2, 4),
        function=evaluated,
    ),
    case("batch_norm", "then leaky_relu", normal(2, 2, 2, 3), normal(3), normal(3), training=True, slope=0.2),
    case("layer_norm", "last axis", normal(3, 5), normal(5), normal(5)),
    case("layer_norm", "all but the batch", normal(2, 2, 2, 3), normal(2, 2, 3), normal(2, 2, 3)),
    case("instance_norm", "images", normal(2, 3, 2, 2), normal(2), normal(2)),
    # losses
    case("bce_with_logits", "mean", normal(2, 3), between(0, 1, 2, 3)),
    case("bce_with_logits", "weight", normal(2, 3), between(0, 1, 2, 3), normal(2, 3), reduction="sum"),
    case("bce_with_logits", "one target", normal(2, 3), normal(), reduction="none"),
    case("mse", "mean", normal(2, 3), normal(2, 3)),
    case("mse", "weight", normal(2, 3), normal(), normal(2, 3), reduction="none"),
    case("l1", "mean", apart(2, 3), apart(2, 3, offset=0.05)),
    case("l1", "weight", apart(2, 3), constant(0.05), normal(), reduction="sum"),
    case("softmax_cross_entropy", "mean", normal(4, 3), function=classified),
    case("softmax_cross_entropy", "weight", normal(4, 3), normal(4), function=classified, reduction="sum"),
    case("softmax_cross_entropy", "none", normal(4, 3), function=classified, reduction="none"),
]
