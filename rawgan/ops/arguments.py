"""Reading and checking the arguments of ops."""

import inspect
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np

from rawgan.arrays import plain
from rawgan.errors import ArgumentError, DTypeError, ShapeError, described, shapes, shown
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Axis = int | tuple[int, ...] | None

LARGEST = 2**31 - 1
"""Largest integer that an option may be; no axis of an array is longer."""


_MOST = 2**60 - 1
"""Most elements of an array: an address has 64 bits, an element 8 bytes."""

_NUMBERS = Real, np.bool_  # np.float64 is a number, too
_NOT_ARRAYS = Tensor, *_NUMBERS


def as_tensors(*values: Any) -> list[Tensor]:
    """Convert arguments to Tensors; numbers and nested lists take dtype and device of the first Tensor, or array."""
    for value in values:
        if value.__class__ is not Tensor:
            break
    else:
        return list(values)
    like = _reference(values)
    reference = like if isinstance(like, Tensor) else _tensor(like)
    xp = array_module(reference._array)
    tensors = []
    for value in values:
        if value is like:
            tensors.append(reference)
        elif isinstance(value, Tensor):
            tensors.append(value)
        elif isinstance(value, _NUMBERS):
            try:
                tensors.append(Tensor.wrap(xp.full((), float(value), reference.dtype)))
            except OverflowError:
                with _named(value):
                    raise DTypeError(f"Tensor: an integer is too large for a float: {shown(value, 20)}") from None
        elif isinstance(value, list | tuple):
            with _named(value):
                tensors.append(Tensor.wrap(xp.asarray(plain(value, "Tensor: data").astype(reference.dtype))))
        else:
            tensors.append(_tensor(value))
    return tensors


def _tensor(value: Any) -> Tensor:
    with _named(value):
        return Tensor(value)


@contextmanager
def _named(value: Any) -> Iterator[None]:
    """Inside, an error about a value is given the names of the argument and the op."""
    try:
        yield
    except DTypeError as error:
        frame = inspect.currentframe()
        while frame is not None and (
            frame.f_globals.get("__name__") in (__name__, "contextlib") or frame.f_code.co_name.startswith(("_", "<"))
        ):
            frame = frame.f_back
        if frame is not None:
            name = next((name for name, each in frame.f_locals.items() if each is value), "an argument")
            error.add(f"as {name} of {frame.f_code.co_name.rstrip('_')}")
        raise


def operands(*values: Any) -> list[Tensor]:
    """Convert arguments of an element-wise op to Tensors, as `as_tensors` does.

    Arrays of integers or bool (masks, labels), and arrays without axes, also take the dtype of the first Tensor.

    >>> operands(Tensor([1.5, 2.5]), np.array([True, False]))[1]
    Tensor([1., 0.], float32)
    """
    for value in values:
        if not isinstance(value, Tensor):
            break
    else:
        return list(values)
    like = _reference(values)
    return as_tensors(*(value if value is like else _beside(like, value) for value in values))


def _reference(values: tuple[Any, ...]) -> Any:
    """The argument that sets dtype and device: a Tensor, else an array or number of a float dtype."""
    for value in values:
        if isinstance(value, Tensor):
            return value
    floating = [v for v in values if getattr(getattr(v, "dtype", None), "kind", "") == "f"]
    return next((v for v in floating if v.shape), floating[0] if floating else values[0])


def _beside(like: Any, value: Any) -> Any:
    if not hasattr(value, "dtype") or isinstance(value, _NOT_ARRAYS) or not hasattr(like, "dtype"):
        return value
    array = plain(value, "Tensor: data")
    if array.dtype.kind in "biu" or (array.dtype.kind == "f" and not array.ndim):
        return array.astype(like.dtype)
    return array


def whole(op: str, name: str, value: Any, least: int) -> int:
    """Convert an integer of Python or NumPy to int. Raises: ArgumentError for anything else, or below `least`.

    >>> whole("upsample", "factor", np.int64(2), 1)
    2
    """
    if not is_whole(value) or not least <= value <= LARGEST:
        raise ArgumentError(
            f"{op}: {name} must be an integer >= {least}, but is {described(value)}{call_hint(op, value)}"
        )
    return int(value)


