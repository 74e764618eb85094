"""A run: configuration, folder, determinism, and what happens when it ends early."""

import json
import tomllib

import numpy as np
import pytest
from PIL import Image
from watch import Watch

from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError, ConfigError, DataError, DeviceError
from rawgan.gan import MODELS, generate
from rawgan.storage import RunFolder
from rawgan.training import Trainer, train

TINY = {"width": 2, "noise_size": 4, "batch_size": 4, "samples": 4, "sample_every": 2}


@pytest.fixture
def images(tmp_path):
    """An .npy file of 12 random grey images of 8 × 8 pixels."""
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return str(path)


def config(images, **options):
    return TrainConfig.of(**({"data": images, "image_size": 8, "steps": 5} | TINY | options))


def test_a_run_leaves_what_it_promises(images, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    seen, shown = [], []
    assert (
        train(
            Trainer(config(images)),
            folder,
            Watch(seen.append, samples=lambda step, made: shown.append((step, made.shape))),
        )
        == 5
    )
    names = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}
    assert names == {
        "config.toml",
        "metrics.jsonl",
        "losses.png",
        "samples.gif",
        "checkpoints/step-000005.safetensors",
        *(f"samples/step-00000{step}.png" for step in (0, 2, 4, 5)),
    }
    lines = [json.loads(line) for line in folder.metrics_file.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines == seen
    assert lines[2]["epoch"] == 1.0  # 12 images, 4 a step
    assert shown == [(step, (4, 8, 8, 1)) for step in (0, 2, 4, 5)]
    with Image.open(folder.animation_file) as animation:
        assert animation.n_frames > 1


def test_config_toml_says_what_was_resolved(images, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config(images, steps=1)), folder)
    written = tomllib.loads(folder.config_file.read_text())
    assert written["channels"] == 1
    assert written["image_size"] == 8
    assert not {"out", "config", "dry_run", "epochs"} & written.keys()
    assert (
        TrainConfig.from_dict(written, "x")
        == config(images, steps=1, channels=1, augment="diffaugment").with_absolute_paths()
    )


def test_the_same_seed_gives_the_same_bits(images, tmp_path):
    def bits(name, seed):
        folder = RunFolder.create(tmp_path / name, "x")
        train(Trainer(config(images, seed=seed)), folder)
        pictures = [path.read_bytes() for path in folder.samples()]
        return folder.metrics_file.read_bytes(), folder.checkpoints()[-1].read_bytes(), pictures

    assert bits("a", 1) == bits("b", 1)
    assert bits("a2", 1)[0] != bits("c", 2)[0]


def test_generate_goes_by_batches_without_changing_the_images(images):
    gan = Trainer(config(images)).gan
    z = gan.noise(0, "samples", 5)
    np.testing.assert_allclose(generate(gan.generator, z, batch_size=2), generate(gan.generator, z), atol=1e-6)


def test_stopping_early_keeps_what_was_reached(images, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    steps = []
    assert train(Trainer(config(images)), folder, Watch(steps.append), should_stop=lambda: len(steps) == 3) == 3
    assert len(folder.read_metrics()) == 3
    assert [path.name for path in folder.checkpoints()] == ["step-000003.safetensors"]
    assert folder.animation_file.exists()


def test_epochs_or_steps():
    assert TrainConfig.of().optimiser.total_steps(per_epoch=10) == 2000
    assert TrainConfig.of(steps=7).optimiser.total_steps(per_epoch=10) == 7
    assert TrainConfig.of(epochs=2.5).optimiser.total_steps(per_epoch=10) == 25
    assert TrainConfig.of(epochs=0.01).optimiser.total_steps(per_epoch=10) == 1


def test_sizes_follow_the_data():
    assert [TrainConfig.of(data=name).data.size for name in ("mnist", "cifar10", "photos")] == [28, 32, 64]
    assert TrainConfig.of(data="mnist", image_size=64).data.size == 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must lie in 1 ... 1000000000, but is 0"),
        ({"epochs": -1.0}, "epochs must be more than 0 and at most 1000000, but is -1.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be more than 0 and at most 10, but is nan"),
        ({"steps": 1, "epochs": 1.0}, "steps 1 and epochs 1.0 both say how long to train; give one of them"),
        ({"batch_size": 0}, "batch_size must lie in 1 ... 1048576, but is 0"),
        ({"image_size": 4}, "image_size must lie in 8 ... 2048, but is 4"),
        ({"channels": 5}, "channels must lie in 1 ... 4, but is 5"),
        ({"data": ""}, "data must be the name of a set or the path of a folder or file, but is ''"),
        ({"data": "a\0b"}, "data must be the name of a set or the path of a folder or file, but is 'a\\x00b'"),
        (
            {"samples": 64, "image_size": 2048},
            "samples 64 of 2048 × 2048 pixels make a picture of more than 67,108,864 pixels; take fewer samples",
        ),
        ({"seed": -1}, "seed must lie in 0 ... 18446744073709551615, but is -1"),
    ],
)
def test_configurations_that_make_no_sense(options, message):
    with pytest.raises(ArgumentError) as caught:
        TrainConfig.of(**options).check()
    assert str(caught.value) == message


