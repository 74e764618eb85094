"""PyTorch's own operator samples: every one of them agrees with rawgan, or says why it does not apply."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from samples import compare, judge
from samples_ops import NEVER_APPLICABLE, REMARKS, SAMPLES, SIDES, Pair
from torch.testing._internal.common_methods_invocations import op_db

from rawgan import ops

OPERATORS = {".".join(filter(None, (op.name, op.variant_test_name))): op for op in op_db}


def test_every_op_has_samples() -> None:
    assert set(SAMPLES) == set(ops.__all__)
    assert all(SAMPLES.values())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")  # of PyTorch: it copies
@pytest.mark.parametrize("name", SIDES)
def test_operator(name: str, tally: Callable[..., None]) -> None:
    """Values, gradients and second derivatives of every sample, in float64."""
    operator, side = OPERATORS[name], SIDES[name]
    pair = side if isinstance(side, Pair) else Pair(side, operator.op)

    def compare_sample(sample: Any) -> None:
        compare(pair.ours, pair.theirs, sample.input, *sample.args, **sample.kwargs)

    torch.manual_seed(0)
    samples = list(operator.sample_inputs("cpu", torch.float64, requires_grad=True))
    outcome = judge(samples, compare_sample)
    outcome.record(tally, "PyTorch's operator samples", name, REMARKS.get(name))
    assert bool(outcome.passed) is (name not in NEVER_APPLICABLE)
