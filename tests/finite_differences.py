"""Gradients against finite differences, to any order.

At order 1, Σ gx · u must be the slope of Σ v · y along u, for random directions u of every input and a random upstream
gradient v. (With v = 1 a batch norm whose backward returns zero would pass: the sum of its result is constant.)

At order n, the gradients are themselves taken as a function, of the inputs *and* of v, and are checked at order n − 1.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rawgan import Tensor, grad

Array = np.ndarray[Any, Any]
Function = Callable[..., Tensor | list[Tensor]]

STEP = 1e-5  # error of a central difference: STEP² from the curvature, 1e-16 / STEP from rounding; about equal here


class GradientMismatch(AssertionError):
    """A gradient that is not the slope."""


def check_gradients(
    function: Function,
    arrays: Sequence[Array],
    order: int = 1,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    seed: int = 0,
) -> None:
    """Hold the gradients of `function`, up to `order`, against central differences.

    Shapes: arrays float64, any; function takes as many Tensors and returns one or several
    Raises: GradientMismatch naming the order, the input and both slopes
    """
    _check(function, list(arrays), 1, order, {"rtol": rtol, "atol": atol}, np.random.default_rng(seed))


def gradients_of(function: Function, outputs: int) -> Function:
    """The function (inputs…, upstream gradients…) → the inputs' gradients."""

    def gradients(*tensors: Tensor) -> list[Tensor]:
        xs, vs = tensors[:-outputs], tensors[-outputs:]
        return _gradients(function, xs, vs, create_graph=True)

    return gradients


def _check(
    function: Function,
    arrays: list[Array],
    level: int,
    order: int,
    tolerance: dict[str, float],
    rng: np.random.Generator,
) -> None:
    ys = [y.data for y in _results(function, _leaves(arrays))]
    vs = [rng.standard_normal(y.shape) for y in ys]
    for create_graph in (False, True):  # the two may take different formulas, as in batch norm
        gxs = _gradients(function, _leaves(arrays), [Tensor(v) for v in vs], create_graph)
        for index, (x, gx) in enumerate(zip(arrays, gxs, strict=True)):
            for _ in range(2):
                u = rng.standard_normal(x.shape)
                slope = _slope(function, arrays, index, u, vs)
                claimed = float(np.sum(gx.data * u))
                scale = float(np.sum(np.abs(gx.data * u)))  # what cancels in the sum leaves its rounding behind
                if not abs(claimed - slope) <= tolerance["atol"] + tolerance["rtol"] * max(abs(slope), scale):
                    raise GradientMismatch(
                        f"order {level}, input {index} {x.shape}, create_graph={create_graph}: "
                        f"the gradient says {claimed}, the finite difference {slope}"
                    )
    if level < order:
        _check(gradients_of(function, len(ys)), [*arrays, *vs], level + 1, order, tolerance, rng)


def _slope(function: Function, arrays: list[Array], index: int, u: Array, vs: list[Array]) -> float:
    """Central difference of Σ v · y, moving one input along u."""
    sides = []
    for sign in (1, -1):
        moved = [*arrays[:index], arrays[index] + sign * STEP * u, *arrays[index + 1 :]]
        ys = _results(function, _leaves(moved))
        sides.append([float(np.sum(v * y.data)) for v, y in zip(vs, ys, strict=True)])
    return sum(plus - minus for plus, minus in zip(*sides, strict=True)) / (2 * STEP)


def _gradients(function: Function, xs: Sequence[Tensor], vs: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    # Of several results, one may not depend on anything: a gradient that is zero everywhere has no graph.
    ys = _results(function, xs)
    connected = [(y, v) for y, v in zip(ys, vs, strict=True) if y.requires_grad]
    outputs, seeds = [y for y, _ in connected], [v for _, v in connected]
    return grad(outputs, list(xs), seeds, create_graph=create_graph, unconnected="zero")


def _results(function: Function, xs: Sequence[Tensor]) -> list[Tensor]:
    ys = function(*xs)
    return [ys] if isinstance(ys, Tensor) else ys


def _leaves(arrays: Sequence[Array]) -> list[Tensor]:
    return [Tensor(np.asarray(array), requires_grad=True) for array in arrays]
