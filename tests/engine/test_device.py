"""Devices: which there are, moving between them, and an engine that never does so in silence.

The GPU is simulated (see `fake_cupy`): these tests need none, and say nothing about real ones.
"""

import sys

import numpy as np
import pytest
from fake_cupy import cupy, make_module, ndarray, simulated_gpu, traffic
from watch import Watch

import rawgan_kernels as kernels
from rawgan import Tensor, grad, nn, ops, optim
from rawgan.config.noise import TrainConfig
from rawgan.device import cuda_module, device_of, resolve, to_device
from rawgan.errors import DeviceError, GradientMismatch, ShapeError
from rawgan.gan import ImageSpec, LossConfig, build, train_step
from rawgan.ops.registry import CASES
from rawgan.storage import RunFolder
from rawgan.testing import check_kernel, check_layer, gradcheck
from rawgan.testing.tolerances import TOLERANCES
from rawgan.training import Run, Trainer

__all__ = ["cupy", "simulated_gpu"]  # fixtures


@pytest.fixture(autouse=True)
def _reference():
    """The simulated GPU runs the kernels that are generic over NumPy and CuPy."""
    before = kernels.chosen()
    kernels.use("reference")
    yield
    kernels.use(before)


NO_CUPY = (
    "device 'cuda' needs CuPy, which is not installed\n"
    "  pip install '.[cuda12]' or '.[cuda13]' in rawgan's folder, whichever your driver supports, or use --device cpu"
)
NO_GPU = (
    "device 'cuda' needs an NVIDIA GPU and its driver, and CuPy finds none\n"
    "  see what nvidia-smi says, or use --device cpu"
)

# --- which devices there are ---------------------------------------------------------------------------------


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # `import cupy` raises ImportError
    assert resolve("auto") == "cpu"
    assert resolve("cpu") == "cpu"
    for ask in (lambda: resolve("cuda"), cuda_module, lambda: Tensor([1.0]).to("cuda")):
        with pytest.raises(DeviceError) as error:
            ask()
        assert str(error.value) == NO_CUPY


def test_with_cupy_but_no_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", make_module(available=False))
    assert resolve("auto") == "cpu"
    with pytest.raises(DeviceError) as error:
        resolve("cuda")
    assert str(error.value) == NO_GPU


def test_a_cupy_that_rounds_unasked_is_refused(cupy, monkeypatch):
    monkeypatch.setenv("CUPY_TF32", "0")
    assert resolve("auto") == "cuda"
    monkeypatch.setenv("CUPY_TF32", "1")
    for ask in (lambda: resolve("auto"), cuda_module, lambda: Tensor([1.0]).to("cuda")):
        with pytest.raises(DeviceError) as error:
            ask()
        assert str(error.value) == (
            "device 'cuda': CuPy rounds the factors of float32 products, as the environment variable CUPY_TF32 asks\n"
            "  unset CUPY_TF32, and choose TF32 with --backend cuda --precision tf32; or use --device cpu"
        )


def test_with_a_cupy_that_does_not_load(monkeypatch):
    def broken(name):
        raise ImportError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr("rawgan.device.importlib.import_module", broken)
    with pytest.raises(DeviceError) as error:
        resolve("cuda")
    assert str(error.value) == (
        "device 'cuda' needs CuPy, which fails to load\n"
        "  libcudart.so.13: cannot open shared object file\n"
        "  or use --device cpu"
    )


def test_with_the_wrong_cupy(monkeypatch):
    module = make_module(available=False)
    module.cuda.runtime.driverGetVersion = lambda: 12040
    monkeypatch.setitem(sys.modules, "cupy", module)
    with pytest.raises(DeviceError) as error:
        resolve("cuda")
    assert str(error.value) == (
        "device 'cuda': this CuPy is for CUDA 13.2, but the driver supports 12.4\n"
        "  pip uninstall cupy-cuda13x, then pip install '.[cuda12]' in rawgan's folder; or update the driver; "
        "or use --device cpu"
    )


