"""Looking at runs: it disturbs none, shows what files say without doing it, and one bad folder hides no other."""

import io
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from rich.table import Table
from rich.text import Text

from rawgan.cli import main
from rawgan.cli.terminal.text import Terminal, say
from rawgan.errors import ConfigError
from rawgan.storage import RunFolder, checkpoint
from rawgan.storage.json_lines import LONGEST, read_last_line
from rawgan.storage.writer_mark import is_marked

HOSTILE = "\x1b]52;c;cm0gLXJmIH4=\x07\x1b[2J\u202e"
SHOWN = r"\x1b]52;c;cm0gLXJmIH4=\x07\x1b[2J\u202e"
CONFIG = 'model = "dcgan"\ndata = "mnist"\nsteps = 4\n'


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr("rawgan.cli.terminal.text.PIPE_WIDTH", 300)
    (tmp_path / "runs" / "good").mkdir(parents=True)
    (tmp_path / "runs" / "good" / "config.toml").write_text(CONFIG)
    return tmp_path / "runs"


def listing(runs: Path, capsys) -> str:
    assert main(["runs", str(runs)]) == 0
    return capsys.readouterr().out


def row(printed: str, name: str) -> str:
    (found,) = [line for line in printed.splitlines() if line.split()[:1] == [name]]
    return found.rstrip()


# --- nothing is disturbed --------------------------------------------------------------------------------------------


def test_who_looks_never_makes_a_writer_wait(runs):
    folder, ended, seen = RunFolder(runs / "good"), threading.Event(), set()

    def look():
        while not ended.is_set():
            seen.add(RunFolder(runs / "good").is_running())

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for each in lookers:
        each.start()
    try:
        for _ in range(300):
            with folder.locked():  # raises if it is locked
                assert RunFolder(runs / "good").is_running()
    finally:
        ended.set()
        for each in lookers:
            each.join()
    assert seen == {True, False}


def test_a_run_that_is_looked_at_is_opened_to_be_read_alone(runs, capsys, monkeypatch):
    with RunFolder(runs / "good").locked():
        pass
    before = {path: path.stat().st_mtime_ns for path in (runs, *runs.rglob("*"))}
    opened, flags = os.open, list[int]()

    def noted(path, flag, *more, **named):
        flags.append(flag)
        return opened(path, flag, *more, **named)

    monkeypatch.setattr(os, "open", noted)
    assert row(listing(runs, capsys), "good").endswith("interrupted")
    assert flags
    assert not any(flag & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) for flag in flags)
    assert {path: path.stat().st_mtime_ns for path in (runs, *runs.rglob("*"))} == before


def test_the_mark_goes_with_the_process(runs):
    lock = runs / "good" / ".lock"
    with RunFolder(runs / "good").locked():
        assert is_marked(lock)
        lock.chmod(0o444)
        assert is_marked(lock)
    assert not is_marked(lock)


def test_a_checkpoint_that_is_deleted_meanwhile_is_no_fault(runs, capsys, monkeypatch):
    """A training deletes old ones as it writes new ones."""
    folder = RunFolder(runs / "good")
    for step in (1, 2):
        folder.save_checkpoint(checkpoint.Checkpoint(checkpoint.About(step, 4, {}), {}), keep=9)
    gone, newer = folder.checkpoints()
    listed = iter([[gone], [newer]])
    gone.unlink()
    monkeypatch.setattr(RunFolder, "checkpoints", lambda self: next(listed))
    assert "0 of 4" in row(listing(runs, capsys), "good")


# --- what a terminal is sent -----------------------------------------------------------------------------------------


def test_names_and_values_of_runs_tell_the_terminal_nothing(runs, capsys):
    (runs / f"{HOSTILE}\n").mkdir()
    (runs / f"{HOSTILE}\n" / "config.toml").write_text(
        f"model = {json.dumps(HOSTILE)}\ndata = {json.dumps('x' * 1000 + HOSTILE)}\ntask = 1\n"
    )
    (runs / "broken").mkdir()
    (runs / "broken" / "config.toml").write_text(f"model = {json.dumps(HOSTILE)}\ndata = 'a'\nsteps = '{'x' * 50}'\n")
    printed = listing(runs, capsys)
    assert printed.replace("\n", "").isprintable()
    assert f"{SHOWN}\\n  {SHOWN}, {'x' * 80}…" in printed
    assert row(printed, "broken").endswith("damaged")


