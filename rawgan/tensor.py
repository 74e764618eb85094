"""The Tensor: an array, and the op that it came out of."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Protocol, Self

import numpy as np

from rawgan.arrays import floats
from rawgan.device import device_of, to_device
from rawgan.errors import ArgumentError, DTypeError, GraphError, ShapeError, shapes
from rawgan.memory import Memory
from rawgan.operators import Operators
from rawgan.paper import is_on_paper

SHOWN = 40
"""Most numbers that a `repr` shows all of."""


class Node(Protocol):
    """An op that was recorded, as the Tensor that came out of it and the walk back know it.

    All of them are instances of `rawgan.autograd.Op`, which explains each attribute.
    """

    @property
    def name(self) -> str:
        """Name in error messages."""

    @property
    def serial(self) -> int:
        """Position in the order of recording."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The inputs' shapes."""

    @property
    def _required(self) -> tuple[bool, ...]:
        """True for each input that required a gradient when the op was called."""

    @property
    def recorded_inputs(self) -> tuple[Tensor, ...]:
        """The input Tensors."""

    @property
    def keeps_dtype(self) -> bool:
        """True if the result has the inputs' dtype."""

    @property
    def differentiable_twice(self) -> bool:
        """False if `backward` computes with arrays."""

    def forward(self, *arrays: Any) -> Any:
        """Compute the result from the inputs' arrays."""

    def check_attributes(self) -> None:
        """Raise a GraphError if an array that the op keeps was written to."""

    def backward(self, gy: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the inputs' gradients from the result's."""

    def release(self) -> None:
        """Let go of everything kept for the backward pass."""


class Tensor(Operators["Tensor"]):
    """A float32 or float64 array that knows the op it came out of, so that gradients can be walked back.

    Arrays (NumPy or CuPy) are shared, not copied, unless they are in another byte order or not aligned. Numbers and
    nested lists become a float32 NumPy array. A Tensor made here is a leaf. If it `requires_grad`, `backward()` leaves
    its gradient in `.grad`.

    Comparisons (`x == 0`, `x < y`) give an array of bool, element by element, as in NumPy: a mask to multiply by,
    without a gradient. As keys of dicts and members of sets, Tensors are told apart by identity; to search a list,
    write `any(x is each for each in tensors)`.

    Write to a leaf by `t.data = array`, `t.data -= array` or `t[index] = value`. A graph that needs the old values then
    refuses to be walked, instead of giving wrong gradients. So does a write past the Tensor, into `t.numpy()` or into
    the array that it was made from. (On a GPU, only writes through Tensors are noticed.)

    Raises: DTypeError for arrays that are neither float32 nor float64, and for masked arrays

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    Tensor([2., 4., 6.], float32)
    """

    __slots__ = ("__weakref__", "_array", "_memory", "grad", "op", "requires_grad")

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        if isinstance(data, Tensor):
            raise DTypeError("Tensor: data is a Tensor already; use x.detach() for one that shares its array")
        if requires_grad.__class__ is not bool and not isinstance(requires_grad, np.bool_):
            raise ArgumentError(
                f"Tensor: requires_grad must be True or False, but is {requires_grad!r}\n"
                "  its second argument is no dtype: convert it with .astype(dtype)"
            )
        self._array = floats(data, "Tensor: data")
        self._memory: Memory | None = Memory(self._array, exposed=True)  # the caller holds the array
        self.requires_grad = bool(requires_grad)
        self.grad: Tensor | None = None
        self.op: Node | None = None

    @classmethod
    def wrap(cls, array: Any) -> Self:
        """Make a leaf of a float32 or float64 array that an op has just made, without the checks of `__init__`."""
        tensor = cls.__new__(cls)
        # NumPy gives scalars instead of arrays without axes.
        tensor._array = np.asarray(array) if isinstance(array, np.generic) else array
        tensor._memory = None
        tensor.requires_grad = False
        tensor.grad = tensor.op = None
        return tensor

    # --- the array ---------------------------------------------------------------------------------------------

    @property
    def data(self) -> Any:
        """The array itself, NumPy or CuPy."""
        self.memory.expose()
        return self._array

    @data.setter
    def data(self, array: Any) -> None:
        if not hasattr(array, "dtype"):
            raise DTypeError(f"Tensor.data: a new array must be an array, not {type(array).__name__}")
        array = floats(array, "Tensor.data: a new array")
        if (array.shape, array.dtype, device_of(array)) != (self.shape, self.dtype, self.device):
            raise ShapeError(
                "Tensor.data: a new array must have the old one's shape, dtype and device\n"
                f"  old {self.shape} {self.dtype} {self.device}"
                f"   new {array.shape} {array.dtype} {device_of(array)}"
            )
        self._refuse_results()
        if array is self._array:
            self.mark_written()
        else:  # views of the old memory keep their numbers
            self._array, self._memory = array, Memory(array, exposed=True)

    def take_over(self, array: Any) -> None:
        """Replace the array by one that nobody else holds. It may be of another dtype or on another device."""
        self._array, self._memory = array, None

    @property
    def memory(self) -> Memory:
        """The memory behind the array, shared with its views."""
        if self._memory is None:
            self._memory = Memory(self._array)
        return self._memory

    def shares_memory(self, other: Tensor) -> bool:
        """True if one is a view of the other, as after `reshape` or `detach`."""
        return self.memory is other.memory

    def mark_written(self) -> None:
        """Note that the array was written to in place: graphs that used the old values are stale."""
        memory = self._memory
        if memory is not None:
            memory.contents = None

    def __setitem__(self, index: Any, value: Any) -> None:
        self._refuse_results()
        self.memory.keep()
        self.mark_written()  # first: Ctrl-C may come in between
        self._array[index] = value._array if isinstance(value, Tensor) else value

    def _refuse_results(self) -> None:
        if self.op is not None:
            raise GraphError(f"{self.op.name}: its result cannot be written to, only leaves can; detach() it first")

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self._array.dtype

    @property
    def device(self) -> str:
        """`"cpu"` or `"cuda"`."""
        return device_of(self._array)

    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a NumPy array: on the CPU the array itself, from a GPU a copy."""
        self.memory.expose()
        return to_device(self._array, "cpu")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        raise DTypeError("a Tensor does not turn into an array in silence, which would cut its graph; use x.numpy()")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.shape, np.ndim, np.size):
            return function(*(x._array if isinstance(x, Tensor) else x for x in args), **kwargs)
        # Some of the others would take __array__'s error for an answer: np.array_equal(x, x) was False.
        raise DTypeError(
            f"np.{function.__name__} takes arrays, and a Tensor does not turn into one in silence, which would cut its "
            "graph; use x.numpy(), or a function of rawgan.ops"
        )

    def __float__(self) -> float:
        return self.item()

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def item(self) -> float:
        """The only number in it, as a Python float. Raises: ShapeError if there are several, or none."""
        if self.size != 1:
            raise ShapeError(
                f"item: a Tensor of {self.size} numbers is not one\n{shapes(x=self)}   "
                "reduce it first, as in x.sum(), or take x[0]; x.numpy().tolist() gives all of them"
            )
        return float(self._array.item())

    def detach(self) -> Tensor:
        """A leaf that shares this array; no gradient flows back through it."""
        leaf = Tensor.wrap(self._array)
        leaf._memory = self.memory
        return leaf

    def to(self, device: str) -> Tensor:
        """The same values on `device`, `"cpu"` or `"cuda"`: this Tensor if it is there, else a leaf."""
        if device == self.device:
            return self
        return Tensor(to_device(self._array, device), self.requires_grad and self.op is None)

    def __repr__(self) -> str:
        """All numbers, or the first and last ones; if they are many along more than two axes, of the flat array."""
        array, shape = to_device(self._array, "cpu"), ""
        if (array.ndim > 2 and array.size > SHOWN) or (array.ndim > 1 and not array.size):
            array, shape = array.ravel(), f"shape {self.shape}, "
        numbers = np.array2string(array, separator=", ", threshold=SHOWN, prefix="Tensor(")
        return f"Tensor({numbers}, {shape}{self.dtype}{', requires_grad=True' if self.requires_grad else ''})"

    def __len__(self) -> int:
        if not self.ndim:
            raise ShapeError(f"len: a Tensor without axes is one number\n{shapes(x=self)}   x.item() gives it")
        return len(self._array)

    def __contains__(self, number: Any) -> bool:
        """True if one of the numbers equals this one."""
        if np.shape(getattr(number, "_array", number)):
            raise ShapeError(
                "in: only a number can be in a Tensor; to search a list, write any(x is each for each in tensors)"
            )
        return bool((self == number).any())

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A leaf with a copy of the array. A result is refused, unless it is copied as a part of a Module, say."""
        if self.op is not None and not memo:
            raise self._uncopied("copy")
        twin = type(self).wrap(self._array if is_on_paper() else self._array.copy())
        memo[id(self)] = twin  # first: attributes may lead back here
        twin.requires_grad = self.requires_grad and self.op is None
        twin.grad = copy.deepcopy(self.grad, memo)
        for name, value in getattr(self, "__dict__", {}).items():  # attributes of a subclass
            setattr(twin, name, copy.deepcopy(value, memo))
        return twin

    def __reduce__(self) -> Any:
        if self.op is not None:
            raise self._uncopied("pickle")
        return _unpickled, (type(self), self._array, self.requires_grad), getattr(self, "__dict__", None)

    def _uncopied(self, verb: str) -> GraphError:
        return GraphError(
            f"{type(self.op).__name__}: to {verb} its result would cut the graph\n"
            f"{shapes(x=self)}   {verb} x.detach(), or x.numpy()"
        )

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(f"a Tensor of several numbers is neither true nor false\n{shapes(x=self)}")
        return bool(self._array.item())

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))


def _unpickled(kind: type[Tensor], array: Any, requires_grad: bool) -> Tensor:
    tensor = kind.wrap(array)
    tensor.requires_grad = requires_grad
    return tensor
