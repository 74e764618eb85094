"""Whole training steps on a simulated GPU: the engine's arrays in a stand-in for CuPy, the kernels in the simulator."""

from collections import Counter

import numpy as np
import pytest
from fake_cupy import cupy, simulated_gpu, traffic

from rawgan import Tensor
from rawgan.gan import ImageSpec, build, train_step
from rawgan.testing.backends import use_backend
from rawgan_kernels import precision

__all__ = ["cupy", "simulated_gpu"]  # fixtures

STEPS = {"float32": 5, "tf32": 2, "bf16": 2}
"""Steps by precision of products. After some more, another order of sums rounds a factor near a tie the other way, and
Adam makes a step of it: so does the CPU's backend, whose weights differ by 1e-4 from the third step on."""


def trained(model, device, steps):
    """Losses of some steps of a narrow network, and all its numbers afterwards."""
    gan = build(model, ImageSpec(28), width=2, device=device)
    rng = np.random.default_rng(0)
    losses = []
    for step in range(steps):
        batch = [Tensor(rng.uniform(-1, 1, shape).astype("float32")).to(device) for shape in ((2, 28, 28, 1), (2, 100))]
        traffic.clear()
        outcome = train_step(gan, *batch)
        tables = 2 if step == 0 and device == "cuda" else 0  # of the two optimisers, sent once
        assert traffic == Counter(sent=tables)
        losses.append([value.item() for value in outcome.by_name().values()])
    numbers = {**gan.generator.state_dict(), **gan.discriminator.state_dict()}
    return losses, numbers


@pytest.mark.parametrize(
    ("model", "name"), [("dcgan", "float32"), ("tutorial", "float32"), ("dcgan", "bf16"), ("tutorial", "tf32")]
)
def test_training_agrees_with_the_reference(model, name, cupy, simulated_gpu):
    with use_backend("reference"), precision(name):
        losses, numbers = trained(model, "cpu", STEPS[name])
    with use_backend("cuda"), precision(name):
        simulated_losses, simulated_numbers = trained(model, "cuda", STEPS[name])
    np.testing.assert_allclose(simulated_losses, losses, rtol=1e-4)
    for name, expected in numbers.items():
        np.testing.assert_allclose(simulated_numbers[name], expected, atol=1e-4, err_msg=name)