def test_with_a_gpu(cupy):
    assert resolve("auto") == resolve("cuda") == "cuda"
    assert cuda_module() is cupy


def test_an_unknown_device():
    for ask in (lambda: resolve("tpu"), lambda: Tensor([1.0]).to("tpu"), lambda: to_device(np.ones(1), "tpu")):
        with pytest.raises(DeviceError) as error:
            ask()
        assert str(error.value).startswith("there is no device 'tpu'; choose one of: ")


# --- moving --------------------------------------------------------------------------------------------------


def test_arrays_move_and_stay(cupy):
    array = np.arange(3.0)
    there = to_device(array, "cuda")
    assert isinstance(there, ndarray)
    assert (device_of(array), device_of(there)) == ("cpu", "cuda")
    assert to_device(array, "cpu") is array
    assert to_device(there, "cuda") is there
    back = to_device(there, "cpu")
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, array)


def test_tensors_move(cupy):
    x = Tensor([1.0, 2.0], requires_grad=True)
    there = x.to("cuda")
    assert (there.device, there.dtype, there.requires_grad, there.op) == ("cuda", np.float32, True, None)
    assert there.numpy().tolist() == there.to("cpu").data.tolist() == [1, 2]
    assert repr(there) == "Tensor([1., 2.], float32, requires_grad=True)"
    assert there[1].item() == 2.0
    with pytest.raises(ShapeError) as error:
        there.data = np.zeros(2, "float32")
    assert str(error.value) == (
        "Tensor.data: a new array must have the old one's shape, dtype and device\n"
        "  old (2,) float32 cuda   new (2,) float32 cpu"
    )


def test_modules_move_with_parameters_and_buffers(cupy):
    layer = nn.Sequential(nn.Linear(2, 3, rng=np.random.default_rng(0)), nn.BatchNorm(3))
    before = layer.state_dict()
    parameters = layer.parameters()
    assert layer.to("cuda") is layer
    tensors = [*layer.parameters(), *(b for _, b in layer.named_buffers())]
    assert [t.device for t in tensors] == ["cuda"] * 6
    assert all(a is b for a, b in zip(parameters, layer.parameters(), strict=True))  # an optimiser still knows them
    for name, array in layer.state_dict().items():
        assert type(array) is np.ndarray
        np.testing.assert_array_equal(array, before[name])
    layer.load_state_dict({name: array + 1 for name, array in before.items()})
    assert [t.device for t in tensors] == ["cuda"] * 6
    layer.to("cpu", dtype="float64")
    assert [(t.device, t.dtype) for t in tensors] == [("cpu", np.float64)] * 6
    np.testing.assert_array_equal(layer.state_dict()["0.w"], (before["0.w"] + 1).astype("float64"))