def integer(op: str, name: str, value: Any) -> int:
    """Convert an integer of Python or NumPy to int. Raises: ArgumentError for anything else.

    >>> integer("tril", "k", np.int64(-2))
    -2
    """
    if not is_whole(value):
        raise ArgumentError(f"{op}: {name} must be an integer, but is {described(value)}")
    return int(value)


def integers_of(value: Any) -> Any:
    """NumPy array of an integer, a list of them, or an array of any device; None if it is anything else.

    >>> integers_of([1, 2]), integers_of([[1], [1, 2]])
    (array([1, 2]), None)
    """
    if isinstance(value, Tensor):
        return None
    try:
        array = plain(value, "")
    except DTypeError:
        return None
    if not array.size:
        array = array.astype(np.int64)  # NumPy takes no numbers for floats
    if array.dtype.kind not in "iu":
        return None
    return array if isinstance(array, np.ndarray) else array.get()


def choice(op: str, name: str, value: Any, choices: Collection[str]) -> str:
    """One of the words to choose from. Raises: ArgumentError for anything else.

    >>> choice("resize", "mode", "area", ("nearest", "area"))
    'area'
    """
    if not isinstance(value, str) or value not in choices:
        raise ArgumentError(f"{op}: {name} is {described(value)}; choose one of: {', '.join(choices)}")
    return value


def check_size(op: str, shape: tuple[int, ...], /, **given: Any) -> None:
    """Raise a ShapeError, which lists the arguments, if no array can have so many elements.

    >>> check_size("tile", (2, 3), reps=2)
    """
    if math.prod([n or 1 for n in shape]) > _MOST:  # NumPy counts so, too
        raise ShapeError(f"{op}: no array has as many elements as the result would have\n{shapes(**given)}") from None


def call_hint(op: str, value: Any) -> str:
    """Advice if data was given to a layer in place of an option."""
    data = isinstance(value, Tensor | np.ndarray) and value.ndim and op[0].isupper()
    return f"\n  make the layer first, then call it: {op}(…)(x)" if data else ""


def flag(op: str, name: str, value: Any) -> bool:
    """True or False. Raises: ArgumentError for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentError(f"{op}: {name} must be True or False, but is {described(value)}")
    return bool(value)


def is_whole(value: Any) -> bool:
    """True for an integer of Python or NumPy; False for a bool."""
    return value.__class__ is int or (isinstance(value, Integral) and not isinstance(value, bool))


def is_number(value: Any) -> bool:
    """True for a real number of Python or NumPy; False for a bool, and for an integer too large for a float."""
    return value.__class__ is float or (isinstance(value, Real) and not isinstance(value, bool) and _has_float(value))


def _has_float(value: Any) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True


def finite(op: str, name: str, value: Any, *, above: bool = False) -> float:
    """A number as a float. Raises: ArgumentError unless it is at least 0, or with `above` more than 0, and finite.

    >>> finite("layer_norm", "eps", np.float32(0.5))
    0.5
    """
    if not (is_number(value) and 0 <= value < float("inf")) or (above and value == 0):
        bound = "more than 0" if above else "at least 0"
        raise ArgumentError(
            f"{op}: {name} must be a number, {bound} and finite, but is {described(value)}{call_hint(op, value)}"
        )
    return float(value)


def shape_of(op: str, shape: Any) -> tuple[int, ...]:
    """Convert a shape to a tuple of ints. Raises: ArgumentError unless it is a tuple or list of integers."""
    if not isinstance(shape, tuple | list) or not all(is_whole(n) for n in shape):
        way_out = f"; write ({int(shape)},)" if is_whole(shape) else ""
        raise ArgumentError(f"{op}: shape must be a tuple of integers, but is {described(shape)}{way_out}")
    return tuple(int(n) for n in shape)


def checked_generator(op: str, rng: Any) -> np.random.Generator:
    """The random number generator itself. Raises: ArgumentError if it is not NumPy's."""
    if not isinstance(rng, np.random.Generator):
        seed = int(rng) if is_whole(rng) else 0
        raise ArgumentError(f"{op}: rng must be np.random.default_rng({seed}), say, but is {described(rng)}")
    return rng


