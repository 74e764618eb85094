"""The training step as a CUDA graph, on the stand-in for CuPy: recorded, replayed, and the same as launched by hand."""

import numpy as np
import pytest
from fake_cupy import cupy, simulated_gpu, traffic
from watch import Watch

import rawgan_kernels as kernels
from rawgan import Tensor, nn
from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError
from rawgan.gan import GraphedStep, ImageSpec, build, train_step
from rawgan.storage import RunFolder
from rawgan.testing.backends import use_backend
from rawgan.training import Trainer, train
from rawgan_kernels.cuda.run import cublas

__all__ = ["cupy", "simulated_gpu"]  # fixtures

PRODUCTS = {
    "float32": ("float32", cublas.FLOAT32),
    "tf32": ("float32", cublas.TF32),
    "bf16": ("uint16", cublas.FLOAT32),
}
"""dtype of factors, and compute type, by precision."""


@pytest.fixture
def gan(cupy, simulated_gpu):
    with use_backend("cuda"):
        yield build("dcgan", ImageSpec(8), width=1, noise_size=3, device="cuda")


def batch(step, size=2):
    rng = np.random.default_rng(step)
    shapes = (size, 8, 8, 1), (size, 3)
    return [Tensor(rng.uniform(-1, 1, shape).astype("float32")).to("cuda") for shape in shapes]


def numbers(gan):
    """Weights, running statistics, moments, steps."""
    moments = {
        f"{name}.{moment}.{i}": array.get()
        for name, optimizer in (("g", gan.g_optimizer), ("d", gan.d_optimizer))
        for moment, arrays in optimizer.state.items()
        for i, array in enumerate(arrays)
    }
    counts = {"g": gan.g_optimizer.counts, "d": gan.d_optimizer.counts}
    return {**gan.generator.state_dict(), **{f"d.{k}": x for k, x in gan.discriminator.state_dict().items()},
            **moments, **counts}  # fmt: skip


def same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, x in ours.items():
        np.testing.assert_array_equal(x, theirs[name], err_msg=name)


def test_a_graphed_step_has_the_same_bits(gan):
    other = build("dcgan", ImageSpec(8), width=1, noise_size=3, device="cuda")
    graphed, outcomes = GraphedStep(gan), []
    for step in range(5):
        real, z = batch(step)
        expected = [value.item() for value in train_step(other, real, z).by_name().values()]
        traffic.clear()
        outcomes.append(graphed(real, z))
        sent = traffic["sent"]
        assert [value.item() for value in outcomes[-1].by_name().values()] == expected
        if step == 2:  # recorded: the tables of the optimisers are filled in when it has ended
            assert sent == 2
        if step > 2:
            assert sent == 0
            assert outcomes[-1] is outcomes[2]
    same(numbers(gan), numbers(other))


def test_what_changed_since_is_seen(gan):
    other = build("dcgan", ImageSpec(8), width=1, noise_size=3, device="cuda")
    graphed = GraphedStep(gan)

    def both(step):
        graphed(*batch(step))
        train_step(other, *batch(step))

    for step in range(4):
        both(step)
    for each in (gan, other):
        each.g_optimizer.lr = 0.1
    both(4)
    for each in (gan, other):
        each.generator.load_state_dict({name: x + 1 for name, x in each.generator.state_dict().items()})
    both(5)
    for each in (gan, other):
        train_step(each, *batch(6))  # launched kernel by kernel in between
    both(7)
    both(8)
    same(numbers(gan), numbers(other))


def test_a_graph_has_the_precision_that_its_step_is_taken_in(gan, simulated_gpu):
    other = build("dcgan", ImageSpec(8), width=1, noise_size=3, device="cuda")
    graphed = GraphedStep(gan)
    for step, name in enumerate(("bf16", "bf16", "bf16", "bf16", "tf32", "tf32", "float32")):
        simulated_gpu.clear()
        with kernels.precision(name):
            found = [value.item() for value in graphed(*batch(step)).by_name().values()]
            recorded = {(gemm.a.array.dtype.name, gemm.compute) for gemm in simulated_gpu}
            expected = [value.item() for value in train_step(other, *batch(step)).by_name().values()]
        assert found == expected
        replayed = (step, name) in ((3, "bf16"), (5, "tf32"))
        assert recorded == (set() if replayed else {PRODUCTS[name]})
    same(numbers(gan), numbers(other))


def test_a_run_with_graphs_goes_on_and_leaves_what_one_without_leaves(cupy, simulated_gpu, tmp_path):
    images = tmp_path / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8))
    config = TrainConfig.of(
        data=str(images), image_size=8, steps=4, width=1, noise_size=3, batch_size=2, samples=2, sample_every=9,
        device="cuda", backend="cuda", model="dcgan", augment="none",
    )  # fmt: skip
    runs = []
    with use_backend("cuda"):
        for graph, stop in ((False, 4), (True, 1)):
            folder = RunFolder.create(tmp_path / str(graph), "x")
            config = config.replace(cuda_graph=graph)
            steps = []
            train(
                Trainer(config), folder, Watch(steps.append),
                should_stop=lambda stop=stop, steps=steps: len(steps) == stop,
            )  # fmt: skip
            assert train(Trainer(config, checkpoint=folder.newest_checkpoint()[0]), folder) == 4
            runs.append(folder)
    one, other = (folder.newest_checkpoint()[0].arrays for folder in runs)
    same(one, other)
    assert runs[0].metrics_file.read_bytes() == runs[1].metrics_file.read_bytes()


def test_what_cannot_be_recorded_is_refused(gan):
    with (
        use_backend("reference"),
        pytest.raises(ArgumentError, match=r"^GraphedStep: a CUDA graph is made of the cuda"),
    ):
        GraphedStep(gan)
    on_cpu = pytest.raises(ArgumentError, match="but the networks are on cpu, and computed with cpu kernels")
    with use_backend("auto"), on_cpu:
        GraphedStep(build("dcgan", ImageSpec(8), width=1))
    graphed = GraphedStep(gan)
    graphed(*batch(0))
    with pytest.raises(ArgumentError) as error:
        graphed(*batch(0, size=3))
    assert str(error.value) == (
        "GraphedStep: a graph is for batches of one shape\n  before (2, 8, 8, 1)   now (3, 8, 8, 1)"
    )
    gan.discriminator.layers = nn.Sequential(nn.Dropout(0.5, rng=np.random.default_rng(0)))
    with pytest.raises(ArgumentError, match="would draw the same numbers in each step"):
        GraphedStep(gan)