# --- computing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_op_runs_on_the_simulated_gpu_and_agrees(case, cupy):
    results = []
    for device in ("cpu", "cuda"):
        xs = [Tensor(to_device(array, device), requires_grad=True) for array in case.arrays()]
        y = case.function(*xs)
        v = Tensor(to_device(np.random.default_rng(1).standard_normal(y.shape), device))
        gs = grad(y, xs, [v], create_graph=True, unconnected="zero")
        connected = [g for g in gs if g.requires_grad]
        ggs = grad(connected, xs, [g.detach() for g in connected], unconnected="zero")
        assert {t.device for t in (y, *gs, *ggs)} == {device}
        results.append([t.numpy() for t in (y, *gs, *ggs)])
    for expected, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: optim.SGD(ps, 0.1, momentum=0.9, nesterov=True),
        lambda ps: optim.RMSprop(ps, 0.01),
        lambda ps: optim.AdamW(ps, 0.01),
    ],
    ids=["sgd", "rmsprop", "adamw"],
)
def test_training_steps_agree_with_the_cpu(make, cupy):
    states = []
    for device in ("cpu", "cuda"):
        rng = np.random.default_rng(0)
        d = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding="same", rng=rng),
            nn.BatchNorm(4),
            nn.LeakyReLU(),
            nn.Dropout(0.3, rng=rng),
            nn.Flatten(),
            nn.Linear(36, 1, rng=rng),
        ).to(device)
        optimizer = make(d.parameters())
        images = Tensor(np.random.default_rng(1).standard_normal((4, 6, 6, 1)).astype("float32")).to(device)
        for _ in range(3):
            ops.bce_with_logits(d(images), 1.0).backward()
            optimizer.step()
            optimizer.zero_grad()
        assert {p.device for p in d.parameters()} == {device}
        states.append(d.state_dict())
    for name, expected in states[0].items():
        off = np.abs(states[1][name] - expected).max()
        assert off <= TOLERANCES["float32"] * np.abs(expected).max(), name


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_step_sends_the_batch_and_the_noise_and_waits_for_nothing(precision, cupy):
    gan = build("dcgan", ImageSpec(28), width=8, device="cuda")  # of results that a graph in bf16 keeps in 16 bits
    rng = np.random.default_rng(0)
    for _ in range(2):
        arrays = [rng.uniform(-1, 1, shape).astype("float32") for shape in ((4, 28, 28, 1), (4, 100))]
        traffic.clear()
        with kernels.precision(precision):
            outcome = train_step(gan, *(Tensor(array).to("cuda") for array in arrays))
        assert traffic == {"sent": 2}
    assert [np.isfinite(value.item()) for value in outcome.by_name().values()] == [True] * 4  # fetched when it is shown
    assert traffic == {"sent": 2, "fetched": 4}


@pytest.mark.parametrize("augment", ["diffaugment", "ada"])
def test_augmented_steps_agree_with_the_cpu_and_wait_only_when_p_moves(augment, cupy):
    found = {}
    for device in ("cpu", "cuda"):
        gan = build("residual", ImageSpec(8, 4), width=2, noise_size=3, augment=augment, device=device)
        config = LossConfig(augment=augment, augment_images=40, augment_target=-1.5)
        real = Tensor(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 4)).astype("float32")).to(device)
        losses, waited = [], []
        for step in range(6):
            z = gan.noise(0, "z", 4, step)
            traffic.clear()
            figures = train_step(gan, real, z, config, step).by_name()
            waited.append(traffic["fetched"])
            losses.append([value.item() for value in figures.values()])
        found[device] = losses
    np.testing.assert_allclose(found["cuda"], found["cpu"], rtol=1e-4, atol=1e-5)
    assert waited == ([0, 0, 0, 1, 0, 0] if augment == "ada" else [0] * 6)
    if augment == "ada":
        assert losses[-1][-2] == pytest.approx(0.4)  # p


def test_a_run_fetches_what_is_shown(cupy, tmp_path, monkeypatch):
    images = tmp_path / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8))
    config = TrainConfig.of(
        data=str(images), model="dcgan", image_size=8, steps=6, width=1, noise_size=3, batch_size=2, samples=2,
        sample_every=99, checkpoint_every=99, device="cuda", backend="reference", augment="none",
    )  # fmt: skip
    training, steps = Trainer(config), []
    monkeypatch.setattr("rawgan.training.run.FETCH_SECONDS", 1e9)
    traffic.clear()
    Run(training, RunFolder.create(tmp_path / "run", "x"), [Watch(steps.append)]).go()
    assert [record["step"] for record in steps] == [1, 2, 3, 4, 5, 6]
    assert traffic == {"sent": 2 * 6, "fetched": 1}  # which images, and the noise; then all losses at once


def test_gradients_are_checked_where_the_arrays_are(cupy, simulated_gpu):
    x, w = (to_device(np.random.default_rng(seed).standard_normal((3, 3)), "cuda") for seed in (0, 1))
    assert gradcheck(ops.matmul, x, w).error(2) < 1e-9
    assert len(gradcheck(ops.relu, to_device(np.array([0.0, 1.0]), "cuda")).kinks) == 1
    with pytest.raises(GradientMismatch):
        gradcheck(lambda x: x * x.detach(), x)
    assert check_layer(nn.BatchNorm(3).to("cuda"), x).error(2) < 1e-6
    devices = [row.device for row in check_kernel("softplus", np.ones(2)).rows if row.backend == "reference"]
    assert devices == ["cpu", "cpu", "cuda", "cuda"]


