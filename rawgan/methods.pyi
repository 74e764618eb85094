"""Methods of a Tensor that are ops, for type checkers; written by tests/engine/test_methods.py."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

Result = TypeVar("Result")

class Methods(Generic[Result]):
    def astype(self, dtype: Any) -> Result:
        """x converted to `"float32"` or `"float64"`: nothing else converts between them."""

    def log_softmax(self, axis: int | tuple[int, ...] | None = -1) -> Result:
        """log softmax(x) over `axis` (an int, several, or None for all), also where softmax(x) rounds to 0 or 1."""

    def logsumexp(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """log Σ e^x over `axis` (an int, several, or None for all), without overflow: a smooth maximum; −∞ for no numbers."""

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Largest element along `axis` (an int, several, or None for all)."""

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Mean over `axis` (an int, several, or None for all)."""

    def softmax(self, axis: int | tuple[int, ...] | None = -1) -> Result:
        """e^x / Σ e^x: numbers between 0 and 1 whose sum over `axis` (an int, several, or None for all) is 1."""

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Sum over `axis` (an int, several, or None for all)."""

def add_method(function: Callable[..., Any]) -> None: ...