def _table(*cells):
    table = Table("heading", title="".join(cells) or None)
    table.add_row(*cells)
    return table


@pytest.mark.parametrize(("shown", "whole"), [(str, True), (Text, False), (_table, True), (Text.assemble, False)])
def test_nothing_that_is_printed_tells_the_terminal_anything(shown, whole):
    out = io.StringIO()
    Terminal(file=out, width=200, force_terminal=True).print(shown(f"{HOSTILE}[bold]:dog:[/]"))
    printed = out.getvalue()
    assert "\x1b]" not in printed
    assert "\x1b[2J" not in printed
    bell = r"\x07"
    assert (
        f"{SHOWN}[bold]:dog:[/]" in printed if whole else SHOWN.replace(bell, "") in printed
    )  # rich drops a Text's bells


def test_what_moves_in_a_terminal_still_does():
    out = io.StringIO()
    with Terminal(file=out, width=80, force_terminal=True).status("working"):
        pass
    assert "\x1b[?25l" in out.getvalue()  # rich's own
    say(Terminal(file=out), "a\x1b[2Jb\nc")
    assert out.getvalue().endswith("a\\x1b[2Jb\\nc\n")


def test_help_shows_the_values_of_somebody_elses_settings_as_text(tmp_path, capsys):
    (tmp_path / "theirs.toml").write_text(f"data = {json.dumps(HOSTILE)}\n")
    with pytest.raises(SystemExit):
        main(["train", "--config", str(tmp_path / "theirs.toml"), "--help"])
    printed = capsys.readouterr().out
    assert "\x1b]" not in printed
    assert SHOWN[:12] in printed


