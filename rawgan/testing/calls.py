"""What a check is given, brought into one form: a function of Tensors, float64 arrays, and names for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan.autograd import Op, grad
from rawgan.device import device_of, to_device
from rawgan.errors import ArgumentError, DTypeError, shapes
from rawgan.nn import Module
from rawgan.tensor import Tensor
from rawgan.testing.choices import several
from rawgan_kernels import array_module

Array = Any
Function = Callable[..., list[Tensor]]


EPS = float(np.finfo("float64").eps)

NUDGE = 1e-10
"""A change of the inputs, in units of their own size, that leaves nothing of a result but its rounding unchanged."""


@dataclass(frozen=True)
class Call:
    """A function of Tensors that gives a list of Tensors, and float64 arrays to call it with.

    Everything is measured in units of its own size, so that tiny, ordinary and huge numbers are checked alike.
    `sizes` are those of the results; `magnitude` is that of Σ v · y, for upstream gradients v from `weights`.
    """

    name: str
    function: Function
    arrays: list[Array]
    inputs: list[str]
    outputs: list[str]
    results: list[Array]
    sizes: list[float]
    magnitude: float
    noise: float
    """How far rounding the inputs moves the results, relative to their size: 1e-16, and more where errors add up."""

    def weights(self, rng: np.random.Generator) -> list[Array]:
        """Random upstream gradients, which make results of all sizes count alike."""
        return [random_like(y, rng, 1 / size) for y, size in zip(self.results, self.sizes, strict=True)]


def call_of(fn: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str] | None, name: str | None) -> Call:
    """Read the arguments of a check.

    Raises: ArgumentError for a function or inputs that cannot be checked
    """
    fn, title = _callable(fn), name or _name(fn)
    values = [plain(x) for x in inputs]
    floating = [index for index, value in enumerate(values) if is_floating(value)]
    if not floating:
        raise ArgumentError(f"{title}: there is nothing to differentiate by; give at least one array of floats")
    labels = list(several(f"{title}: names", names)) if names is not None else parameter_names(fn, len(values))
    if len(labels) != len(values):
        raise ArgumentError(f"{title}: {len(values)} inputs but {len(labels)} names")
    for index in floating:
        if not array_module(values[index]).isfinite(values[index]).all():
            raise ArgumentError(f"{title}: {labels[index]} is not finite\n{shapes(**{labels[index]: values[index]})}")

    def function(*tensors: Tensor) -> list[Tensor]:
        arguments = list(values)
        for index, x in zip(floating, tensors, strict=True):
            arguments[index] = x
        ys = fn(*arguments)
        results = [ys] if isinstance(ys, Tensor) else ys
        if not isinstance(results, list | tuple) or not results or not all(isinstance(y, Tensor) for y in results):
            raise ArgumentError(f"{title} must return a Tensor, or a tuple of Tensors, not {type(ys).__name__}")
        return list(results)

    # Copies: what is done to them here must not be seen outside.
    arrays = [values[i].astype("float64") for i in floating]
    try:
        results = [y.data for y in function(*leaves(arrays))]
    except DTypeError as error:
        raise ArgumentError(
            f"{title}: {error}\n  the check computes in float64: convert what the function holds, as in "
            "net.to(dtype='float64') or w.astype(x.dtype)"
        ) from error
    for y in results:
        if not array_module(y).isfinite(y).all():
            raise ArgumentError(f"{title}: the result is not finite; give inputs inside its domain\n{shapes(result=y)}")
    outputs = ["y"] if len(results) == 1 else [f"y{index}" for index in range(len(results))]
    return Call(
        title,
        function,
        arrays,
        [labels[i] for i in floating],
        outputs,
        results,
        _sizes(function, arrays, results),
        float(np.sqrt(sum(y.size for y in results))),
        _noise(function, arrays, results),
    )


def gradients_of(call: Call, weights: Sequence[Array]) -> Call:
    """The function (inputs…, upstream gradients…) → the inputs' gradients, which is what order 2 differentiates."""
    count = len(call.inputs)

    def gradients(*tensors: Tensor) -> list[Tensor]:
        return claimed(call.function, tensors[:count], tensors[count:], create_graph=True)

    arrays = [*call.arrays, *weights]
    results = [g.data for g in gradients(*leaves(arrays))]
    return Call(
        call.name,
        gradients,
        arrays,
        [*call.inputs, *(f"g{output}" for output in call.outputs)],
        [f"g{name}" for name in call.inputs],
        results,
        [1 / unit(x) for x in call.arrays],
        call.magnitude,
        max(call.noise, _noise(gradients, arrays, results)),
    )


def leaves(arrays: Sequence[Array]) -> list[Tensor]:
    """Tensors that share these arrays and require gradients."""
    return [Tensor(array, requires_grad=True) for array in arrays]


