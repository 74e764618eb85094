"""Axes, parts and repetition. See `twins`."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from samples import Array
from twins import twin

from rawgan import Tensor, ops

# --- axes --------------------------------------------------------------------------------------------------


@twin("swapaxes", "transpose", "transpose_copy")
def swapped(x: Tensor, a: int, b: int) -> Tensor:
    """A number has no axes, but PyTorch swaps 0 and 0."""
    return ops.swapaxes(x, a, b) if x.ndim else x


@twin("squeeze", "squeeze", "squeeze.multiple", "squeeze_copy")
def squeezed(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """PyTorch leaves an axis of another length as it is."""
    if dim is None or not x.ndim:
        return ops.squeeze(x)
    given = dim if isinstance(dim, Sequence) else (dim,)
    return ops.squeeze(x, tuple(axis for axis in given if x.shape[axis] == 1))


@twin("flip", "rot90")
def turned(x: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """k quarter turns, each of which exchanges two axes, and turns one around."""
    for _ in range(k % 4):
        x = ops.swapaxes(ops.flip(x, dims[1]), *dims)
    return x


def shifted(x: Tensor, dim: Any, share: Callable[[int], int]) -> Tensor:
    """By half of each axis."""
    axes = range(x.ndim) if dim is None else dim if isinstance(dim, Sequence) else (dim,)
    return ops.roll(x, tuple(share(x.shape[axis]) for axis in axes), tuple(axes))


@twin("flatten", "flatten", "ravel")
def flattened(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """PyTorch calls axes dimensions."""
    return ops.flatten(x, start_dim, end_dim)


@twin("reshape", "unflatten")
def unflattened(x: Tensor, dim: int, sizes: tuple[int, ...]) -> Tensor:
    """One axis made several."""
    axis = dim % x.ndim
    return ops.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def at_least(rank: int, *given: Any) -> Any:
    """New axes in front and, for images, behind."""
    images = {0: (None, None, None), 1: (None, ..., None), 2: (..., None)}
    several = isinstance(given[0], Sequence)
    found = []
    for x in given[0] if several else given:
        new = images.get(x.ndim, ...) if rank == 3 else (*[None] * (rank - x.ndim), ...)
        found.append(x[new])
    return found if several or len(found) > 1 else found[0]


@twin("broadcast_to", "expand", "expand_copy")
def expanded(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Repeated; −1 stands for the length that is there."""
    lead = len(shape) - x.ndim
    return ops.broadcast_to(x, tuple(x.shape[axis - lead] if n == -1 else n for axis, n in enumerate(shape)))


@twin("broadcast_to", "broadcast_tensors")
def broadcast(*xs: Tensor) -> list[Tensor]:
    """All of one shape."""
    shape = np.broadcast_shapes(*(x.shape for x in xs))
    return [ops.broadcast_to(x, shape) for x in xs]


@twin("broadcast_to", "meshgrid.variadic_tensors", "meshgrid.list_of_tensors")
def grid(*given: Any, indexing: str) -> list[Tensor]:
    """Each vector along an axis of its own."""
    xs = given[0] if isinstance(given[0], Sequence) else given
    along = [ops.reshape(x, [-1 if a == axis else 1 for a in range(len(xs))]) for axis, x in enumerate(xs)]
    found = broadcast(*along)
    return [ops.swapaxes(x, 0, 1) for x in found] if indexing == "xy" and len(xs) > 1 else found


@twin("stack", "cartesian_prod")
def product(*xs: Tensor) -> Tensor:
    """All tuples of one element of each vector."""
    if len(xs) == 1:
        return xs[0]
    return ops.stack([ops.flatten(x) for x in grid(*xs, indexing="ij")], axis=1)


# --- parts -------------------------------------------------------------------------------------------------


@twin("split", "split", "split.list_args", "split_with_sizes", "split_with_sizes_copy", "unsafe_split")
def split(x: Tensor, size: int | Sequence[int], dim: int = 0) -> list[Tensor]:
    """Of one length, the last perhaps shorter, or of given lengths: rawgan cuts at indices."""
    if isinstance(size, Sequence):
        return ops.split(x, np.cumsum(size)[:-1].tolist(), dim)
    return ops.split(x, list(range(size, x.shape[dim], size)), dim)


@twin("split", "chunk", "unsafe_chunk")
def chunks(x: Tensor, number: int, dim: int = 0) -> list[Tensor]:
    """So many at most, of one length but for the last."""
    return split(x, math.ceil(x.shape[dim] / number), dim)


@twin("split", "tensor_split", "vsplit")
def cut(x: Tensor, places: Any, dim: int = 0) -> list[Tensor]:
    """Into sections that differ by one element at most, or at indices."""
    places = places.tolist() if isinstance(places, np.ndarray) else places
    if isinstance(places, int):
        long, short = x.shape[dim] % places, x.shape[dim] // places
        places = np.cumsum([short + 1] * long + [short] * (places - long))[:-1].tolist()
    return ops.split(x, list(places), dim)


@twin("split", "unbind", "unbind_copy")
def single(x: Tensor, dim: int = 0) -> list[Tensor]:
    """Parts of length 1, without the axis."""
    return [ops.squeeze(each, dim) for each in ops.split(x, x.shape[dim], dim)]


@twin("split", "nn.functional.glu")
def gated(x: Tensor, dim: int = -1) -> Tensor:
    """One half, times the sigmoid of the other."""
    a, b = ops.split(x, 2, dim)
    return a * ops.sigmoid(b)


