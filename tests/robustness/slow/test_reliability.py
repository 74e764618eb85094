"""Runs that are killed, and damaged checkpoints: short versions of `python -m bench reliability`."""

import json
import os
import tempfile
from pathlib import Path

from bench.common.workers import in_own_process
from bench.robustness.disturbed import in_memory
from bench.robustness.kills import damages, kills, small_run
from rawgan.storage.atomic import write_file
from rawgan.training import Extension
from rawgan.training.extensions import Curves, usual_extensions


class WriteDown(Extension):
    """Instead of plotting the figures, which takes long, write them down."""

    def finish(self, run):
        write_file(run.folder.losses_file, json.dumps(run.lines).encode())


class Scribble(Extension):
    """Write something else each time."""

    def finish(self, run):
        run.folder.losses_file.write_bytes(os.urandom(8))


def unplotted(config):
    return [*(one for one in usual_extensions(config) if not isinstance(one, Curves)), WriteDown()]


def scribbled(config):
    return [*unplotted(config)[:-1], Scribble()]


def short(disturb, count, steps=6, attach=unplotted):
    """Disturb runs in a process without threads."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        return disturb(small_run(Path(folder), steps=steps), Path(folder), count, attach=attach)


def test_runs_that_are_killed_end_with_the_same_bits(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    found = in_own_process(short, kills, 20)
    assert found["killed"] == 20
    assert found["runs"] >= 1
    assert (found["lost"], found["stuck"]) == (0, 0)


def test_damaged_checkpoints_are_noticed_and_skipped(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    found = in_own_process(short, damages, 24)
    assert found["damaged"] == 24
    assert (found["lost"], found["unseen"]) == (0, 0)


def test_losses_are_counted(monkeypatch):
    """A run that writes something else each time has other bits."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert in_own_process(short, kills, 1, 2, scribbled)["lost"] >= 1
