"""Watching: a run's files, read as they grow, go back, or make no sense."""

import json
import os

import pytest
from run_files import untrained_run

from rawgan.lab.watching import RunWatch, Tail, thinned
from rawgan.storage import RunFolder


@pytest.fixture
def run(tmp_path):
    return untrained_run(tmp_path / "run", steps=50)


def write(path, *lines, mode="a"):
    with open(path, mode) as file:
        file.writelines(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)


def test_lines_are_read_as_they_come(tmp_path):
    tail = Tail(tmp_path / "x.jsonl")
    tail.look()
    assert tail.lines == []
    write(tail.path, {"step": 1, "d_loss": 0.5}, '{"step": 2, "d_lo')
    tail.look()
    assert tail.lines == [{"step": 1, "d_loss": 0.5}]
    write(tail.path, 'ss": 0.25}\n')
    tail.look()
    assert tail.lines == [{"step": 1, "d_loss": 0.5}, {"step": 2, "d_loss": 0.25}]


def test_a_run_that_goes_back_is_followed(tmp_path):
    tail = Tail(tmp_path / "x.jsonl")
    write(tail.path, *({"step": step} for step in range(1, 6)))
    tail.look()
    write(tail.path, {"step": 1}, mode="w")  # shorter than before
    tail.look()
    assert tail.lines == [{"step": 1}]
    write(tail.path, *({"step": step} for step in range(2, 6)))
    tail.look()
    os.truncate(tail.path, len('{"step": 1}\n') * 3)
    write(tail.path, *({"step": step, "x": 1} for step in (4, 5, 6)))  # longer again before it was looked at
    tail.look()
    assert tail.lines == [*({"step": step} for step in (1, 2, 3)), *({"step": step, "x": 1} for step in (4, 5, 6))]
    (tmp_path / "y").write_text('{"step": 9}\n' * 9)
    os.replace(tmp_path / "y", tail.path)
    tail.look()
    assert tail.lines == [{"step": 9}]


def test_lines_that_make_no_sense_are_left_out(tmp_path):
    tail = Tail(tmp_path / "x.jsonl")
    write(
        tail.path,
        "no json\n",
        "[1]\n",
        '{"step": "3"}\n',
        '{"a": 1}\n',
        "\n",
        '{"step": 1, "x": "text", "y": 2, "z": null}\n',
    )
    tail.look()
    assert tail.lines == [{"step": 1, "y": 2}]


def test_progress_and_pace(run, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    watch = RunWatch(run)
    watch.look()
    assert (watch.reached, watch.steps, watch.is_running, watch.seconds_left) == (0, 50, False, None)
    for step in range(1, 11):
        now[0] += 2
        write(run.metrics_file, {"step": step})
        watch.look()
    assert watch.seconds_per_step == pytest.approx(2)
    assert watch.seconds_left is None  # nobody trains it
    with RunFolder.open(run.path).locked():
        watch.look()
        assert watch.is_running
        assert watch.seconds_left == pytest.approx(80)


@pytest.mark.parametrize("steps", ['"many"', "-3", "[1]", "true"])
def test_a_configuration_that_makes_no_sense_has_no_steps(run, steps):
    run.config_file.write_text(f"steps = {steps}\n")
    watch = RunWatch(run)
    watch.look()
    assert watch.steps in (None, True)
    assert watch.seconds_left is None


def test_pictures_are_those_of_the_run_and_no_links(run, tmp_path):
    (tmp_path / "secret.png").write_text("secret")
    run.samples_folder.mkdir(exist_ok=True)
    run.sample_path(3).write_bytes(b"x")
    run.sample_path(4).symlink_to(tmp_path / "secret.png")
    assert RunWatch(run).pictures() == [run.sample_path(3)]


def test_alarms_keep_their_words(run):
    run.append_alarms([{"step": 3, "symptom": "dead units", "remedy": "a smaller one"}])
    watch = RunWatch(run)
    watch.look()
    assert watch.alarms == [{"step": 3, "symptom": "dead units", "remedy": "a smaller one"}]


def test_few_points_are_all_shown_and_many_thinned():
    lines = [{"step": step} for step in range(1, 1001)]
    assert thinned(lines[:5], 400) == lines[:5]
    assert thinned([], 400) == []
    few = thinned(lines, 400)
    assert len(few) <= 401
    assert few[0] is lines[0]
    assert few[-1] is lines[-1]
