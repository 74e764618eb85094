"""Commands that are disturbed at each of their system calls, and what is lost by it: nothing, or it is said here.

Each is done to runs of a few small steps, in a process that is forked for it, so it costs as much as the steps do.
Afterwards the same is asked for again, and must end with the same files, bit for bit, as if nothing had happened.
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
from bench.errors import BenchError
from bench.failing import KILLS, Calls, Fault, faults_of
from rawgan.cli import main
from rawgan.gan import MODELS
from rawgan.pictures.images import save_grid

SECONDS = 60
"""For which a process may last; they take about one."""

OUTCOMES = {
    "lost": "other files at the end",
    "stuck": "cannot be asked for again",
    "silent": "ended as if all were well, and it was not",
    "uncaught": "a traceback, or no clear error",
    "hung": f"took more than {SECONDS} s",
}
"""Outcomes that count as a loss."""


@dataclass(frozen=True)
class Kind:
    """Something that a person asks for. `{data}` stands for the folder of data, `{out}` for that of what is written."""

    command: str
    """The command that is disturbed."""
    again: str
    """The command that goes on; the first one, where there is nothing to go on with."""
    before: str = ""
    """The command that made the folder before."""
    until: Fault | None = None
    """By which that was ended."""
    going_on: str = ""
    """The file without which there is nothing to go on with."""
    clears: str = ""
    """A folder that a person deletes before asking again."""
    sick: bool = False
    """Whether the doctor raises an alarm at each picture, and a loss is not finite until the learning rate is halved:
    runs of a few steps have neither by themselves."""


IMAGES = 240
"""That commands are given."""
STEPS = "--sample-every 1 --checkpoint-every 2 --keep 2 --seed 3"
SMALL = f"--batch-size 4 --samples 4 --width 2 --backend reference {STEPS}"
CLASSIFIER = "{data}/classifier.safetensors"
EVALUATED = f"--evaluate-every 1 --evaluate-features {CLASSIFIER} --evaluate-samples 80"
TRAINED = {
    "train": f"train --data {{data}}/labelled.npz --image-size 8 --noise-size 4 {SMALL} {EVALUATED}",
    "conditional": f"train --data {{data}}/labelled.npz --image-size 8 --noise-size 4 --conditional auxiliary {SMALL}",
    "points": f"train --data ring8 --width 4 --batch-size 16 --samples 20 --backend reference {STEPS} "
    "--evaluate-every 2 --evaluate-samples 40",
    "pix2pix": f"pix2pix --data {{data}}/labelled.npz --image-size 16 --pairs edges {SMALL}",
    "enhance": f"enhance --data {{data}}/large.npy --image-size 16 --task inpaint --hole 3 {SMALL}",
    "cyclegan": f"cyclegan --data {{data}}/large.npy --targets {{data}}/large.npy --image-size 16 {SMALL}",
}
"""Each kind of run."""


def _kinds() -> dict[str, Kind]:
    kinds, whole = {}, "run/config.toml"
    until = Fault("fsync run/checkpoints/.step-000004.safetensors.*.tmp", 1, KILLS[0])
    for name, command in TRAINED.items():
        first, steps = command.partition(" ")[0], 3 if name == "train" else 2
        train, resume = f"{command} --steps {steps} --out {{out}}/run", f"{first} --resume {{out}}/run"
        kinds[name] = Kind(train, resume, going_on=whole)
        kinds[f"{name}, resumed"] = Kind(resume, resume, train.replace(f"--steps {steps}", "--steps 5"), until, whole)
    train = f"{TRAINED['conditional']} --on-nonfinite rollback --steps"
    resume = "train --resume {out}/run"
    kinds["rollback"] = Kind(f"{train} 3 --out {{out}}/run", resume, going_on=whole, sick=True)
    kinds["rollback, resumed"] = Kind(resume, resume, f"{train} 5 --out {{out}}/run", until, whole, sick=True)
    train, resume = f"{TRAINED['train']} --steps 2 --out {{out}}/run", "train --resume {out}/run --steps 3"
    kinds["train, for longer"] = Kind(resume, resume, train)
    for name in ("train", "points"):
        sample, run = "sample {out}/run --count 4", f"{TRAINED[name]} --steps 1 --out {{out}}/run"
        kinds[f"sample of {name}"] = Kind(sample, sample, run)
    sample += " --single"
    kinds["sample, single"] = Kind(sample, sample, f"{TRAINED['conditional']} --steps 1 --out {{out}}/run")
    apply, run = "apply {out}/run {data}/images", f"{TRAINED['pix2pix']} --steps 1 --out {{out}}/run"
    kinds["apply"] = Kind(f"{apply} --out {{out}}/made", f"{apply} --out {{out}}/made", run, clears="made")
    classifier = (
        "train-classifier --data {data}/labelled.npz --image-size 8 --epochs 1 --out {out}/classifier.safetensors"
    )
    kinds["train-classifier"] = Kind(classifier, classifier)
    return kinds


KINDS = _kinds()


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Its exit code; −9 if it was killed."""
    said: str
    """On stdout and stderr."""
    happened: bool
    """Whether the fault did; of processes that were killed, it is not known."""

    @property
    def killed(self) -> bool:
        """Whether it was killed."""
        return self.code == -signal.SIGKILL


