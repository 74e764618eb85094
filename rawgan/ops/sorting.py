"""Order: sorted elements, and the indices of the largest.

Indices have no gradients; elements do, wherever `gather` takes them from. NaN counts as larger than everything, as in
NumPy and PyTorch, and among equals the first comes first.
"""

import math
from typing import Any

import numpy as np

from rawgan.arrays import constant
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.ops.arguments import as_tensors, flag, one_axis, whole
from rawgan.ops.registry import apart, case, op, without_gradient
from rawgan.ops.taking import Take, along_axis
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

SMALL = 512
"""Numbers up to which NumPy's stable sort is faster than one by keys."""


@op(
    case("last axis", apart(3, 4)),
    case("from large to small", apart(3, 4), axis=0, descending=True),
    method=True,
)
def sort(x: Any, axis: int = -1, descending: bool = False) -> Tensor:
    """x with its elements along `axis` in order: from small to large, unless `descending`.

    Each gradient goes to the element that it came from. Among equals it is the first that comes first.

    Raises: ArgumentError for an axis that x does not have

    >>> sort(Tensor([3.0, 1.0, 2.0]))
    Tensor([1., 2., 3.], float32)
    """
    (x,) = as_tensors(x)
    along = one_axis("sort", x, axis)
    return _taken("sort", x, _order(x._array, along, flag("sort", "descending", descending)), along)


@without_gradient(method=True)
def argsort(x: Any, axis: int = -1, descending: bool = False) -> Any:
    """Indices of the elements along `axis`, in the order of `sort`: an array of int64, for `gather`.

    Raises: ArgumentError for an axis that x does not have

    >>> argsort(Tensor([3.0, 1.0, 2.0]))
    array([1, 2, 0])
    """
    (x,) = as_tensors(x)
    return _order(x._array, one_axis("argsort", x, axis), flag("argsort", "descending", descending))


@op(
    case("the largest, last axis", apart(3, 4), call=lambda topk, x: topk(x, 2)[0]),
    case("the smallest, first axis", apart(4, 3), call=lambda topk, x: topk(x, 3, axis=0, largest=False)[0]),
    method=True,
)
def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Any]:
    """The k largest elements along `axis`, from large to small, and their indices; the smallest if not `largest`.

    Shapes: x (…, n, …) → values (…, k, …), and indices of the same shape, an array of int64
    Raises: ArgumentError unless 0 ≤ k ≤ n
    Source: top-k training of GANs, Sinha et al. 2020, keeps the fakes of the k largest logits

    >>> topk(Tensor([3.0, 1.0, 2.0]), 2)
    (Tensor([3., 2.], float32), array([0, 2]))
    """
    (x,) = as_tensors(x)
    along, k = one_axis("topk", x, axis), whole("topk", "k", k, 0)
    if k > x.shape[along]:
        raise ArgumentError(f"topk: axis {along} has fewer elements than k\n{shapes(x=x, k=k)}")
    indices = _order(x._array, along, flag("topk", "largest", largest), k)
    return _taken("topk", x, indices, along), indices


@without_gradient(method=True)
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the largest element along `axis`, or in the flat array if None; of several, the first.

    Shapes: x any → int64 without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, ShapeError for the largest of no elements

    >>> argmax(Tensor([[3.0, 1.0], [0.0, 2.0]]), axis=1)
    array([0, 1])
    """
    return _extreme("argmax", x, axis, keepdims)


@without_gradient(method=True)
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the smallest element along `axis`, or in the flat array if None; of several, the first.

    Shapes: x any → int64 without `axis`, or with it of length 1 if keepdims
    Raises: ArgumentError for an axis that x does not have, ShapeError for the smallest of no elements

    >>> argmin(Tensor([[3.0, 1.0], [0.0, 2.0]]), axis=1)
    array([1, 0])
    """
    return _extreme("argmin", x, axis, keepdims)


def _extreme(op: str, x: Any, axis: Any, keepdims: Any) -> Any:
    (x,) = as_tensors(x)
    along, kept = None if axis is None else one_axis(op, x, axis), flag(op, "keepdims", keepdims)
    if (x.size if along is None else x.shape[along]) == 0:
        raise ShapeError(f"{op}: there is nothing to choose from\n{shapes(x=x, axis=axis)}")
    return getattr(array_module(x._array), op)(x._array, axis=along, keepdims=kept)


def _order(array: Any, axis: int, descending: bool, k: int | None = None) -> Any:
    """Indices that sort the elements, or the first k of these; equal elements keep their order."""
    if isinstance(array, np.ndarray) and array.dtype == np.float32 and array.size > SMALL:
        return _order_by_keys(array.swapaxes(axis, -1), descending, k).swapaxes(axis, -1)
    stable: dict[str, Any] = {"kind": "stable"} if isinstance(array, np.ndarray) else {}  # as CuPy's always is
    if descending:
        backwards = (slice(None),) * axis + (slice(None, None, -1),)
        order = array.shape[axis] - 1 - array[backwards].argsort(axis=axis, **stable)[backwards]
    else:
        order = array.argsort(axis=axis, **stable)
    return order if k is None else order[(slice(None),) * axis + (slice(k),)].copy()


def _order_by_keys(x: np.ndarray[Any, Any], descending: bool, k: int | None) -> np.ndarray[Any, Any]:
    """As `_order`, along the last axis, for float32: several times faster than a stable sort of numbers.

    The bits of numbers ≥ 0, read as integers, have the order of the numbers; below 0 the order is reversed. With the
    index in the lower half of a 64-bit integer, no two keys are equal: any sort will do, and its lower halves are the
    result.
    """
    x = x + np.float32(0)  # −0 and 0 are equal
    unknown = np.isnan(x)
    if unknown.any():
        x[unknown] = np.nan  # with one sign
    bits = x.view(np.int32)
    turned = bits >> 31
    turned &= np.int32(0x7FFFFFFF)
    bits ^= turned
    if descending:
        np.invert(bits, out=bits)
    indices: Any = np.arange(x.shape[-1])
    if k is not None and 0 < k < x.shape[-1] and (found := _smallest(bits, k)) is not None:
        bits, indices = found
    keys = bits.astype(np.int64)
    keys <<= 32
    keys |= indices
    if k is not None and k < keys.shape[-1]:
        if k:
            keys.partition(k - 1, axis=-1)
        keys = keys[..., :k].copy()
    keys.sort(axis=-1)
    keys &= 0xFFFFFFFF
    return keys


def _smallest(bits: np.ndarray[Any, Any], k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """The k smallest numbers along the last axis, and their indices, in no order; None if the k-th is there twice.

    Numbers of 32 bits, without their indices, are divided in half the time.
    """
    chosen = bits <= np.partition(bits, k - 1, axis=-1)[..., k - 1 : k]
    shape = *bits.shape[:-1], k
    if np.count_nonzero(chosen) != math.prod(shape):
        return None
    indices = chosen.reshape(-1).nonzero()[0].reshape(shape)
    found = bits.reshape(-1)[indices]
    indices %= bits.shape[-1]
    return found, indices


def _taken(op: str, x: Tensor, numbers: Any, axis: int) -> Tensor:
    """x at indices along an axis, no two of which are alike."""
    return Take(along_axis(op, x, constant(numbers), axis), distinct=True)(x)
