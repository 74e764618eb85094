"""Commands name a file of a run that is damaged, lost, or cannot be read."""

import errno
import io
import json
import os
import shutil

import numpy as np
import pytest

from rawgan import files
from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.config.translation import Pix2pixConfig
from rawgan.errors import ConfigError, DivergedError, FileError
from rawgan.inference.trained_networks import restore
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import Damaged, read
from rawgan.storage.checkpoint_files import set_aside
from rawgan.training import Trainer, train

NEWEST = "step-000006.safetensors"


@pytest.fixture(scope="module", autouse=True)
def _quick():
    """Leave out plots of layers: matplotlib takes longer than these runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rawgan.cli.commands.diagnose.plot_layers", lambda path, layers: path)
        yield


def trained(place, kind, **options):
    """Run with checkpoints of steps 3 and 6."""
    path = place / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (100, 16, 16), np.uint8))
    config = kind.of(
        data=str(path), image_size=16, channels=1, steps=6, width=2, batch_size=4, samples=4, checkpoint_every=3,
        sample_every=3, **options,
    )  # fmt: skip
    folder = RunFolder.create(place / "run", "x")
    train(Trainer(config), folder)
    return folder.path


@pytest.fixture(scope="module")
def of_noise(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("noise"), TrainConfig, noise_size=4)


@pytest.fixture(scope="module")
def of_images(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("images"), Pix2pixConfig, pairs="edges", patch=16)


@pytest.fixture
def run(of_noise, tmp_path):
    return shutil.copytree(of_noise, tmp_path / "run")


@pytest.fixture
def translator(of_images, tmp_path):
    return shutil.copytree(of_images, tmp_path / "translator")


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])
    return path


def refuse(monkeypatch, path, number):
    """Let the system refuse to open a file, as without permission, or on a failing disk."""
    opened = os.open

    def refusing(name, *args, **options):
        if os.fspath(name) == os.fspath(path):
            raise OSError(number, os.strerror(number), os.fspath(name))
        return opened(name, *args, **options)

    monkeypatch.setattr(files.os, "open", refusing)


# --- damaged checkpoints ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    ["sample RUN", "interpolate RUN --frames 2 --walks 2", "diagnose RUN", "train --resume RUN", "diagnose TRANSLATOR",
     "apply TRANSLATOR PICTURE", "evaluate TRANSLATOR", "pix2pix --resume TRANSLATOR"],
)  # fmt: skip
def test_every_command_names_the_damaged_checkpoint_and_the_step_used_instead(command, run, translator, capfd):
    for each in (run, translator):
        cut(each / "checkpoints" / NEWEST)
    places = {"RUN": run, "TRANSLATOR": translator, "PICTURE": translator / "samples" / "step-000003.png"}
    asked = [str(places.get(word, word)) for word in command.split()]
    main(asked)
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "damaged" in line]
    damaged = (run if "RUN" in command.split() else translator) / "checkpoints" / NEWEST
    assert line.startswith(f"rawgan: {damaged} is damaged or cut short: ")
    assert line.endswith("; step 3 is used instead")


def test_evaluate_names_the_damaged_checkpoint(tmp_path, capfd):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(TrainConfig.of(steps=2, width=2, batch_size=4, samples=4, checkpoint_every=1)), folder)
    cut(folder.checkpoints()[-1])
    assert main(["evaluate", str(folder.path), "--samples", "80"]) == 0
    printed = capfd.readouterr()
    assert f"{folder.checkpoints()[-1]} is damaged" in printed.err
    assert printed.err.strip().endswith("; step 1 is used instead")
    assert "of step 1 " in printed.out


def test_a_whole_checkpoint_is_used_silently(run, capfd):
    assert main(["sample", str(run)]) == 0
    assert capfd.readouterr().err == ""


def test_several_damaged_checkpoints_are_one_line(run, capfd):
    shutil.copy(run / "checkpoints" / NEWEST, run / "checkpoints" / "step-000007.safetensors")
    for step in (6, 7):
        cut(run / "checkpoints" / f"step-00000{step}.safetensors")
    assert main(["sample", str(run)]) == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.index("step-000007") < line.index("step-000006") < line.index("step 3 is used")


def test_a_damaged_best_checkpoint_that_is_asked_for_is_an_error(run, capfd):
    shutil.copy(run / "checkpoints" / NEWEST, run / "best.safetensors")
    cut(run / "best.safetensors")
    assert main(["sample", str(run), "--best"]) == 1
    printed = capfd.readouterr().err
    assert f"{run / 'best.safetensors'} is damaged" in printed
    assert "leave out --best" in printed
    assert main(["sample", str(run)]) == 0


def test_resuming_sets_aside_a_damaged_best_checkpoint_and_reports_it(run, capfd):
    shutil.copy(run / "checkpoints" / "step-000003.safetensors", run / "best.safetensors")
    data = cut(run / "best.safetensors").read_bytes()
    assert main(["train", "--resume", str(run)]) == 0
    aside = run / "best.safetensors.damaged"
    assert f"set aside: {aside}" in capfd.readouterr().out
    assert aside.read_bytes() == data


def test_a_best_checkpoint_with_a_flipped_bit_is_no_best(run):
    folder = RunFolder.open(run)
    shutil.copy(run / "checkpoints" / NEWEST, folder.best_file)
    assert folder.best_step() == 6
    data = bytearray(folder.best_file.read_bytes())
    data[-5] ^= 1
    folder.best_file.write_bytes(data)
    assert folder.best_step() is None


def test_going_back_names_the_damaged_checkpoint(run):
    folder, said = RunFolder.open(run), []
    checkpoint = folder.newest_checkpoint()[0]
    config = TrainConfig.from_dict(folder.read_config(), "x").replace(steps=8)
    training = Trainer(config, checkpoint=checkpoint)
    cut(run / "checkpoints" / NEWEST)
    training.gan.generator.parameters()[0].data[...] = np.inf
    with pytest.raises(DivergedError), np.errstate(all="ignore"):
        train(training, folder, tell=said.append)
    assert any(line.startswith("skipped: ") and NEWEST in line for line in said)


def test_only_damaged_checkpoints_are_called_damaged(run):
    path = run / "checkpoints" / NEWEST
    assert set_aside(path) == path.with_name(f"{NEWEST}.later")
    assert read(path.with_name(f"{NEWEST}.later")).about.step == 6
    other = cut(run / "checkpoints" / "step-000003.safetensors")
    assert set_aside(other).name == "step-000003.safetensors.damaged"


# --- what the system does not let be read -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ESTALE], ids=errno.errorcode.get)
@pytest.mark.parametrize("command", ["sample RUN", "interpolate RUN", "diagnose RUN", "train --resume RUN"])
def test_a_checkpoint_that_cannot_be_opened_is_an_error_and_stays(command, number, run, monkeypatch, capfd):
    path = run / "checkpoints" / NEWEST
    before = path.read_bytes(), sorted((run / "checkpoints").iterdir())
    refuse(monkeypatch, path, number)
    assert main(command.replace("RUN", str(run)).split()) == 1
    monkeypatch.undo()
    assert f"{path} could not be read: {os.strerror(number)}" in capfd.readouterr().err
    assert (path.read_bytes(), sorted((run / "checkpoints").iterdir())) == before


def test_a_checkpoint_whose_reading_fails_is_an_error(run, monkeypatch):
    path = run / "checkpoints" / NEWEST

    class Failing(io.BytesIO):
        def fileno(self):
            return descriptor.fileno()

        def read(self, size=-1):
            if size < 0:  # behind the header
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(size)

    monkeypatch.setattr("rawgan.storage.checkpoint.open_file", lambda path: Failing(path.read_bytes()))
    with path.open("rb") as descriptor, pytest.raises(FileError, match="could not be read: Input/output error"):
        read(path)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
@pytest.mark.parametrize("target", [NEWEST, "gone.safetensors"], ids=["to itself", "to nothing"])
def test_a_link_that_leads_nowhere_is_an_error(target, run):
    path = run / "checkpoints" / NEWEST
    path.unlink()
    path.symlink_to(target)
    with pytest.raises(FileError, match=rf"{NEWEST} could not be read"):
        RunFolder.open(run).newest_checkpoint()
    with pytest.raises(FileError, match=rf"{NEWEST} could not be read"):
        RunFolder.open(run).rewind(3, lambda step: True)
    assert path.is_symlink()


def test_a_checkpoint_that_training_deletes_meanwhile_is_skipped(run, monkeypatch):
    folder = RunFolder.open(run)
    path = run / "checkpoints" / NEWEST
    later = path.with_name("step-000009.safetensors")
    opened = os.open

    def replaced(name, *args, **options):
        if os.fspath(name) == os.fspath(path) and path.exists():
            path.rename(later)  # as if it were written now, and the one before it deleted
        return opened(name, *args, **options)

    monkeypatch.setattr(files.os, "open", replaced)
    checkpoint, faults = folder.newest_checkpoint()
    assert (checkpoint.about.step, faults) == (6, [])


def test_a_best_checkpoint_that_cannot_be_opened_is_not_replaced(run, monkeypatch, capfd):
    best = run / "best.safetensors"
    shutil.copy(run / "checkpoints" / NEWEST, best)
    refuse(monkeypatch, best, errno.EACCES)
    assert main(["sample", str(run), "--best"]) == 1
    assert main(["train", "--resume", str(run), "--steps", "7"]) == 1
    assert capfd.readouterr().err.count(f"{best} could not be read: Permission denied") == 2
    monkeypatch.undo()
    assert read(best).about.step == 6


def test_folders_that_cannot_be_listed_are_errors_and_no_reason_to_begin_anew(run, monkeypatch, capfd):
    listing = os.listdir
    hidden = {str(run / "checkpoints"), str(run.parent)}

    def refusing(path="."):
        if os.fspath(path) in hidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return listing(path)

    monkeypatch.setattr(os, "listdir", refusing)
    metrics = (run / "metrics.jsonl").read_bytes()
    assert main(["train", "--resume", str(run)]) == 1
    assert main(["runs", str(run.parent)]) == 1
    printed = capfd.readouterr().err
    assert f"{run / 'checkpoints'} could not be read: Permission denied" in printed
    assert f"{run.parent} could not be read: Permission denied" in printed
    assert (run / "metrics.jsonl").read_bytes() == metrics


def test_runs_tells_what_cannot_be_read_from_what_is_damaged(run, monkeypatch, capsys):
    damaged = shutil.copytree(run, run.with_name("cut"))
    cut(damaged / "checkpoints" / NEWEST)
    path = run / "checkpoints" / NEWEST
    path.unlink()
    path.mkdir()
    monkeypatch.setattr("rawgan.cli.terminal.text.PIPE_WIDTH", 200)
    assert main(["runs", str(run.parent)]) == 0
    printed = capsys.readouterr().out
    (broken,) = [line for line in printed.splitlines() if line.split()[:1] == ["cut"]]
    (unread,) = [line for line in printed.splitlines() if line.split()[:1] == ["run"] and "of" not in line.split()]
    assert broken.rstrip().endswith("damaged")
    assert unread.rstrip().endswith("cannot be read")
    assert "Is a directory" in printed


def test_runs_of_other_users_are_not_called_running(run, monkeypatch, capsys):
    shutil.copytree(run, run.with_name("half"))
    metrics = run.with_name("half") / "metrics.jsonl"
    metrics.write_bytes(b"".join(metrics.read_bytes().splitlines(keepends=True)[:4]))
    for each in (run, run.with_name("half")):
        (each / ".lock").touch()

    def refused(lock):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("rawgan.storage.run_folder.is_marked", refused)
    assert main(["runs", str(run.parent)]) == 0
    printed = capsys.readouterr().out.splitlines()
    states = {line.split()[0]: line.rstrip() for line in printed if line.strip()}
    assert states["half"].endswith("  not finished")
    assert states["run"].endswith("  finished")


# --- files of which a part is lost ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["sample RUN", "diagnose RUN", "train --resume RUN"])
def test_lost_lines_of_a_configuration_are_not_replaced_by_defaults(command, run, capfd):
    file = run / "config.toml"
    lines = file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("seed", "ema", "steps"))]
    file.write_text("\n".join(kept))
    assert main(command.replace("RUN", str(run)).split()) == 1
    printed = capfd.readouterr().err
    assert f"{file} is not whole: it lacks options of step 6\n  add these lines: " in printed
    missing = printed.partition("add these lines: ")[2].strip().split("; ")
    assert sorted(missing) == ["ema = 0.995", "seed = 0"]  # steps may change, and be left out
    file.write_text("\n".join([*kept, *missing, "steps = 6"]))
    assert main(command.replace("RUN", str(run)).split()) in (0, 1)
    assert "is not whole" not in capfd.readouterr().err


def test_lost_lines_of_the_configuration_of_a_translator_are_not_replaced_by_defaults(translator, capfd):
    file = translator / "config.toml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("seed")))
    assert main(["evaluate", str(translator)]) == 1
    assert "add these lines: seed = 0" in capfd.readouterr().err


def test_resuming_says_how_many_lines_of_the_metrics_are_lost(run, capfd):
    file = run / "metrics.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[2:]))
    assert main(["train", "--resume", str(run), "--steps", "7"]) == 0
    assert f"{file} lacks 2 of 6 steps" in capfd.readouterr().out
    assert [json.loads(line)["step"] for line in file.read_bytes().splitlines()] == [3, 4, 5, 6, 7]


def test_metrics_that_cannot_be_opened_are_not_taken_for_empty(run, monkeypatch, capfd):
    refuse(monkeypatch, run / "metrics.jsonl", errno.EACCES)
    assert main(["train", "--resume", str(run), "--steps", "7"]) == 1
    assert f"{run / 'metrics.jsonl'} could not be read: Permission denied" in capfd.readouterr().err


def test_a_picture_that_cannot_be_opened_is_not_called_damaged(run, monkeypatch):
    from rawgan.pictures.animation import animate_folder

    refuse(monkeypatch, run / "samples" / "step-000003.png", errno.EACCES)
    with pytest.raises(FileError, match=r"step-000003\.png could not be read: Permission denied$"):
        animate_folder(run / "a.gif", run / "samples")


def test_damage_and_refusal_are_different_errors(run):
    path = run / "checkpoints" / NEWEST
    with pytest.raises(FileError):
        read(path.with_name("none.safetensors"))
    with pytest.raises(Damaged):
        read(cut(path))
    assert not issubclass(Damaged, FileError)
    assert not issubclass(FileError, Damaged)
    assert restore(RunFolder.open(run))[1] == 3
    cut(run / "checkpoints" / "step-000003.safetensors")
    with pytest.raises(ConfigError, match="no checkpoint of this run is whole"):
        restore(RunFolder.open(run))