@dataclass(frozen=True)
class Whole:
    """The outcome of a command that nothing happens to."""

    calls: list[str]
    """That it makes about files, in their order."""
    files: dict[str, bytes]
    """That there are at the end."""
    said: set[str]
    """Its lines, as `lines_of` has them."""


@dataclass
class Tally:
    """Faults tried on one kind of command, and their outcomes."""

    counts: Counter[str] = field(default_factory=Counter)
    """Points; of these how many were "killed", ended "all the same", with a "warning" or an "error", or as one of
    OUTCOMES says; and calls that were "not met", as two threads took turns in another way."""
    losses: list[str] = field(default_factory=list)
    """The faults of which something was lost, and what."""

    @property
    def lost(self) -> int:
        """Of how many points something was lost, or not said."""
        return sum(self.counts[outcome] for outcome in OUTCOMES)

    def add(self, other: "Tally") -> None:
        """Count another's, too."""
        self.counts.update(other.counts)
        self.losses += other.losses


class Bed:
    """A folder of small data, and one of a command's files; in a process that can fork, and has the library.

    Where commands draw plots, which takes longer than all the rest, they write pictures of the same numbers.
    """

    def __init__(self, folder: Path) -> None:
        import matplotlib.figure  # noqa: F401  what is imported now is there in every fork
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

    def _run(self, command: str, before: Callable[[], None] = lambda: None, sick: bool = False) -> Ended:
        """A command in a process of its own, in which something is done first."""
        arguments = command.format(data=self.data, out=self.out).split()
        with tempfile.TemporaryFile(dir=self.folder) as log:
            child = os.fork()
            if not child:
                self._be_child(arguments, log.fileno(), before, sick)
            _, status = os.waitpid(child, 0)
            log.seek(0)
            said = log.read().decode(errors="replace")
        code = os.waitstatus_to_exitcode(status)
        return Ended(code, said.removesuffix(HAPPENED), code == -signal.SIGKILL or said.endswith(HAPPENED))

    def _be_child(self, arguments: list[str], log: int, before: Callable[[], None], sick: bool) -> None:
        code = 70
        try:
            signal.alarm(SECONDS)
            for stream in (1, 2):
                os.dup2(log, stream)
            rawgan_kernels.use("reference")
            if sick:
                _make_sick()
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

    def _needed(self, ended: Ended) -> None:
        if ended.code:
            raise BenchError(f"a command failed that nothing happened to\n{ended.said}")

    # --- kinds -------------------------------------------------------------------------------------------------------

    def _prepare(self, name: str) -> None:
        """Have the folder as it is before the command."""
        kind = KINDS[name]
        if name not in self._states:
            if CLASSIFIER in kind.command + kind.before:
                self._needed(self._run(KINDS["train-classifier"].command.replace("{out}", "{data}")))
            shutil.rmtree(self.out, ignore_errors=True)
            self.out.mkdir()
            if kind.before and kind.until:
                ended = self._run(kind.before, lambda: self.calls.fail(self.out, kind.until), kind.sick)
                if not ended.killed:
                    raise BenchError(f"{name}: was not killed where it should have been\n{ended.said}")
            elif kind.before:
                self._needed(self._run(kind.before, sick=kind.sick))
            self._states[name] = files_in(self.out)
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        for path, content in self._states[name].items():
            place = self.out / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def record(self, name: str) -> "Whole":
        """A command that nothing happens to."""
        self._prepare(name)
        with tempfile.TemporaryFile(dir=self.folder) as calls:
            kind = KINDS[name]
            ended = self._run(kind.command, lambda: self.calls.record(self.out, calls.fileno()), kind.sick)
            self._needed(ended)
            calls.seek(0)
            made = calls.read().decode().splitlines()
        return Whole(made, kept(files_in(self.out)), lines_of(ended.said))

    def disturb(self, name: str, fault: Fault, whole: "Whole") -> Tally:
        """Have a fault happen, ask for the same again, and compare."""
        kind, tally = KINDS[name], Tally(Counter(points=1))
        expected, usual = whole.files, whole.said
        self._prepare(name)
        ended = self._run(kind.command, lambda: self.calls.fail(self.out, fault), kind.sick)
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
        elif not is_clear(ended, kind.command):
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
        if kind.clears:
            for path, content in left.items():
                made = path.startswith(kind.clears) and not path.endswith((".tmp", "sheet.png"))
                if made and content != expected.get(path):
                    note("lost", f"{path} is not whole")
            shutil.rmtree(self.out / kind.clears, ignore_errors=True)
        goes_on = not kind.going_on or (self.out / kind.going_on).exists()
        last = self._run(kind.again if goes_on else kind.command, sick=kind.sick)
        if last.code:
            note("stuck", f"{_end_of(ended.said)} → exit {last.code}: {_end_of(last.said)}")
        elif (left := kept(files_in(self.out), litter=bool(kind.going_on) or not ended.killed)) != expected:
            note("lost", f"{_end_of(ended.said)} → {_differences(left, expected)}")
        return tally


