"""Methods of a Tensor that are ops, for type checkers; written by tests/ops/test_methods.py."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

Result = TypeVar("Result")

class Methods(Generic[Result]):
    def abs(self) -> Result:
        """Absolute value."""

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """Index of the largest element along `axis`, or in the flat array if None; of several, the first."""

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """Index of the smallest element along `axis`, or in the flat array if None; of several, the first."""

    def argsort(self, axis: int = -1, descending: bool = False) -> Any:
        """Indices of the elements along `axis`, in the order of `sort`: an array of int64, for `gather`."""

    def astype(self, dtype: Any) -> Result:
        """x converted to `"float32"` or `"float64"`: nothing else converts between them."""

    def ceil(self) -> Result:
        """Smallest integer ≥ x."""

    def clip(self, min: Any = None, max: Any = None) -> Result:
        """x, but at least `min` and at most `max`: numbers, Tensors, arrays, or None for no bound on that side."""

    def cos(self) -> Result:
        """Cosine of x, in radians."""

    def cumprod(self, axis: int | None = None) -> Result:
        """Products of all elements up to each, along `axis`; of the flat array if None, as in NumPy."""

    def cumsum(self, axis: int | None = None) -> Result:
        """Sums of all elements up to each, along `axis`; of the flat array if None, as in NumPy."""

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Result:
        """Elements x[i, i + offset] along two axes; the diagonal becomes the last axis of the result."""

    def erf(self) -> Result:
        """Error function; (1 + erf(x / √2)) / 2 is the probability that a standard normal number is below x."""

    def exp(self) -> Result:
        """e to the power of x."""

    def expm1(self) -> Result:
        """eˣ − 1, right to its last digits near 0, where `exp(x) - 1` is not."""

    def flatten(self, start_axis: int = 0, end_axis: int = -1) -> Result:
        """x with the axes from `start_axis` to `end_axis` joined into one; `flatten(x, 1)` makes a vector of each sample."""

    def flip(self, axis: int | tuple[int, ...] | None = None) -> Result:
        """x in reverse order along `axis` (an int, several, or None for all): a view."""

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
        """log Σ e^x over `axis` (an int, several, or None for all), without overflow: a smooth maximum; −∞ for no elements."""

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Largest element along `axis` (an int, several, or None for all)."""

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Mean over `axis` (an int, several, or None for all)."""

    def min(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Smallest element along `axis` (an int, several, or None for all)."""

    def moveaxis(self, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Result:
        """x with axes moved elsewhere; the others keep their order. `moveaxis(x, 1, -1)` makes NHWC of NCHW."""

    def norm(self, ord: float = 2, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """(Σ |x|ᵖ)^(1/p), the norm of order p = `ord` of the vectors along `axis` (an int, several, or None for all)."""

    def normalize(self, ord: float = 2, axis: int | tuple[int, ...] | None = -1, eps: float = 1e-12) -> Result:
        """x / max(‖x‖, eps), vectors of length 1 along `axis`; those of length 0 stay 0."""

    def pow(self, exponent: Any) -> Result:
        """x to the power of a number, or of a Tensor or array that broadcasts with x: `x ** exponent`."""

    def prod(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Product of all elements along `axis`: an int, several, or None for all. Of no elements, it is 1."""

    def relu(self) -> Result:
        """x where x > 0, 0 elsewhere: a leaky ReLU with slope 0."""

    def repeat(self, repeats: int | list[int] | tuple[int, ...], axis: int | None = None) -> Result:
        """Each element along `axis` (of the flat array if None) several times; PyTorch's `repeat_interleave`."""

    def roll(self, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Result:
        """x moved by `shift` elements along `axis`; what leaves at the end comes in at the front."""

    def round(self, decimals: int = 0) -> Result:
        """Nearest number with `decimals` digits after the point; of two, the one with an even last digit."""

    def rsqrt(self) -> Result:
        """1 / √x."""

    def sigmoid(self) -> Result:
        """1 / (1 + e^−x): the probability that belongs to a logit."""

    def sign(self) -> Result:
        """1, 0 or −1, the sign of x. Like all functions here, it has no gradient."""

    def sin(self) -> Result:
        """Sine of x, in radians."""

    def softmax(self, axis: int | tuple[int, ...] | None = -1) -> Result:
        """e^x / Σ e^x: numbers between 0 and 1 whose sum over `axis` (an int, several, or None for all) is 1."""

    def sort(self, axis: int = -1, descending: bool = False) -> Result:
        """x with its elements along `axis` in order: from small to large, unless `descending`."""

    def sqrt(self) -> Result:
        """Square root; its slope at 0 is infinite."""

    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Result:
        """x without axes of length 1: all of them, or those in `axis`."""

    def std(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, correction: float = 0) -> Result:
        """Standard deviation over `axis`, the root of `var`, with a gradient of 0 where all elements are equal."""

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Result:
        """Sum over `axis` (an int, several, or None for all)."""

    def swapaxes(self, axis1: int, axis2: int) -> Result:
        """x with two axes exchanged."""

    def tanh(self) -> Result:
        """Hyperbolic tangent, between −1 and 1."""

    def tile(self, reps: int | tuple[int, ...]) -> Result:
        """x laid side by side, `reps` times along each axis, as tiles of a floor; PyTorch's `repeat`."""

    def topk(self, k: int, axis: int = -1, largest: bool = True) -> tuple[Result, Any]:
        """The k largest elements along `axis`, from large to small, and their indices; the smallest if not `largest`."""

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Result:
        """Sum of the diagonal along two axes, Σ x[i, i + offset]."""

    def tril(self, k: int = 0) -> Result:
        """Lower triangles of the matrices in the last two axes: all elements up to diagonal k, and 0 above it."""

    def triu(self, k: int = 0) -> Result:
        """Upper triangles of the matrices in the last two axes: all elements from diagonal k on, and 0 below it."""

    def var(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, correction: float = 0) -> Result:
        """Variance over `axis` (an int, several, or None for all): the mean of (x − mean)²."""

def add_method(function: Callable[..., Any]) -> None: ...
