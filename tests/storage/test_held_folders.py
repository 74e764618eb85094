"""Files of a run are whole, in its folder, and from one process, whatever the disk, links and others do."""

import errno
import mmap
import os
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext, suppress

import numpy as np
import pytest

from rawgan.cli import main
from rawgan.errors import ConfigError, FileError
from rawgan.storage import RunFolder, locks
from rawgan.storage.atomic import delete, intended_name, make_folder, rename, write_file
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.storage.checkpoint_files import set_aside
from rawgan.storage.held_folder import holding, open_own_file
from rawgan.training.background import Background

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")


@pytest.fixture
def run(tmp_path):
    RunFolder.create(tmp_path / "run", "x").write_config({"steps": 1})
    with RunFolder(tmp_path / "run") as run:
        yield run


@pytest.fixture
def outside(tmp_path):
    """Folder outside of the run, with files of the same names."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("step-000001.png", "step-000001.safetensors", ".step-000001.png.0123abcd.tmp", "metrics.jsonl"):
        (folder / name).write_text("precious")
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def made(step):
    return Checkpoint(About(step, 9, {}), {})


# --- every byte is written, or none -----------------------------------------------------------------------------------


@pytest.fixture
def disk(monkeypatch):
    """Disk with room for so many bytes: a longer write is cut short, and returns the number of bytes written."""
    room, write = [1 << 60], os.write

    def limited(descriptor, data):
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = write(descriptor, data[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "write", limited)
    return room


def test_a_short_write_is_continued(run, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    run.append_metrics({"step": 1})
    run.append_alarms([{"step": 1, "symptom": "x"}])
    run.save_checkpoint(made(1), keep=3)
    assert run.metrics_file.read_bytes() == b'{"step": 1}\n'
    assert run.alarms_file.read_bytes() == b'{"step": 1, "symptom": "x"}\n'
    assert run.newest_checkpoint()[0].about.step == 1


@pytest.mark.parametrize("room", range(0, 12, 3))
def test_a_line_on_a_full_disk_is_cut_off_again(run, disk, room):
    run.append_metrics({"step": 1})
    disk[0] = room
    with pytest.raises(FileError, match=r"metrics\.jsonl could not be written: No space left on device"):
        run.append_metrics({"step": 2})
    assert run.metrics_file.read_bytes() == b'{"step": 1}\n'
    disk[0] = 1 << 60  # somebody has made room
    run.append_metrics({"step": 3})
    assert run.metrics_file.read_bytes() == b'{"step": 1}\n{"step": 3}\n'


def test_a_half_line_that_cannot_be_cut_off_is_cut_off_by_the_next_one(run, disk, monkeypatch):
    run.append_metrics({"step": 1})
    disk[0] = 5

    def failing(*args):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", failing)
        with pytest.raises(FileError, match="No space left on device"):
            run.append_metrics({"step": 2})
    assert run.metrics_file.read_bytes() == b'{"step": 1}\n{"ste'
    disk[0] = 1 << 60
    run.append_metrics({"step": 3})
    assert run.metrics_file.read_bytes() == b'{"step": 1}\n{"step": 3}\n'


@pytest.mark.parametrize("name", ["config.toml", "best.safetensors", "alarms.jsonl"])
def test_a_file_on_a_full_disk_leaves_the_old_one(run, disk, name):
    path = run.path / name
    path.write_bytes(b"before")
    names = sorted(os.listdir(run.path))
    disk[0] = 4
    with pytest.raises(FileError, match="No space left on device"):
        write_file(path, b"after it")
    assert path.read_bytes() == b"before"
    assert sorted(os.listdir(run.path)) == names


def test_nothing_is_written_after_a_failed_write():
    """Otherwise, a small best checkpoint might fit without the checkpoints before it."""
    done = []

    def failing():
        raise FileError("no room")

    def write():
        with Background() as background:
            background._thread.submit(time.sleep, 0.05)  # until all are asked for
            background.do(done.append, 1)
            background.do(failing)
            background.do(done.append, 2)

    with pytest.raises(FileError, match="no room"):
        write()
    assert done == [1]


def test_glued_lines_behind_the_step_that_is_gone_back_to_are_cut_off(run):
    run.metrics_file.write_bytes(b'{"step": 1}\n{"step": 2}\n{"step": 3, "d_l{"step": 4}\n{"step": 5}\n')
    with pytest.raises(ConfigError, match="line 3, is not a JSON object"):
        run.rewind(3, lambda step: True)
    run.rewind(2, lambda step: True)
    assert run.metrics_file.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


# --- file systems that lack a call ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF], ids=errno.errorcode.get)
def test_folders_that_cannot_be_flushed_are_written_to(tmp_path, monkeypatch, number):
    fsync = os.fsync

    def lacking(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", lacking)
    assert write_file(tmp_path / "a", b"a", durable=True).read_bytes() == b"a"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS], ids=errno.errorcode.get)
def test_files_that_cannot_be_flushed_are_written(run, monkeypatch, number):
    def lacking(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", lacking)
    run.append_metrics({"step": 1})
    run.save_checkpoint(made(1), keep=1)
    assert run.newest_checkpoint()[0].about.step == 1


def test_checkpoints_are_read_where_files_cannot_be_mapped_into_memory(run, monkeypatch):
    def lacking(*args, **options):
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    run.save_checkpoint(Checkpoint(About(1, 9, {}), {"w": np.ones(3)}), keep=1)
    monkeypatch.setattr(mmap, "mmap", lacking)
    monkeypatch.setattr(np, "memmap", lacking)
    assert run.newest_checkpoint()[0].arrays["w"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_flush_that_fails_is_an_error(run, monkeypatch, number):
    def failing(descriptor):
        raise OSError(number, os.strerror(number))

    run.append_metrics({"step": 1})
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(FileError, match=rf"metrics\.jsonl could not be written: {os.strerror(number)}"):
        run.save_checkpoint(made(1), keep=1)
    assert not run.checkpoints()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL], ids=errno.errorcode.get)
def test_without_locks_there_is_an_error_with_a_way_out_and_the_new_folder_stays_empty(tmp_path, monkeypatch, number):
    def lacking(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks, "_lock", lacking)
    run = RunFolder.create(tmp_path / "run", "x")
    with pytest.raises(FileError, match=r"could not be locked: .*\n  train on a file system that has them: --out"):
        run.locked().__enter__()
    assert not os.listdir(run.path)
    with run.results():  # what is found out about a run is written all the same
        write_file(run.path / "evaluation.json", b"{}")


# --- one writer -------------------------------------------------------------------------------------------------------


def test_a_lock_keeps_out_another_process(run):
    code = f"from rawgan.storage import RunFolder\nwith RunFolder({str(run.path)!r}).locked(): print('locked')"
    with run.locked():
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "is being written to by another process" in found.stderr
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "locked\n"


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
def test_a_run_whose_folder_goes_away_writes_nothing_more(run, how):
    with run.locked():
        run.append_metrics({"step": 1})
        if how == "moved":
            run.path.rename(run.path.with_name("elsewhere"))
        else:
            shutil.rmtree(run.path)
        if how == "replaced":
            run.path.mkdir()
            run.config_file.write_text("seed = 2")
        for write in (
            lambda: run.append_metrics({"step": 2}),
            lambda: run.save_checkpoint(made(2), keep=1),
            lambda: run.append_alarms([{"step": 2}]),
            lambda: write_file(run.sample_path(2), b""),
            lambda: delete(run.config_file),
        ):
            with pytest.raises(ConfigError, match="has disappeared while it was written to"):
                write()
    assert os.path.exists(run.path) == (how == "replaced")
    if how == "replaced":
        assert list(contents(run.path)) == ["config.toml"]


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_run_whose_lock_goes_away_writes_nothing_more(run, how):
    lock = run.path / ".lock"
    with run.locked():
        lock.unlink()
        if how == "replaced":
            lock.touch()
        with pytest.raises(ConfigError, match="the lock, was deleted or replaced while it was held"):
            run.append_metrics({"step": 1})
    assert not run.metrics_file.exists()


def test_a_lock_that_is_replaced_meanwhile_is_not_held(run, monkeypatch):
    lock, taken = locks._lock, []

    def slow(descriptor):
        lock(descriptor)
        if not taken:  # as if another process had deleted the folder, and begun anew
            (run.path / ".lock").unlink()
        taken.append(descriptor)

    monkeypatch.setattr(locks, "_lock", slow)
    with pytest.raises(ConfigError, match="is being written to by another process"):
        run.locked().__enter__()
    with run.locked():
        assert len(taken) == 2


def test_a_new_folder_is_checked_again_once_it_is_locked(tmp_path):
    """Otherwise, the second of two processes that begin at once would overwrite the first one's run."""
    first, second = (RunFolder.create(tmp_path / "run", "x") for _ in range(2))
    with first.locked():
        first.write_config({"seed": 1})
    with pytest.raises(ConfigError, match="is not empty, and a run never overwrites another"):
        second.locked().__enter__()