HAPPENED = "\0happened"
"""Behind all that a process says, if the fault was met."""


def is_clear(ended: Ended, command: str) -> bool:
    """Whether a process ended well, or with an error of rawgan's own that is not a traceback."""
    if ended.code not in (0, 1) or "Traceback" in ended.said or "Exception ignored" in ended.said:
        return False
    return not ended.code or f"rawgan {command.split()[0]}: " in ended.said or "could not be" in ended.said


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, by its path in there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def kept(files: dict[str, bytes], litter: bool = True) -> dict[str, bytes]:
    """Without locks, which say nothing about a run; and without the halves of files that a process was about to write
    when it was killed, if those may stay: a resumed run deletes them, and other commands have no right to."""
    return {
        path: content
        for path, content in files.items()
        if Path(path).name != ".lock" and (litter or not path.endswith(".tmp"))
    }


def lines_of(said: str) -> set[str]:
    """Lines, without numbers and progress, which are not the same each time.

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
    """The last things that were said, on one line."""
    return re.sub(r"\s*\n\s*", " | ", said.strip())[-200:]


def _make_sick() -> None:
    """Have the second step make a NaN unless the learning rate was halved, and the doctor raise alarms."""
    from rawgan.diagnosis.doctor import Finding
    from rawgan.ops import activation
    from rawgan.tasks import noise

    usual, sick = noise.train_step, False

    def train_step(gan: Any, real: Any, z: Any, loss_config: Any, index: int, *rest: Any) -> Any:
        nonlocal sick
        sick = index == 1 and gan.g_optimizer.lr > 0.75 * MODELS["dcgan"].learning_rate
        try:
            return usual(gan, real, z, loss_config, index, *rest)
        finally:
            sick = False

    class Kernels:
        def __getattr__(self, name: str) -> Any:
            return tanh if name == "tanh" else getattr(rawgan_kernels, name)

    def tanh(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        y = rawgan_kernels.tanh(x)
        if sick:
            y[0, 0] = np.nan
        return y

    def examine(
        gan: Any, real: Any, latent: Any, loss_config: Any, records: Sequence[Any], *rest: Any
    ) -> list[Finding]:
        return [Finding(f"disease {len(records)}", "made up", "generator", 1.0, "", None, 0.0, "none")]

    noise.train_step, noise.examine, activation.kernels = train_step, examine, Kernels()


def _draw_losses(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    values = np.array([[record["d_loss"], record["g_loss"]] for record in records] or [[0.0, 0.0]])
    return save_grid(path, np.tanh(values)[None, ..., None])


def _draw_points(path: Path, points: np.ndarray[Any, Any], mixture: object, title: str) -> Path:
    return save_grid(path, np.tanh(points)[None, ..., None])


class Disturber:
    """The far end of a worker: it disturbs one kind of command, in an empty folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._bed = Bed(folder)
        self.whole, again = self._bed.record(name), self._bed.record(name)
        if again.files != self.whole.files:
            differences = _differences(again.files, self.whole.files)
            raise BenchError(f"{name}: undisturbed, it ends differently each time: {differences}")
        self.faults = faults_of(self.whole.calls)

    def run(self) -> None:
        """The first point."""
        self.disturb(0)

    def all_faults(self) -> list[Fault]:
        """The faults that the command can meet."""
        return self.faults

    def disturb(self, number: int) -> Tally:
        """The outcome of the fault of that number."""
        return self._bed.disturb(self.name, self.faults[number], self.whole)


def in_memory() -> str | None:
    """A folder in memory, where there is one: it answers at once, and what fails here are calls, not disks."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
