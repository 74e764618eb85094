"""Stochastic gradient descent."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import rawgan_kernels as kernels
from rawgan.errors import ArgumentError
from rawgan.ops.arguments import flag
from rawgan.optim.groups import Between
from rawgan.optim.optimizer import Optimizer
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer(
    {"lr": 0.1},
    {"lr": 0.05, "momentum": 0.9},
    {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.3},
)
class SGD(Optimizer):
    """w ← w − lr · v with v ← momentum · v + g; Nesterov looks ahead: w ← w − lr · (g + momentum · v).

    g = gw + weight_decay · w.

    Source: Sutskever et al. 2013

    >>> w = Tensor([1.0], requires_grad=True)
    >>> SGD([w], lr=0.1).step([Tensor([2.0])])
    >>> w.data
    array([0.8], dtype=float32)
    """

    moments = ("velocity",)
    ranges: ClassVar = {"momentum": Between(0, 1), "weight_decay": Between()}

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def check(self, name: str, options: Mapping[str, Any]) -> None:
        if flag(name, "nesterov", options["nesterov"]) and not options["momentum"]:
            raise ArgumentError(f"{name}: nesterov looks ahead along the momentum, so momentum must be more than 0")

    def keeps(self, moment: str, options: Mapping[str, Any]) -> bool:
        return bool(options["momentum"])

    def update(
        self,
        w: list[Any],
        gw: list[Any],
        moments: list[list[Any]],
        step: int,
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
        nesterov: bool,
    ) -> None:
        velocity = moments[0] if moments else []
        kernels.sgd_update(w, gw, velocity, lr, momentum, nesterov, weight_decay)
