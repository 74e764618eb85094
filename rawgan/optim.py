"""Optimisers: gradients into steps."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rawgan_kernels as kernels
from rawgan.device import device_of
from rawgan.errors import ArgumentError, DTypeError, GraphError, ShapeError
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

LEAST_EPS = 1e-37
"""Less would be 0 in float32, and 0 / 0 for a parameter whose gradient is 0, such as a bias behind the last bend."""


class Optimizer:
    """What all optimisers share: the parameters, the learning rate, the number of steps taken.

    `step(gradients)` takes what `grad(loss, optimizer.parameters)` gives; `step()` takes each parameter's `.grad`,
    leaves alone those without one, and `zero_grad()` then clears them.

    Raises: ArgumentError for no parameters, one given twice or without a gradient, or a learning rate not above 0
    """

    moments: Sequence[str] = ()
    """Names of the running averages kept for each parameter."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        name = type(self).__name__
        if not isinstance(parameters, Iterable):
            raise ArgumentError(f"{name}: parameters is {type(parameters).__name__}; pass model.parameters()")
        self.parameters = list(parameters)
        if not self.parameters:
            raise ArgumentError(f"{name}: there are no parameters to update; pass model.parameters()")
        for index, p in enumerate(self.parameters):
            if not isinstance(p, Tensor) or not p.requires_grad:
                what = "a Tensor that requires no gradient" if isinstance(p, Tensor) else type(p).__name__
                raise ArgumentError(f"{name}: parameter {index} is {what}; pass model.parameters()")
        if len({id(p) for p in self.parameters}) != len(self.parameters):
            raise ArgumentError(f"{name}: a parameter is listed twice, and would be updated twice")
        _check_range(name, "lr", lr, 0, float("inf"), low_open=True)
        self.lr = lr
        self.counts = [0] * len(self.parameters)  # steps that each parameter has taken
        self.state: dict[str, list[Any]] = {
            moment: [array_module(p._array).zeros_like(p._array) for p in self.parameters] for moment in self.moments
        }

    def step(self, gradients: Sequence[Tensor | None] | None = None) -> None:
        """Update every parameter once.

        Raises: ShapeError if the gradients do not fit the parameters, GraphError if there is none at all
        """
        given = [p.grad for p in self.parameters] if gradients is None else list(gradients)
        if len(given) != len(self.parameters):
            raise ShapeError(
                f"{type(self).__name__}.step: {len(self.parameters)} parameters but {len(given)} gradients"
            )
        pairs = [(i, p, g) for i, (p, g) in enumerate(zip(self.parameters, given, strict=True)) if g is not None]
        if not pairs:
            raise GraphError(f"{type(self).__name__}.step: no parameter has a gradient; call loss.backward() first")
        for index, p, g in pairs:
            self._check(index, p, g)
        moments = list(self.state.values())
        for count in sorted({self.counts[index] for index, _, _ in pairs}):  # one round, unless some were left alone
            now = [(index, p, g) for index, p, g in pairs if self.counts[index] == count]
            self.update(
                [p._array for _, p, _ in now],
                [g._array for _, _, g in now],
                [[moment[index] for index, _, _ in now] for moment in moments],
                count + 1,
            )
        for index, p, _ in pairs:
            self.counts[index] += 1
            p.mark_written()

    @contextmanager
    def slowed(self, factor: float) -> Iterator[None]:
        """Inside, the learning rate is so many times what it is."""
        rate = self.lr
        self.lr = rate * factor
        try:
            yield
        finally:
            self.lr = rate

    @property
    def steps(self) -> int:
        """Steps taken, by the parameters that took the most."""
        return max(self.counts)

    def _check(self, index: int, p: Tensor, g: Tensor) -> None:
        if (g.shape, g.dtype, g.device) != (p.shape, p.dtype, p.device):
            raise ShapeError(
                f"{type(self).__name__}.step: gradient {index} is unlike its parameter\n"
                f"  parameter {p.shape} {p.dtype} {p.device}   gradient {g.shape} {g.dtype} {g.device}"
            )
        for moment in self.moments:
            array = self.state[moment][index]
            if (array.dtype, device_of(array)) != (p.dtype, p.device):
                raise DTypeError(
                    f"{type(self).__name__}.step: parameter {index} was moved after the optimiser was made\n"
                    f"  parameter {p.shape} {p.dtype} {p.device}   {moment} {array.dtype} {device_of(array)}\n"
                    "  call Module.to() first, then make the optimiser"
                )

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        """Write the new values into w and the moments; `step` counts from 1."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def zero_grad(self) -> None:
        """Forget the gradients that `backward()` left."""
        for parameter in self.parameters:
            parameter.grad = None


class SGD(Optimizer):
    """w ← w − lr · v with v ← momentum · v + gw; Nesterov looks ahead: w ← w − lr · (gw + momentum · v).

    Source: Sutskever et al. 2013

    >>> w = Tensor([1.0], requires_grad=True)
    >>> SGD([w], lr=0.1).step([Tensor([2.0])])
    >>> w.data
    array([0.8], dtype=float32)
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.0, nesterov: bool = False) -> None:
        _check_range("SGD", "momentum", momentum, 0, 1)
        if nesterov and not momentum:
            raise ArgumentError("SGD: nesterov looks ahead along the momentum, so momentum must be more than 0")
        self.momentum, self.nesterov = momentum, nesterov
        self.moments = ("velocity",) if momentum else ()
        super().__init__(parameters, lr)

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        """See the class."""
        velocity = moments[0] if moments else []
        kernels.sgd_update(w, gw, velocity, self.lr, self.momentum, self.nesterov)


class RMSprop(Optimizer):
    """w ← w − lr · gw / (√s + eps), s being the running average of gw².

    Source: Tieleman and Hinton 2012

    >>> w = Tensor([1.0], requires_grad=True)
    >>> RMSprop([w], lr=0.1, rho=0.0).step([Tensor([2.0])])
    >>> w.data
    array([0.9], dtype=float32)
    """

    moments = ("square",)

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1e-3, rho: float = 0.99, eps: float = 1e-8) -> None:
        _check_range("RMSprop", "rho", rho, 0, 1)
        _check_range("RMSprop", "eps", eps, LEAST_EPS, float("inf"))
        self.rho, self.eps = rho, eps
        super().__init__(parameters, lr)

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        """See the class."""
        kernels.rmsprop_update(w, gw, *moments, self.lr, self.rho, self.eps)


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
            _check_range(name, f"betas[{index}]", beta, 0, 1)
        _check_range(name, "eps", eps, LEAST_EPS, float("inf"))
        _check_range(name, "weight_decay", weight_decay, 0, float("inf"))
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        super().__init__(parameters, lr)

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        """See the class."""
        kernels.adam_update(w, gw, *moments, step, self.lr, *self.betas, self.eps, self.weight_decay)


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
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay=0.0)


def _check_range(name: str, option: str, value: float, low: float, high: float, low_open: bool = False) -> None:
    if not (low < value if low_open else low <= value) or not value < high:
        bound = f"more than {low}" if low_open else f"at least {low}"
        limit = f" and less than {high}" if high != float("inf") else " and finite"
        raise ArgumentError(f"{name}: {option} must be {bound}{limit}, but is {value}")
