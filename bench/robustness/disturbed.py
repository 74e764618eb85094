"""Commands that are disturbed at one of their system calls, and the losses that this causes.

Commands take a few small steps in a forked process, so a disturbance costs no more than the steps. Afterwards the same
command is run again, and must end with the same files, bit for bit, as if nothing had happened.
"""

import contextlib
import gc
import os
import re
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import rawgan_kernels
from bench.common.errors import BenchError
from bench.robustness.failing import KILLS, CallFault, Calls, faults_of
from rawgan.cli import main
from rawgan.gan import MODELS
from rawgan.pictures.grids import save_grid

SECONDS = 60
"""Time limit of a process; most take about one second."""

LOSSES = {
    "lost": "other files at the end",
    "stuck": "the command cannot be run again",
    "silent": "success was reported, and files are missing or wrong",
    "uncaught": "a traceback, or no clear error",
    "hung": f"took more than {SECONDS} s",
}
"""Outcomes that count as losses."""


@dataclass(frozen=True)
class Scenario:
    """A command to disturb. `{data}` stands for the folder of data, `{out}` for the folder of output."""

    command: str
    """Command that is disturbed."""
    again: str
    """Command that goes on afterwards; if there is nothing to go on with, `command` runs again."""
    before: str = ""
    """Command that made the folder before."""
    until: CallFault | None = None
    """Fault that ended `before`."""
    going_on: str = ""
    """File without which there is nothing to go on with."""
    clears: str = ""
    """Folder that a person deletes before running the command again."""
    faulty: bool = False
    """True if the doctor raises an alarm at each picture and a loss is not finite until the learning rate is halved;
    runs of a few steps have neither by themselves."""


IMAGES = 240
"""Number of images in the data."""
STEPS = "--sample-every 1 --checkpoint-every 2 --keep 2 --seed 3"
SMALL = f"--batch-size 4 --samples 4 --width 2 --backend reference {STEPS}"
CLASSIFIER = "{data}/classifier.safetensors"
EVALUATED = f"--evaluate-every 1 --evaluate-features {CLASSIFIER} --evaluate-samples 80"
TRAINED = {
    "train": f"train --data {{data}}/labelled.npz --model dcgan --image-size 8 --noise-size 4 {SMALL} {EVALUATED}",
    "conditional": f"train --data {{data}}/labelled.npz --model dcgan --image-size 8 --noise-size 4 "
    f"--conditional auxiliary {SMALL}",
    "points": f"train --data ring8 --width 4 --batch-size 16 --samples 20 --backend reference {STEPS} "
    "--evaluate-every 2 --evaluate-samples 40",
    "pix2pix": f"pix2pix --data {{data}}/labelled.npz --image-size 16 --pairs edges {SMALL}",
    "enhance": f"enhance --data {{data}}/large.npy --image-size 16 --task inpaint --hole 3 {SMALL}",
    "cyclegan": f"cyclegan --data {{data}}/large.npy --targets {{data}}/large.npy --image-size 16 {SMALL}",
}
"""Command of each kind of run."""


def _scenarios() -> dict[str, Scenario]:
    scenarios, whole = {}, "run/config.toml"
    until = CallFault("fsync run/checkpoints/.step-000004.safetensors.*.tmp", 1, KILLS[0])
    for name, command in TRAINED.items():
        first, steps = command.partition(" ")[0], 3 if name == "train" else 2
        train, resume = f"{command} --steps {steps} --out {{out}}/run", f"{first} --resume {{out}}/run"
        scenarios[name] = Scenario(train, resume, going_on=whole)
        scenarios[f"{name}, resumed"] = Scenario(
            resume, resume, train.replace(f"--steps {steps}", "--steps 5"), until, whole
        )
    train = f"{TRAINED['conditional']} --on-nonfinite rollback --steps"
    resume = "train --resume {out}/run"
    scenarios["rollback"] = Scenario(f"{train} 3 --out {{out}}/run", resume, going_on=whole, faulty=True)
    scenarios["rollback, resumed"] = Scenario(resume, resume, f"{train} 5 --out {{out}}/run", until, whole, faulty=True)
    train, resume = f"{TRAINED['train']} --steps 2 --out {{out}}/run", "train --resume {out}/run --steps 3"
    scenarios["train, for longer"] = Scenario(resume, resume, train)
    for name in ("train", "points"):
        sample, run = "sample {out}/run --count 4", f"{TRAINED[name]} --steps 1 --out {{out}}/run"
        scenarios[f"sample of {name}"] = Scenario(sample, sample, run)
    sample += " --single"
    scenarios["sample, single"] = Scenario(sample, sample, f"{TRAINED['conditional']} --steps 1 --out {{out}}/run")
    apply, run = "apply {out}/run {data}/images", f"{TRAINED['pix2pix']} --steps 1 --out {{out}}/run"
    scenarios["apply"] = Scenario(f"{apply} --out {{out}}/made", f"{apply} --out {{out}}/made", run, clears="made")
    classifier = (
        "train-classifier --data {data}/labelled.npz --image-size 8 --epochs 1 --out {out}/classifier.safetensors"
    )
    scenarios["train-classifier"] = Scenario(classifier, classifier)
    return scenarios