def test_results_of_a_run_are_written_by_one_process_at_a_time(run, monkeypatch):
    monkeypatch.setattr("rawgan.storage.run_folder.RESULTS_SECONDS", 0.0)
    with run.locked(), RunFolder(run.path).results():  # training or not
        found = subprocess.run(
            [sys.executable, "-c", f"import rawgan.storage.run_folder as f\nf.RESULTS_SECONDS = 0.0\n"
             f"with f.RunFolder({str(run.path)!r}).results(): print('written')"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "is being written to by another process" in found.stderr


@pytest.mark.parametrize(("number", "goes_on"), [(errno.EACCES, True), (errno.EROFS, True), (errno.EIO, False)])
def test_results_are_written_without_a_lock_only_where_there_can_be_none(run, monkeypatch, number, goes_on):
    def refuse(path, flags):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("rawgan.storage.locks.open_own_file", refuse)
    with nullcontext() if goes_on else pytest.raises(FileError, match="could not be locked"), run.results():
        pass


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["samples", "checkpoints"])
def test_a_run_with_a_link_for_a_folder_is_refused(run, outside, name):
    (run.path / name).symlink_to(outside)
    with pytest.raises(ConfigError, match=f"{name} is a link, and a run writes through none"):
        RunFolder.open(run.path)


@pytest.mark.parametrize("name", ["samples", "checkpoints"])
def test_nothing_is_written_or_deleted_through_a_link_that_replaces_a_folder(run, outside, name):
    before = contents(outside)
    with run.locked():
        run.save_checkpoint(made(1), keep=3)
        write_file(run.sample_path(1), b"a picture")
        shutil.rmtree(run.path / name)
        (run.path / name).symlink_to(outside)
        for write in (
            lambda: (
                run.save_checkpoint(made(2), keep=1) if name == "checkpoints" else write_file(run.sample_path(2), b"")
            ),
            lambda: delete(run.path / name / "step-000001.png"),
            lambda: rename(run.path / name / "step-000001.png", "x"),
            lambda: make_folder(run.path / name / "x"),
            lambda: run.rewind(0, lambda step: False),
        ):
            with pytest.raises(ConfigError, match=f"{name} is a link"):
                write()
    assert contents(outside) == before


@pytest.mark.parametrize("call", ["mkdir", "open", "replace", "unlink"])
def test_a_link_placed_between_two_calls_leads_nowhere(run, outside, monkeypatch, call):
    """Folders are opened without following links, and used by their descriptors."""
    before, original = contents(outside), getattr(os, call)

    def exchanged(*args, **options):
        if not run.samples_folder.is_symlink():
            with monkeypatch.context() as patch:
                patch.setattr(os, call, original)
                if run.samples_folder.exists():
                    run.samples_folder.rename(run.path / "aside")
                run.samples_folder.symlink_to(outside)
        return original(*args, **options)

    with run.locked():
        write_file(run.sample_path(1), b"a picture")
        monkeypatch.setattr(os, call, exchanged)
        for write in (lambda: write_file(run.sample_path(1), b"new"), lambda: delete(run.sample_path(1))):
            with suppress(ConfigError):  # where the link is seen
                write()
    monkeypatch.undo()
    assert contents(outside) == before


def test_a_file_with_a_second_name_elsewhere_is_left_alone(run, outside):
    before = contents(outside)
    for name in ("metrics.jsonl", ".lock", "alarms.jsonl", "best.safetensors"):
        os.link(outside / "metrics.jsonl", run.path / name)
    with run.locked():
        run.metrics_file.unlink()
        os.link(outside / "metrics.jsonl", run.metrics_file)
        run.append_metrics({"step": 1})
        run.save_best(made(1))
        write_file(run.alarms_file, b"")
        run.append_metrics({"step": 2})
        os.link(run.metrics_file, run.path.with_name("backup"))  # while it trains
        copy = run.path.with_name("backup").read_bytes()
        run.append_metrics({"step": 3})
        run.append_metrics({"step": 4})
    assert contents(outside) == before
    assert run.path.with_name("backup").read_bytes() == copy
    assert [record["step"] for record in run.read_metrics()] == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["metrics.jsonl", ".lock"])
