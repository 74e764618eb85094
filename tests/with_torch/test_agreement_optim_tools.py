"""Parameter groups, gradient clipping, schedules and running averages, beside PyTorch's."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rawgan import Tensor, nn, optim
from rawgan.optim.schedules import Cosine, Exponential, Linear, MultiStep, Schedule, Step, WarmUp

SHAPES = ((3, 4), (5,))


def drawn(seed: int) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in SHAPES]


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adam", "AdamW"])
def test_groups(name: str) -> None:
    """Another rate and weight decay for each; a rate that changes; a state that is saved and loaded on the way."""
    ws = [Tensor(w, requires_grad=True) for w in drawn(0)]
    ts = [torch.from_numpy(w.copy()).requires_grad_() for w in drawn(0)]
    ours = getattr(optim, name)([{"params": ws[:1]}, {"params": ws[1:], "lr": 0.2, "weight_decay": 0.3}], lr=0.05)
    theirs = getattr(torch.optim, name)(
        [{"params": ts[:1]}, {"params": ts[1:], "lr": 0.2, "weight_decay": 0.3}], lr=0.05
    )
    for step in range(1, 7):
        for each in (ours, theirs):
            each.param_groups[1]["lr"] = 0.3 / step
            each.load_state_dict(each.state_dict())
        ours.step([Tensor(g) for g in drawn(step)])
        for t, g in zip(ts, drawn(step), strict=True):
            t.grad = torch.from_numpy(g)
        theirs.step()
    for w, t in zip(ws, ts, strict=True):
        np.testing.assert_allclose(w.numpy(), t.numpy(force=True), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, inf])
@pytest.mark.parametrize("limit", [1.0, 1e3])
def test_clip_grad_norm(p: float, limit: float) -> None:
    """PyTorch divides by the norm + 1e-6; rawgan by the norm, so that the limit is reached."""
    ours, theirs = [Tensor(g) for g in drawn(0)], [torch.zeros(shape).double().requires_grad_() for shape in SHAPES]
    for t, g in zip(theirs, drawn(0), strict=True):
        t.grad = torch.from_numpy(g)
    norm = optim.clip_grad_norm(ours, limit, norm_type=p).item()
    assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, limit, p).item(), rel=1e-13)
    factor = (norm + 1e-6) / norm if norm > limit else 1.0
    for g, t in zip(ours, theirs, strict=True):
        assert t.grad is not None
        np.testing.assert_allclose(g.numpy(), t.grad.numpy() * factor, rtol=1e-12)


def test_clip_grad_value() -> None:
    t = torch.zeros(4).requires_grad_()
    t.grad = torch.tensor([-3.0, 0.25, float("nan"), inf])
    g = Tensor(t.grad.numpy().copy())
    optim.clip_grad_value(g, 0.5)
    torch.nn.utils.clip_grad_value_([t], 0.5)
    np.testing.assert_array_equal(g.numpy(), t.grad.numpy())


SCHEDULES: dict[str, tuple[Schedule, Callable[[Any], Any]]] = {
    "linear": (Linear(7, 0.5, 0.1), lambda o: lr_scheduler.LinearLR(o, 0.5, 0.1, 7)),
    "cosine": (Cosine(12, end=0.25), lambda o: lr_scheduler.CosineAnnealingLR(o, 12, 0.25)),
    "exponential": (Exponential(0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "step": (Step(3), lambda o: lr_scheduler.StepLR(o, 3)),
    "milestones": (MultiStep([2, 5, 5], gamma=0.5), lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 5], gamma=0.5)),
    "warm-up": (WarmUp(4), lambda o: lr_scheduler.LinearLR(o, 1 / 4, 1.0, 3)),
    "a product": (
        WarmUp(4) * Exponential(0.9),
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.LinearLR(o, 1 / 4, 1.0, 3), lr_scheduler.ExponentialLR(o, 0.9)]
        ),
    ),
    "one after the other": (
        Linear(4).then(5, Exponential(0.5)),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 1.0, 0.0, 4), lr_scheduler.ExponentialLR(o, 0.5)], [5]
        ),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str) -> None:
    ours, make = SCHEDULES[name]
    sgd = torch.optim.SGD([torch.zeros(1).requires_grad_()], 1.0)
    theirs = make(sgd)
    for step in range(12):
        assert ours(step) == pytest.approx(sgd.param_groups[0]["lr"], abs=1e-12), step
        sgd.step()
        theirs.step()


def test_running_average() -> None:
    ours, theirs = nn.BatchNorm(3).to(dtype="float64"), torch.nn.BatchNorm1d(3).double()
    ema = optim.EMA(ours, decay=0.9)
    average = AveragedModel(theirs, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    average.update_parameters(theirs)  # PyTorch's first update is a copy
    for step in range(4):
        gamma, mean = np.random.default_rng(step).standard_normal((2, 3))
        for a, b, value in (
            (ours.gamma, theirs.weight, gamma),
            (ours.running_mean, theirs.running_mean, mean),
        ):
            a.data = value.copy()
            assert b is not None
            b.data = torch.from_numpy(value)
        ema.update()
        average.update_parameters(theirs)
    state = average.module.state_dict()
    for name, twin in (("gamma", "weight"), ("running_mean", "running_mean")):
        np.testing.assert_allclose(ema.module.state_dict()[name], state[twin].numpy(), rtol=1e-12)
