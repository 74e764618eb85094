"""Runs that are killed, and damaged checkpoints: short versions of `python -m bench reliability`."""

import json
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from bench import faults
from bench.disturbed import in_memory
from bench.workers import in_own_process
from rawgan.storage.atomic import write_file


def short(name, count):
    """Some of the faults, in a process without threads. What would be plotted, which takes long, is written down."""
    with (
        patch("rawgan.training.extensions.curves.plot_losses", write_down),
        tempfile.TemporaryDirectory(dir=in_memory()) as folder,
    ):
        path = Path(folder)
        return getattr(faults, name)(faults.small_run(path, steps=6), path, count)


def write_down(path, records):
    write_file(path, json.dumps(records).encode())


def test_runs_that_are_killed_end_with_the_same_bits(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    found = in_own_process(short, "kills", 20)
    assert found["killed"] == 20
    assert found["runs"] >= 1
    assert (found["lost"], found["stuck"]) == (0, 0)


def test_damaged_checkpoints_are_noticed_and_passed_over(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    found = in_own_process(short, "damages", 24)
    assert found["damaged"] == 24
    assert (found["lost"], found["unseen"]) == (0, 0)


def test_what_is_lost_is_counted(monkeypatch):
    """A run whose files change behind its back has other bits."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert in_own_process(spoilt, 1)["lost"] >= 1


def spoilt(count):
    """Kills of runs whose plots are never the same."""
    with (
        patch("rawgan.training.extensions.curves.plot_losses", lambda path, records: path.write_bytes(os.urandom(8))),
        tempfile.TemporaryDirectory(dir=in_memory()) as folder,
    ):
        return faults.kills(faults.small_run(Path(folder), steps=2), Path(folder), count)