def axes_of(op: str, x: Tensor, axis: Axis) -> tuple[int, ...]:
    """`axis` as a sorted tuple of axes counted from the front; every axis if None."""
    if axis is None:
        return tuple(range(x.ndim))
    if axis.__class__ is int and -x.ndim <= axis < x.ndim:  # most often, and soon told
        return (axis % x.ndim,)
    given = axis if isinstance(axis, tuple | list) else (axis,)
    if not all(is_whole(a) for a in given):
        raise ArgumentError(f"{op}: axis must be an integer, a tuple of them, or None\n{shapes(x=x, axis=axis)}")
    if any(not -x.ndim <= a < x.ndim for a in given):
        raise ArgumentError(f"{op}: axis is out of range for {x.ndim} axes\n{shapes(x=x, axis=axis)}")
    axes = tuple(sorted(int(a) % x.ndim for a in given))
    if len(set(axes)) != len(axes):
        raise ArgumentError(f"{op}: axis names one axis twice\n{shapes(x=x, axis=axis)}")
    return axes


def broadcast_shape(op: str, **arrays: Any) -> tuple[int, ...]:
    """Shape of arrays that are broadcast together. Raises: ShapeError, which lists them, if they do not broadcast.

    >>> broadcast_shape("where", a=np.zeros((3, 1)), b=np.zeros(2))
    (3, 2)
    """
    try:
        return np.broadcast_shapes(*(x.shape for x in arrays.values()))
    except ValueError:
        raise ShapeError(
            f"{op}: shapes do not broadcast: from the last axis on, lengths must agree or be 1\n{shapes(**arrays)}"
        ) from None


def one_axis(op: str, x: Tensor, axis: Any, name: str = "axis") -> int:
    """One axis, counted from the front. Raises: ArgumentError for anything but an axis of x."""
    if not is_whole(axis):
        raise ArgumentError(f"{op}: {name} must be an integer, but is {described(axis)}")
    if not -x.ndim <= axis < x.ndim:
        raise ArgumentError(f"{op}: {name} is out of range for {x.ndim} axes\n{shapes(**{'x': x, name: axis})}")
    return int(axis) % x.ndim


def axes_in_order(op: str, x: Tensor, axes: Any, name: str = "axis") -> tuple[int, ...]:
    """Several axes, counted from the front, in the order in which they are given. Raises: ArgumentError."""
    given = axes if isinstance(axes, tuple | list) else (axes,)
    counted = tuple(one_axis(op, x, axis, name) for axis in given)
    if len(set(counted)) != len(counted):
        raise ArgumentError(f"{op}: {name} names one axis twice\n{shapes(**{'x': x, name: axes})}")
    return counted


def check_rank(op: str, rank: int, **tensors: tuple[Tensor, str]) -> None:
    """Raise a ShapeError unless each Tensor, given with its layout, has `rank` axes."""
    for name, (x, layout) in tensors.items():
        if x.ndim != rank:
            listing = shapes(**{each: tensor for each, (tensor, _) in tensors.items()})
            way_out = "\n  one image is a batch of one: x[None]" if name == "x" and (rank, x.ndim) == (4, 3) else ""
            raise ShapeError(f"{op}: {name} must have {rank} axes, {layout}, but has {x.ndim}\n{listing}{way_out}")


NHWC, IMAGES = "(batch, height, width, channels)", "(N, H, W, C)"


def nhwc_hint(x: Tensor, channels: int) -> str:
    """Advice if the channels of images seem to come before their pixels."""
    if x.ndim != 4 or x.shape[1] != channels or x.shape[3] == channels:
        return ""
    return f"\n  x.shape[1] is {channels}: images are NHWC, so pass x.transpose(0, 2, 3, 1) if these are NCHW"
