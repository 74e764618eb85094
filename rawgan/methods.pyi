"""Methods of a Tensor that are ops, for type checkers; written by tests/engine/test_methods.py."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

Result = TypeVar("Result")

class Methods(Generic[Result]):
    def abs(self) -> Result:
        """Absolute value."""

    def astype(self, dtype: Any) -> Result:
        """x converted to `"float32"` or `"float64"`: nothing else converts between them."""

    def ceil(self) -> Result:
        """Smallest integer ≥ x."""

    def clip(self, min: Any = None, max: Any = None) -> Result:
        """x, but at least `min` and at most `max`: numbers, Tensors, arrays, or None for no bound on that side."""

    def cos(self) -> Result:
        """Cosine of x, in radians."""

    def exp(self) -> Result:
        """e to the power of x."""

    def expm1(self) -> Result:
        """eˣ − 1, right to its last digits near 0, where `exp(x) - 1` is not."""

    def floor(self) -> Result:
        """Largest integer ≤ x."""

    def isfinite(self) -> Any:
        """Array of bool: False where x is NaN or infinite."""

    def isnan(self) -> Any:
        """Array of bool: True where x is NaN."""

    def log(self) -> Result:
        """Natural logarithm."""

    def log1p(self) -> Result:
        """log(1 + x), right to its last digits near 0, where `log(1 + x)` is not."""

    def log_softmax(self, axis: int | tuple[int, ...] | None = -1) -> Result:
        """log softmax(x) over `axis` (an int, several, or None for all), also where softmax(x) rounds to 0 or 1."""

    def logsumexp(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """log Σ e^x over `axis` (an int, several, or None for all), without overflow: a smooth maximum; −∞ for no numbers."""

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Largest element along `axis` (an int, several, or None for all)."""

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Mean over `axis` (an int, several, or None for all)."""

    def min(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Smallest element along `axis` (an int, several, or None for all)."""

    def pow(self, exponent: Any) -> Result:
        """x to the power of a number, or of a Tensor or array that broadcasts with x: `x ** exponent`."""

    def relu(self) -> Result:
        """x where x > 0, 0 elsewhere: a leaky ReLU with slope 0."""

    def round(self, decimals: int = 0) -> Result:
        """Nearest number with `decimals` digits after the point; of two, the one with an even last digit."""

    def rsqrt(self) -> Result:
        """1 / √x."""

    def sigmoid(self) -> Result:
        """1 / (1 + e^−x): the probability that belongs to a logit."""

    def sign(self) -> Result:
        """1, 0 or −1, the sign of x. It has no gradient, as all functions of this file."""

    def sin(self) -> Result:
        """Sine of x, in radians."""

    def softmax(self, axis: int | tuple[int, ...] | None = -1) -> Result:
        """e^x / Σ e^x: numbers between 0 and 1 whose sum over `axis` (an int, several, or None for all) is 1."""

    def sqrt(self) -> Result:
        """Square root; its slope at 0 is infinite."""

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Sum over `axis` (an int, several, or None for all)."""

    def tanh(self) -> Result:
        """Hyperbolic tangent, between −1 and 1."""

def add_method(function: Callable[..., Any]) -> None: ...
