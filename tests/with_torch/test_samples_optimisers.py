"""PyTorch's own optimiser samples: ten steps of each of them agree with rawgan, or it says why it does not apply."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from samples import NotApplicable, check, judge
from torch.testing._internal.common_optimizers import (
    _get_optim_inputs_including_global_cliquey_kwargs as inputs_with_every_flag,
)
from torch.testing._internal.common_optimizers import optim_db

from rawgan import Tensor, optim
from rawgan.optim.registry import OPTIMIZERS

STEPS = 10
SHAPES = ((3, 4), (5,), ())


def sgd(ws: list[Tensor], dampening: float, **options: Any) -> optim.Optimizer:
    refuse(dampening=dampening)
    return optim.SGD(ws, **options)


def rmsprop(ws: list[Tensor], alpha: float, momentum: float, centered: bool, **options: Any) -> optim.Optimizer:
    refuse(centered=centered, momentum=momentum)
    return optim.RMSprop(ws, rho=alpha, **options)


def adagrad(ws: list[Tensor], initial_accumulator_value: float, **options: Any) -> optim.Optimizer:
    adagrad = optim.Adagrad(ws, **options)
    for total in adagrad.state["total"]:
        total += initial_accumulator_value
    return adagrad


def refuse(**options: Any) -> None:
    """Raise NotApplicable if one of these options, which rawgan does not have, is on."""
    for name, value in options.items():
        if value:
            raise NotApplicable(name)


OPTIMISERS: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD": sgd, "RMSprop": rmsprop, "Adagrad": adagrad, "Adam": optim.Adam, "AdamW": optim.AdamW
}  # fmt: skip
INFOS = {info.optim_cls.__name__: info for info in optim_db}
SAME_NUMBERS = {"foreach", "fused", "capturable"}
"""Flags that choose how PyTorch computes, not what."""


def test_every_optimiser_is_in_the_table() -> None:
    assert OPTIMISERS.keys() | {"Lion"} == OPTIMIZERS.keys()  # PyTorch has no Lion


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimiser(name: str, tally: Callable[..., None]) -> None:
    info = INFOS[name]

    def compare_sample(sample: Any) -> None:
        rng = np.random.default_rng(1)
        starts = [rng.standard_normal(shape) for shape in SHAPES]
        ts = [torch.from_numpy(start.copy()).requires_grad_() for start in starts]
        ws = [Tensor(start.copy(), requires_grad=True) for start in starts]
        theirs = info.optim_cls(ts, **sample.kwargs)
        ours, sign = twin(name, theirs, ws)
        for step in range(STEPS):
            drawn = [rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 2, shape) for shape in SHAPES]
            ours.step([Tensor(sign * g) for g in drawn])
            for t, g in zip(ts, drawn, strict=True):
                t.grad = torch.as_tensor(g)
            theirs.step()
            for index, (w, t) in enumerate(zip(ws, ts, strict=True)):
                check(f"w[{index}] after step {step + 1}", w.numpy(), t.numpy(force=True))

    outcome = judge(inputs_with_every_flag("cpu", torch.float64, info), compare_sample)
    outcome.record(tally, "PyTorch's optimiser samples", name)
    assert outcome.passed


def twin(name: str, theirs: torch.optim.Optimizer, ws: list[Tensor]) -> tuple[optim.Optimizer, float]:
    """rawgan's optimiser with the same options, and the factor of gradients: to maximise is to descend along −g."""
    (group,) = theirs.param_groups
    options = {key: value for key, value in group.items() if key != "params" and key not in SAME_NUMBERS}
    if options.pop("differentiable"):
        raise NotApplicable("differentiable: a step through which gradients flow")
    sign = -1.0 if options.pop("maximize") else 1.0
    options.pop("decoupled_weight_decay", None)
    options["lr"] = float(options["lr"])  # it may be a tensor
    return OPTIMISERS[name](ws, **options), sign
