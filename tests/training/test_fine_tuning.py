"""Runs that begin with the weights of another run."""

import shutil
import tomllib

import numpy as np
import pytest
from run_files import files, untrained_run

from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError, ConfigError
from rawgan.gan import ImageSpec, build
from rawgan.inference.fine_tuning import start_of, with_start
from rawgan.inference.trained_networks import restore
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import About, Checkpoint, read, write
from rawgan.training import Trainer, train
from rawgan.training.start import take_weights, weights_of
from rawgan.training.state import arrays_of

TINY = {"model": "dcgan", "image_size": 8, "width": 2, "noise_size": 4, "batch_size": 4, "samples": 4,
        "sample_every": 2, "checkpoint_every": 2, "steps": 3}  # fmt: skip


def flags(**options):
    return [word for name, value in (TINY | options).items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    np.save(folder / "grey.npy", rng.integers(0, 256, (12, 8, 8), np.uint8))
    np.save(folder / "colour.npy", rng.integers(0, 256, (12, 8, 8, 3), np.uint8))
    return folder


@pytest.fixture(scope="module")
def base(data, tmp_path_factory):
    """A run to begin with."""
    folder = RunFolder.create(tmp_path_factory.mktemp("base") / "run", "x")
    train(Trainer(TrainConfig.of(data=str(data / "grey.npy"), channels=1, **TINY)), folder)
    return folder


def config_of(data, base, **options):
    return TrainConfig.of(**{"data": str(data), "init": str(base.path), "seed": 1, **TINY, **options})


# --- weights ----------------------------------------------------------------------------------------------------------


def test_networks_begin_with_all_weights_and_new_optimisers(data, base):
    config, start = with_start(config_of(data / "grey.npy", base))
    trainer, there = Trainer(config, start=start), read(base.checkpoints()[-1])
    own = arrays_of(trainer.gan)
    weights = [name for name in own if "_optimizer" not in name]
    assert {name.partition(".")[0] for name in weights} == {"generator", "discriminator", "average"}
    for name in weights:
        np.testing.assert_array_equal(own[name], there.arrays[name], err_msg=name)
    moments = [name for name in own if "_optimizer" in name]
    assert moments
    assert not any(own[name].any() for name in moments)
    assert any(there.arrays[name].any() for name in moments)
    assert trainer.reached == 0
    assert {count for optimizer in trainer.gan.optimizers.values() for count in optimizer.counts} == {0}


def test_layers_that_do_not_fit_begin_as_without_a_start(data, base):
    config, start = with_start(config_of(data / "colour.npy", base))
    trainer, fresh = Trainer(config, start=start), Trainer(config.replace(init=None, init_digest=None))
    own, new, there = arrays_of(trainer.gan), arrays_of(fresh.gan), start.arrays
    other = {"generator.4", "average.4", "discriminator.0"}  # the layers next to the pixels
    for name, array in own.items():
        if "_optimizer" not in name:
            expected = new[name] if name.rpartition(".")[0] in other else there[name]
            np.testing.assert_array_equal(array, expected, err_msg=name)
    assert trainer.taken.anew == [
        "generator.4 w (4, 4, 3, 2), there (4, 4, 1, 2)", "discriminator.0 w (4, 4, 3, 2), there (4, 4, 1, 2)",
    ]  # fmt: skip


def test_a_layer_takes_all_of_its_arrays_or_none():
    """The last layer of G has a bias that would fit a kernel of another size."""
    gan, wide = (build("dcgan", ImageSpec(8), width=width, noise_size=4) for width in (2, 3))
    before = arrays_of(gan)
    for array in (arrays := arrays_of(wide)).values():
        array[...] = 7.0
    assert arrays["generator.4.b"].shape == before["generator.4.b"].shape
    with pytest.raises(ArgumentError, match=r"^--init runs/wide: none of its layers fits") as error:
        take_weights(gan, Checkpoint(About(1, 1, {}), arrays), "runs/wide")
    assert "generator.0 w (4, 32), there (4, 48); generator.2 gamma (2,), there (3,); " in str(error.value)
    np.testing.assert_array_equal(arrays_of(gan)["generator.4.b"], before["generator.4.b"])


def test_an_average_that_the_other_run_lacks_is_that_of_its_generator():
    gan, plain = (
        build("dcgan", ImageSpec(8), width=2, average_decay=decay, seed=seed) for decay, seed in ((0.9, 0), (0, 1))
    )
    take_weights(gan, Checkpoint(About(1, 1, {}), arrays_of(plain)), "runs/a")
    for name, array in gan.average.state_dict().items():
        np.testing.assert_array_equal(array, plain.generator.state_dict()[name])


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fine(data, base, tmp_path_factory):
    """A run that began with another one, trained without a stop."""
    out = tmp_path_factory.mktemp("fine") / "run"
    command = ["train", "--data", str(data / "colour.npy"), "--init", str(base.path), *flags(steps=6, seed=1)]
    assert main([*command, "--out", str(out)]) == 0
    return RunFolder.open(out)


def test_a_run_writes_down_where_it_began(fine, base):
    written = tomllib.loads(fine.config_file.read_text())
    assert written["init"] == str(base.path)
    weights = weights_of(read(base.checkpoints()[-1]))
    config, start = with_start(TrainConfig.of(init=str(base.path), **TINY))
    assert written["init_digest"] == config.start.digest
    assert {name: array.tobytes() for name, array in read(fine.start_file).arrays.items()} == {
        name: array.tobytes() for name, array in weights.arrays.items()
    }
    assert start.about.step == 3


def test_the_command_names_the_layers_that_begin_anew(data, base, tmp_path, capsys):
    command = ["train", "--data", str(data / "colour.npy"), "--init", str(base.path), *flags(steps=1)]
    assert main([*command, "--out", str(tmp_path / "run")]) == 0
    assert (
        f"weights of {base.path}, step 3: 6 of 8 layers fit; new weights in generator.4 w (4, 4, 3, 2), there "
        "(4, 4, 1, 2); discriminator.0 w (4, 4, 3, 2), there (4, 4, 1, 2)\n"
    ) in capsys.readouterr().out


@pytest.mark.parametrize("stop", ["before the first checkpoint", "after it"])
def test_a_resumed_run_ends_with_the_same_bits_without_the_other_run(stop, data, base, fine, tmp_path):
    other = shutil.copytree(base.path, tmp_path / "other")
    out, steps = tmp_path / "run", 1 if stop == "before the first checkpoint" else 3
    command = ["train", "--data", str(data / "colour.npy"), "--init", str(other), *flags(steps=steps, seed=1)]
    assert main([*command, "--out", str(out)]) == 0
    shutil.rmtree(other)
    if steps == 1:
        shutil.rmtree(out / "checkpoints")
    else:
        (out / "samples" / "step-000000.png").unlink()  # which shows the weights that it began with
    assert main(["train", "--resume", str(out), "--steps", "6"]) == 0
    ours, theirs = files(RunFolder.open(out)), files(fine)
    checkpoint = "checkpoints/step-000006.safetensors"
    for name in ("config.toml", checkpoint):  # which name the other run
        assert ours.pop(name) != theirs.pop(name)
    assert ours == theirs
    mine, whole = (read(folder / checkpoint).arrays for folder in (out, fine.path))
    assert {name: array.tobytes() for name, array in mine.items()} == {n: a.tobytes() for n, a in whole.items()}


def test_a_lost_copy_of_the_weights_ends_no_run(data, base, tmp_path, capsys):
    out = tmp_path / "run"
    command = ["train", "--data", str(data / "grey.npy"), "--init", str(base.path), *flags(steps=3)]
    assert main([*command, "--out", str(out)]) == 0
    (out / "init.safetensors").unlink()
    (out / "samples" / "step-000000.png").unlink()
    assert main(["train", "--resume", str(out), "--steps", "4"]) == 0
    assert "lacks 1 pictures of earlier steps" in capsys.readouterr().out


def test_a_run_is_repeated_by_its_configuration_as_long_as_the_weights_are_the_same(data, base, fine, tmp_path, capsys):
    again = ["train", "--config", str(fine.path)]
    assert main([*again, "--out", str(tmp_path / "again")]) == 0
    assert files(RunFolder.open(tmp_path / "again")) == files(fine)
    other = untrained_run(tmp_path / "other", model="dcgan")
    assert main([*again, "--init", str(other.path), "--steps", "1", "--out", str(tmp_path / "new")]) == 0
    written = tomllib.loads((tmp_path / "new" / "config.toml").read_text())
    assert written["init_digest"] != tomllib.loads(fine.config_file.read_text())["init_digest"]
    text = fine.config_file.read_text().replace(str(base.path), str(other.path))
    (tmp_path / "changed.toml").write_text(text)
    capsys.readouterr()
    assert main(["train", "--config", str(tmp_path / "changed.toml"), "--out", str(tmp_path / "bad")]) == 1
    assert "its weights are not those of digest" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()


def test_a_checkpoint_file_is_a_start_too(data, base, tmp_path):
    best = shutil.copy(base.checkpoints()[0], tmp_path / "best.safetensors")
    config, start = with_start(TrainConfig.of(init=str(best), **TINY))
    assert start.about.step == 2
    assert with_start(config)[0] == config
    _, latest = with_start(TrainConfig.of(init=str(base.path), **TINY))
    assert latest.about.step == 3


def test_without_a_start_there_is_no_copy_of_one(base):
    assert not base.start_file.exists()
    assert "init" not in tomllib.loads(base.config_file.read_text())


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "residual"], "its networks are of model dcgan, but those of this run of model residual"),
        (["--width", "3", "--noise-size", "5"], "none of its layers fits the networks of this run"),
    ],
)
def test_weights_of_other_networks_are_refused(options, message, data, base, tmp_path, capsys):
    command = ["train", "--data", str(data / "grey.npy"), *flags(), "--init", str(base.path), *options]
    assert main([*command, "--out", str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert f"--init {base.path}: {message}" in error
    assert "--config RUN" in error
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_resumed_keeps_its_start(fine, tmp_path, capsys):
    assert main(["train", "--resume", str(fine.path), "--init", str(tmp_path)]) == 1
    assert "would become another run" in capsys.readouterr().err


def spoilt(base, path, change):
    """A copy of the base's checkpoint with other content, and a checksum that is right."""
    found = read(base.checkpoints()[-1])
    arrays, config = {name: array.copy() for name, array in found.arrays.items()}, dict(found.about.config)
    change(arrays, config)
    write(path, Checkpoint(About(3, 3, config), arrays))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays, config: arrays["generator.0.w"].__setitem__(0, np.nan), "generator.0.w has numbers that are"),
        (lambda arrays, config: config.update(model="\x1b[2J" * 99), r"its networks are of model '\\x1b\[2J.*…, but"),
        (lambda arrays, config: config.pop("model"), "its networks are of model None"),
    ],
)  # fmt: skip
def test_hostile_weights_are_refused(change, message, base, tmp_path):
    path = spoilt(base, tmp_path / "a.safetensors", change)
    with pytest.raises((ArgumentError, ConfigError), match=message):
        with_start(TrainConfig.of(init=str(path), **TINY))