def unit(array: Array) -> float:
    """The root mean square, or 1 for an array of zeros or of nothing.

    >>> unit(np.array([3.0, -3.0])), unit(np.zeros(2))
    (3.0, 1.0)
    """
    return root_mean_square(array) or 1.0


def root_mean_square(array: Array) -> float:
    """Of an array of finite numbers; otherwise, and of nothing, 0."""
    largest = float(abs(array).max()) if array.size else 0.0
    if not (0 < largest < float("inf")):
        return 0.0
    return largest * float(((array / largest) ** 2).mean() ** 0.5)  # the squares of huge and tiny numbers do not fit


def random_like(array: Array, rng: np.random.Generator, size: float) -> Array:
    """Random numbers of both signs, none near 0, so that no element goes unseen. Shapes: → as `array`"""
    signs, lengths = rng.choice([-1.0, 1.0], array.shape), rng.uniform(0.5, 1.5, array.shape)
    return to_device(signs * lengths * size, device_of(array))


def claimed(
    function: Function,
    xs: Sequence[Tensor],
    vs: Sequence[Tensor],
    create_graph: bool,
    wanted: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """The gradients of Σ v · f(x…) as backward computes them, of all inputs or the wanted; zeros without influence."""
    ys = function(*xs)
    # Of several results, one may not depend on anything: a gradient that is zero everywhere has no graph.
    connected = [(y, v) for y, v in zip(ys, vs, strict=True) if y.requires_grad]
    outputs, seeds = [y for y, _ in connected], [v for _, v in connected]
    return grad(outputs, xs if wanted is None else wanted, seeds, create_graph=create_graph, unconnected="zero")


def _sizes(function: Function, arrays: Sequence[Array], results: Sequence[Array]) -> list[float]:
    """The unit of each result; that of the inputs for a result that is a zero but for its rounding."""
    rng = np.random.default_rng(0)
    nudged = function(*leaves([x + random_like(x, rng, NUDGE * unit(x)) for x in arrays]))
    largest = max(unit(x) for x in arrays)
    return [
        largest if unit(y.data - y0) > 1e-3 * unit(y0) and (y.data != y0).any() else unit(y0)
        for y, y0 in zip(nudged, results, strict=True)
    ]


def _noise(function: Function, arrays: Sequence[Array], results: Sequence[Array]) -> float:
    rng = np.random.default_rng(0)
    rounded = function(*leaves([x * (1 + random_like(x, rng, EPS)) for x in arrays]))
    return max(root_mean_square(y.data - y0) / unit(y0) for y, y0 in zip(rounded, results, strict=True))


def _callable(fn: Any) -> Callable[..., Any]:
    if isinstance(fn, type) and issubclass(fn, Op):
        return op_function(fn)
    if isinstance(fn, Op):
        name = type(fn).__name__
        raise ArgumentError(f"an op is called once, so give a function that makes a new one: lambda x: {name}(…)(x)")
    if isinstance(fn, Module):
        raise ArgumentError(f"{type(fn).__name__} is a Module, with parameters and modes: use check_layer(layer, x)")
    if not callable(fn):
        raise ArgumentError(f"a function of Tensors is needed, not {type(fn).__name__}")
    return fn


def _name(fn: Any) -> str:
    fn = getattr(fn, "func", fn)  # of a functools.partial
    return getattr(fn, "__name__", type(fn).__name__)


def op_function(kind: type[Op], make: Callable[[], Op] | None = None) -> Callable[..., Tensor]:
    """The function of Tensors that an Op class is, made anew at each call by `make`, or without options."""

    def function(*xs: Tensor) -> Tensor:
        return (make or kind)()(*xs)

    signature = inspect.signature(kind.forward)
    _self, *inputs = signature.parameters.values()
    function.__name__ = kind.__name__
    function.__signature__ = signature.replace(parameters=inputs)  # type: ignore[attr-defined]
    return function


def parameter_names(fn: Callable[..., Any], count: int) -> list[str]:
    """What a function calls its first `count` arguments."""
    names: list[str] = []
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):  # some builtins have none
        parameters = []
    for p in parameters:
        if p.kind == p.VAR_POSITIONAL:
            names += [f"{p.name}[{index}]" for index in range(count - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return names[:count] if len(names) >= count else [f"input {index}" for index in range(count)]


def plain(x: Any) -> Any:
    """An argument without its Tensor, and floats in lists as an array; whatever else it is, as it is."""
    if isinstance(x, Tensor):
        return x.data
    return np.asarray(x) if isinstance(x, float | list) else x


def is_floating(value: Any) -> bool:
    """Whether this is an array that can be differentiated by."""
    return getattr(getattr(value, "dtype", None), "kind", "") == "f"
