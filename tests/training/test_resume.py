"""A run that was stopped, killed, or short of a disk goes on, and ends with the same bits as one that never was."""

import errno
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from run_files import files
from safetensors.numpy import save
from watch import Watch

from rawgan import grad, ops
from rawgan.config.noise import TrainConfig
from rawgan.diagnosis.nonfinite import first_nonfinite
from rawgan.errors import ArgumentError, ConfigError, DivergedError
from rawgan.gan import MODELS, generate
from rawgan.inference.trained_networks import restore
from rawgan.nn import Module, Parameter
from rawgan.optim import SGD
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import About, Checkpoint, read
from rawgan.training import Trainer, train

STEPS = 7


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A run of seconds, on 12 random images."""
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return TrainConfig.of(
        data=str(path), model="dcgan", image_size=8, channels=1, steps=STEPS, width=2, noise_size=4, batch_size=4,
        samples=4, sample_every=3, checkpoint_every=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """The files of the run that nothing happened to."""
    folder = RunFolder.create(tmp_path_factory.mktemp("whole") / "run", "x")
    train(Trainer(config), folder)
    return files(folder)


def go_on(folder, config, *attached, **options):
    """As `rawgan train --resume` does."""
    checkpoint, _ = folder.newest_checkpoint()
    return train(Trainer(config, checkpoint=checkpoint), folder, *attached, **options)


def test_what_a_whole_run_leaves(whole):
    assert set(whole) == {
        "config.toml", "metrics.jsonl", "losses.png", "samples.gif",
        *(f"samples/step-00000{step}.png" for step in (0, 3, 6, 7)), "checkpoints/step-000007.safetensors",
    }  # fmt: skip


def test_a_run_that_was_ended_before_it_deleted_a_checkpoint_deletes_it_later(config, tmp_path):
    """As of a disk that fails then: resumed, the run has taken all steps, and saves no checkpoint any more."""
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config.replace(keep=2)), folder)
    kept = [path.name for path in folder.checkpoints()]
    shutil.copy(folder.checkpoints()[0], folder.checkpoints_folder / "step-000002.safetensors")
    go_on(folder, config.replace(keep=2))
    assert (
        [path.name for path in folder.checkpoints()] == kept == ["step-000006.safetensors", "step-000007.safetensors"]
    )


@pytest.mark.parametrize("stops", [(3,), (1, 2, 6), (2, 2, 5)])
def test_a_run_that_was_stopped_ends_with_the_same_bits(stops, config, whole, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    for stop in stops:
        seen = [folder.newest_checkpoint()[0].about.step if folder.checkpoints() else 0]
        reached = go_on(
            folder, config, Watch(lambda record, seen=seen: seen.append(record["step"])),
            should_stop=lambda seen=seen, stop=stop: seen[-1] >= stop,
        )  # fmt: skip
        assert reached == stop
    assert go_on(folder, config) == STEPS
    assert files(folder) == whole


def test_a_finished_run_goes_on_for_longer(config, whole, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config.replace(steps=4)), folder)
    assert folder.sample_path(4).exists()  # the last picture, which the longer run does not have
    assert go_on(folder, config) == STEPS
    assert files(folder) == whole


def test_what_was_lost_after_the_checkpoint_comes_again(config, whole, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config), folder)
    folder.checkpoints()[-1].unlink()
    folder.sample_path(6).unlink()  # that of the checkpoint it goes on from
    (folder.samples_folder / ".step-000009.png.0123abcd.tmp").touch()
    with folder.metrics_file.open("a") as file:
        file.write('{"step": 8, "d_lo')
    folder.animation_file.unlink()
    assert go_on(folder, config) == STEPS
    assert files(folder) == whole


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_the_newest_checkpoint_that_is_whole_is_found(damage, config, whole, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config), folder)
    path = folder.checkpoints()[-1]
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[-5] ^= 1
    path.write_bytes({"cut": data[:-1], "flipped": data, "empty": b""}[damage])
    checkpoint, faults = folder.newest_checkpoint()
    assert checkpoint.about.step == 6
    assert len(faults) == 1
    assert faults[0].startswith(f"{path} is damaged")
    assert go_on(folder, config) == STEPS
    aside = path.with_name(f"{path.name}.damaged")
    assert aside.read_bytes() == {"cut": data[:-1], "flipped": data, "empty": b""}[damage]
    aside.unlink()
    assert files(folder) == whole


def test_pictures_are_on_the_disk_before_the_checkpoint_that_goes_on_from_them(config, tmp_path, monkeypatch):
    """Or a power cut would leave pictures of no bytes."""
    folder, order, replace, fsync = RunFolder.create(tmp_path / "run", "x"), [], os.replace, os.fsync
    monkeypatch.setattr(os, "replace", lambda a, b, **at: order.append(str(b)) or replace(a, b, **at))
    monkeypatch.setattr(os, "fsync", lambda descriptor: order.append("fsync") or fsync(descriptor))
    train(Trainer(config), folder)
    for place, name in enumerate(order):
        if name != "fsync":
            assert (order[place - 1], order[place + 1]) == ("fsync", "fsync")  # its bytes, its name
    names = [name for name in order if name.startswith("step-")]
    assert names.index("step-000003.png") < names.index("step-000004.safetensors")
    assert names.index("step-000006.png") < names.index("step-000006.safetensors")


@pytest.fixture
def unflushed(monkeypatch):
    """Files whose bytes, and folders whose names, would be lost in a power cut at this moment."""
    found, calls = set(), {name: getattr(os, name) for name in ("open", "write", "mkdir", "replace", "fsync")}

    def place(name, folder):
        return name if folder is None else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)

    def opening(name, flags, *args, dir_fd=None):
        path = place(name, dir_fd)
        if flags & os.O_CREAT and not os.path.exists(path):
            found.add(os.path.dirname(path))
        return calls["open"](name, flags, *args, dir_fd=dir_fd)

    def writing(descriptor, data):
        found.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        return calls["write"](descriptor, data)

    def making(name, *args, dir_fd=None):
        calls["mkdir"](name, *args, dir_fd=dir_fd)
        found.add(os.path.dirname(place(name, dir_fd)))

    def replacing(before, after, src_dir_fd=None, dst_dir_fd=None):
        calls["replace"](before, after, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        found.add(os.path.dirname(place(after, dst_dir_fd)))
        if place(before, src_dir_fd) in found:  # under whatever name
            found.add(place(after, dst_dir_fd))

    def flushing(descriptor):
        calls["fsync"](descriptor)
        found.discard(os.readlink(f"/proc/self/fd/{descriptor}"))

    for name, call in zip(calls, (opening, writing, making, replacing, flushing), strict=True):
        monkeypatch.setattr(os, name, call)
    return found


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="open files are found by Linux's list of them")
def test_a_power_cut_after_a_checkpoint_costs_nothing_that_was_there_before_it(
    config, tmp_path, unflushed, monkeypatch
):
    folder, seen, save = RunFolder.create(tmp_path / "runs" / "run", "x"), [], RunFolder.save_checkpoint

    def saving(folder, made, keep):
        save(folder, made, keep)
        metrics = str(folder.metrics_file)  # of a later step, which is taken meanwhile
        seen.append({path for path in unflushed if path.startswith(str(tmp_path)) and path != metrics})

    monkeypatch.setattr(RunFolder, "save_checkpoint", saving)
    with folder.locked():
        train(Trainer(config), folder)
    assert len(seen) == 4
    assert set().union(*seen) <= {str(tmp_path)}  # where runs/ is, which is none of the run's
    assert str(folder.metrics_file) not in unflushed


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="open files are found by Linux's list of them")
def test_metrics_are_on_the_disk_with_the_first_checkpoint_after_them(tmp_path, unflushed):
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.checkpoints_folder.mkdir()
    unflushed.clear()
    folder.append_metrics({"step": 1})
    assert unflushed == {str(folder.path), str(folder.metrics_file)}
    folder.save_checkpoint(Checkpoint(About(1, 9, {}), {}), keep=1)
    assert not unflushed


@pytest.mark.parametrize("step", [0, 3, 6, 7])
@pytest.mark.parametrize("damage", ["empty", "cut", "missing"])
def test_a_picture_that_a_crash_took_is_made_again(damage, step, config, whole, tmp_path):
    folder, said = RunFolder.create(tmp_path / "run", "x"), []
    train(Trainer(config), folder)
    path = folder.sample_path(step)
    data = path.read_bytes()
    path.unlink() if damage == "missing" else path.write_bytes(b"" if damage == "empty" else data[:-1])
    training = Trainer(config, checkpoint=folder.newest_checkpoint()[0])
    assert train(training, folder, tell=said.append) == STEPS
    assert files(folder) == whole
    if step < STEPS:
        assert said == [f"{path} is missing or damaged, and made again, by the steps from {step // 6 * 6:,} on"]
    now, then = training.checkpoint().arrays, folder.newest_checkpoint()[0].arrays
    assert all(np.array_equal(now[name], array) for name, array in then.items())


def test_pictures_from_before_the_checkpoints_that_are_kept_are_not_made_again(config, tmp_path):
    """Else whoever deletes old pictures would have the whole run trained again."""
    folder, said = RunFolder.create(tmp_path / "run", "x"), []
    train(Trainer(config.replace(steps=12)), folder)
    for step in (6, 9):
        folder.sample_path(step).write_bytes(b"")
    folder.checkpoints_folder.joinpath("step-000008.safetensors").unlink()
    few = config.replace(steps=12, keep=1, checkpoint_every=5)
    train(Trainer(few, checkpoint=folder.newest_checkpoint()[0]), folder, tell=said.append)
    assert said[0] == f"{folder.samples_folder} lacks 2 pictures of earlier steps; they are not made again"
    assert [what.partition(":")[0] for what in said[1:]] == [f"left out of {folder.animation_file}"] * 2
    assert folder.animation_file.exists()


def test_a_picture_that_found_no_room_is_made_again_by_whoever_goes_on(config, whole, tmp_path, monkeypatch):
    """Also if the smaller checkpoints that come after it do find some."""
    folder, said, write = RunFolder.create(tmp_path / "run", "x"), [], os.write

    def full(descriptor, data):
        if bytes(data[:8]) == b"\x89PNG\r\n\x1a\n" and folder.sample_path(0).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    keeping = config.replace(keep=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert train(Trainer(keeping), folder, tell=said.append) == STEPS
    assert said[0] == f"{folder.sample_path(3)} could not be written: No space left on device; training goes on"
    assert len(folder.checkpoints()) == 4  # from which what is lacking can be made
    assert go_on(folder, keeping) == STEPS
    found = files(folder)
    assert found.pop("config.toml") != whole["config.toml"]
    assert {name for name in whole if found.get(name, b"") != whole[name]} <= {
        "config.toml", "checkpoints/step-000007.safetensors",  # which say how many to keep
    }  # fmt: skip


def test_a_picture_that_finds_room_later_is_written_later(config, whole, tmp_path, monkeypatch):
    folder, write, refused = RunFolder.create(tmp_path / "run", "x"), os.write, []

    def full(descriptor, data):
        if bytes(data[:8]) == b"\x89PNG\r\n\x1a\n" and not refused:
            refused.append(len(data))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    train(Trainer(config), folder)
    assert refused
    assert files(folder) == whole


def test_alarms_are_never_half_lost_while_a_run_goes_back(tmp_path, monkeypatch):
    """A process that is killed there would have those of before sounded again."""
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.append_alarms([{"step": step, "symptom": str(step)} for step in (3, 6, 9)])
    before = folder.alarms_file.read_bytes()

    def killed(*args, **options):
        assert folder.alarms_file.read_bytes() == before
        raise KeyboardInterrupt

    for call in ("replace", "unlink"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, killed)
            with suppress(KeyboardInterrupt):
                folder.rewind(6, lambda step: True)
            assert [alarm["step"] for alarm in folder.read_alarms()][:2] == [3, 6]
            before = folder.alarms_file.read_bytes()
    folder.rewind(6, lambda step: True)
    assert [alarm["step"] for alarm in folder.read_alarms()] == [3, 6]
    folder.rewind(2, lambda step: True)
    assert not folder.alarms_file.exists()


def test_what_a_later_rawgan_wrote_is_left_alone(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config), folder)
    path = folder.checkpoints()[-1]
    path.write_bytes(save({}, {"rawgan": '{"format": 2}'}))
    with pytest.raises(ConfigError, match="was written by a later rawgan"):
        folder.newest_checkpoint()


def test_no_checkpoint_is_whole(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config), folder, should_stop=lambda: bool(folder.checkpoints()))
    for path in folder.checkpoints():
        path.write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"^no checkpoint of this run is whole\n"):
        folder.newest_checkpoint()


def test_the_checkpoint_of_another_run_is_refused(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config), folder)
    checkpoint, _ = folder.newest_checkpoint()
    with pytest.raises(ConfigError) as error:
        Trainer(config.replace(width=3), checkpoint=checkpoint)
    assert str(error.value).startswith("the checkpoint of step 7 is of other networks\n  ")
    assert str(error.value).endswith("more")
    assert "should be" in str(error.value)


def test_sampling_takes_the_latest_checkpoint(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    training = Trainer(config)
    with pytest.raises(ConfigError, match=r"config\.toml could not be read"):
        restore(folder)
    folder.write_config(training.config.to_dict())
    with pytest.raises(ConfigError, match=r"has no checkpoint yet\n  let it train until it has: rawgan train --resume"):
        restore(folder)
    train(training, folder)
    gan, _ = restore(RunFolder.open(folder.path))
    np.testing.assert_array_equal(generate(gan.sampler, gan.noise(0, "samples", 4)), training.task.sample())


def test_a_checkpoint_says_what_a_run_is(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(config), folder)
    checkpoint = read(folder.checkpoints()[-1])
    assert (checkpoint.about.step, checkpoint.about.steps) == (STEPS, STEPS)
    assert (
        TrainConfig.from_dict(dict(checkpoint.about.config), "x")
        == config.replace(augment="diffaugment").with_absolute_paths()
    )
    assert checkpoint.about.made_by.keys() >= {"kernels", "device", "rawgan", "numpy", "numba"}
    assert checkpoint.about.counts["d_optimizer"][0] == STEPS


# --- locks, and folders that go away ------------------------------------------------------------------------------


def test_two_processes_do_not_write_to_one_run(tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    assert not folder.is_running()
    with folder.locked():
        assert folder.is_running()
        with (
            pytest.raises(ConfigError, match="is being written to by another process"),
            RunFolder(folder.path).locked(),
        ):
            pass
    assert not folder.is_running()


def test_a_folder_that_disappears_is_an_error(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    with pytest.raises(ConfigError, match="has disappeared while it was written to"):
        train(Trainer(config), folder, Watch(step=lambda record: shutil.rmtree(folder.path, ignore_errors=True)))


# --- numbers that are not finite ----------------------------------------------------------------------------------


@pytest.fixture
def poisoned(monkeypatch):
    """From step 5 on, tanh gives one NaN, unless the learning rate was halved."""
    import rawgan_kernels
    from rawgan.ops import activation

    state = {"training": None}

    def tanh(x):
        y = rawgan_kernels.tanh(x)
        training = state["training"]
        if len(x) == 4 and training.reached == 4 and training.gan.g_optimizer.lr == MODELS["dcgan"].learning_rate:
            y[0, 0] = np.nan
        return y

    class Poisoned:
        def __getattr__(self, name):
            return tanh if name == "tanh" else getattr(rawgan_kernels, name)

    monkeypatch.setattr(activation, "kernels", Poisoned())
    return state


def test_where_the_first_nan_came_from_is_found(poisoned, config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    poisoned["training"] = training = Trainer(config)
    said = []
    with pytest.raises(DivergedError) as error:
        train(training, folder, tell=said.append)
    lines = str(error.value).splitlines()
    assert lines[0] == "step 5: the losses are no longer finite, so training stops"
    assert lines[2].startswith("  it began in step 5: generator, layer ")
    assert "Tanh(), op Tanh, forward: 8 of 256 numbers are not finite" in lines[2]
    assert lines[3] == f"  the state before that step is kept: {folder.checkpoints()[-1]}"
    assert read(folder.checkpoints()[-1]).about.step == 4
    assert [record["step"] for record in folder.read_metrics()] == [1, 2, 3, 4]
    assert len(said) == 1


def test_a_run_that_is_told_to_goes_back_and_on(poisoned, config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    poisoned["training"] = training = Trainer(config.replace(on_nonfinite="rollback"))
    said = []
    assert train(training, folder, tell=said.append) == STEPS
    assert said[1].endswith("; going on from step 4 with half the learning rate, which was 0.001")
    assert [record["step"] for record in folder.read_metrics()] == list(range(1, STEPS + 1))
    about = read(folder.checkpoints()[-1]).about
    assert about.rollbacks == 1
    assert set(about.rates.values()) == {5e-4}


def test_going_back_ends_after_so_many_times(config, tmp_path, monkeypatch):
    """Each time with half the rate of the time before, however long ago the last checkpoint was."""
    folder, said = RunFolder.create(tmp_path / "run", "x"), []
    monkeypatch.setattr("rawgan.training.recovery.MOST_ROLLBACKS", 3)
    training = Trainer(config.replace(on_nonfinite="rollback", checkpoint_every=1000))
    overflowing(training, monkeypatch)
    with pytest.raises(
        DivergedError, match=r"it began in step 5: d_optimizer\.v\.0 \(.*\) is no longer finite"
    ) as error:
        train(training, folder, tell=said.append)
    assert "with a lower --learning-rate from there" in str(error.value)  # to go back once more is no way out
    rates = [what.rpartition(" ")[2] for what in said if "going on from step 4" in what]
    assert rates == ["0.001", "0.0005", "0.00025"]
    about = read(folder.checkpoints()[-1]).about
    assert (about.step, about.rollbacks, set(about.rates.values())) == (4, 3, {0.000125})
    assert all(np.isfinite(array).all() for path in folder.checkpoints() for array in read(path).arrays.values())


def test_a_run_that_is_stopped_after_going_back_goes_on_with_its_rate_and_count(config, tmp_path, monkeypatch):
    folder, said = RunFolder.create(tmp_path / "run", "x"), []
    asked = config.replace(on_nonfinite="rollback", checkpoint_every=1000)
    training = Trainer(asked)
    overflowing(training, monkeypatch)
    assert train(training, folder, tell=said.append, should_stop=lambda: len(said) > 1) == 4
    checkpoint, _ = folder.newest_checkpoint()
    assert (checkpoint.about.step, checkpoint.about.rollbacks) == (4, 1)
    again = Trainer(asked, checkpoint=checkpoint)
    assert again.rollbacks == 1
    assert again.gan.g_optimizer.lr == 0.0005


def test_a_run_that_looks_for_the_first_nan_stops_when_it_is_asked_to(config, tmp_path, monkeypatch):
    folder, said = RunFolder.create(tmp_path / "run", "x"), []
    training = Trainer(config.replace(on_nonfinite="rollback", checkpoint_every=2))
    overflowing(training, monkeypatch)
    assert train(training, folder, tell=said.append, should_stop=lambda: bool(said)) == 4
    assert folder.newest_checkpoint()[0].about.rollbacks == 0
    assert [record["step"] for record in folder.read_metrics()] == [1, 2, 3, 4]


def overflowing(training, monkeypatch):
    """Have a moment of D overflow in step 5, as it does where gradients are large: no loss shows it for long."""
    take = training.task.step

    def taken(index):
        outcome = take(index)
        if index == 4:
            training.gan.d_optimizer.state["v"][0].fill(np.inf)
        return outcome

    monkeypatch.setattr(training.task, "step", taken)


def test_a_gradient_that_overflows_is_found_in_the_backward_pass():
    """The root of a tiny number is fine; its slope, times 1e38, is not."""
    w = Parameter(np.array([1e-45, 1.0], "float32"))
    network = Module()
    network.w = w
    sgd = SGD([w], lr=0.1)

    def step():
        sgd.step(grad(ops.sum(ops.sqrt(w)) * 1e38, [w]))

    with np.errstate(over="ignore"):
        found = first_nonfinite(step, {"generator": network}, {"g_optimizer": sgd})
    assert str(found) == "outside of all layers, op Sqrt, backward: 1 of 2 numbers are not finite"


def test_weights_that_are_not_finite_are_not_saved(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    training = Trainer(config)

    def strike(record):
        if record["step"] == STEPS:  # the last step: no loss will show it
            training.gan.generator.parameters()[0].data *= np.nan

    with pytest.raises(DivergedError, match=r"^step 7: generator\.0\.w \(4, .*\) is no longer finite"):
        train(training, folder, Watch(step=strike))
    for path in folder.checkpoints():
        assert all(np.isfinite(array).all() for array in read(path).arrays.values())


def test_weights_that_are_not_finite_are_not_measured(config, tmp_path, monkeypatch):
    """The guard looks first, where a measurement would stumble over them."""
    folder = RunFolder.create(tmp_path / "run", "x")
    training = Trainer(config)
    training.config = training.config.replace(evaluate_every=1)
    take, measured = training.task.step, []

    def struck(index):
        outcome = take(index)
        if index == 4:
            training.gan.generator.parameters()[0].data *= np.nan
        return outcome

    monkeypatch.setattr(training.task, "measure", lambda: measured.append(1) or {"fid": 1.0})
    monkeypatch.setattr(training.task, "step", struck)
    with pytest.raises(DivergedError, match=r"step 5: generator\.0\.w \(4, .*\) is no longer finite"):
        train(training, folder)
    assert len(measured) == 4


def test_steps_that_are_finite_when_taken_again(config, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    training = Trainer(config)

    def strike(record):
        if record["step"] == 3:
            training.gan.discriminator.parameters()[0].data *= np.nan

    with pytest.raises(DivergedError, match="give finite numbers: is the memory sound"):
        train(training, folder, Watch(step=strike))
    assert [record["step"] for record in folder.read_metrics()] == [1, 2, 3][: len(folder.read_metrics())]


@pytest.mark.parametrize("model", ["dcgan", "style"])
def test_a_learning_rate_that_is_too_high_is_found_in_the_update(model, config, tmp_path):
    """And NumPy, which computes a part of what style does, warns of nothing."""
    folder, trainer = RunFolder.create(tmp_path / "run", "x"), Trainer(config.replace(model=model))
    trainer.task.config = trainer.task.config.replace(learning_rate=1e38)  # more than an option may be
    trainer.restart(None)
    with pytest.raises(DivergedError, match=r"it began in step 1: .*(update by Adam|op )"):
        train(trainer, folder)


def test_options_that_would_make_it_another_run(config):
    longer = config.replace(steps=99, learning_rate=0.1, keep=1)
    longer.check_resumed(config, Path("runs/x"))
    with pytest.raises(ArgumentError) as error:
        config.replace(batch_size=3).check_resumed(config, Path("runs/x"))
    assert str(error.value) == (
        "--batch-size 3: the run to resume has 4, and would become another run\n"
        "  leave --batch-size out; or begin a new run with --config runs/x --batch-size 3"
    )
    with pytest.raises(ArgumentError) as error:
        config.replace(mirror=False).check_resumed(config.replace(mirror=True), Path("runs/x"))
    assert str(error.value) == (
        "--no-mirror: the run to resume has True, and would become another run\n"
        "  leave --no-mirror out; or begin a new run with --config runs/x --no-mirror"
    )


def test_metrics_are_one_json_object_a_line(whole):
    assert [json.loads(line)["step"] for line in whole["metrics.jsonl"].splitlines()] == list(range(1, STEPS + 1))
