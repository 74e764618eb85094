"""PyTorch's part of `bench gpu_check`, on the CPU, beside rawgan on the stand-in for CuPy: both train alike."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from fake_cupy import cupy

from bench.competitors import torch_networks
from bench.competitors.steps import AGREEMENT, Workload, largest_difference
from bench.gpu import steps as gpu_steps
from bench.gpu.clock import Sizes
from rawgan.testing.backends import use_backend

__all__ = ["cupy"]  # a fixture


@pytest.fixture
def on_the_cpu(monkeypatch, cupy):
    """PyTorch's GPU is the CPU, rawgan's the stand-in with plain CuPy."""
    for module in ("bench.gpu.clock", "bench.gpu.steps"):
        monkeypatch.setattr(f"{module}.torch_on_gpu", lambda: torch)
    monkeypatch.setattr(gpu_steps.TorchOnGPU, "device", "cpu")
    monkeypatch.setattr(gpu_steps, "use_backend", lambda name: use_backend("reference"))
    monkeypatch.setattr("bench.common.rounds.PAUSE_SECONDS", 0)


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
@pytest.mark.parametrize("layout", gpu_steps.LAYOUTS)
def test_both_train_alike(on_the_cpu, model, layout):
    start = gpu_steps.Start(Workload(model, 8, 3, 8, 0, 4))
    competitors = [gpu_steps.RawganOnGPU(start, False), gpu_steps.TorchOnGPU(start, layout, "", False)]
    assert largest_difference({each.name: each.check() for each in competitors}) <= AGREEMENT


def test_a_rival_begins_again_at_the_start(on_the_cpu):
    rival = gpu_steps.TorchOnGPU(gpu_steps.Start(Workload("dcgan", 8, 1, 8, 0, 4)), "NCHW", "", False)
    first = [next(rival.batches) for _ in range(gpu_steps.BATCHES)]
    all_metrics = []
    for _ in range(2):
        rival.load()
        all_metrics.append([rival.step(*batch).g_loss.item() for batch in first])
    assert all_metrics[0] == all_metrics[1]
    assert all_metrics[0] != [rival.step(*batch).g_loss.item() for batch in first]


def test_a_recorded_step_takes_each_batch_and_begins_at_the_start(on_the_cpu, monkeypatch):
    """With a CUDA graph that remembers the step's tensors, and takes the step again with what is in them."""
    step, recorded = torch_networks.train_step, {}

    def noted(gan, real, z, **options):
        recorded.update(gan=gan, real=real, z=z, metrics=step(gan, real, z, **options))
        return recorded["metrics"]

    class Graph:
        def replay(self):
            again = step(recorded["gan"], recorded["real"], recorded["z"], freeze=True)
            for old, new in zip(recorded["metrics"], again, strict=True):
                old.copy_(new)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    cuda = SimpleNamespace(
        Stream=lambda: stream, current_stream=lambda: stream, stream=nullcontext, CUDAGraph=Graph, graph=nullcontext
    )
    start = gpu_steps.Start(Workload("dcgan", 8, 3, 8, 0, 4))
    eager = gpu_steps.TorchOnGPU(start, "NHWC", "", False)
    with monkeypatch.context() as patched:
        patched.setattr(torch_networks, "train_step", noted)
        patched.setattr(torch, "cuda", cuda)
        graphed = gpu_steps.TorchOnGPU(start, "NHWC", "", True)
    assert graphed.check() == pytest.approx(eager.check(), abs=1e-6)


def test_a_rival_that_fails_does_not_take_part(on_the_cpu):
    sizes, forms = Sizes(rounds=1, turn_seconds=1e-3), [("NCHW", "", False), ("NHWC", "", True)]
    observation = gpu_steps._compete(Workload("dcgan", 8, 1, 8, 0, 4), sizes, forms)
    assert observation["good"] is None
    assert observation["ratios"].keys() == {"eager"}
    assert "eager" in observation["headline"]
    theirs, ours = observation["notes"]  # there is no CUDA graph on a CPU
    assert theirs.startswith("torch NHWC, graphed does not take part: ")
    assert ours.startswith("rawgan, graphed does not take part: ")
