"""Gradients as backward computes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rawgan.autograd import grad
from rawgan.tensor import Tensor

Array = Any
Function = Callable[..., list[Tensor]]


def leaves(arrays: Sequence[Array]) -> list[Tensor]:
    """Tensors that share these arrays and require gradients."""
    return [Tensor(array, requires_grad=True) for array in arrays]


def gradients_at(
    function: Function,
    xs: Sequence[Tensor],
    vs: Sequence[Tensor],
    create_graph: bool,
    wanted: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """Gradients of Σ v · f(x…) by all inputs, or by the wanted ones; zeros for those without influence."""
    return gradients_from(function(*xs), xs if wanted is None else wanted, vs, create_graph)


def gradients_from(
    ys: Sequence[Tensor], wanted: Sequence[Tensor], vs: Sequence[Tensor], create_graph: bool = False
) -> list[Tensor]:
    """Gradients of Σ v · y, where the results y exist already; zeros for inputs without influence."""
    # Of several results, one may not depend on anything: a gradient that is zero everywhere has no graph.
    connected = [(y, v) for y, v in zip(ys, vs, strict=True) if y.requires_grad]
    outputs, seeds = [y for y, _ in connected], [v for _, v in connected]
    return grad(outputs, wanted, seeds, create_graph=create_graph, unconnected="zero")