SCENARIOS = _scenarios()


@dataclass(frozen=True)
class ProcessEnd:
    """End of a process."""

    code: int
    """Exit code; −9 if it was killed."""
    said: str
    """Text on stdout and stderr."""
    happened: bool
    """True if the fault was met, or if the process was killed, when this is unknown."""

    @property
    def killed(self) -> bool:
        """True if it was killed."""
        return self.code == -signal.SIGKILL


@dataclass(frozen=True)
class Undisturbed:
    """Outcome of a command that nothing happens to."""

    calls: list[str]
    """Its calls about files, in order."""
    files: dict[str, bytes]
    """Files at the end."""
    said: set[str]
    """Its output, by `lines_of`."""


@dataclass
class Tally:
    """Faults tried on one scenario, and their outcomes."""

    counts: Counter[str] = field(default_factory=Counter)
    """Numbers of "points" (faults tried), of those that were "killed", ended "all the same", with a "warning", an
    "error" or one of LOSSES, and of calls "not met", because two threads took turns in another order."""
    losses: list[str] = field(default_factory=list)
    """Faults that lost something, and what they lost."""

    @property
    def lost(self) -> int:
        """Number of losses."""
        return sum(self.counts[outcome] for outcome in LOSSES)

    def add(self, other: "Tally") -> None:
        """Add another tally."""
        self.counts.update(other.counts)
        self.losses += other.losses


