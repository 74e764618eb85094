"""What a check is given, brought into one form: a function of Tensors, float64 arrays, and names for them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan.autograd import Op, grad
from rawgan.device import device_of, to_device
from rawgan.errors import ArgumentError, CheckFailed, DTypeError, shapes
from rawgan.nn import Module
from rawgan.tensor import Tensor
from rawgan.testing.choices import several
from rawgan_kernels import array_module

Array = Any
Function = Callable[..., list[Tensor]]


EPS = float(np.finfo("float64").eps)

ASIDE = 1e-6
"""How far beside a point its rounding is measured, in units of each number: at the point, a function may jump."""

SAMPLES = 2
"""Points beside it at which that is done."""

NUDGE = 1e-10
"""A change of the inputs, in units of their own size, that leaves nothing of a result but its rounding unchanged."""

SIGNIFICANT = 1e-2
"""Results below this share of the others' size are given larger upstream gradients, where all are to count alike;
except below a billionth, where they may be what rounding left of larger numbers."""


class Arguments:
    """What a function is called with: Tensors in the places of arrays of floats; the others are constants to it.

    Constants are copies, so that what is done to them is not seen outside.
    """

    def __init__(self, title: str, values: Sequence[Any], labels: Sequence[str]) -> None:
        self.floating = [index for index, value in enumerate(values) if is_floating(value)]
        if not self.floating:
            raise ArgumentError(f"{title}: there is nothing to differentiate by; give at least one array of floats")
        if len(labels) != len(values):
            raise ArgumentError(f"{title}: {len(values)} inputs but {len(labels)} names")
        self.labels = list(labels)
        self._originals = [None if is_floating(value) else value for value in values]
        self._constants = [_own(value) for value in self._originals]

    def filled(self, tensors: Sequence[Tensor]) -> list[Any]:
        """The arguments, with these Tensors for the arrays of floats."""
        arguments = list(self._constants)
        for index, x in zip(self.floating, tensors, strict=True):
            arguments[index] = x
        return arguments

    def written(self) -> str:
        """The first constant that is no longer what it was, with its shape; nothing if all are."""
        for label, now, original in zip(self.labels, self._constants, self._originals, strict=True):
            if not _alike(now, original):
                return f"{label} {getattr(original, 'shape', '')}".rstrip()
        return ""

    @contextmanager
    def laid_out(self, layout: Callable[[Array], Array]) -> Iterator[None]:
        """Inside, constant arrays lie in memory as `layout` lays them out."""
        before = self._constants
        self._constants = [layout(value) if _is_array(value) else value for value in before]
        try:
            yield
        finally:
            self._constants = before


@dataclass(frozen=True)
class Call:
    """A function of Tensors that gives a list of Tensors, and float64 arrays to call it with.

    Everything is measured in units of its own size, so that tiny, ordinary and huge numbers are checked alike.
    `sizes` are those of the results; `magnitude` is that of Σ v · y, for upstream gradients v from `weights`.
    """

    name: str
    function: Function
    arguments: Arguments
    arrays: list[Array]
    inputs: list[str]
    outputs: list[str]
    results: list[Array]
    sizes: list[float]
    magnitude: float
    noises: list[Array]
    """How far rounding the inputs moves each number of the results."""
    order: int = 1
    """1 for a function, 2 for its gradients, …"""

    @property
    def noise(self) -> float:
        """How far rounding the inputs moves the results, relative to their size: 1e-16, more where errors add up."""
        return max(root_mean_square(n) / unit(y) for n, y in zip(self.noises, self.results, strict=True))

    def weights(self, rng: np.random.Generator) -> list[Array]:
        """Random upstream gradients, which make results of all sizes count alike."""
        return [random_like(y, rng, 1 / size) for y, size in zip(self.results, self.sizes, strict=True)]

    def levelled(self, weights: Sequence[Array]) -> list[Array]:
        """These upstream gradients, larger where numbers of a result are far smaller than others, so that all count."""
        levelled = []
        for v, y, size, noise in zip(weights, self.results, self.sizes, self.noises, strict=True):
            xp, own = array_module(y), abs(y)
            small = (own < SIGNIFICANT * size) & (own > max(1e-9 * size, 1e-200)) & (own > 1e6 * noise)
            levelled.append(v * xp.where(small, size / xp.where(small, own, 1), 1))
        return levelled


def call_of(fn: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str] | None, name: str | None) -> Call:
    """Read the arguments of a check.

    Raises: ArgumentError for a function or inputs that cannot be checked
    """
    fn, title = _callable(fn), name or _name(fn)
    values = [plain(x) for x in inputs]
    labels = list(several(f"{title}: names", names)) if names is not None else parameter_names(fn, len(values))
    arguments = Arguments(title, values, labels)
    _check_signature(fn, title, values)
    floating = arguments.floating
    for index in floating:
        if not array_module(values[index]).isfinite(values[index]).all():
            raise ArgumentError(f"{title}: {labels[index]} is not finite\n{shapes(**{labels[index]: values[index]})}")

    def function(*tensors: Tensor) -> list[Tensor]:
        ys = fn(*arguments.filled(tensors))
        results = [ys] if isinstance(ys, Tensor) else ys
        if not isinstance(results, list | tuple) or not results or not all(isinstance(y, Tensor) for y in results):
            raise ArgumentError(f"{title} must return a Tensor, or a tuple of Tensors, not {type(ys).__name__}")
        return list(results)

    arrays = [values[i].astype("float64") for i in floating]
    try:
        results = [y.data for y in function(*leaves([x.copy() for x in arrays]))]
    except DTypeError as error:
        raise ArgumentError(
            f"{title}: {error}\n  the check computes in float64: convert what the function holds, as in "
            "net.to(dtype='float64') or w.astype(x.dtype)"
        ) from error
    if written := arguments.written():
        raise CheckFailed(f"{title} writes to {written}, which belongs to its caller")
    for y in results:
        if not array_module(y).isfinite(y).all():
            raise ArgumentError(f"{title}: the result is not finite; give inputs inside its domain\n{shapes(result=y)}")
    outputs = ["y"] if len(results) == 1 else [f"y{index}" for index in range(len(results))]
    sizes, noises = _measured(function, arrays, results)
    return Call(
        title,
        function,
        arguments,
        arrays,
        [labels[i] for i in floating],
        outputs,
        results,
        sizes,
        max(1.0, float(np.sqrt(sum(y.size for y in results)))),
        noises,
    )


def gradients_of(call: Call, weights: Sequence[Array]) -> Call:
    """The function (inputs…, upstream gradients…) → the inputs' gradients: what the next order differentiates."""
    count = len(call.inputs)

    def gradients(*tensors: Tensor) -> list[Tensor]:
        return claimed(call.function, tensors[:count], tensors[count:], create_graph=True)

    arrays = [*call.arrays, *weights]
    results = [g.data for g in gradients(*leaves(arrays))]
    return Call(
        call.name,
        gradients,
        call.arguments,
        arrays,
        [*call.inputs, *(f"g{output}" for output in call.outputs)],
        [f"g{name}" for name in call.inputs],
        results,
        [1 / unit(x) for x in call.arrays],
        call.magnitude,
        _noises(results, [(here, there) for here, there in _beside(gradients, arrays, [_rounded])]),
        call.order + 1,
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


def shifted(array: Array, rng: np.random.Generator, share: float) -> Array:
    """Other numbers near these: each moved by about this share of itself, and zeros by that of the others' size.

    No number changes its sign, for that of the domain of a function it may be. Shapes: → as `array`
    """
    xp = array_module(array)
    return xp.asarray(array + random_like(array, rng, share) * xp.where(array == 0, unit(array), abs(array)))


def claimed(
    function: Function,
    xs: Sequence[Tensor],
    vs: Sequence[Tensor],
    create_graph: bool,
    wanted: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """The gradients of Σ v · f(x…) as backward computes them, of all inputs or the wanted; zeros without influence."""
    return walked(function(*xs), xs if wanted is None else wanted, vs, create_graph)


def walked(
    ys: Sequence[Tensor], wanted: Sequence[Tensor], vs: Sequence[Tensor], create_graph: bool = False
) -> list[Tensor]:
    """The gradients of Σ v · y for results that are there already; zeros without influence."""
    # Of several results, one may not depend on anything: a gradient that is zero everywhere has no graph.
    connected = [(y, v) for y, v in zip(ys, vs, strict=True) if y.requires_grad]
    outputs, seeds = [y for y, _ in connected], [v for _, v in connected]
    return grad(outputs, wanted, seeds, create_graph=create_graph, unconnected="zero")


def _rounded(x: Array, rng: np.random.Generator) -> Array:
    return x * (1 + random_like(x, rng, EPS))


def _nudged(x: Array, rng: np.random.Generator) -> Array:
    return x + random_like(x, rng, NUDGE * unit(x))


def _measured(function: Function, arrays: Sequence[Array], results: Sequence[Array]) -> tuple[list[float], list[Array]]:
    """The unit of each result (that of the inputs for a zero but for its rounding), and the noise of each number."""
    samples = list(_beside(function, arrays, [_nudged, _rounded]))
    largest, sizes = max(unit(x) for x in arrays), []
    for index, y in enumerate(results):
        pairs = [(nudged[index] - here[index], here[index]) for here, nudged, _ in samples]
        only_rounding = any(root_mean_square(move) > 1e-3 * root_mean_square(here) for move, here in pairs)
        sizes.append(largest if only_rounding else unit(y))
    return sizes, _noises(results, [(here, rounded) for here, _, rounded in samples])


def _noises(results: Sequence[Array], samples: Sequence[tuple[list[Array], list[Array]]]) -> list[Array]:
    """How far each number of the results moves between two close points, at most."""
    noises = [array_module(y).zeros_like(y) for y in results]
    for here, there in samples:
        noises = [array_module(n).maximum(n, abs(b - a)) for n, a, b in zip(noises, here, there, strict=True)]
    return noises


def _beside(
    function: Function, arrays: Sequence[Array], changes: Sequence[Callable[[Array, np.random.Generator], Array]]
) -> Iterator[list[list[Array]]]:
    """The results at a few points beside this one, and once more for each of these changes of the inputs.

    Not at the point itself, which may lie on a jump of the function, nor where the function is not defined.
    """
    rng = np.random.default_rng(0)
    for _ in range(SAMPLES):
        point = [shifted(x, rng, ASIDE) for x in arrays]
        points = [point, *([change(x, rng) for x in point] for change in changes)]
        found = [[y.data for y in function(*leaves(xs))] for xs in points]
        if all(array_module(y).isfinite(y).all() for ys in found for y in ys):
            yield found


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


def _check_signature(fn: Callable[..., Any], title: str, values: Sequence[Any]) -> None:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # some builtins have none
        return
    try:
        signature.bind(*values)
    except TypeError as error:
        raise ArgumentError(f"{title}{signature}: {error}; give one input for each of its arguments") from None


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
    if isinstance(x, float):
        return np.asarray(x)
    if not isinstance(x, list):
        return x
    try:
        array = np.asarray(x)
    except ValueError:  # rows of different lengths
        return x
    return array if is_floating(array) else x


def is_floating(value: Any) -> bool:
    """Whether this is an array that can be differentiated by."""
    return getattr(getattr(value, "dtype", None), "kind", "") == "f"


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "tobytes")


def _alike(a: Any, b: Any) -> bool:
    """Whether two constants hold the same; what is neither an array nor made of others counts as unchanged."""
    if _is_array(a):
        return bool(a.tobytes() == b.tobytes())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    return not isinstance(a, set | int | float | str) or bool(a == b)


def _own(value: Any) -> Any:
    if _is_array(value):
        return value.copy()
    return copy.deepcopy(value) if isinstance(value, list | dict | set) else value
