"""Adam, and AdamW with decoupled weight decay."""

from collections.abc import Iterable
from typing import Any

import rawgan_kernels as kernels
from rawgan.errors import ArgumentError
from rawgan.optim.optimizer import LEAST_EPS, Optimizer, check_range
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer({}, {"lr": 0.1, "betas": (0.0, 0.5), "weight_decay": 0.3})
class AdamW(Optimizer):
    """Adam with decoupled weight decay: w ← w − lr · (m̂ / (√v̂ + eps) + weight_decay · w).

    m and v are running averages of gw and gw²; the hats undo their bias towards their start at zero.

    Source: Kingma and Ba 2015; Loshchilov and Hutter 2019

    >>> w = Tensor([1.0], requires_grad=True)
    >>> AdamW([w], lr=0.1, weight_decay=5.0).step([Tensor([2.0])])
    >>> w.data
    array([0.4], dtype=float32)
    """

    moments = ("m", "v")

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        name = type(self).__name__
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ArgumentError(f"{name}: betas must be two numbers, but is {betas!r}")
        for index, beta in enumerate(betas):
            check_range(name, f"betas[{index}]", beta, 0, 1)
        check_range(name, "eps", eps, 0, float("inf"))
        check_range(name, "weight_decay", weight_decay, 0, float("inf"))
        self.betas = float(betas[0]), float(betas[1])
        self.eps, self.weight_decay = float(eps), float(weight_decay)
        super().__init__(parameters, lr)

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        m, v = moments
        eps = max(self.eps, LEAST_EPS)
        kernels.adam_update(w, gw, m, v, step, float(self.lr), *self.betas, eps, self.weight_decay)


@optimizer({}, {"lr": 0.02, "betas": (0.5, 0.9), "eps": 0.1})
class Adam(AdamW):
    """Adam: AdamW without weight decay.

    Source: Kingma and Ba 2015

    >>> w = Tensor([1.0], requires_grad=True)
    >>> Adam([w], lr=0.1).step([Tensor([2.0])])
    >>> w.data
    array([0.9], dtype=float32)
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if weight_decay != 0:
            raise ArgumentError(
                f"Adam: there is no weight_decay, which would go into the moments, too\n"
                f"  AdamW(…, weight_decay={weight_decay!r}) keeps it apart from them"
            )
        super().__init__(parameters, lr, betas, eps, weight_decay=0.0)
