"""Commands that are disturbed at their system calls: a short version of `python -m bench reliability`."""

import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from bench.common.errors import BenchError
from bench.common.workers import Worker
from bench.robustness.disturbed import LOSSES, SCENARIOS, Disturber, is_clear
from bench.robustness.disturbed import ProcessEnd as ended
from bench.robustness.failing import ACTIONS, KILLS, CallFault, Calls, compile_library, compiler, faults_of, preloaded
from rawgan.storage import lookup

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="calls are made to fail by LD_PRELOAD, which is Linux's"),
    pytest.mark.skipif(compiler() is None, reason="there is no C compiler, for the library that makes calls fail"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compile_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def disturbed(library, tmp_path, monkeypatch):
    """A worker that disturbs a scenario."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # what is forked must have no other threads
    return partial(in_worker, library, tmp_path)


def in_worker(library, folder, name, make=Disturber):
    with preloaded(library):
        return Worker(name, make, name, folder)


# --- the library -----------------------------------------------------------------------------------------------------

WRITES = """
import os, sys
from pathlib import Path
from bench.robustness.failing import Calls, CallFault
folder = Path(sys.argv[1])
calls = Calls()
calls.fail(folder, CallFault("write inside", int(sys.argv[2]), sys.argv[3]))
file = os.open(folder / "inside", os.O_WRONLY | os.O_CREAT)
other = os.open(folder.parent / "outside", os.O_WRONLY | os.O_CREAT)
for text in (b"abcd", b"efgh", b"ijkl"):
    try:
        print(os.write(other, text), os.write(file, text), flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
print(calls.happened())
"""


def write_with(library, folder, turn, action):
    """Exit code, output and file of a process that writes three times, once with a fault."""
    (folder / "in").mkdir()
    with preloaded(library):
        done = subprocess.run(
            [sys.executable, "-c", WRITES, folder / "in", str(turn), action], capture_output=True, text=True
        )
    assert not done.stderr
    assert (folder / "outside").read_text().startswith("abcd")  # what lies elsewhere is left alone
    return done.returncode, done.stdout.splitlines(), (folder / "in" / "inside").read_text()


@pytest.mark.parametrize(
    ("action", "code", "said", "left"),
    [
        ("ENOSPC", 0, ["4 4", "No space left on device", "4 4", "True"], "abcdijkl"),
        ("EIO", 0, ["4 4", "Input/output error", "4 4", "True"], "abcdijkl"),
        ("EINTR", 0, ["4 4", "4 4", "4 4", "True"], "abcdefghijkl"),  # Python asks again
        ("short", 0, ["4 4", "4 2", "4 4", "True"], "abcdefijkl"),
        ("full from here", 0, ["4 4", "No space left on device", "No space left on device", "True"], "abcd"),
        ("killed before", -signal.SIGKILL, ["4 4"], "abcd"),
        ("killed in the middle", -signal.SIGKILL, ["4 4"], "abcdef"),
        ("killed after", -signal.SIGKILL, ["4 4"], "abcdefgh"),
    ],
)
def test_one_call_meets_a_fault(action, code, said, left, library, tmp_path):
    assert write_with(library, tmp_path, 2, action) == (code, said, left)


def test_a_call_that_is_not_made_meets_nothing(library, tmp_path):
    assert write_with(library, tmp_path, 4, "EIO") == (0, ["4 4", "4 4", "4 4", "False"], "abcdefghijkl")


def test_a_process_without_the_library_says_so():
    with pytest.raises(BenchError, match="LD_PRELOAD"):
        Calls()


def test_the_error_without_a_compiler_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(BenchError, match="install gcc"):
        compile_library(tmp_path)


def test_every_call_can_meet_the_faults_of_its_kind():
    """Kills at calls that change files, errors at all calls."""
    calls = ["write a", "rename a", "unlink a", "mkdir a", "fsync a", "create a", "stat a"]
    found = {call: {fault.action for fault in faults_of([call])} for call in calls}
    assert all("EIO" in actions for actions in found.values())
    assert all("killed after" in found[call] for call in calls[:-1])
    assert {"short", "killed in the middle"} <= found["write a"]
    assert not set(KILLS) & found["stat a"]
    assert {action for actions in found.values() for action in actions} < ACTIONS.keys()


# --- commands --------------------------------------------------------------------------------------------------------


# Each of these once lost something: a checkpoint that is not deleted, half a line, a best checkpoint, a run that could
# neither be begun nor gone on with, or a traceback.
LOST_ONCE = {
    "train": [
        ("write run/.config.toml", "killed after"), ("write run/metrics.jsonl", "short"),
        ("create run/.best.safetensors", "killed before"), ("close run/metrics.jsonl", "EIO"),
        ("write run/samples/.step-000001.png", "ENOSPC"), ("write run/.samples.gif", "short"),
        ("stat run/losses.png", "EIO"),
    ],
    "rollback, resumed": [
        ("fsync run/checkpoints/.step-000005.safetensors", "ENOSPC"), ("unlink run/checkpoints/step-", "killed before"),
        ("rename run/alarms.jsonl", "killed after"), ("read run/checkpoints/step-000002.safetensors", "EIO"),
    ],
    "apply": [("write made/.0.png", "ENOSPC"), ("rename made/1.png", "killed before")],
}  # fmt: skip


@pytest.mark.parametrize("name", LOST_ONCE)
def test_commands_survive_faults_of_their_calls(name, disturbed):
    with disturbed(name) as worker:
        faults = worker.ask("all_faults")
        chosen = [
            next(n for n, fault in enumerate(faults) if fault.call.startswith(call) and fault.action == action)
            for call, action in LOST_ONCE[name]
        ]
        done = [worker.ask("disturb", number) for number in chosen]
    assert [loss for tally in done for loss in tally.losses] == []
    assert all(tally.counts["points"] == 1 and not tally.counts["not met"] for tally in done)


def test_every_kind_of_run_is_disturbed_and_resumed():
    runs = "train", "conditional", "points", "pix2pix", "enhance", "cyclegan", "rollback"
    assert {*runs, *(f"{run}, resumed" for run in runs), "apply", "train-classifier"} < SCENARIOS.keys()


def careless(name, folder):
    """A disturber of commands that lose what they wrote before."""

    class Careless(Disturber):
        def disturb(self, number):
            self.faults = [CallFault("rename classifier.safetensors", 1, "EIO")]
            self.whole.files["lost.png"] = b"was here"
            return super().disturb(0)

    return Careless(name, folder)


def test_losses_are_counted(disturbed):
    with disturbed("train-classifier", careless) as worker:
        tally = worker.ask("disturb", 0)
    assert tally.counts["lost"] == 1
    assert "lacks lost.png" in tally.losses[0]


def uncaught(name, folder):
    """A disturber of commands that do not turn errors of the system into rawgan's own."""

    class Uncaught(Disturber):
        def disturb(self, number):
            self.faults = [CallFault("rename classifier.safetensors", 1, "EIO")]
            return super().disturb(0)

    lookup.errors_naming.__wrapped__.__code__ = (lambda path, action: (yield)).__code__
    return Uncaught(name, folder)


def test_tracebacks_are_counted(disturbed):
    with disturbed("train-classifier", uncaught) as worker:
        tally = worker.ask("disturb", 0)
    assert tally.counts["uncaught"] == 1


@pytest.mark.parametrize(
    ("code", "said", "clear"),
    [
        (0, "", True),
        (1, "rawgan train: a.png could not be written: No space left on device", True),
        (1, "something else", False),
        (1, "rawgan train: Traceback (most recent call last):", False),
        (0, "Exception ignored in: <_io.FileIO>", False),
        (70, "rawgan train: an error", False),
        (-signal.SIGSEGV, "rawgan train: an error", False),
    ],
)
def test_an_error_is_clear_or_not(code, said, clear):
    assert is_clear(ended(code, said, True), "train --steps 2") == clear


def test_all_bad_outcomes_count_as_losses():
    from bench.robustness.reliability import BAD

    assert LOSSES.keys() <= set(BAD)


def test_the_environment_is_restored(monkeypatch, tmp_path):
    monkeypatch.setenv("LD_PRELOAD", "")
    with preloaded(tmp_path / "x.so"):
        assert os.environ["LD_PRELOAD"] == str(tmp_path / "x.so")
    assert os.environ["LD_PRELOAD"] == ""
