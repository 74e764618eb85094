"""Run folders: files come back as written, nothing is overwritten, and every error names its file."""

import errno
import json
import math
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rawgan.errors import ArgumentError, ConfigError, FileError
from rawgan.storage import RunFolder, new_folder, run_folder
from rawgan.storage.atomic import write_file
from rawgan.storage.toml_file import read_toml


@pytest.fixture
def run(tmp_path):
    with RunFolder.create(tmp_path / "run", "test") as run:
        yield run


def bytes_of(path):
    """Bytes of every file below a folder."""
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


# --- atomic writes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failed_write_leaves_the_old_file_and_no_other_file(tmp_path, monkeypatch, call, error):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*args, **options):
        assert path.read_text() == "old"
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(ConfigError if error is OSError else error):
        write_file(path, b"new", durable=True)
    monkeypatch.undo()
    assert bytes_of(tmp_path) == {path: b"old"}
    write_file(path, b"new")
    assert bytes_of(tmp_path) == {path: b"new"}


def test_a_durable_write_is_on_the_disk_before_the_old_file_goes(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: order.append("fsync") or fsync(fd))
    monkeypatch.setattr(os, "replace", lambda *paths, **at: order.append("replace") or replace(*paths, **at))
    run = RunFolder(tmp_path)
    run.write_config({})
    assert order == ["fsync", "replace", "fsync"]  # the bytes, the name, the folder with the name


def test_files_get_the_permissions_that_others_get(tmp_path):
    (tmp_path / "plain").touch()
    run = RunFolder(tmp_path)
    run.write_config({})
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "plain", run.config_file)}
    assert len(modes) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"inside/config\.toml could not be written: "):
        RunFolder(tmp_path / "file" / "inside").write_config({})


# --- create and open -------------------------------------------------------------------------------------


def test_the_default_folder_has_name_and_time_and_never_one_that_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new_folder.time, "strftime", lambda form: "20250131-184502")
    names = [RunFolder.create(None, "mnist").path.as_posix() for _ in range(3)]
    stem = "runs/mnist-20250131-184502"
    assert names == [stem, f"{stem}-2", f"{stem}-3"]
    assert all((tmp_path / name).is_dir() for name in names)


def test_the_time_in_the_default_name_is_a_date_and_a_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert re.fullmatch(r"mnist-20\d{6}-\d{6}", RunFolder.create(None, "mnist").path.name)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("../../etc/cats & dogs", "etc-cats-dogs-"), ("..", "run-"), ("", "run-"), ("Größe.2", "Größe.2-")],
)
def test_any_name_makes_a_folder_inside_runs(tmp_path, monkeypatch, name, stem):
    monkeypatch.chdir(tmp_path)
    path = RunFolder.create(None, name).path
    assert path.parent == Path("runs")
    assert path.name.startswith(stem)


def test_an_empty_folder_is_taken_and_missing_parents_are_made(tmp_path):
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(tmp_path / "empty", "x").path.is_dir()
    assert RunFolder.create(str(tmp_path / "a" / "b"), "x").path.is_dir()


def test_a_folder_that_holds_anything_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    before = bytes_of(tmp_path)
    with pytest.raises(ConfigError, match=r"(?s)is not empty.*choose another folder, or delete"):
        RunFolder.create(tmp_path, "x")
    assert bytes_of(tmp_path) == before
    with pytest.raises(ConfigError, match=r"notes\.txt is a file"):
        RunFolder.create(tmp_path / "notes.txt", "x")


def test_a_parent_that_cannot_be_written_is_an_error_that_names_it(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file/run could not be made: Not a directory"):
        RunFolder.create(tmp_path / "file" / "run", "x")

    def refuse(self, *args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ConfigError, match="runs could not be made: Permission denied"):
        RunFolder.create(None, "x")


def test_open_takes_a_run_and_nothing_else(tmp_path, run):
    run.write_config({"steps": 5})
    again = RunFolder.open(str(run.path))
    assert again.read_config() == {"steps": 5}
    assert repr(again) == f"RunFolder({str(run.path)!r})"

    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty is not a run: it has no config\.toml\n.*nearby.*run"):
        RunFolder.open(tmp_path / "empty")
    with pytest.raises(ConfigError, match=r"is not a run: it has no config\.toml\n  the runs in it: .*run$"):
        RunFolder.open(tmp_path)
    with pytest.raises(ConfigError, match=r"config\.toml is a file; .*\n  did you mean .*run\?"):
        RunFolder.open(run.config_file)
    run.samples_folder.mkdir()
    with pytest.raises(ConfigError, match=r"samples is not a run: .*\n  did you mean .*run\?"):
        RunFolder.open(run.samples_folder)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("runs/mnist-20250131-184520", "runs/mnist-20250131-184502"),  # two digits swapped
        ("runs/cifar", "runs/cifar10-20250202-101010"),  # the beginning
        ("mnist-20250131-184502", "runs/mnist-20250131-184502"),  # the folder forgotten
        ("runs", "runs/cifar10-20250202-101010, runs/mnist-20250131-184502"),  # one floor too high
        ("runs/zebra", "runs/cifar10-20250202-101010, runs/mnist-20250131-184502"),
        ("elsewhere/zebra", "runs/cifar10-20250202-101010, runs/mnist-20250131-184502"),
    ],
)
def test_open_suggests_the_run_that_was_meant(tmp_path, monkeypatch, asked, meant):
    monkeypatch.chdir(tmp_path)
    for name in ("mnist-20250131-184502", "cifar10-20250202-101010"):
        RunFolder(f"runs/{name}").write_config({})
    (tmp_path / "runs" / "mnist-20250131-184521").mkdir()  # of a better name, but no run
    with pytest.raises(ConfigError) as error:
        RunFolder.open(asked)
    first, hint = str(error.value).split("\n")
    assert first.startswith(asked)
    assert hint.endswith((f": {meant}", f"did you mean {meant}?"))


