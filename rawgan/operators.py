"""Operators and methods of a Tensor: `x + y`, `x.sum()`, `x[1:]`, `y.backward()`.

Each of them is a function of a floor above. Imports only point down, so the floors above enter their functions into the
table `OPERATORS` when they are loaded. Functions that are methods as they stand, such as `x.sum()`, are in `Methods`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rawgan.methods import Methods, Result

OPERATORS: dict[str, Callable[..., Any]] = {}
"""The functions by name, entered by `rawgan.ops` and `rawgan.autograd`."""


class Operators(Methods[Result]):
    """The operators and methods of a Tensor, each of which gives a Result: a Tensor."""

    __slots__ = ()

    __array_ufunc__ = None  # makes NumPy leave `array + tensor` to the Tensor

    def __add__(self, other: Any) -> Result:
        return OPERATORS["add"](self, other)

    def __radd__(self, other: Any) -> Result:
        return OPERATORS["add"](other, self)

    def __sub__(self, other: Any) -> Result:
        return OPERATORS["sub"](self, other)

    def __rsub__(self, other: Any) -> Result:
        return OPERATORS["sub"](other, self)

    def __mul__(self, other: Any) -> Result:
        return OPERATORS["mul"](self, other)

    def __rmul__(self, other: Any) -> Result:
        return OPERATORS["mul"](other, self)

    def __truediv__(self, other: Any) -> Result:
        return OPERATORS["div"](self, other)

    def __rtruediv__(self, other: Any) -> Result:
        return OPERATORS["div"](other, self)

    def __mod__(self, other: Any) -> Result:
        return OPERATORS["remainder"](self, other)

    def __rmod__(self, other: Any) -> Result:
        return OPERATORS["remainder"](other, self)

    def __floordiv__(self, other: Any) -> Result:
        return OPERATORS["floor_divide"](self, other)

    def __rfloordiv__(self, other: Any) -> Result:
        return OPERATORS["floor_divide"](other, self)

    def __divmod__(self, other: Any) -> tuple[Result, Result]:
        return OPERATORS["floor_divide"](self, other), OPERATORS["remainder"](self, other)

    def __rdivmod__(self, other: Any) -> tuple[Result, Result]:
        return OPERATORS["floor_divide"](other, self), OPERATORS["remainder"](other, self)

    def __matmul__(self, other: Any) -> Result:
        return OPERATORS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Result:
        return OPERATORS["matmul"](other, self)

    def __pow__(self, exponent: Any) -> Result:
        return OPERATORS["pow"](self, exponent)

    def __rpow__(self, base: Any) -> Result:
        return OPERATORS["pow"](base, self)

    def __pos__(self: Any) -> Result:
        return self

    def __round__(self, decimals: int | None = None) -> Result:
        return self.round(0 if decimals is None else decimals)

    def __neg__(self) -> Result:
        return OPERATORS["neg"](self)

    def __abs__(self) -> Result:
        return OPERATORS["abs"](self)

    def __eq__(self, other: Any) -> Any:
        return OPERATORS["compare"]("==", self, other)

    def __ne__(self, other: Any) -> Any:
        return OPERATORS["compare"]("!=", self, other)

    def __lt__(self, other: Any) -> Any:
        return OPERATORS["compare"]("<", self, other)

    def __le__(self, other: Any) -> Any:
        return OPERATORS["compare"]("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return OPERATORS["compare"](">", self, other)

    def __ge__(self, other: Any) -> Any:
        return OPERATORS["compare"](">=", self, other)

    # The engine keeps Tensors in sets and as keys. Hashed by identity, no two of them are ever compared there.
    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Result:
        return OPERATORS["slice_"](self, index)

    def reshape(self, *shape: int) -> Result:
        """The same elements in another shape; one length may be −1."""
        return OPERATORS["reshape"](self, shape)

    def transpose(self, *axes: int) -> Result:
        """The axes in another order; reversed if none are given."""
        return OPERATORS["transpose"](self, axes or None)

    @property
    def T(self) -> Result:
        """The axes in reverse order."""
        return OPERATORS["transpose"](self, None)

    @property
    def mT(self) -> Result:
        """The last two axes swapped: each matrix transposed."""
        return self.swapaxes(-1, -2)

    def backward(
        self, gradient: Result | None = None, *, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add the gradient of this Tensor to the `.grad` of every leaf behind it; see `rawgan.autograd.backward`."""
        OPERATORS["backward"](self, gradient, retain_graph=retain_graph, create_graph=create_graph)
