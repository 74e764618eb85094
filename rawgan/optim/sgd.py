"""Stochastic gradient descent."""

from collections.abc import Iterable
from typing import Any

import rawgan_kernels as kernels
from rawgan.errors import ArgumentError
from rawgan.optim.optimizer import Optimizer, check_range
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer(
    {"lr": 0.1},
    {"lr": 0.05, "momentum": 0.9},
    {"lr": 0.05, "momentum": 0.8, "nesterov": True},
)
class SGD(Optimizer):
    """w ← w − lr · v with v ← momentum · v + gw; Nesterov looks ahead: w ← w − lr · (gw + momentum · v).

    Source: Sutskever et al. 2013

    >>> w = Tensor([1.0], requires_grad=True)
    >>> SGD([w], lr=0.1).step([Tensor([2.0])])
    >>> w.data
    array([0.8], dtype=float32)
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.0, nesterov: bool = False) -> None:
        check_range("SGD", "momentum", momentum, 0, 1)
        if nesterov and not momentum:
            raise ArgumentError("SGD: nesterov looks ahead along the momentum, so momentum must be more than 0")
        self.momentum, self.nesterov = float(momentum), bool(nesterov)
        self.moments = ("velocity",) if momentum else ()
        super().__init__(parameters, lr)

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        velocity = moments[0] if moments else []
        kernels.sgd_update(w, gw, velocity, float(self.lr), self.momentum, self.nesterov)
