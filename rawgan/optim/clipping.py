"""Gradient clipping, by the norm of all gradients together, or by value."""

from collections.abc import Iterable
from math import inf
from typing import Any

import numpy as np

from rawgan.arrays import is_writable
from rawgan.autograd.checks import check_writable
from rawgan.errors import ArgumentError, DeviceError, DivergedError, DTypeError
from rawgan.optim.groups import check_range
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

Tensors = Tensor | Iterable[Tensor | None]
"""Gradients, of which some may be missing; or parameters, which stand for their `.grad`."""

ROW = 256
"""Squares that are added in float32: few enough that the sum is right to its last digit or two."""
SAFE = 1e-20, 1e30
"""Sums of squares between which no square that matters was too large or too small for float32."""


def clip_grad_norm(
    gradients: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale gradients down, in place, so that their norm is at most `max_norm`. Returns the norm that they had.

    norm = (Σ |g|ᵖ)^(1/p) over all elements of all gradients, with p = `norm_type`; `inf` is the largest |g|.
    g ← g · min(1, max_norm / norm). `max_norm=inf` only measures. Takes gradients, as `grad` returns them, or
    parameters, whose `.grad` is meant.

    It is summed in float64 and cannot overflow on the way. If the norm is not finite, so are the gradients afterwards:
    ask for an error to keep them.

    Shapes: any → ()
    Raises: ArgumentError for a norm out of range or a read-only array, DTypeError for what is not a Tensor,
            DivergedError if `error_if_nonfinite` and the norm is not finite
    Source: Pascanu, Mikolov, Bengio 2013

    >>> g = [Tensor([3.0, 0.0]), Tensor([4.0])]
    >>> clip_grad_norm(g, max_norm=2.5)
    Tensor(5., float32)
    >>> g
    [Tensor([1.5, 0. ], float32), Tensor([2.], float32)]
    """
    name = "clip_grad_norm"
    for option, value in (("max_norm", max_norm), ("norm_type", norm_type)):
        if value != inf:
            check_range(name, option, value, 0, inf, low_open=True)
    found = _gradients(name, gradients)
    arrays = [x._array for x in found if x.size]
    if not arrays:
        return Tensor(0.0)
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        norm = _norm(arrays, float(norm_type))
        if error_if_nonfinite and not np.isfinite(float(norm)):
            raise DivergedError(f"{name}: the norm of the gradients is {float(norm)}; they are left as they are")
        factor = max_norm / norm
        on_cpu = array_module(norm) is np
        if max_norm != inf and not (on_cpu and factor >= 1):  # on a GPU, looking would wait for it
            scale = array_module(norm).minimum(factor, 1.0)
            if on_cpu and scale > SAFE[0]:  # float32 has the factor, too
                scale = float(scale)
            for x in found:
                x.mark_written()  # first: Ctrl-C may come in between
                x._array *= scale
        return Tensor(norm.astype(max(array.dtype for array in arrays)))


def clip_grad_value(gradients: Tensors, clip_value: float) -> None:
    """Clip each element of gradients to [−clip_value, clip_value], in place. NaN stays NaN.

    Takes gradients, as `grad` returns them, or parameters, whose `.grad` is meant.

    Raises: ArgumentError for a value not above 0 or a read-only array, DTypeError for what is not a Tensor

    >>> g = [Tensor([3.0, -4.0])]
    >>> clip_grad_value(g, 3.5)
    >>> g
    [Tensor([ 3. , -3.5], float32)]
    """
    name = "clip_grad_value"
    check_range(name, "clip_value", clip_value, 0, inf, low_open=True)
    for x in _gradients(name, gradients):
        x.mark_written()  # first: Ctrl-C may come in between
        array_module(x._array).clip(x._array, -clip_value, clip_value, out=x._array)


def _gradients(name: str, given: Any) -> list[Tensor]:
    """The gradients that are given, or that the given parameters have."""
    if not isinstance(given, Tensor) and (not isinstance(given, Iterable) or hasattr(given, "shape")):
        raise DTypeError(f"{name}: gradients is {type(given).__name__}; give a list of Tensors")
    found, seen = [], set[int]()
    for index, x in enumerate([given] if isinstance(given, Tensor) else given):
        if x is not None and not isinstance(x, Tensor):
            raise DTypeError(f"{name}: gradient {index} is {type(x).__name__}; give Tensors")
        g = x.grad if x is not None and x.requires_grad and x.op is None else x
        if g is None or id(g) in seen:  # of a parameter that is listed twice
            continue
        seen.add(id(g))
        if g.op is not None:
            raise ArgumentError(
                f"{name}: gradient {index} {g.shape} is a result, of {g.op.name}, which cannot be written to\n"
                "  pass its detach(), or take the gradient without create_graph"
            )
        if not is_writable(g._array):
            check_writable(name, **{f"gradient_{index}": g})
        found.append(g)
    kinds = {x._array.__class__ for x in found}
    if len(kinds) > 1 and len(devices := sorted({x.device for x in found})) > 1:
        raise DeviceError(f"{name}: the gradients are on {' and '.join(devices)}; clip those of each apart")
    return found


def _norm(arrays: list[Any], p: float) -> Any:
    """The norm of all elements, as a 0-d float64. Squares of float32 fit into float64; all else is scaled."""
    xp = array_module(arrays[0])
    if p == 2 and all(g.dtype == np.float32 for g in arrays):
        if xp is np:
            total = _total_square([g.reshape(-1) for g in arrays])
            if SAFE[0] < total < SAFE[1]:
                return np.sqrt(total)
        return xp.sqrt(_sum([xp.square(g, dtype=np.float64) for g in arrays]))
    largest = xp.stack([xp.abs(g).max().astype(np.float64) for g in arrays]).max()
    if p == inf:
        return largest
    scale = xp.where((largest > 0) & xp.isfinite(largest), largest, 1.0)
    return scale * _sum([xp.abs(g / scale) ** p for g in arrays]) ** (1 / p)


def _total_square(arrays: list[Any]) -> Any:
    """Σ g² over all numbers, in float64; short arrays, which a network has many of, are joined to one."""
    total: Any = np.float64(sum([_squares(g) for g in arrays if len(g) >= ROW]))
    if short := [g for g in arrays if len(g) < ROW]:
        joined = np.concatenate(short, dtype=np.float64)
        total += joined @ joined
    return total


def _squares(g: Any) -> float:
    """Σ g², by sums of ROW squares in float32, which are added in float64."""
    whole = len(g) - len(g) % ROW
    rows, rest = g[:whole].reshape(-1, ROW), g[whole:].astype(np.float64)
    return float(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64)) + float(rest @ rest)


def _sum(arrays: list[Any]) -> Any:
    return array_module(arrays[0]).stack([x.sum() for x in arrays]).sum()
