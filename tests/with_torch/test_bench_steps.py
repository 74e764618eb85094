"""PyTorch's ways to take training steps in `bench step`, beside rawgan's, at each precision of products."""

import pytest
import torch

from bench.competitors.steps import Workload, agreement_at, largest_difference, rawgan_ways, write_input
from bench.competitors.torch_steps import torch_ways

TASK = Workload("dcgan", 16, 1, batch_size=32, threads=1, width=8)


@pytest.fixture
def saved(tmp_path):
    """A folder with the input of all competitors."""
    write_input(TASK, tmp_path, ())
    return tmp_path


@pytest.fixture
def settings_kept():
    """PyTorch's settings of oneDNN, which a competitor leaves as they are in its own process."""
    onednn = torch.backends.mkldnn
    before = onednn.conv.fp32_precision, onednn.matmul.fp32_precision
    yield onednn
    onednn.conv.fp32_precision, onednn.matmul.fp32_precision = before


def made(way, folder):
    return way.make(TASK, folder, *way.options)


@pytest.mark.parametrize("precision", ["float32", "bf16", "tf32"])
def test_all_ways_of_a_precision_train_alike(precision, saved, settings_kept):
    ways = [*rawgan_ways("float32"), *rawgan_ways(precision), *torch_ways(precision)]
    reports = {way.label: made(way, saved).check() for way in ways}
    assert largest_difference(reports, agreement_at(precision)) <= agreement_at(precision)


def test_autocast_multiplies_bf16_and_keeps_weights_and_losses(saved):
    (way,) = [way for way in torch_ways("bf16") if "autocast" in way.name]
    rival, seen = made(way, saved), []
    layers = [*rival.gan.generator, *rival.gan.discriminator]
    for layer in layers:
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d | torch.nn.Linear):
            layer.register_forward_hook(lambda layer, inputs, y: seen.append(y.dtype))
    metrics = rival.step(*next(rival.batches))
    assert set(seen) == {torch.bfloat16}
    assert {value.dtype for value in metrics} == {torch.float32}
    assert {weight.dtype for weight in rival.gan.generator.parameters()} == {torch.float32}


def test_onednn_rounds_factors_where_the_processor_can(saved, settings_kept):
    (way,) = torch_ways("tf32")
    made(way, saved)
    assert (settings_kept.conv.fp32_precision, settings_kept.matmul.fp32_precision) == ("tf32", "tf32")
