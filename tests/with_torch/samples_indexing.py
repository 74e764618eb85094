"""Elements by number and by mask, and windows of pixels. See `twins`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from samples import Array, NotApplicable, vector
from twins import twin

from rawgan import Tensor, ops


@twin("slice_", "__getitem__")
def indexed(x: Tensor, index: Any) -> Tensor:
    """A list is an index of its own in NumPy, and in PyTorch if it has no list or slice in it."""
    return x[index]


@twin("slice_", "select")
def part(x: Tensor, dim: int, index: Any) -> Tensor:
    """x[…, index, …] at one axis."""
    return x[(slice(None),) * (dim % x.ndim) + (index,)]


@twin("slice_", "masked_select")
def chosen(x: Tensor, mask: Array) -> Tensor:
    """Both broadcast against each other first."""
    shape = np.broadcast_shapes(x.shape, mask.shape)
    return ops.flatten(ops.broadcast_to(x, shape)[np.broadcast_to(mask, shape)])


@twin("slice_", "as_strided", "as_strided.partial_views", "as_strided_copy")
def strided(x: Tensor, size: Sequence[int], strides: Sequence[int], storage_offset: int = 0) -> Tensor:
    """Elements of the flat array at regular steps."""
    if storage_offset >= x.size:
        raise NotApplicable("memory beyond the array")
    places = np.array(storage_offset)
    for n, step in zip(size, strides, strict=True):
        places = places[..., None] + step * np.arange(n)
    return ops.flatten(x)[places]


@twin("gather", "gather")
def gathered(x: Tensor, dim: int, index: Array) -> Tensor:
    """PyTorch's index may be shorter along the other axes."""
    if not x.ndim:
        return ops.reshape(vector(x)[index.reshape(-1)], index.shape)
    if not index.size:
        return ops.reshape(x[..., :0], index.shape)
    return ops.gather(x[tuple(slice(None if a == dim % x.ndim else n) for a, n in enumerate(index.shape))], index, dim)


@twin("gather", "take_along_dim")
def along(x: Tensor, index: Array, dim: int | None = None) -> Tensor:
    """Without an axis, of the flat array."""
    return ops.gather(x, index, dim) if dim is not None else ops.flatten(x)[index.reshape(-1)]


@twin("take", "index_select")
def selected(x: Tensor, dim: int, index: Array) -> Tensor:
    """A number has one element, which it also is."""
    return ops.take(x, index, dim) if x.ndim else ops.squeeze(ops.take(vector(x), index))


@twin("take", "unfold", "unfold_copy")
def windows(x: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Overlapping parts of one axis, side by side along a new last axis."""
    if not x.ndim:
        return vector(x)[:size]
    axis = dimension % x.ndim
    starts = np.arange(0, x.shape[axis] - size + 1, step)
    return ops.moveaxis(ops.take(x, starts[:, None] + np.arange(size), axis), axis + 1, -1)


def extended(x: Tensor, widths: Sequence[int], mode: str) -> Tensor:
    """Beyond its edges, an axis goes on with the elements there, or from the other end; negative widths cut off."""
    for axis, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True), 1):
        n = x.shape[-axis]
        first, stop = (max(0, -before), n - max(0, -after)) if mode == "circular" else (0, n)
        places = np.arange(-before, n + after) - first
        inside = places % (stop - first) if mode == "circular" else np.clip(places, 0, n - 1)
        x = ops.take(x, first + inside, -axis)
    return x


def two(value: Any) -> tuple[int, int]:
    """An option for both axes of an image."""
    first, second = value if isinstance(value, Sequence) else (value, value)
    return first, second


@twin("slice_", "nn.functional.unfold")
def columns(x: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The pixels of each window, by an index of rows and one of columns."""
    batch = x if x.ndim == 4 else x[None]
    pads, steps, gaps, size = two(padding), two(stride), two(dilation), two(kernel_size)
    padded = ops.pad(batch, ((0, 0), (0, 0), *((p, p) for p in pads)))
    rows, cols = (
        np.arange(k)[:, None] * gap + np.arange(0, n - (k - 1) * gap, step)
        for n, k, step, gap in zip(padded.shape[2:], size, steps, gaps, strict=True)
    )
    found = padded[:, :, rows[:, None, :, None], cols[None, :, None, :]]  # (N, C, kh, kw, oh, ow)
    pixels = ops.reshape(found, (len(batch), batch.shape[1] * math.prod(size), rows.shape[1] * cols.shape[1]))
    return pixels if x.ndim == 4 else pixels[0]


def narrowed(x: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """A part of this length, whose start may be counted from the end."""
    first = int(start) % max(x.shape[dim], 1) if start < 0 else int(start)
    return part(x, dim, slice(first, first + length))


twin("slice_", "slice")(lambda x, dim=0, start=None, end=None, step=1: part(x, dim, slice(start, end, step)))
twin("slice_", "narrow", "narrow_copy")(narrowed)
twin("take", "nn.functional.pad.circular", "nn.functional.pad.replicate", "nn.functional.pad.replicate_negative")(
    extended
)
twin("take", "take")(lambda x, index: ops.take(x, index, axis=None))
twin("take", "nn.functional.embedding")(ops.take)
