"""Shapes, indices and reductions. See `twins`."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from samples import Array, NotApplicable
from twins import twin

from rawgan import Tensor, ops


@twin("transpose", "transpose")
def swapped(x: Tensor, a: int, b: int) -> Tensor:
    """Two axes exchanged."""
    order = list(range(x.ndim))
    if order:  # a number has no axes, but PyTorch swaps 0 and 0
        order[a], order[b] = order[b], order[a]
    return ops.transpose(x, tuple(order))


@twin("transpose", "movedim")
def moved(x: Tensor, source: Sequence[int], target: Sequence[int]) -> Tensor:
    """Axes put elsewhere."""
    order = [0] * x.ndim
    for start, end in zip(source, target, strict=True):
        order[end] = start
    return ops.transpose(x, tuple(order))


@twin("reshape", "squeeze")
def squeezed(x: Tensor, dim: int | None = None) -> Tensor:
    """Without axes of length 1."""
    kept = [n for axis, n in enumerate(x.shape) if n != 1 or (dim is not None and axis != dim % x.ndim)]
    return ops.reshape(x, tuple(kept))


@twin("slice_", "unsqueeze")
def unsqueezed(x: Tensor, dim: int) -> Tensor:
    """With a new axis."""
    return x[(slice(None),) * (dim % (x.ndim + 1)) + (None,)]


@twin("reshape", "flatten")
def flattened(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Several axes made one."""
    shape = x.shape or (1,)
    stop = end_dim % len(shape) + 1
    return ops.reshape(x, (*shape[:start_dim], math.prod(shape[start_dim:stop]), *shape[stop:]))


@twin("reshape", "unflatten")
def unflattened(x: Tensor, dim: int, sizes: tuple[int, ...]) -> Tensor:
    """One axis made several."""
    axis = dim % x.ndim
    return ops.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


@twin("slice_", "select")
def part(x: Tensor, dim: int, index: int | slice) -> Tensor:
    """x[…, index, …] at one axis."""
    return x[(slice(None),) * (dim % x.ndim) + (index,)]


def parts(x: Tensor, lengths: Sequence[int], dim: int) -> list[Tensor]:
    """Slices of these lengths, one after the other."""
    stops = np.cumsum(lengths)
    return [part(x, dim, slice(int(stop - n), int(stop))) for n, stop in zip(lengths, stops, strict=True)]


@twin("slice_", "split", "split.list_args")
def split(x: Tensor, size: int | Sequence[int], dim: int = 0) -> list[Tensor]:
    """Slices of one length, the last perhaps shorter, or of given lengths."""
    n = x.shape[dim]
    return parts(x, size if isinstance(size, Sequence) else [min(size, n - i) for i in range(0, n, size)], dim)


@twin("slice_", "__getitem__")
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


@twin("take", "gather")
def gathered(x: Tensor, dim: int, index: Array) -> Tensor:
    """One element for each number in the index."""
    if x.ndim == 0:
        raise NotApplicable("an axis of a number")
    if index.size == 0:
        return ops.take(ops.reshape(x, (-1,)), index)
    where = list(np.indices(index.shape))
    where[dim] = index
    return ops.take(ops.reshape(x, (-1,)), positions(x)[tuple(where)])


@twin("take", "index_select")
def selected(x: Tensor, dim: int, index: Array) -> Tensor:
    """Rows along any axis."""
    if x.ndim == 0:
        raise NotApplicable("an axis of a number")
    return swapped(ops.take(swapped(x, 0, dim), index), 0, dim)


@twin("concatenate", "cat")
def joined(xs: Sequence[Tensor], dim: int = 0) -> Tensor:
    """One after the other."""
    if len({x.ndim for x in xs}) > 1:
        raise NotApplicable("an empty vector among matrices")
    return ops.concatenate(xs, dim)


@twin("pad", "constant_pad_nd")
def padded(x: Tensor, widths: tuple[int, ...], value: float = 0.0) -> Tensor:
    """PyTorch names the last axis first and leaves out those in front; what is negative, it cuts off."""
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    y = ops.pad(x, tuple((max(0, before), max(0, after)) for before, after in pairs), value)
    kept = (slice(max(0, -before), n - max(0, -after)) for n, (before, after) in zip(y.shape, pairs, strict=True))
    return y[tuple(kept)] if min(widths) < 0 else y


