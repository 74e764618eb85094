"""Adam, and AdamW with decoupled weight decay; both with AMSGrad."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import rawgan_kernels as kernels
from rawgan.ops.arguments import flag
from rawgan.optim.groups import Between
from rawgan.optim.optimizer import LEAST_EPS, Optimizer
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer(
    {},
    {"lr": 0.02, "betas": (0.5, 0.9), "eps": 0.1},
    {"lr": 0.1, "betas": (0.5, 0.5), "weight_decay": 0.3, "amsgrad": True},
)
class Adam(Optimizer):
    """w ← w − lr · m̂ / (√v̂ + eps), where m and v are running averages of g and g², and g = gw + weight_decay · w.

    The hats undo the bias of m and v towards their start at zero. With `amsgrad`, the step divides by the root of the
    largest v so far. The weight decay goes through both averages, which weakens it where gradients are large: AdamW
    keeps it apart.

    Source: Kingma and Ba 2015; AMSGrad: Reddi, Kale, Kumar 2018

    >>> w = Tensor([1.0], requires_grad=True)
    >>> Adam([w], lr=0.1).step([Tensor([2.0])])
    >>> w.data
    array([0.9], dtype=float32)
    """

    moments = ("m", "v", "v_max")
    ranges: ClassVar = {"betas": Between(0, 1, count=2), "eps": Between(), "weight_decay": Between()}

    decoupled: ClassVar[bool] = False
    """True if the weight decay is apart from the gradient."""

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def check(self, name: str, options: Mapping[str, Any]) -> None:
        flag(name, "amsgrad", options["amsgrad"])

    def keeps(self, moment: str, options: Mapping[str, Any]) -> bool:
        return moment != "v_max" or bool(options["amsgrad"])

    def update(
        self,
        w: list[Any],
        gw: list[Any],
        moments: list[list[Any]],
        step: int,
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        amsgrad: bool,
    ) -> None:
        decays = (weight_decay, 0.0) if self.decoupled else (0.0, weight_decay)
        numbers = step, lr, *betas, max(eps, LEAST_EPS), *decays
        if amsgrad:
            m, v, v_max = moments
            kernels.amsgrad_update(w, gw, m, v, v_max, *numbers)
        else:
            m, v = moments
            kernels.adam_update(w, gw, m, v, *numbers)


@optimizer({}, {"lr": 0.1, "betas": (0.0, 0.5), "weight_decay": 0.3}, {"lr": 0.1, "betas": (0.5, 0.5), "amsgrad": True})
class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w − lr · (m̂ / (√v̂ + eps) + weight_decay · w), with g = gw.

    Source: Loshchilov and Hutter 2019

    >>> w = Tensor([1.0], requires_grad=True)
    >>> AdamW([w], lr=0.1, weight_decay=5.0).step([Tensor([2.0])])
    >>> w.data
    array([0.4], dtype=float32)
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad)
