"""Schedules of the learning rate."""

from math import cos, inf, pi

import numpy as np
import pytest

from rawgan import Tensor, nn, optim
from rawgan.optim.schedules import Cosine, Exponential, Linear, MultiStep, Schedule, Step, WarmUp


def test_schedules_follow_their_formulas():
    for t in range(12):
        left = max(0.0, 1 - t / 10)
        assert Linear(10, 0.5, 0.1)(t) == pytest.approx(0.1 + 0.4 * left)
        assert Cosine(10, end=0.2)(t) == pytest.approx(0.2 + 0.8 * (1 + cos(pi * (1 - left))) / 2)
        assert Exponential(0.25, 10)(t) == pytest.approx(0.25 ** (t / 10))
        assert Step(5, gamma=0.5)(t) == 0.5 ** (t // 5)
        assert MultiStep([6, 3, 6])(t) == 0.1 ** ((t >= 3) + 2 * (t >= 6))
        assert WarmUp(10)(t) == pytest.approx(min(1, (t + 1) / 10))
    assert (Linear(3)(3), Cosine(3)(10**9), Cosine(3, 0.25)(3), WarmUp(1)(0)) == (0, 0, 0.25, 1)
    assert (Exponential(2.0)(5000), Exponential(0.5)(5000), Linear(np.int64(2))(1)) == (inf, 0, 0.5)


def test_schedules_are_multiplied_and_joined():
    rate = WarmUp(4) * Cosine(10)
    assert rate(1) == WarmUp(4)(1) * Cosine(10)(1)
    joined = WarmUp(4).then(4, Linear(2)).then(6, Exponential(0.5))
    assert [joined(t) for t in range(8)] == [0.25, 0.5, 0.75, 1, 1, 0.5, 1, 0.5]
    assert repr(rate) == "WarmUp(steps=4) * Cosine(steps=10, end=0.0)"
    assert repr(WarmUp(4).then(4, Cosine(3))) == "(WarmUp(steps=4)).then(4, Cosine(steps=3, end=0.0))"
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = WarmUp(4) * 0.5


def test_a_schedule_of_ones_own_slows_an_optimiser():
    class Halves(Schedule):
        def factor(self, step):
            return 0.5**step

    w = nn.Parameter([1.0])
    sgd, rate = optim.SGD([w], lr=0.5), Halves()
    for step in range(3):
        with sgd.slowed(rate(step)):
            sgd.step([Tensor([1.0])])
    assert w.item() == 1 - 0.5 * (1 + 0.5 + 0.25)
    assert sgd.lr == 0.5
