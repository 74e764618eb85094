"""PyTorch's own operator samples: every one of them agrees with rawgan, or says why it does not apply."""

from collections.abc import Callable
from typing import Any

import pytest
import samples_arithmetic  # noqa: F401  # each registers its twins
import samples_axes  # noqa: F401
import samples_contractions  # noqa: F401
import samples_image  # noqa: F401
import samples_indexing  # noqa: F401
import samples_loss  # noqa: F401
import samples_masked  # noqa: F401
import samples_modulation  # noqa: F401
import samples_norm  # noqa: F401
import samples_order  # noqa: F401
import samples_products  # noqa: F401
import samples_reductions  # noqa: F401
import samples_resampling  # noqa: F401
import samples_shape  # noqa: F401
import torch
from samples import compare, judge
from twins import OPERATORS, TWINS, add_by_name

from rawgan.ops.registry import OPS

add_by_name()


def test_every_op_has_samples() -> None:
    assert {twin.op for twin in TWINS.values()} == set(OPS)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")  # of PyTorch: it copies
@pytest.mark.parametrize("name", sorted(TWINS))
def test_operator(name: str, tally: Callable[..., None]) -> None:
    """Values, gradients and second derivatives of every sample, in float64."""
    operator, twin = OPERATORS[name.partition(" (")[0]], TWINS[name]

    def compare_sample(sample: Any) -> None:
        compare(twin.ours, twin.theirs, sample.input, *sample.args, **sample.kwargs)

    torch.manual_seed(0)
    samples = list(operator.sample_inputs("cpu", torch.float64, requires_grad=True))
    outcome = judge(samples, compare_sample)
    outcome.record(tally, "PyTorch's operator samples", name, twin.remark)
    assert bool(outcome.passed) is twin.applies
