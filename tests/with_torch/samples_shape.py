"""Reductions, and padding. See `twins`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twins import twin

from rawgan import Tensor, ops


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


twin("max", "amax")(partial(reduced, ops.max))
twin("min", "amin")(partial(reduced, ops.min))
twin("max", "max.reduction_no_dim")(ops.max)
twin("min", "min.reduction_no_dim")(ops.min)
twin("mean", "mean")(partial(reduced, ops.mean))
twin("pad", "nn.functional.pad.constant")(lambda x, widths, mode="constant", value=0.0: padded(x, widths, value))
twin("sum", "sum")(partial(reduced, ops.sum))
