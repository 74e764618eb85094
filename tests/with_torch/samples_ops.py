"""For each op of rawgan: the operators of PyTorch whose samples test it, and how rawgan computes the same.

The functions here are called with the arguments of a sample, in PyTorch's layout and by PyTorch's names. They read all
of them: an option that a function does not know is an error, and one that rawgan does not have is NotApplicable.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
from samples import Array, NotApplicable, both, kernel, over_images, overhang
from torch.nn import functional

from rawgan import Tensor, ops


@dataclass(frozen=True)
class Pair:
    """rawgan's side, and a PyTorch side that is more than the call of the operator."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]


Side = Callable[..., Any] | Pair


# --- arithmetic ----------------------------------------------------------------------------------------


def power(x: Tensor, exponent: Tensor) -> Tensor:
    """The way that rawgan's pow recommends for an exponent that is a Tensor; all samples are positive."""
    return ops.exp(exponent * ops.log(x))


def clamped(x: Tensor, low: Tensor | Array | None = None, high: Tensor | Array | None = None) -> Tensor:
    """Between bounds, of which PyTorch takes the lower one first."""
    low, high = (b.astype(x.dtype) if isinstance(b, np.ndarray) else b for b in (low, high))  # integers
    above = x if low is None else ops.maximum(x, low)
    return above if high is None else -ops.maximum(-above, -high)


def cast(x: Tensor, *args: Any, memory_format: Any) -> Tensor:
    """Among the arguments are a dtype, or a tensor of it, and things that do not change numbers."""
    (like,) = (a for a in args if isinstance(a, torch.dtype | Tensor))
    return ops.astype(x, like.dtype if isinstance(like, Tensor) else str(like).removeprefix("torch."))


# --- shape ---------------------------------------------------------------------------------------------


def swapped(x: Tensor, a: int, b: int) -> Tensor:
    """Two axes exchanged."""
    order = list(range(x.ndim))
    if order:  # a number has no axes, but PyTorch swaps 0 and 0
        order[a], order[b] = order[b], order[a]
    return ops.transpose(x, tuple(order))


def moved(x: Tensor, source: Sequence[int], target: Sequence[int]) -> Tensor:
    """Axes put elsewhere."""
    order = [0] * x.ndim
    for start, end in zip(source, target, strict=True):
        order[end] = start
    return ops.transpose(x, tuple(order))


def squeezed(x: Tensor, dim: int | None = None) -> Tensor:
    """Without axes of length 1."""
    kept = [n for axis, n in enumerate(x.shape) if n != 1 or (dim is not None and axis != dim % x.ndim)]
    return ops.reshape(x, tuple(kept))


def unsqueezed(x: Tensor, dim: int) -> Tensor:
    """With a new axis."""
    return x[(slice(None),) * (dim % (x.ndim + 1)) + (None,)]