# --- refusing to mix ------------------------------------------------------------------------------------------------


def test_numbers_go_with_any_device_arrays_with_their_own(cupy):
    x = Tensor([1.0, 2.0]).to("cuda")
    assert (1 + x * 2).device == "cuda"
    assert (x + cupy.asarray(np.ones(2, "float32"))).device == "cuda"
    with pytest.raises(DeviceError, match=r"^Add: the inputs are on two devices\n"):
        x + np.ones(2, "float32")


def test_mixed_devices_are_refused(cupy):
    here, there = Tensor(np.ones((2, 2), "float32")), Tensor(np.ones((2, 2), "float32")).to("cuda")
    with pytest.raises(DeviceError) as error:
        here * there
    assert str(error.value) == (
        "Mul: the inputs are on two devices\n  a (2, 2) cpu   b (2, 2) cuda\n  move one with .to(device)"
    )
    with pytest.raises(DeviceError) as error:
        ops.conv2d(there.reshape(1, 2, 2, 1), here.reshape(2, 2, 1, 1))
    assert str(error.value) == (
        "conv2d: the inputs are on two devices\n  x (1, 2, 2, 1) cuda   w (2, 2, 1, 1) cpu\n  move one with .to(device)"
    )
    with pytest.raises(DeviceError) as error:
        ops.concatenate([here, there, here])
    assert str(error.value) == (
        "Concatenate: the inputs are on two devices\n"
        "  input 0 (2, 2) cpu   input 1 (2, 2) cuda   input 2 (2, 2) cpu\n"
        "  move one with .to(device)"
    )


def test_gradients_of_another_device_are_refused(cupy):
    here, there = Tensor([1.0], requires_grad=True), Tensor([1.0]).to("cuda")
    with pytest.raises(ShapeError) as error:
        (here * 2).backward(there)
    assert str(error.value) == (
        "backward: the gradient must have its output's shape, dtype and device\n"
        "  output (1,) float32 cpu   gradient (1,) float32 cuda"
    )
    with pytest.raises(ShapeError) as error:
        optim.SGD([here], lr=0.1).step([there])
    assert str(error.value) == (
        "SGD.step: gradient 0 is unlike its parameter\n  parameter (1,) float32 cpu   gradient (1,) float32 cuda"
    )


# --- the simulation itself has CuPy's manners ------------------------------------------------------------------------


def test_the_simulated_arrays_do_not_mix_or_convert(cupy):
    x, array = cupy.asarray(np.ones(2)), np.ones(2)
    for mix in (
        lambda: x + array,
        lambda: array + x,
        lambda: cupy.maximum(x, array),
        lambda: np.exp(x),
        lambda: np.asarray(x),
        lambda: np.concatenate([x, x]),
        lambda: x.__setitem__(0, array[0:1]),
        lambda: x.__iadd__(array),
    ):
        with pytest.raises(TypeError):
            mix()
    assert isinstance(x.sum(), ndarray)


def test_a_run_is_sampled_on_the_gpu(cupy, tmp_path, capsys):
    from rawgan.cli import main

    images = tmp_path / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8))
    options = ["--image-size", "8", "--width", "1", "--noise-size", "3", "--batch-size", "2", "--steps", "1"]
    options += ["--samples", "2", "--backend", "reference"]
    assert main(["train", "--data", str(images), "--out", str(tmp_path / "run"), "--device", "cpu", *options]) == 0
    pictures = []
    for device in ("cpu", "cuda"):
        traffic.clear()
        for command in ("sample", "interpolate"):
            out = tmp_path / f"{command}-{device}.png"
            assert main([command, str(tmp_path / "run"), "--device", device, "--out", str(out)]) == 0
            pictures.append(out.read_bytes())
        assert bool(traffic["sent"]) is (device == "cuda")
    assert pictures[:2] == pictures[2:]