@pytest.mark.parametrize(
    "options",
    [["runs", "a", HOSTILE], ["info", HOSTILE], ["train", f"--{HOSTILE}"], ["sample", "x", "--device", HOSTILE],
     ["train", "--steps", HOSTILE], ["describe", HOSTILE]],
)  # fmt: skip
def test_arguments_which_may_be_names_of_files_are_told_of_as_text(options, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(options)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert SHOWN[:12] in said


def test_a_name_that_holds_control_characters_is_a_name(runs, capsys):
    runs.rename(runs.with_name(HOSTILE))
    assert "good" in listing(runs.with_name(HOSTILE), capsys)


# --- one bad folder --------------------------------------------------------------------------------------------------


def sparse(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.truncate(2**40)


BAD = {
    "a huge configuration": lambda run: sparse(run / "config.toml"),
    "huge metrics": lambda run: sparse(run / "metrics.jsonl"),
    "a huge checkpoint": lambda run: (
        (run / "checkpoints").mkdir(),
        sparse(run / "checkpoints" / "step-1.safetensors"),
    ),
    "another type": lambda run: (run / "config.toml").write_text('model = "a"\ndata = "b"\nsteps = [1]\n'),
    "a number of any length": lambda run: (run / "config.toml").write_text(CONFIG.replace("4", f"0x{'f' * 4000}")),
    "metrics of another type": lambda run: (run / "metrics.jsonl").write_text('{"step": "x"}\n'),
    "nothing": lambda run: (run / "config.toml").write_text(""),
    "a pipe": lambda run: os.mkfifo(run / "metrics.jsonl"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_run_does_not_hide_the_others(runs, name, capsys):
    (runs / "bad").mkdir()
    (runs / "bad" / "config.toml").write_text(CONFIG)
    BAD[name](runs / "bad")
    printed = listing(runs, capsys)
    assert row(printed, "good").endswith("interrupted")
    assert row(printed, "bad").endswith(("damaged", "cannot be read"))
    assert str(runs / "bad") in printed
    assert max(map(len, printed.splitlines())) < 1000


def test_an_error_of_any_kind_is_of_one_run(runs, capsys, monkeypatch):
    monkeypatch.setattr(RunFolder, "read_last_metrics", _out_of_memory)
    printed = listing(runs, capsys)
    assert row(printed, "good").endswith("damaged")
    assert f"{runs / 'good'}: its files make no sense (MemoryError: )" in printed


def _out_of_memory(self):
    raise MemoryError


def test_folders_nested_deeper_than_python_can_call_functions(runs, capsys, deep_folder):
    (deep_folder(runs / "good") / "file").touch()
    assert row(listing(runs, capsys), "good").endswith("interrupted")


# --- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", range(1, 30))
def test_the_last_whole_line_is_found_from_the_end(tmp_path, lost):
    run = RunFolder(tmp_path)
    for step in range(5):
        run.append_metrics({"step": step, "d_loss": 0.5})
    run.close()
    assert read_last_line(run.metrics_file) == {"step": 4, "d_loss": 0.5}
    run.metrics_file.write_bytes(run.metrics_file.read_bytes()[:-lost])
    assert read_last_line(run.metrics_file) == run.read_metrics()[-1]


def test_the_last_line_of_many_is_read_without_the_others(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"no line of metrics\n" * (2 * LONGEST // 19 + 9) + b'{"step": 7}\n')
    with pytest.raises(ConfigError, match="line 1, is not a JSON object"):
        RunFolder(tmp_path).read_metrics()
    path.write_bytes(b'{"a": 1}\n' * (2 * LONGEST // 9 + 9) + b'{"step": 7}\n')
    assert read_last_line(path) == {"step": 7}
    assert read_last_line(tmp_path / "none") is None


STEPS = ['"x"', "[1]", "{}", "true", "1e999", "-5", "1.5", "null", "9007199254740993"]
WRONG_ANYWHERE = [f'{{"step": {value}}}' for value in STEPS] + ['{"d_loss": []}', '{"d_loss": {}}', '{"symptom": []}']
WRONG_METRICS = ['{"d_loss": "a"}', '{"l1": false}', '{"d_loss": 1' + "0" * 400 + "}"]


@pytest.mark.parametrize("line", WRONG_ANYWHERE + WRONG_METRICS)
def test_a_line_of_metrics_has_numbers_or_is_named(tmp_path, line):
    run = RunFolder(tmp_path)
    run.metrics_file.write_text(f'{{"step": 1}}\n{line}\n')
    for read in (run.read_metrics, run.read_last_metrics):
        with pytest.raises(ConfigError, match=r"metrics\.jsonl, (line 2|last line), says '.*which no run writes"):
            read()


@pytest.mark.parametrize("line", WRONG_ANYWHERE)
def test_a_line_of_alarms_has_scalars_or_is_named(tmp_path, line):
    run = RunFolder(tmp_path)
    run.alarms_file.write_text(f"{line}\n")
    with pytest.raises(ConfigError, match=r"alarms\.jsonl, line 1, says '.*which no run writes"):
        run.rewind(9, lambda step: True)


def test_more_lines_than_memory_holds(tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    for step in range(9):
        run.append_metrics({"step": step})
    assert len(run.read_metrics()) == 9
    monkeypatch.setattr("rawgan.storage.json_lines.machine_bytes", lambda: 2000)
    with pytest.raises(ConfigError, match=r"metrics\.jsonl has more lines than fit into memory"):
        run.read_metrics()


# --- checkpoints -----------------------------------------------------------------------------------------------------

SAID = {"step": 3, "steps": 9, "config": {}, "counts": {"g": [3]}, "rates": {"g": 0.1}, "made_by": {"images": "9:ab"}}
NONSENSE = [
    {"made_by": {"images": 5}}, {"made_by": {"images": ["x"]}}, {"made_by": {"numpy": None}}, {"counts": {"g": [-1]}},
    {"counts": {"g": [10**400]}}, {"counts": {"g": [2**53 + 1]}}, {"counts": {"g": [True]}}, {"counts": {"g": [1.0]}},
    {"rates": {"g": 1e308}}, {"rates": {"g": 1}}, {"step": 10**30}, {"steps": 10**400}, {"rollbacks": 10**30},
]  # fmt: skip


@pytest.mark.parametrize("changed", NONSENSE)
def test_a_checkpoint_with_a_right_checksum_that_says_what_cannot_be(tmp_path, changed):
    path = tmp_path / "step-3.safetensors"
    arrays = {"x": np.ones(3, np.float32)}
    checkpoint.write(path, checkpoint.Checkpoint(checkpoint.About(**SAID), arrays))
    assert checkpoint.read(path).about == checkpoint.About(**SAID)
    checkpoint.write(path, checkpoint.Checkpoint(checkpoint.About(**SAID | changed), arrays))
    for read in (checkpoint.read, checkpoint.read_about):
        with pytest.raises(checkpoint.Damaged, match="what it says about its run makes no sense"):
            read(path)