def test_kernels_of_another_device_are_refused():
    with pytest.raises(ArgumentError, match=r"^backend: cuda does not compute on device cpu\n  leave --backend out"):
        Trainer(TrainConfig.of(backend="cuda", device="cpu"))


def test_a_cuda_graph_is_for_the_cuda_backend():
    with pytest.raises(ArgumentError) as error:
        Trainer(TrainConfig.of(cuda_graph=True))
    assert str(error.value) == "cuda_graph is for --device cuda --backend cuda, not for device auto, backend auto"


@pytest.mark.parametrize(("free", "said"), [(None, ""), (3 << 29, "; besides what is held already, 1.50 GiB are free")])
def test_too_little_memory(free, said, monkeypatch):
    training = Trainer(TrainConfig.of(model="dcgan", width=2, steps=1, batch_size=512))
    monkeypatch.setattr(training.task, "step", lambda index: (_ for _ in ()).throw(MemoryError()))
    monkeypatch.setattr("rawgan.training.memory.device.free_bytes", lambda device: free)
    with pytest.raises(DeviceError) as error:
        training.step(1)
    first, second, third = str(error.value).split("\n")
    assert first == "step 1: out of memory on cpu"
    assert second.startswith("  a step takes about 9.54 MiB (weights 81.10 KiB, ")
    assert second.endswith("), and scratch space on top" + said)
    assert third == "  try a smaller --batch-size than 512, --width or --image-size"


def test_an_impossible_image_size_is_refused_before_the_data_is_read():
    with pytest.raises(ArgumentError, match=r"image size 30: .*\n  sizes near 30: 20, 24, 28, 32"):
        Trainer(TrainConfig.of(data="no such folder", image_size=30))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stpes": 3}, "my.toml: there is no option 'stpes'; did you mean steps?\n  options: data, image_size"),
        ({"dry_run": True}, "my.toml: there is no option 'dry_run'\n  options: "),
        ({"steps": 1.5}, "my.toml: steps = 1.5, but it should be int"),
        ({"steps": True}, "my.toml: steps = True, but it should be int"),
        ({"epochs": "2"}, "my.toml: epochs = '2', but it should be float"),
        ({"model": "vae"}, f"my.toml: model = 'vae', but it should be {' or '.join(map(repr, MODELS))}"),
        ({"steps": 0}, "my.toml: steps must lie in 1 ... 1000000000, but is 0"),
        ({"steps": 16**5000}, "my.toml: steps must lie in 1 ... 1000000000, but is int, too long to be printed"),
        ({"steps": "9" * 1000}, f"my.toml: steps = '{'9' * 59}…, but it should be int"),
    ],
)
def test_configuration_files_that_make_no_sense(values, message):
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_dict(values, "my.toml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_training_on_a_folder_of_coloured_images(model, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for index in range(6):
        pixels = rng.integers(0, 256, (70 + index, 90, 3), np.uint8)
        Image.fromarray(pixels).save(photos / f"{index}.png")
    training = Trainer(TrainConfig.of(model=model, data=str(photos), steps=1, **TINY))
    assert training.task.data.shape == (64, 64, 3)
    assert training.step(1)["step"] == 1
    assert training.task.sample().shape == (4, 64, 64, 3)


def test_the_tutorial_trains_on_mnist_resized(monkeypatch):
    training = Trainer(TrainConfig.of(model="tutorial", data="mnist", image_size=32, channels=3, steps=1, **TINY))
    assert training.task.data.shape == (32, 32, 3)
    assert np.isfinite(training.step(1)["d_loss"])


def test_more_images_per_step_than_there_are(images):
    with pytest.raises(ArgumentError, match="batch_size=40 is more than the 12 images"):
        Trainer(config(images, batch_size=40))


def test_broken_images_stop_the_run_unless_told_otherwise(tmp_path):
    for index in range(5):
        Image.new("L", (16, 16), index).save(tmp_path / f"{index}.png")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    options = {"data": str(tmp_path), "image_size": 8, "steps": 1} | TINY
    with pytest.raises(DataError, match=r"broken\.png"):
        Trainer(TrainConfig.of(**options))
    training = Trainer(TrainConfig.of(**options, skip_broken=True))
    assert len(training.task.data) == 5
    assert "broken.png" in training.task.data.skipped[0]