def test_weights_of_other_types_are_passed_over(base, tmp_path):
    def change(arrays, config):
        arrays["generator.0.w"] = arrays["generator.0.w"].astype(np.int32)
        arrays["generator.4.w"] = arrays["generator.4.w"].astype(np.float64) + 1e300

    path = spoilt(base, tmp_path / "a.safetensors", change)
    gan = build("dcgan", ImageSpec(8), width=2, noise_size=4)
    taken = take_weights(gan, weights_of(read(path)), "a")
    assert [line.partition(" ")[0].rstrip(",") for line in taken.anew] == ["generator.0", "generator.4"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_file_that_is_no_checkpoint_is_refused(content, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.safetensors"):
        with_start(TrainConfig.of(init=str(tmp_path / "a.safetensors"), **TINY))


def test_a_run_without_a_checkpoint_or_with_another_copy_is_refused(base, fine, tmp_path):
    empty = RunFolder.create(tmp_path / "empty", "x")
    empty.write_config({"command": "train"})
    with pytest.raises(ConfigError, match="has no checkpoint yet"):
        with_start(TrainConfig.of(init=str(empty.path), **TINY))
    folder = RunFolder.open(shutil.copytree(fine.path, tmp_path / "run"))
    shutil.copy(folder.checkpoints()[-1], folder.start_file)
    config = TrainConfig.from_dict(folder.read_config(), "x")
    with pytest.raises(ConfigError, match="has other weights than those that the run began with"):
        start_of(config, folder, begun=True)
    with pytest.raises(ConfigError, match="its weights are needed, but were not given"):
        Trainer(config)


def test_images_are_made_with_the_weights_that_a_run_began_with(data, base, tmp_path):
    """Before the first step: the average is taken, too."""
    config, start = with_start(config_of(data / "grey.npy", base, seed=0))
    theirs, _ = restore(base)
    assert Trainer(config, start=start).task.sample().tobytes() == _samples(theirs, config)


def _samples(gan, config):
    from rawgan.gan import generate

    return generate(gan.sampler, gan.grid(config.seed, "samples", 4).latent).tobytes()