class Sandbox:
    """A folder of small data and one of a command's files, in a process that can fork and has the library preloaded.

    Instead of plots, which take longer than all the rest, commands write pictures of the same numbers.
    """

    def __init__(self, folder: Path) -> None:
        import matplotlib.figure  # noqa: F401  imported before the forks
        from PIL import Image

        import rawgan.cli.training
        import rawgan.tasks.noise
        import rawgan.training.extensions.curves

        Image.preinit()
        self.folder, self.calls = folder, Calls()
        self.data, self.out = folder / "data", folder / "out"
        rawgan.training.extensions.curves.plot_losses = _draw_losses
        rawgan.tasks.noise.save_scatter = _draw_points
        self.data.mkdir()
        rng, labels = np.random.default_rng(0), np.arange(IMAGES) % 3
        pixels = np.clip(rng.normal(60, 30, (IMAGES, 16, 16)) + 60 * labels[:, None, None], 0, 255).astype(np.uint8)
        np.savez(self.data / "labelled.npz", images=pixels[:, ::2, ::2], labels=labels)
        np.save(self.data / "large.npy", pixels)
        (self.data / "images").mkdir()
        for number in range(2):
            save_grid(self.data / "images" / f"{number}.png", pixels[number : number + 1, ..., None])
        self._states: dict[str, dict[str, bytes]] = {}
        gc.freeze()

    # --- processes ---------------------------------------------------------------------------------------------------

    def _run(self, command: str, before: Callable[[], None] = lambda: None, faulty: bool = False) -> ProcessEnd:
        """Run a command in a process of its own, which calls `before` first."""
        arguments = command.format(data=self.data, out=self.out).split()
        with tempfile.TemporaryFile(dir=self.folder) as log:
            child = os.fork()
            if not child:
                self._be_child(arguments, log.fileno(), before, faulty)
            _, status = os.waitpid(child, 0)
            log.seek(0)
            said = log.read().decode(errors="replace")
        code = os.waitstatus_to_exitcode(status)
        return ProcessEnd(code, said.removesuffix(HAPPENED), code == -signal.SIGKILL or said.endswith(HAPPENED))

    def _be_child(self, arguments: list[str], log: int, before: Callable[[], None], faulty: bool) -> None:
        code = 70
        try:
            signal.alarm(SECONDS)
            for stream in (1, 2):
                os.dup2(log, stream)
            rawgan_kernels.use("reference")
            if faulty:
                _inject_faults()
            before()
            code = main(arguments)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 2
        except BaseException:
            traceback.print_exc()
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
            if self.calls.happened():
                os.write(log, HAPPENED.encode())
        os._exit(code)

    def _needed(self, ended: ProcessEnd) -> None:
        if ended.code:
            raise BenchError(f"an undisturbed command failed\n{ended.said}")

    # --- scenarios ---------------------------------------------------------------------------------------------------

    def _prepare(self, name: str) -> None:
        """Restore the folder to its state before the command."""
        scenario = SCENARIOS[name]
        if name not in self._states:
            if CLASSIFIER in scenario.command + scenario.before:
                self._needed(self._run(SCENARIOS["train-classifier"].command.replace("{out}", "{data}")))
            shutil.rmtree(self.out, ignore_errors=True)
            self.out.mkdir()
            if scenario.before and scenario.until:
                ended = self._run(scenario.before, lambda: self.calls.fail(self.out, scenario.until), scenario.faulty)
                if not ended.killed:
                    raise BenchError(f"{name}: was not killed where it should have been\n{ended.said}")
            elif scenario.before:
                self._needed(self._run(scenario.before, faulty=scenario.faulty))
            self._states[name] = files_in(self.out)
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        for path, content in self._states[name].items():
            place = self.out / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def record(self, name: str) -> "Undisturbed":
        """Run a command undisturbed, and record its calls."""
        self._prepare(name)
        with tempfile.TemporaryFile(dir=self.folder) as calls:
            scenario = SCENARIOS[name]
            ended = self._run(scenario.command, lambda: self.calls.record(self.out, calls.fileno()), scenario.faulty)
            self._needed(ended)
            calls.seek(0)
            made = calls.read().decode().splitlines()
        return Undisturbed(made, kept(files_in(self.out)), lines_of(ended.said))

    def disturb(self, name: str, fault: CallFault, whole: "Undisturbed") -> Tally:
        """Run a command with a fault, run it again, and compare the files."""
        scenario, tally = SCENARIOS[name], Tally(Counter(points=1))
        expected, usual = whole.files, whole.said
        self._prepare(name)
        ended = self._run(scenario.command, lambda: self.calls.fail(self.out, fault), scenario.faulty)
        if not ended.happened:
            return Tally(Counter({"not met": 1}))

        def note(outcome: str, what: object) -> None:
            tally.counts[outcome] += 1
            tally.losses.append(f"{name}: {fault}: {outcome}: {what}")

        left = kept(files_in(self.out))
        if ended.killed:
            tally.counts["killed"] += 1
        elif ended.code == -signal.SIGALRM:
            note("hung", _end_of(ended.said))
        elif not is_clear(ended, scenario.command):
            note("uncaught", f"exit {ended.code}: {_end_of(ended.said)}")
        elif ended.code:
            tally.counts["error"] += 1
        elif left == expected:
            tally.counts["all the same"] += 1
            return tally
        elif lines_of(ended.said) - usual:
            tally.counts["warning"] += 1
        else:
            note("silent", _differences(left, expected))
        if scenario.clears:
            for path, content in left.items():
                made = path.startswith(scenario.clears) and not path.endswith((".tmp", "sheet.png"))
                if made and content != expected.get(path):
                    note("lost", f"{path} is not whole")
            shutil.rmtree(self.out / scenario.clears, ignore_errors=True)
        goes_on = not scenario.going_on or (self.out / scenario.going_on).exists()
        last = self._run(scenario.again if goes_on else scenario.command, faulty=scenario.faulty)
        if last.code:
            note("stuck", f"{_end_of(ended.said)} → exit {last.code}: {_end_of(last.said)}")
        elif (left := kept(files_in(self.out), litter=bool(scenario.going_on) or not ended.killed)) != expected:
            note("lost", f"{_end_of(ended.said)} → {_differences(left, expected)}")
        return tally


HAPPENED = "\0happened"
"""Mark at the end of a process's output if the fault was met."""