@twin("concatenate", "cat")
def joined(xs: Sequence[Tensor], dim: int = 0) -> Tensor:
    """One after the other; an empty vector among matrices counts for nothing."""
    rank = max(x.ndim for x in xs)
    return ops.concatenate([x for x in xs if x.ndim == rank or x.shape != (0,)], dim)


@twin("concatenate", "block_diag")
def blocks(*xs: Tensor) -> Tensor:
    """Each matrix padded to the width of all."""
    matrices = [at_least(2, x) for x in xs]
    stops = np.cumsum([x.shape[1] for x in matrices]).tolist()
    rows = zip(matrices, stops, strict=True)
    return ops.concatenate([ops.pad(x, ((0, 0), (stop - x.shape[1], stops[-1] - stop))) for x, stop in rows])


@twin("concatenate", "column_stack")
def columns(xs: Sequence[Tensor]) -> Tensor:
    """Vectors become columns."""
    return ops.concatenate([x if x.ndim > 1 else ops.reshape(x, (-1, 1)) for x in xs], 1)


@twin("transpose", "nn.functional.channel_shuffle")
def shuffled(x: Tensor, groups: int) -> Tensor:
    """Channels of all groups by turns."""
    n, c, *size = x.shape
    return ops.reshape(ops.swapaxes(ops.reshape(x, (n, groups, c // groups, *size)), 1, 2), x.shape)


# --- repetition --------------------------------------------------------------------------------------------


@twin("repeat", "repeat_interleave")
def repeated(x: Tensor, repeats: int | Array, dim: int | None = None, output_size: int | None = None) -> Tensor:
    """Each element several times; PyTorch may be told how many there will be."""
    return ops.repeat(x, repeats, dim)


@twin("take", "combinations")
def combinations(x: Tensor, r: int, with_replacement: bool) -> Tensor:
    """All choices of r elements, in order."""
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = list(choose(range(len(x)), r))
    return ops.take(x, np.array(chosen, int).reshape(len(chosen), r))


# --- differences and integrals -----------------------------------------------------------------------------


@twin("slice_", "diff")
def difference(
    x: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Of neighbours, n times."""
    if not n:
        return x
    x = ops.concatenate([part for part in (prepend, x, append) if part is not None], dim)
    front = (slice(None),) * (dim % x.ndim)
    for _ in range(n):
        x = x[(*front, slice(1, None))] - x[(*front, slice(-1))]
    return x


def areas(y: Tensor, x: Tensor | None = None, *, dim: int = -1, dx: float = 1.0) -> Tensor:
    """Of the trapezia between neighbours."""
    ends = [ops.moveaxis(y, dim, -1)[..., part] for part in (slice(1, None), slice(-1))]
    widths: Any = dx
    if x is not None:
        places = ops.moveaxis(x, dim, -1) if x.ndim == y.ndim else x
        widths = places[..., 1:] - places[..., :-1]
    return ops.moveaxis((ends[0] + ends[1]) / 2 * widths, -1, dim)


twin("cumsum", "cumulative_trapezoid")(lambda y, x=None, dim=-1, dx=1.0: ops.cumsum(areas(y, x, dim=dim, dx=dx), dim))
twin("slice_", "trapezoid", "trapz")(lambda y, x=None, dim=-1, dx=1.0: ops.sum(areas(y, x, dim=dim, dx=dx), dim))

twin("broadcast_to", "expand_as")(lambda x, like: ops.broadcast_to(x, like.shape))
twin("concatenate", "vstack")(lambda xs: ops.concatenate(at_least(2, xs), 0))
twin("concatenate", "dstack")(lambda xs: ops.concatenate(at_least(3, xs), 2))
twin("concatenate", "hstack")(lambda xs: ops.concatenate(at_least(1, xs), min(1, xs[0].ndim - 1) if xs[0].ndim else 0))
twin("expand_dims", "unsqueeze", "unsqueeze_copy")(ops.expand_dims)
twin("expand_dims", "atleast_1d")(lambda *xs: at_least(1, *xs))
twin("expand_dims", "atleast_2d")(lambda *xs: at_least(2, *xs))
twin("expand_dims", "atleast_3d")(lambda *xs: at_least(3, *xs))
twin("flip", "flip")(lambda x, dims: ops.flip(x, tuple(dims)))
twin("flip", "fliplr")(lambda x: ops.flip(x, 1))
twin("flip", "flipud")(lambda x: ops.flip(x, 0))
twin("moveaxis", "movedim")(ops.moveaxis)
twin("reshape", "view", "view_copy")(ops.reshape)
twin("reshape", "view_as", "reshape_as")(lambda x, like: ops.reshape(x, like.shape))
twin("roll", "fft.fftshift")(lambda x, dim=None: shifted(x, dim, lambda n: n // 2))
twin("roll", "fft.ifftshift")(lambda x, dim=None: shifted(x, dim, lambda n: -(n // 2)))
twin("split", "hsplit")(lambda x, places: cut(x, places, 1 if x.ndim > 1 else 0))
twin("split", "dsplit")(lambda x, places: cut(x, places, 2))
twin("swapaxes", "mT", "mH")(lambda x: ops.swapaxes(x, -1, -2))
twin("tile", "repeat")(lambda x, *reps: ops.tile(x, reps[0] if isinstance(reps[0], Sequence) else reps))
twin("transpose", "permute", "permute_copy", "t", "t_copy", "T", "H")(ops.transpose)
