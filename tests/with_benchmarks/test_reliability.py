"""Runs that are killed, and disks that are full: short versions of `python -m bench reliability`."""

import json
import os
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import pytest

from bench import faults
from bench.workers import in_own_process
from rawgan.runs._files import write_file


def short(name, count):
    """Some of the faults, in a process without threads. What would be plotted, which takes long, is written down."""
    with patch("rawgan.runs.loop.plot_losses", write_down), tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        return getattr(faults, name)(faults.small_run(path, steps=6), path, count)


def write_down(path, records):
    write_file(path, json.dumps(records).encode())


def test_runs_that_are_killed_end_with_the_same_bits(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    found = in_own_process(short, "kills", 20)
    assert found["killed"] == 20
    assert found["runs"] >= 1
    assert (found["lost"], found["failed to go on"]) == (0, 0)
    assert any(what.startswith("while writing") for what in found)


@pytest.mark.parametrize(("name", "done"), [("full_disks", "full"), ("damages", "damaged")])
def test_runs_survive(name, done, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    found = in_own_process(short, name, 24)
    assert found[done] == 24
    assert found["named"] == (24 if name == "full_disks" else 0)
    assert (found["lost"], found["unseen"]) == (0, 0)


def test_a_disk_is_full_after_so_many_bytes(tmp_path):
    with faults.disk_of(5) as written:
        (tmp_path / "a").write_bytes(b"abc")
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "b").write_text("defg")
    assert written == [5]
    assert (tmp_path / "b").read_text() == "de"
    (tmp_path / "b").write_text("defg")


def test_no_plot_is_left_out_however_long_one_takes(tmp_path, monkeypatch):
    """Or runs would write more or fewer bytes, and a disk that is full for one would not be for another."""
    plotted = []
    monkeypatch.setattr(
        "rawgan.runs.loop.plot_losses", lambda path, records: (plotted.append(len(records)), time.sleep(0.1))
    )
    with faults.every_plot():
        faults.go_on(faults.small_run(tmp_path, steps=4), tmp_path / "run")
    assert plotted == [1, 2, 3, 4, 4]


def test_what_is_lost_is_counted(tmp_path, monkeypatch):
    """A run whose files change behind its back has other bits."""
    config = faults.small_run(tmp_path, steps=2)
    monkeypatch.setattr("rawgan.runs.loop.plot_losses", lambda path, records: path.write_bytes(os.urandom(8)))
    assert faults.full_disks(config, tmp_path, 1)["lost"] == 1
