"""Updates of many arrays for `python -m bench ops`: optimisers, gradient clipping and EMA, beside PyTorch's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Step = Callable[[], None]

SHAPES = {
    "dcgan": ((100, 6272), (6272,), (4, 4, 64, 128), (64,), (64,), (4, 4, 1, 64), (1,)),
    "200 arrays of 64": ((64,),) * 200,
}
"""The arrays of dcgan's generator for 28×28×1, and many small ones."""


@dataclass(frozen=True)
class Update:
    """An update of arrays, in rawgan and in PyTorch.

    Both are called with weights and gradients, and return the step and the arrays that it changes.
    """

    ours: Callable[[list[Array], list[Array]], tuple[Step, list[Any]]]
    theirs: Callable[[Any, str, list[Any], list[Any]], tuple[Step, list[Any]]]
    """Called with `torch` and the name of the way first."""
    ways: tuple[str, ...] = ("foreach", "fused")


def _optimizer(name: str, lr: float, **options: Any) -> Update:
    def ours(w: list[Array], g: list[Array]) -> tuple[Step, list[Any]]:
        from rawgan import Tensor, nn, optim

        parameters, gradients = [nn.Parameter(x) for x in w], [Tensor(x) for x in g]
        optimizer = getattr(optim, name)(parameters, lr, **options)
        return lambda: optimizer.step(gradients), parameters

    def theirs(torch: Any, way: str, w: list[Any], g: list[Any]) -> tuple[Step, list[Any]]:
        parameters = _parameters(torch, w, g)
        return getattr(torch.optim, name)(parameters, lr, **options, **{way: True}).step, parameters

    return Update(ours, theirs)


def _parameters(torch: Any, w: list[Any], g: list[Any]) -> list[Any]:
    parameters = [torch.nn.Parameter(x) for x in w]
    for parameter, gradient in zip(parameters, g, strict=True):
        parameter.grad = gradient
    return parameters


class _Shrinking:
    """A norm that is lower each time, so that clipping has something to do."""

    def __init__(self) -> None:
        self.norm = 10.0

    def __call__(self) -> float:
        self.norm *= 0.9999
        return self.norm


def _clipped(w: list[Array], g: list[Array]) -> tuple[Step, list[Any]]:
    from rawgan import Tensor, optim

    gradients, norm = [Tensor(x) for x in g], _Shrinking()
    return lambda: optim.clip_grad_norm(gradients, norm()) and None, gradients


def _clipped_by_torch(torch: Any, way: str, w: list[Any], g: list[Any]) -> tuple[Step, list[Any]]:
    parameters, norm, clip = _parameters(torch, w, g), _Shrinking(), torch.nn.utils.clip_grad_norm_
    return lambda: clip(parameters, norm(), foreach=way == "foreach") and None, [p.grad for p in parameters]


def _averaged(w: list[Array], g: list[Array]) -> tuple[Step, list[Any]]:
    from rawgan import nn, optim

    class Held(nn.Module):
        def __init__(self) -> None:
            self.weights = [nn.Parameter(x) for x in w]

    source = Held()
    ema = optim.EMA(source, 0.9)
    for parameter, gradient in zip(source.parameters(), g, strict=True):
        parameter.data += gradient
    return ema.update, ema.module.parameters()


def _averaged_by_torch(torch: Any, way: str, w: list[Any], g: list[Any]) -> tuple[Step, list[Any]]:
    source, swa = torch.nn.ParameterList([torch.nn.Parameter(x) for x in w]), torch.optim.swa_utils
    average = swa.AveragedModel(source, multi_avg_fn=swa.get_ema_multi_avg_fn(0.9))
    average.update_parameters(source)  # the first is a copy
    for parameter, gradient in zip(source, g, strict=True):
        parameter.data += gradient
    return lambda: average.update_parameters(source), list(average.module)


_KINDS = {
    "SGD": _optimizer("SGD", 1e-3),
    "SGD with momentum": _optimizer("SGD", 1e-3, momentum=0.9),
    "SGD of Nesterov with decay": _optimizer("SGD", 1e-3, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": _optimizer("Adam", 1e-3),
    "clip_grad_norm": Update(_clipped, _clipped_by_torch, ("foreach", "one by one")),
    "EMA": Update(_averaged, _averaged_by_torch, ("AveragedModel",)),
}
UPDATES = {f"{kind}, {size}": update for size in SHAPES for kind, update in _KINDS.items()}
"""By the name of the row."""


def _drawn(name: str) -> tuple[list[Array], list[Array]]:
    rng, shapes = np.random.default_rng(0), SHAPES[name.partition(", ")[2]]
    return tuple([rng.standard_normal(shape, np.float32) for shape in shapes] for _ in range(2))  # type: ignore[return-value]


def our_update(name: str) -> tuple[Step, list[Array]]:
    """rawgan's update. Returns the step, and the arrays after two of them."""
    step, changed = UPDATES[name].ours(*_drawn(name))
    step()
    step()
    return step, [x.numpy().copy() for x in changed]


def their_update(name: str, way: str) -> tuple[Step, list[Array]]:
    """PyTorch's update, in one of its ways. Returns the step, and the arrays after two of them."""
    import torch

    w, g = ([torch.from_numpy(x) for x in arrays] for arrays in _drawn(name))
    step, changed = UPDATES[name].theirs(torch, way, w, g)
    step()
    step()
    return step, [x.detach().numpy().copy() for x in changed]