def test_links_for_files_that_are_opened_are_refused(run, outside, name):
    before = contents(outside)
    (run.path / name).symlink_to(outside / "metrics.jsonl")
    with pytest.raises(ConfigError, match="is a link, and a run writes through none"), run.locked():
        run.append_metrics({"step": 1})
    assert contents(outside) == before


def test_links_for_files_that_are_replaced_are_replaced(run, outside):
    before = contents(outside)
    for path in (run.best_file, run.sample_path(1), run.checkpoints_folder / "step-000001.safetensors"):
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(outside / "step-000001.png")
    with run.locked():
        run.save_best(made(1))
        run.save_checkpoint(made(1), keep=1)
        write_file(run.sample_path(1), b"a picture")
        assert set_aside(run.best_file).name == "best.safetensors.later"
    assert contents(outside) == before
    assert run.sample_path(1).read_bytes() == b"a picture"


@pytest.mark.parametrize(
    "command",
    ["train --data ring8 --steps 1 --out LINK", "sample RUN --single --out LINK", "apply RUN PICTURE --out LINK"],
)
def test_a_link_is_no_output_folder(command, trained, translator, tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    picture = translator / "samples" / "step-000000.png"
    run = translator if command.startswith("apply") else trained
    places = {"LINK": tmp_path / "link", "RUN": run, "PICTURE": picture}
    assert main([str(places.get(word, word)) for word in command.split()]) == 1
    assert f"{tmp_path / 'link'} is a link" in capfd.readouterr().err
    assert not os.listdir(tmp_path / "empty")


def test_a_pipe_is_no_file_to_append_to(run):
    os.mkfifo(run.metrics_file)
    with pytest.raises(FileError, match="a pipe or a device, not a file"):
        run.append_metrics({"step": 1})


# --- litter -----------------------------------------------------------------------------------------------------------


def test_only_what_training_left_half_written_is_deleted(run):
    run.samples_folder.mkdir()
    own = [run.path / ".metrics.jsonl.0123abcd.tmp", run.samples_folder / ".step-000001.png.0123abcd.tmp"]
    others = [
        run.path / ".precious.tmp",
        run.path / ".images-seed-0.png.0123abcd.tmp",
        run.samples_folder / ".mine.tmp",
    ]
    for path in (*own, *others):
        path.touch()
    run.rewind(0, lambda step: True)
    assert not any(path.exists() for path in own)
    assert all(path.exists() for path in others)
    assert intended_name(own[0]) == "metrics.jsonl"


def test_open_files_are_not_inherited_by_child_processes(tmp_path):
    """Otherwise, a lock would outlive its process in a child."""
    descriptor = open_own_file(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    with holding(tmp_path) as held:
        assert not os.get_inheritable(descriptor)
        assert not os.get_inheritable(held.descriptor)
    os.close(descriptor)


# --- whoever writes into a run that others write to -------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return _trained(tmp_path_factory.mktemp("noise"), "train --noise-size 4")


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    return _trained(tmp_path_factory.mktemp("images"), "pix2pix --pairs edges --patch 16")


def _trained(place, command):
    np.save(place / "images.npy", np.random.default_rng(0).integers(0, 256, (40, 16, 16), np.uint8))
    options = "--image-size 16 --width 2 --batch-size 4 --samples 4 --steps 1"
    asked = [*command.split(), *options.split(), "--data", str(place / "images.npy"), "--out", str(place / "run")]
    assert main(asked) == 0
    return place / "run"


def test_two_processes_that_apply_a_run_use_two_folders(translator, tmp_path, monkeypatch, capsys):
    """The second one begins when the first has chosen its folder but not written a file yet."""
    run, picture = shutil.copytree(translator, tmp_path / "run"), translator / "samples" / "step-000000.png"
    from rawgan.cli.commands import apply

    others, save = [], apply.save_image

    def saving(path, image):
        if not others:
            others.append(path)
            assert main(["apply", str(run), str(picture)]) == 0
        return save(path, image)

    monkeypatch.setattr(apply, "save_image", saving)
    assert main(["apply", str(run), str(picture)]) == 0
    (run / "applied-3").touch()
    (run / "applied-4").symlink_to("nowhere")
    assert main(["apply", str(run), str(picture)]) == 0
    for name in ("applied", "applied-2", "applied-5"):
        assert sorted(os.listdir(run / name)) == ["sheet.png", "step-000000.png"]


def test_a_run_that_moves_while_it_is_sampled_is_an_error(trained, tmp_path, monkeypatch, capfd):
    run = shutil.copytree(trained, tmp_path / "run")
    from rawgan.cli.commands import sample

    generate = sample.generate

    def moving(*args, **options):
        run.rename(tmp_path / "moved")
        shutil.copytree(tmp_path / "moved", run)
        return generate(*args, **options)

    monkeypatch.setattr(sample, "generate", moving)
    assert main(["sample", str(run)]) == 1
    assert "has disappeared while it was written to" in capfd.readouterr().err
    assert not (run / "images-seed-0.png").exists()


def test_an_empty_output_folder_is_removed(translator, tmp_path, capfd):
    run = shutil.copytree(translator, tmp_path / "run")
    (tmp_path / "x.png").write_bytes(b"no picture")
    assert main(["apply", str(run), str(tmp_path / "x.png")]) == 1
    assert main(["apply", str(run), str(tmp_path / "x.png"), "--out", str(tmp_path / "out")]) == 1
    assert not (run / "applied").exists()
    assert not (tmp_path / "out").exists()
