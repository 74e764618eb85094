"""A call under check: a function of Tensors, float64 arrays to call it with, and the rounding of its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, CheckFailed, DTypeError, shapes
from rawgan.tensor import Tensor
from rawgan.testing.arrays import plain, random_like, root_mean_square, shifted, unit
from rawgan.testing.functions.arguments import Arguments
from rawgan.testing.functions.backward import Function, gradients_at, leaves
from rawgan.testing.functions.signature import check_signature, function_of, name_of, parameter_names
from rawgan.testing.names import as_names
from rawgan_kernels import array_module

Array = Any

EPS = float(np.finfo("float64").eps)

ASIDE = 1e-6
"""Distance from a point at which its rounding is measured, in units of each number: at the point, a function may jump.
"""

SAMPLES = 2
"""Number of points at that distance."""

NUDGE = 1e-10
"""A change of the inputs, in units of their size, that changes every result by more than its rounding."""

SIGNIFICANT = 1e-2
"""Share of a result's size below which its numbers get larger upstream gradients, so that all count alike; except below
a billionth, where they may be what rounding left of larger numbers."""


@dataclass(frozen=True)
class Call:
    """A function of Tensors that returns a list of Tensors, and float64 arrays to call it with.

    Every array is measured in units of its size, so that tiny, ordinary and huge numbers are checked alike. `sizes`
    belong to the results; `magnitude` is the size of Σ v · y, for upstream gradients v from `weights`.
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
    """Change of each number of the results when the inputs are rounded."""
    order: int = 1
    """1 for a function, 2 for its gradients, …"""

    @property
    def noise(self) -> float:
        """Change of the results when the inputs are rounded, relative to their size: 1e-16 or more."""
        return max(root_mean_square(n) / unit(y) for n, y in zip(self.noises, self.results, strict=True))

    def weights(self, rng: np.random.Generator) -> list[Array]:
        """Random upstream gradients with which results of all sizes count alike."""
        return [random_like(y, rng, 1 / size) for y, size in zip(self.results, self.sizes, strict=True)]

    def levelled(self, weights: Sequence[Array]) -> list[Array]:
        """The upstream gradients, made larger for numbers that are far smaller than others of their result."""
        levelled = []
        for v, y, size, noise in zip(weights, self.results, self.sizes, self.noises, strict=True):
            xp, y_size = array_module(y), abs(y)
            small = (y_size < SIGNIFICANT * size) & (y_size > max(1e-9 * size, 1e-200)) & (y_size > 1e6 * noise)
            levelled.append(v * xp.where(small, size / xp.where(small, y_size, 1), 1))
        return levelled


def call_of(fn: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str] | None, name: str | None) -> Call:
    """The call that a check is asked to make.

    Raises: ArgumentError for a function or inputs that cannot be checked
    """
    fn, title = function_of(fn), name or name_of(fn)
    values = [plain(x) for x in inputs]
    labels = list(as_names(f"{title}: names", names)) if names is not None else parameter_names(fn, len(values))
    arguments = Arguments(title, values, labels)
    check_signature(fn, title, values)
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
    """The next order's call: the function from inputs and upstream gradients to the inputs' gradients."""
    count = len(call.inputs)

    def gradients(*tensors: Tensor) -> list[Tensor]:
        return gradients_at(call.function, tensors[:count], tensors[count:], create_graph=True)

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
        _noises(results, [(here, there) for here, there in _results_beside(gradients, arrays, [_rounded])]),
        call.order + 1,
    )


def _rounded(x: Array, rng: np.random.Generator) -> Array:
    return x * (1 + random_like(x, rng, EPS))


def _nudged(x: Array, rng: np.random.Generator) -> Array:
    return x + random_like(x, rng, NUDGE * unit(x))


def _measured(function: Function, arrays: Sequence[Array], results: Sequence[Array]) -> tuple[list[float], list[Array]]:
    """The size of each result, and the noise of each number. A result that is only rounding has the inputs' size."""
    samples = list(_results_beside(function, arrays, [_nudged, _rounded]))
    largest, sizes = max(unit(x) for x in arrays), []
    for index, y in enumerate(results):
        pairs = [(nudged[index] - here[index], here[index]) for here, nudged, _ in samples]
        only_rounding = any(root_mean_square(move) > 1e-3 * root_mean_square(here) for move, here in pairs)
        sizes.append(largest if only_rounding else unit(y))
    return sizes, _noises(results, [(here, rounded) for here, _, rounded in samples])


def _noises(results: Sequence[Array], samples: Sequence[tuple[list[Array], list[Array]]]) -> list[Array]:
    """The largest change of each number of the results between two close points."""
    noises = [array_module(y).zeros_like(y) for y in results]
    for here, there in samples:
        noises = [array_module(n).maximum(n, abs(b - a)) for n, a, b in zip(noises, here, there, strict=True)]
    return noises


def _results_beside(
    function: Function, arrays: Sequence[Array], changes: Sequence[Callable[[Array, np.random.Generator], Array]]
) -> Iterator[list[list[Array]]]:
    """Results at a few points beside the inputs, each followed by those after every change of that point.

    The inputs themselves may lie on a jump of the function. Points at which it is not defined are left out.
    """
    rng = np.random.default_rng(0)
    for _ in range(SAMPLES):
        point = [shifted(x, rng, ASIDE) for x in arrays]
        points = [point, *([change(x, rng) for x in point] for change in changes)]
        found = [[y.data for y in function(*leaves(xs))] for xs in points]
        if all(array_module(y).isfinite(y).all() for ys in found for y in ys):
            yield found