def test_open_says_when_there_is_no_run_at_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"(?s)nothing does not exist.*no runs beside it"):
        RunFolder.open("nothing")


# --- config.toml -----------------------------------------------------------------------------------------


def test_a_config_comes_back_without_values_that_were_none(run):
    run.write_config(
        {
            "dataset": Path("pictures") / "cats",
            "seed": np.int64(3),
            "rate": np.float32(0.5),
            "limit": None,
            "betas": (0.5, 0.999),
            "generator": {"widths": [64, 32], "bias": None, "quote": 'a "b"\n\\ ü'},
        }
    )
    assert run.read_config() == {
        "dataset": str(Path("pictures") / "cats"),
        "seed": 3,
        "rate": 0.5,
        "betas": [0.5, 0.999],
        "generator": {"widths": [64, 32], "quote": 'a "b"\n\\ ü'},
    }


@pytest.mark.parametrize("installed", [True, False])
def test_a_config_names_the_version_that_wrote_it(run, monkeypatch, installed):
    def version(name):
        if not installed:
            raise run_folder.PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(run_folder, "version", version)
    run.write_config({"steps": 1})
    first = run.config_file.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# A run of rawgan 1.2.3. " if installed else "# A run of rawgan. ")


def test_a_config_that_toml_cannot_hold_is_refused_and_the_old_one_stays(run):
    run.write_config({"steps": 1})
    with pytest.raises(ConfigError, match=r"config\.toml: .*object.*\n.*can be written"):
        run.write_config({"steps": object()})
    assert run.read_config() == {"steps": 1}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"steps = 1\nrate == 2\n", 2),
        (b"steps = 1\n\nsteps = 2\n", 3),
        (b'a = 1\nb = 2\nc = "open', 3),
        (b"a = 1\n\nb = '\xff'\n", 3),
    ],
    ids=["syntax", "twice", "cut short", "not UTF-8"],
)
def test_a_broken_config_is_named_with_its_line(run, text, line):
    run.config_file.write_bytes(text)
    with pytest.raises(ConfigError, match=rf"config\.toml, line {line}, is not TOML: "):
        run.read_config()


def test_a_missing_config_is_named(run):
    with pytest.raises(ConfigError, match=r"config\.toml could not be read: No such file"):
        run.read_config()


# --- metrics.jsonl ---------------------------------------------------------------------------------------


VALUES = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=25)
@given(st.lists(st.dictionaries(st.text().filter(lambda name: name != "step"), VALUES)))
def test_metrics_come_back_as_they_were(tmp_path_factory, records):
    with RunFolder(tmp_path_factory.mktemp("run")) as run:
        for record in records:
            run.append_metrics(record)
        assert run.read_metrics() == records


def test_a_line_is_in_the_file_at_once(run):
    assert run.read_metrics() == []
    for step in range(3):
        run.append_metrics({"step": step})
        assert run.read_metrics() == [{"step": n} for n in range(step + 1)]
        assert run.metrics_file.read_bytes().endswith(b"\n")


def test_the_file_is_opened_once(run, monkeypatch):
    opened = []
    original = os.open
    monkeypatch.setattr(os, "open", lambda name, *a, **k: opened.append(name) or original(name, *a, **k))
    for step in range(5):
        run.append_metrics({"step": step})
    assert opened == [str(run.metrics_file)]
    run.close()
    run.close()
    run.append_metrics({"step": 5})
    assert [record["step"] for record in run.read_metrics()] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), np.array(np.inf), None])
def test_numbers_that_are_not_finite_become_null_and_nan_again(run, value):
    run.append_metrics({"step": 1, "d_loss": value})
    text = run.metrics_file.read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {"step": 1, "d_loss": None}
    (record,) = run.read_metrics()
    assert record["step"] == 1
    assert math.isnan(record["d_loss"])


def test_numbers_of_numpy_become_plain_ones(run):
    run.append_metrics({"a": np.float32(0.5), "b": np.int64(3), "c": np.array(2.0)})
    assert run.metrics_file.read_text() == '{"a": 0.5, "b": 3, "c": 2.0}\n'