def is_clear(ended: ProcessEnd, command: str) -> bool:
    """True if a process succeeded, or failed with an error of rawgan's own and without a traceback."""
    if ended.code not in (0, 1) or "Traceback" in ended.said or "Exception ignored" in ended.said:
        return False
    return not ended.code or f"rawgan {command.split()[0]}: " in ended.said or "could not be" in ended.said


def files_in(folder: Path) -> dict[str, bytes]:
    """Contents of every file in a folder, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def kept(files: dict[str, bytes], litter: bool = True) -> dict[str, bytes]:
    """Leave out locks, which say nothing about a run; and, without `litter`, unfinished files of a killed process: a
    resumed run deletes them, other commands may not."""
    return {
        path: content
        for path, content in files.items()
        if Path(path).name != ".lock" and (litter or not path.endswith(".tmp"))
    }


def lines_of(said: str) -> set[str]:
    """Lines of output without numbers and progress, which differ each time.

    >>> sorted(lines_of("step 1/2  3.5 steps/s\\nrun folder: /tmp/a-1\\nrun folder: /tmp/a-2"))
    ['run folder: /tmp/a-#']
    """
    return {re.sub(r"[\d.]+", "#", line) for line in said.splitlines() if not re.match(r"step \d+/", line)}


def _differences(found: dict[str, bytes], expected: dict[str, bytes]) -> str:
    lacking, more = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    other = sorted(path for path in expected.keys() & found.keys() if expected[path] != found[path])
    parts = {"lacks": lacking, "has besides": more, "other bits": other}
    return "; ".join(f"{what} {', '.join(paths)}" for what, paths in parts.items() if paths)


def _end_of(said: str) -> str:
    """End of the output, on one line."""
    return re.sub(r"\s*\n\s*", " | ", said.strip())[-200:]


def _inject_faults() -> None:
    """Make the second step give a NaN unless the learning rate was halved, and make the doctor raise alarms."""
    from rawgan.diagnosis.symptom import Symptom
    from rawgan.ops import activation
    from rawgan.tasks import noise

    usual, faulty = noise.train_step, False

    def train_step(gan: Any, real: Any, z: Any, loss_config: Any, index: int, *rest: Any) -> Any:
        nonlocal faulty
        faulty = index == 1 and gan.g_optimizer.lr > 0.75 * MODELS["dcgan"].learning_rate
        try:
            return usual(gan, real, z, loss_config, index, *rest)
        finally:
            faulty = False

    class Kernels:
        def __getattr__(self, name: str) -> Any:
            return tanh if name == "tanh" else getattr(rawgan_kernels, name)

    def tanh(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        y = rawgan_kernels.tanh(x)
        if faulty:
            y[0, 0] = np.nan
        return y

    def examine(
        gan: Any, real: Any, latent: Any, loss_config: Any, records: Sequence[Any], *rest: Any
    ) -> list[Symptom]:
        return [Symptom(f"symptom {len(records)}", "made up", "generator", 1.0, "", None, 0.0, "none")]

    noise.train_step, noise.examine, activation.kernels = train_step, examine, Kernels()


def _draw_losses(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    values = np.array([[record["d_loss"], record["g_loss"]] for record in records] or [[0.0, 0.0]])
    return save_grid(path, np.tanh(values)[None, ..., None])


def _draw_points(path: Path, points: np.ndarray[Any, Any], mixture: object, title: str) -> Path:
    return save_grid(path, np.tanh(points)[None, ..., None])


class Disturber:
    """The far end of a worker: it disturbs one scenario in an empty folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._sandbox = Sandbox(folder)
        self.whole, again = self._sandbox.record(name), self._sandbox.record(name)
        if again.files != self.whole.files:
            differences = _differences(again.files, self.whole.files)
            raise BenchError(f"{name} ends differently each time, though undisturbed: {differences}")
        self.faults = faults_of(self.whole.calls)

    def run(self) -> None:
        """Try the first fault."""
        self.disturb(0)

    def all_faults(self) -> list[CallFault]:
        """All faults that the command can meet."""
        return self.faults

    def disturb(self, number: int) -> Tally:
        """Try the fault of that number."""
        return self._sandbox.disturb(self.name, self.faults[number], self.whole)


def in_memory() -> str | None:
    """A folder in memory, if there is one: it is fast, and calls are made to fail here, not disks."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
