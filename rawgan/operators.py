"""What `x + y`, `x.sum()` and `x[1:]` mean: each is a function of `rawgan.ops`, one floor up.

As imports only point down, `rawgan.ops` enters its functions into the table `OPERATORS` when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rawgan.tensor import Tensor

OPERATORS: dict[str, Callable[..., Any]] = {}


class Arithmetic:
    """The operators and methods of a Tensor."""

    __slots__ = ()

    __array_ufunc__ = None  # `array + tensor` is Tensor's business, not NumPy's

    def __add__(self, other: Any) -> Tensor:
        return OPERATORS["add"](self, other)

    def __radd__(self, other: Any) -> Tensor:
        return OPERATORS["add"](other, self)

    def __sub__(self, other: Any) -> Tensor:
        return OPERATORS["sub"](self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return OPERATORS["sub"](other, self)

    def __mul__(self, other: Any) -> Tensor:
        return OPERATORS["mul"](self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return OPERATORS["mul"](other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return OPERATORS["div"](self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return OPERATORS["div"](other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return OPERATORS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return OPERATORS["matmul"](other, self)

    def __pow__(self, exponent: float) -> Tensor:
        return OPERATORS["pow"](self, exponent)

    def __neg__(self) -> Tensor:
        return OPERATORS["neg"](self)

    def __abs__(self) -> Tensor:
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

    # The engine keeps Tensors in sets and as keys: with the hash of the identity, no two of them meet there.
    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Tensor:
        return OPERATORS["slice_"](self, index)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """Sum over `axis`; over everything if None."""
        return OPERATORS["sum"](self, axis, keepdims)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """Mean over `axis`; over everything if None."""
        return OPERATORS["mean"](self, axis, keepdims)

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """Largest element along `axis`; of everything if None."""
        return OPERATORS["max"](self, axis, keepdims)

    def reshape(self, *shape: int) -> Tensor:
        """The same elements in another shape; one length may be −1."""
        return OPERATORS["reshape"](self, shape)

    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order; reversed if none are given."""
        return OPERATORS["transpose"](self, axes or None)

    def astype(self, dtype: str) -> Tensor:
        """The same values as `"float32"` or `"float64"`: the one way from one to the other."""
        return OPERATORS["astype"](self, dtype)

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return OPERATORS["transpose"](self, None)