@pytest.mark.parametrize("value", [object(), np.zeros(3), [math.nan], "text", True, 2**53 + 1])
def test_values_that_are_not_numbers_are_refused_before_anything_is_written(run, value):
    with pytest.raises(ArgumentError, match=r"metrics\.jsonl: .*\n  metrics are numbers"):
        run.append_metrics({"step": value})
    assert not run.metrics_file.exists()


def test_an_incomplete_file_loses_its_last_line_only(run):
    records = [{"step": n, "ü": n, "d_loss": n / 7} for n in range(3)]
    lines = [json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records]
    whole = b"".join(lines)
    for size in range(len(whole) + 1):
        run.metrics_file.write_bytes(whole[:size])
        # a line is whole with its closing brace, even when the newline was lost
        count = sum(size >= len(b"".join(lines[: n + 1])) - 1 for n in range(3))
        assert run.read_metrics() == records[:count]
        with RunFolder(run.path) as again:
            again.append_metrics({"step": 99})
        assert run.read_metrics() == [*records[:count], {"step": 99}]


@pytest.mark.parametrize("line", [b'{"step": 1', b"[1, 2]", b"nonsense", b"\xff\xfe"])
def test_a_broken_line_in_the_middle_is_named_with_its_number(run, line):
    run.metrics_file.write_bytes(b'{"step": 0}\n\n' + line + b'\n{"step": 2}\n')
    with pytest.raises(ConfigError, match=r"metrics\.jsonl, line 3, is not a JSON object: ") as error:
        run.read_metrics()
    assert line.decode(errors="replace") in str(error.value)


def test_metrics_that_cannot_be_written_or_read_are_named(run):
    run.metrics_file.mkdir()
    with pytest.raises(ConfigError, match=r"metrics\.jsonl could not be written: Is a directory"):
        run.append_metrics({"step": 1})
    with pytest.raises(ConfigError, match=r"metrics\.jsonl could not be read: Is a directory"):
        run.read_metrics()


# --- samples ---------------------------------------------------------------------------------------------


def test_samples_are_sorted_by_step_and_only_samples(run):
    steps = [0, 500, 999_999, 1_000_000, 20_000_000]
    run.samples_folder.mkdir()
    for step in reversed(steps):
        run.sample_path(step).touch()
    for name in ("step-1.png.tmp", ".step-000500.png.ab12.tmp", "step-x.png", "grid.png"):
        (run.samples_folder / name).touch()
    assert run.samples() == [run.sample_path(step) for step in steps]
    assert RunFolder(run.path / "none").samples() == []


def test_a_negative_step_is_refused(run):
    with pytest.raises(ArgumentError, match="got -1"):
        run.sample_path(-1)


def test_a_configuration_may_begin_with_a_byte_order_mark(tmp_path):
    """As editors on Windows write it."""
    (tmp_path / "config.toml").write_bytes("\ufeffsteps = 2\n# größer\n".encode())
    assert read_toml(tmp_path / "config.toml") == {"steps": 2}
    (tmp_path / "config.toml").write_text("steps = 2\n", encoding="utf-16")
    with pytest.raises(ConfigError, match=r"config.toml is UTF-16, which TOML must not be\n  save it as UTF-8"):
        read_toml(tmp_path / "config.toml")


def test_a_run_that_was_killed_before_it_had_a_configuration_can_be_started_again(tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / ".lock").touch()
    (out / ".config.toml.0123abcd.tmp").write_text("half")
    run = RunFolder.create(out, "x")
    with run.locked():
        run.write_config({"steps": 1})
    (out / "config.toml").unlink()
    (out / ".losses.png.0123abcd.tmp").touch()
    with pytest.raises(ConfigError, match="not empty"):
        RunFolder.create(out, "x")


@pytest.mark.parametrize("reading", ["open", "locked", "newest_checkpoint"])
def test_an_error_names_the_file_that_the_system_does_not_tell_of(reading, tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path / "run", "x")
    run.write_config({"steps": 1})
    run.checkpoints_folder.mkdir()
    (run.checkpoints_folder / "step-000001.safetensors").mkdir()  # which cannot be read

    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "is_symlink", fail)
    calls = {"open": lambda: RunFolder.open(run.path), "locked": lambda: run.locked().__enter__()}
    with pytest.raises(FileError, match=r"run.* could not be .*: Input/output error"):
        calls.get(reading, run.newest_checkpoint)()


def test_errors_of_closing_a_folder_or_a_lock_are_ignored(tmp_path, monkeypatch):
    """Nothing was written to either. An error of closing a written file does count."""
    close = os.close
    written = set()

    def fail(descriptor):
        is_written = descriptor in written
        close(descriptor)
        if not is_written:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: (written.add(descriptor), write(descriptor, data))[1])
    monkeypatch.setattr(os, "close", fail)
    run = RunFolder.create(tmp_path / "run", "x")
    with run.locked():
        run.write_config({"steps": 1})
    monkeypatch.undo()
    assert run.read_config() == {"steps": 1}
