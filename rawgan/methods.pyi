"""Methods of a Tensor that are ops, for type checkers; written by tests/engine/test_methods.py."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

Result = TypeVar("Result")

class Methods(Generic[Result]):
    def astype(self, dtype: Any) -> Result:
        """x converted to `"float32"` or `"float64"`: nothing else converts between them."""

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Largest element along `axis` (an int, several, or None for all)."""

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Mean over `axis` (an int, several, or None for all)."""

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Sum over `axis` (an int, several, or None for all)."""

def add_method(function: Callable[..., Any]) -> None: ...