def reduced(op: Callable[..., Tensor], x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """PyTorch has axes of numbers, and reduces all axes if there are none in `dim`."""
    return op(x, None if dim == () or x.ndim == 0 else dim, keepdim)


@twin("sum", "sum_to_size")
def summed_to(x: Tensor, *size: Any) -> Tensor:
    """Summed over the axes along which an array of this size would be repeated."""
    shape = tuple(size[0]) if isinstance(size[0], Sequence) else size
    lead = x.ndim - len(shape)
    axes = [*range(lead), *(lead + axis for axis, n in enumerate(shape) if n == 1)]
    return ops.reshape(ops.sum(x, tuple(axes)), shape)


@twin("broadcast_to", "expand")
def expanded(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Repeated; −1 stands for the length that is there."""
    lead = len(shape) - x.ndim
    return ops.broadcast_to(x, tuple(x.shape[axis - lead] if n == -1 else n for axis, n in enumerate(shape)))


@twin("log", "logsumexp")
def log_sum_exp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The largest element, taken as a constant, keeps eˣ from overflow."""
    axis = dim if x.ndim else None
    largest = Tensor(x.numpy().max(axis=axis, keepdims=True, initial=-np.inf))
    result = ops.log(ops.sum(ops.exp(x - largest), axis, keepdims=True)) + largest
    return result if keepdim else ops.sum(result, axis)


twin("broadcast_to", "expand_as")(lambda x, like: ops.broadcast_to(x, like.shape))
twin("concatenate", "stack")(lambda xs, dim: ops.concatenate([unsqueezed(x, dim) for x in xs], dim))
twin("max", "amax")(partial(reduced, ops.max))
twin("min", "amin")(partial(reduced, ops.min))
twin("max", "max.reduction_no_dim")(ops.max)
twin(
    "max",
    "max.reduction_with_dim",
    theirs=lambda x, dim, keepdim=False: torch.max(x, dim, keepdim).values,
    remark="the indices that PyTorch returns too are not compared",
)(partial(reduced, ops.max))
twin("min", "min.reduction_no_dim")(ops.min)
twin(
    "min",
    "min.reduction_with_dim",
    theirs=lambda x, dim, keepdim=False: torch.min(x, dim, keepdim).values,
    remark="the indices that PyTorch returns too are not compared",
)(partial(reduced, ops.min))
twin("mean", "mean")(partial(reduced, ops.mean))
twin("pad", "nn.functional.pad.constant")(lambda x, widths, mode="constant", value=0.0: padded(x, widths, value))
twin("reshape", "view")(ops.reshape)
twin("reshape", "ravel")(lambda x: ops.reshape(x, (-1,)))
twin("slice_", "slice")(lambda x, dim=0, start=None, end=None, step=1: part(x, dim, slice(start, end, step)))
twin("slice_", "narrow")(lambda x, dim, start, length: part(x, dim, slice(int(start), int(start) + length)))
twin("slice_", "chunk")(lambda x, chunks, dim=0: split(x, math.ceil(x.shape[dim] / chunks), dim))
twin("slice_", "unbind")(lambda x, dim: [part(x, dim, i) for i in range(x.shape[dim])])
twin("slice_", "flip")(
    lambda x, dims: x[tuple(slice(None, None, -1 if a in dims or a - x.ndim in dims else 1) for a in range(x.ndim))]
)
twin("sum", "sum")(partial(reduced, ops.sum))
twin("take", "take")(lambda x, index: ops.take(ops.reshape(x, (-1,)), index % max(x.size, 1)))
twin("take", "nn.functional.embedding")(ops.take)
twin("transpose", "permute", "t")(ops.transpose)
twin("exp", "softmax")(lambda x, dim: ops.exp(x) / reduced(ops.sum, ops.exp(x), dim, True))
twin("log", "log_softmax")(lambda x, dim: x - log_sum_exp(x, dim, True))