def flattened(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Several axes made one."""
    shape = x.shape or (1,)
    stop = end_dim % len(shape) + 1
    return ops.reshape(x, (*shape[:start_dim], math.prod(shape[start_dim:stop]), *shape[stop:]))


def unflattened(x: Tensor, dim: int, sizes: tuple[int, ...]) -> Tensor:
    """One axis made several."""
    axis = dim % x.ndim
    return ops.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def part(x: Tensor, dim: int, index: int | slice) -> Tensor:
    """x[…, index, …] at one axis."""
    return x[(slice(None),) * (dim % x.ndim) + (index,)]


def parts(x: Tensor, lengths: Sequence[int], dim: int) -> list[Tensor]:
    """Slices of these lengths, one after the other."""
    stops = np.cumsum(lengths)
    return [part(x, dim, slice(int(stop - n), int(stop))) for n, stop in zip(lengths, stops, strict=True)]


def split(x: Tensor, size: int | Sequence[int], dim: int = 0) -> list[Tensor]:
    """Slices of one length, the last of which may be shorter, or of given lengths."""
    n = x.shape[dim]
    return parts(x, size if isinstance(size, Sequence) else [min(size, n - i) for i in range(0, n, size)], dim)


def indexed(x: Tensor, index: Any) -> Tensor:
    """By integers and slices; by one array of numbers; by several arrays, as elements by their positions."""
    given = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(i, list | np.ndarray) for i in given):
        return x[index]
    if not isinstance(index, tuple) and np.asarray(index).dtype.kind == "i":
        return ops.take(x, np.asarray(index))
    return ops.take(ops.reshape(x, (-1,)), positions(x)[index])


def positions(x: Tensor) -> Array:
    """The position of each element of x among all."""
    return np.arange(x.size).reshape(x.shape)


def gathered(x: Tensor, dim: int, index: Array) -> Tensor:
    """One element for each number in the index."""
    if x.ndim == 0:
        raise NotApplicable("an axis of a number")
    if index.size == 0:
        return ops.take(ops.reshape(x, (-1,)), index)
    where = list(np.indices(index.shape))
    where[dim] = index
    return ops.take(ops.reshape(x, (-1,)), positions(x)[tuple(where)])


def selected(x: Tensor, dim: int, index: Array) -> Tensor:
    """Rows along any axis."""
    if x.ndim == 0:
        raise NotApplicable("an axis of a number")
    return swapped(ops.take(swapped(x, 0, dim), index), 0, dim)


def joined(xs: Sequence[Tensor], dim: int = 0) -> Tensor:
    """One after the other."""
    if len({x.ndim for x in xs}) > 1:
        raise NotApplicable("an empty vector among matrices")
    return ops.concatenate(xs, dim)


def padded(x: Tensor, widths: tuple[int, ...], value: float = 0.0) -> Tensor:
    """PyTorch names the last axis first and leaves out those in front; what is negative, it cuts off."""
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    y = ops.pad(x, tuple((max(0, before), max(0, after)) for before, after in pairs), value)
    kept = (slice(max(0, -before), n - max(0, -after)) for n, (before, after) in zip(y.shape, pairs, strict=True))
    return y[tuple(kept)] if min(widths) < 0 else y


def reflected(x: Tensor, widths: tuple[int, ...], mode: str = "reflect") -> Tensor:
    if len(widths) != 4:
        raise NotApplicable("another number of spatial axes than two")
    if min(widths) < 0:
        raise NotApplicable("negative padding")
    pairs = (widths[2:], widths[:2])
    return over_images(lambda images: ops.reflection_pad2d(images, pairs), x, 2)


# --- reductions ----------------------------------------------------------------------------------------


def reduced(op: Callable[..., Tensor], x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """PyTorch has axes of numbers, and reduces all axes if there are none in `dim`."""
    return op(x, None if dim == () or x.ndim == 0 else dim, keepdim)


def summed_to(x: Tensor, *size: Any) -> Tensor:
    """Summed over the axes along which an array of this size would be repeated."""
    shape = tuple(size[0]) if isinstance(size[0], Sequence) else size
    lead = x.ndim - len(shape)
    axes = [*range(lead), *(lead + axis for axis, n in enumerate(shape) if n == 1)]
    return ops.reshape(ops.sum(x, tuple(axes)), shape)


def expanded(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Repeated; −1 stands for the length that is there."""
    lead = len(shape) - x.ndim
    return ops.broadcast_to(x, tuple(x.shape[axis - lead] if n == -1 else n for axis, n in enumerate(shape)))


def log_sum_exp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The largest element, taken as a constant, keeps eˣ from overflow."""
    axis = dim if x.ndim else None
    largest = Tensor(x.numpy().max(axis=axis, keepdims=True, initial=-np.inf))
    result = ops.log(ops.sum(ops.exp(x - largest), axis, keepdims=True)) + largest
    return result if keepdim else ops.sum(result, axis)


# --- products ------------------------------------------------------------------------------------------


def product(a: Tensor, b: Tensor) -> Tensor:
    """A vector on the left is a row, on the right a column."""
    y = ops.matmul(a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None])
    if b.ndim == 1:
        y = y[..., 0]
    if a.ndim == 1:
        y = y[..., 0] if b.ndim == 1 else y[..., 0, :]
    return y


def added(x: Tensor, a: Tensor, b: Tensor, beta: float, alpha: float) -> Tensor:
    """β · x + α · a @ b."""
    return beta * x + alpha * product(a, b)


def linear(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """PyTorch's weights are (out, in), and it has any number of axes for the batch."""
    rows = ops.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    return ops.reshape(ops.linear(rows, ops.transpose(w), b), (*x.shape[:-1], w.shape[0]))


# --- activations ---------------------------------------------------------------------------------------


def softplus(x: Tensor, beta: float, threshold: float) -> Tensor:
    """PyTorch's is x itself where β · x is above the threshold."""
    near = Tensor((beta * x.numpy() <= threshold).astype(x.dtype))
    return near * ops.softplus(beta * x) / beta + (1 - near) * x


class KnownMask(np.random.Generator):
    """In place of a generator: 1 for what is kept, 0 for what is dropped."""

    def __init__(self, kept: Array) -> None:
        super().__init__(np.random.MT19937())
        self.kept = kept

    def random(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Instead of uniform numbers, of which those below the rate are dropped."""
        return self.kept.reshape(shape).astype(dtype)


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """With the mask that PyTorch draws."""
    if training and p == 1:
        raise NotApplicable("a rate of 1, which leaves nothing")
    kept = seeded_dropout(torch.ones(x.shape, dtype=torch.float64), p, training).numpy() != 0
    return ops.dropout(x, p if training else 0.0, KnownMask(kept))  # type: ignore[arg-type]


def seeded_dropout(*args: Any, **kwargs: Any) -> torch.Tensor:
    """PyTorch's dropout, with the same mask at every call."""
    torch.manual_seed(0)
    return functional.dropout(*args, **kwargs)


# --- convolutions --------------------------------------------------------------------------------------


def conv(
    spatial: int,
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """In one dimension, over images of height 1."""
    options: dict[str, Any] = {
        "stride": both(stride, spatial, 1),
        "padding": padding if padding == "same" else both(0 if padding == "valid" else padding, spatial, 0),
        "dilation": both(dilation, spatial, 1),
        "groups": groups,
    }
    return over_images(lambda images: ops.conv2d(images, kernel(w, spatial), b, **options), x, spatial)


def conv_transpose(
    spatial: int,
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """In one dimension, over images of height 1."""
    steps, extra = both(stride, spatial, 1), both(output_padding, spatial, 0)
    if any(e >= s for e, s in zip(extra, steps, strict=True)):
        raise NotApplicable("output_padding as large as the stride")
    options: dict[str, Any] = {
        "stride": steps,
        "padding": both(padding, spatial, 0),
        "output_padding": extra,
        "dilation": both(dilation, spatial, 1),
        "groups": groups,
    }
    return over_images(lambda images: ops.conv_transpose2d(images, kernel(w, spatial), b, **options), x, spatial)


# --- images --------------------------------------------------------------------------------------------


def enlarged(
    op: Callable[..., Tensor],
    x: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "",  # the op's own
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,  # of no influence where the factor is an integer
) -> Tensor:
    """By an integer factor."""
    spatial = x.ndim - 2
    if spatial > 2:
        raise NotApplicable("three spatial axes")
    if align_corners:
        raise NotApplicable("align_corners")
    factors = {n / m for n, m in zip(size, x.shape[2:], strict=True)} if size else {scale_factor}
    factor = factors.pop()
    if factors or factor != int(factor):
        raise NotApplicable("a factor that is not an integer")
    return over_images(lambda images: op(images, int(factor)), x, spatial)


def max_pool(
    spatial: int,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """PyTorch's ceil_mode is more padding behind than in front, as padding never wins."""
    if both(dilation, spatial, 1) != (1, 1):
        raise NotApplicable("dilated pooling")
    if return_indices:
        raise NotApplicable("indices of the largest elements; the same sample without them is compared")
    window, steps, pads, over = pooling(spatial, x, kernel_size, stride, padding, ceil_mode)
    sides = tuple((p, p + o) for p, o in zip(pads, over, strict=True))
    return over_images(lambda images: ops.max_pool2d(images, window, steps, sides), x, spatial)


def avg_pool(
    spatial: int,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """rawgan divides by all elements of a window; PyTorch may leave out padding, and ceil_mode's always."""
    window, steps, pads, over = pooling(spatial, x, kernel_size, stride, padding, ceil_mode)
    sides = tuple((p, p + o) for p, o in zip(pads, over, strict=True))
    height, width = (1, *x.shape[-spatial:])[-2:]
    counted = np.pad(np.ones((height, width)), [(p, p) for p in pads], constant_values=float(count_include_pad))
    counted = np.pad(counted, [(0, o) for o in over])
    seen = np.lib.stride_tricks.sliding_window_view(counted, window)[:: steps[0], :: steps[1]]
    divisors = divisor_override or seen.sum(axis=(2, 3))[..., None]
    scale = Tensor(np.asarray(math.prod(window) / divisors))
    return over_images(lambda images: ops.avg_pool2d(images, window, steps, sides) * scale, x, spatial)


def pooling(spatial: int, x: Tensor, window: Any, stride: Any, padding: Any, ceil_mode: bool) -> tuple[Any, ...]:
    """Window, stride, padding, and what ceil_mode sees beyond it, each (vertical, horizontal)."""
    windows, pads = both(window, spatial, 1), both(padding, spatial, 0)
    steps = both(stride, spatial, 1) if stride else windows
    sizes = (1, *x.shape[-spatial:])[-2:]
    geometry = zip(sizes, windows, steps, pads, strict=True)
    over = tuple(overhang(*each) if ceil_mode else 0 for each in geometry)
    return windows, steps, pads, over


def adaptive_pool(
    op: Callable[..., Tensor], spatial: int, x: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor:
    """Where the outputs share the pixels evenly, an ordinary pooling."""
    if return_indices:
        raise NotApplicable("indices of the largest elements; the same sample without them is compared")
    sizes = x.shape[-spatial:]
    given = both(output_size, spatial, 1)[-spatial:]
    outputs = [n if wanted is None else wanted for n, wanted in zip(sizes, given, strict=True)]
    if any(n % wanted for n, wanted in zip(sizes, outputs, strict=True)):
        raise NotApplicable("adaptive windows of unequal sizes")
    window = both([n // wanted for n, wanted in zip(sizes, outputs, strict=True)], spatial, 1)
    return over_images(lambda images: op(images, window), x, spatial)


# --- normalisation -------------------------------------------------------------------------------------


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


def batch_norm_in_torch(x: torch.Tensor, mean: Any, var: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """With the running statistics as they are afterwards."""
    return with_statistics(functional.batch_norm(x, mean, var, *args, **kwargs), mean, var)


def with_statistics(y: Any, mean: Any, var: Any) -> list[Any]:
    """A result, and the running statistics where there are any."""
    return [each for each in (y, mean, var) if each is not None]


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
    """What PyTorch may leave out."""
    return (
        Tensor(np.ones(shape)) if weight is None else weight,
        Tensor(np.zeros(shape)) if bias is None else bias,
    )


def check_eps(eps: float) -> None:
    """Below 0, it is no guard against a variance of 0."""
    if eps < 0:
        raise NotApplicable("a negative eps")


# --- losses --------------------------------------------------------------------------------------------


def binary_cross_entropy(
    x: Tensor, t: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """A weight for positive targets is a sum of two losses, against 1 and against 0, weighted by the target."""
    w = Tensor(np.ones(x.shape)) if weight is None else ops.broadcast_to(weight, x.shape)
    if pos_weight is None:
        return ops.bce_with_logits(x, t, None if weight is None else w, reduction)
    positive = ops.bce_with_logits(x, 1.0, w * pos_weight * t, reduction)
    return positive + ops.bce_with_logits(x, 0.0, w * (1 - t), reduction)


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


# --- the table -----------------------------------------------------------------------------------------

SAMPLES: dict[str, dict[str, Side]] = {
    "abs": {"abs": ops.abs},
    "add": {
        "add": lambda a, b, alpha=1: ops.add(a, alpha * b),
        "__radd__": lambda a, b: b + a,
    },
    "astype": {
        "double": lambda x, memory_format=None: ops.astype(x, "float64"),
        "float": lambda x, memory_format=None: ops.astype(x, "float32"),
        "to": cast,
    },
    "avg_pool2d": {
        "nn.functional.avg_pool1d": partial(avg_pool, 1),
        "nn.functional.avg_pool2d": partial(avg_pool, 2),
        "nn.functional.adaptive_avg_pool1d": partial(adaptive_pool, ops.avg_pool2d, 1),
        "nn.functional.adaptive_avg_pool2d": partial(adaptive_pool, ops.avg_pool2d, 2),
    },
    "batch_norm": {"nn.functional.batch_norm": Pair(batch_norm, batch_norm_in_torch)},
    "bce_with_logits": {"nn.functional.binary_cross_entropy_with_logits": binary_cross_entropy},
    "broadcast_to": {
        "broadcast_to": ops.broadcast_to,
        "expand": expanded,
        "expand_as": lambda x, like: ops.broadcast_to(x, like.shape),
    },
    "concatenate": {
        "cat": joined,
        "stack": lambda xs, dim: ops.concatenate([unsqueezed(x, dim) for x in xs], dim),
    },
    "conv2d": {
        "nn.functional.conv1d": partial(conv, 1),
        "nn.functional.conv2d": partial(conv, 2),
    },
    "conv_transpose2d": {
        "nn.functional.conv_transpose1d": partial(conv_transpose, 1),
        "nn.functional.conv_transpose2d": partial(conv_transpose, 2),
    },
    "div": {
        "div.no_rounding_mode": ops.div,
        "true_divide": ops.div,
        "__rdiv__": lambda a, b: b / a,
        "reciprocal": lambda x: 1 / x,
    },
    "dropout": {"nn.functional.dropout": Pair(dropout, seeded_dropout)},
    "exp": {
        "exp": ops.exp,
        "exp2": lambda x: ops.exp(x * math.log(2)),
        "softmax": lambda x, dim: ops.exp(x) / reduced(ops.sum, ops.exp(x), dim, True),
    },
    "instance_norm": {"nn.functional.instance_norm": instance_norm},
    "l1": {"nn.functional.l1_loss": ops.l1},
    "layer_norm": {"nn.functional.layer_norm": layer_norm, "nn.functional.group_norm": group_norm},
    "leaky_relu": {"nn.functional.leaky_relu": partial(ops.leaky_relu, slope=0.01)},
    "linear": {"nn.functional.linear": linear},
    "log": {
        "log": ops.log,
        "logsumexp": log_sum_exp,
        "log_softmax": lambda x, dim: x - log_sum_exp(x, dim, True),
    },
    "matmul": {
        "matmul": product,
        "__rmatmul__": lambda a, b: product(b, a),
        "mm": ops.matmul,
        "bmm": ops.matmul,
        "mv": product,
        "dot": product,
        "addmm": added,
        "addmv": added,
        "baddbmm": added,
    },
    "max": {
        "amax": partial(reduced, ops.max),
        "amin": lambda x, dim=None, keepdim=False: -reduced(ops.max, -x, dim, keepdim),
        "max.reduction_no_dim": ops.max,
        "max.reduction_with_dim": Pair(
            partial(reduced, ops.max), lambda x, dim, keepdim=False: torch.max(x, dim, keepdim).values
        ),
    },
    "max_pool2d": {
        "nn.functional.max_pool1d": partial(max_pool, 1),
        "nn.functional.max_pool2d": partial(max_pool, 2),
        "nn.functional.adaptive_max_pool1d": partial(adaptive_pool, ops.max_pool2d, 1),
        "nn.functional.adaptive_max_pool2d": partial(adaptive_pool, ops.max_pool2d, 2),
    },
    "maximum": {
        "maximum": ops.maximum,
        "max.binary": ops.maximum,
        "minimum": lambda a, b: -ops.maximum(-a, -b),
        "clamp": clamped,
        "clamp_min": clamped,
        "clamp_max": lambda x, high: clamped(x, None, high),
    },
    "mean": {"mean": partial(reduced, ops.mean)},
    "mse": {"nn.functional.mse_loss": ops.mse},
    "mul": {"mul": ops.mul, "__rmul__": lambda a, b: b * a},
    "neg": {"neg": ops.neg},
    "pad": {
        "constant_pad_nd": padded,
        "nn.functional.pad.constant": lambda x, widths, mode="constant", value=0.0: padded(x, widths, value),
    },
    "pixel_shuffle": {
        "nn.functional.pixel_shuffle": lambda x, upscale_factor: over_images(
            lambda images: ops.pixel_shuffle(images, upscale_factor), x, 2
        )
    },
    "pow": {
        "pow": power,
        "float_power": power,
        "square": lambda x: ops.pow(x, 2),
        "rsqrt": lambda x: ops.pow(x, -0.5),
    },
    "reflection_pad2d": {"nn.functional.pad.reflect": reflected},
    "relu": {"nn.functional.relu": ops.relu},
    "reshape": {
        "reshape": ops.reshape,
        "view": ops.reshape,
        "flatten": flattened,
        "unflatten": unflattened,
        "ravel": lambda x: ops.reshape(x, (-1,)),
        "squeeze": squeezed,
    },
    "sigmoid": {"sigmoid": ops.sigmoid, "nn.functional.silu": lambda x: x * ops.sigmoid(x)},
    "slice_": {
        "__getitem__": indexed,
        "slice": lambda x, dim=0, start=None, end=None, step=1: part(x, dim, slice(start, end, step)),
        "narrow": lambda x, dim, start, length: part(x, dim, slice(int(start), int(start) + length)),
        "select": part,
        "split": split,
        "split.list_args": split,
        "chunk": lambda x, chunks, dim=0: split(x, math.ceil(x.shape[dim] / chunks), dim),
        "unbind": lambda x, dim: [part(x, dim, i) for i in range(x.shape[dim])],
        "unsqueeze": unsqueezed,
        "flip": lambda x, dims: x[
            tuple(slice(None, None, -1 if a in dims or a - x.ndim in dims else 1) for a in range(x.ndim))
        ],
    },
    "softmax_cross_entropy": {"nn.functional.cross_entropy": cross_entropy},
    "softplus": {
        "nn.functional.softplus": softplus,
        "nn.functional.logsigmoid": lambda x: -ops.softplus(-x),
        "logaddexp": lambda a, b: a + ops.softplus(b - a),
    },
    "sqrt": {"sqrt": ops.sqrt},
    "sub": {
        "sub": lambda a, b, alpha=1: ops.sub(a, alpha * b),
        "rsub": lambda a, b, alpha=1: b - alpha * a,
        "__rsub__": lambda a, b: b - a,
    },
    "sum": {"sum": partial(reduced, ops.sum), "sum_to_size": summed_to},
    "take": {
        "take": lambda x, index: ops.take(ops.reshape(x, (-1,)), index % max(x.size, 1)),
        "gather": gathered,
        "index_select": selected,
        "nn.functional.embedding": ops.take,
    },
    "tanh": {"tanh": ops.tanh, "nn.functional.mish": lambda x: x * ops.tanh(ops.softplus(x))},
    "transpose": {"permute": ops.transpose, "transpose": swapped, "movedim": moved, "t": ops.transpose},
    "upsample_bilinear": {
        "nn.functional.interpolate.bilinear": partial(enlarged, ops.upsample_bilinear),
        "nn.functional.upsample_bilinear": partial(enlarged, ops.upsample_bilinear, align_corners=True),
    },
    "upsample_nearest": {
        "nn.functional.interpolate.nearest": partial(enlarged, ops.upsample_nearest),
        "nn.functional.upsample_nearest": partial(enlarged, ops.upsample_nearest),
    },
}

SIDES = {name: side for sides in SAMPLES.values() for name, side in sides.items()}

NEVER_APPLICABLE = {*SAMPLES["upsample_bilinear"], *SAMPLES["upsample_nearest"]}
"""Operators without a single sample that rawgan can compute."""

REMARKS = {
    "max.reduction_with_dim": "the indices that PyTorch returns too are not compared",
    "nn.functional.instance_norm": "the running statistics that PyTorch keeps are not compared: rawgan keeps none",
    **dict.fromkeys(NEVER_APPLICABLE, "factors that are integers are compared in test_agreement_ops.py"),
}
"""What is left out, and what stands in for it."""
