"""A run folder: everything that one training run leaves behind.

::

    runs/mnist-20250131-184502/
      config.toml            what was asked for
      metrics.jsonl          one JSON object per line, in the order of the steps
      alarms.jsonl           the same, what the doctor found, if anything
      samples/step-000500.png …
      losses.png  samples.gif
      checkpoints/step-000500.safetensors …    all that is needed to go on
      best.safetensors       the checkpoint that was measured to be the best

Every file but ``metrics.jsonl``, which grows, is replaced as a whole: a crash leaves the old or the new one. While a
run trains, each is on the disk before the next is begun.
"""

import codecs
import errno
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from rawgan.errors import ArgumentError, ConfigError, FileError
from rawgan.files import expanded, open_file
from rawgan.storage.atomic import (
    delete,
    flush_folder,
    holding,
    is_link,
    is_there,
    listed,
    naming,
    refuse_link,
    rename,
    whole_of,
    write_file,
)
from rawgan.storage.checkpoint import About, Checkpoint, Damaged, read, read_about, write
from rawgan.storage.json_lines import Lines, cut_lines, read_last_line, read_lines, step_of, to_line, write_lines
from rawgan.storage.locks import NoLocks, locking
from rawgan.storage.presence import is_marked

CONFIG = "config.toml"
LOCK = ".lock"
RESULTS_LOCK = ".results.lock"
"""Of those who write what they found out about a run, such as evaluation.json and the picture that belongs to it."""
RESULTS_SECONDS = 30.0
"""They wait for each other so long: to write takes moments."""
NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of the system to a user who may read a folder, but not write to it."""
OWN = (CONFIG, "metrics.jsonl", "alarms.jsonl", "losses.png", "samples.gif", "best.safetensors")
"""Files that training alone writes."""
RUNS = Path("runs")


LONGEST_TOML = 1 << 24
"""Bytes of a TOML file: far more than the names of 65,536 classes take."""
MOST_DOTS = 100
"""In one line of TOML. Each dot of a key is a table in a table, and reading so many takes memory by their square."""


class RunFolder:
    """The files of one run, by name. :meth:`create` starts a new run, :meth:`open` goes back to an old one.

    Close it, or use ``with``, when metrics were appended.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, RunFolder.create(f"{folder}/first", "mnist") as run:
    ...     run.write_config({"dataset": "mnist", "steps": 2000})
    ...     run.append_metrics({"step": 1, "d_loss": 0.69})
    ...     RunFolder.open(f"{folder}/first").read_metrics()
    [{'step': 1, 'd_loss': 0.69}]
    """

    def __init__(self, path: str | Path) -> None:
        self.path = expanded(path)
        self.config_file = self.path / CONFIG
        self.metrics_file = self.path / "metrics.jsonl"
        self.alarms_file = self.path / "alarms.jsonl"
        self.samples_folder = self.path / "samples"
        self.losses_file = self.path / "losses.png"
        self.animation_file = self.path / "samples.gif"
        self.checkpoints_folder = self.path / "checkpoints"
        self.best_file = self.path / "best.safetensors"
        self._metrics = Lines(self.metrics_file)
        self._is_new = False

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close metrics.jsonl; a later :meth:`append_metrics` opens it again."""
        self._metrics.close()

    # --- the folder ------------------------------------------------------------------------------------

    @classmethod
    def create(cls, out: str | Path | None, name: str) -> Self:
        """Make the folder of a new run: ``out``, or ``runs/<name>-<date>-<time>`` when ``out`` is None.

        Characters of ``name`` that do not belong in a file name become dashes. A default name that is taken
        gets ``-2``, ``-3``, … behind it.

        Raises: ConfigError when ``out`` is a file or holds anything already, or when it cannot be made.
        """
        with naming(RUNS if out is None else out, "made"):
            run = cls(_new_default(name) if out is None else _new_at(expanded(out)))
        run._is_new = True
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The run at ``path``, a folder with a config.toml.

        Raises: ConfigError when there is none, with the runs of similar names; when samples/ or checkpoints/ is a link.
        """
        run = cls(path)
        with naming(run.path, "opened"):
            if is_there(run.config_file):
                refuse_link(run.samples_folder)
                refuse_link(run.checkpoints_folder)
                return run
            if not run.path.exists():
                problem = "does not exist"
            elif not run.path.is_dir():
                problem = "is a file; a run is the folder around it"
            else:
                problem = f"is not a run: it has no {CONFIG}"
        raise ConfigError(f"{run.path} {problem}\n  {_suggestion(run.path)}")

    @contextmanager
    def held(self) -> Iterator[Self]:
        """Inside, what is written at paths in the run is so in this very folder, wherever its path leads by then.

        Raises: FileError when it cannot be opened
        """
        with holding(self.path, follow=not self._is_new):
            yield self

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Inside, this process alone trains the run; and every file is on the disk before the next one is begun.

        If the folder, or the lock in it, is replaced meanwhile, nothing more is written.

        Raises: ConfigError if another process does so, if the lock is a link, if the file system has no locks, or if
            another process has begun a run in a folder that was new
        """
        with ExitStack() as stack:
            held = stack.enter_context(holding(self.path, durable=True, follow=not self._is_new))
            try:
                stack.enter_context(locking(held, LOCK, seconds=0))
            except NoLocks:
                if self._is_new:
                    delete(self.path / LOCK)  # so that the folder is as empty as it was
                raise
            if self._is_new:
                refuse_taken(self.path)
                with naming(self.path, "made"), suppress(PermissionError):
                    flush_folder(self.path.parent)
            self._is_new = False
            yield

    @contextmanager
    def results(self) -> Iterator[None]:
        """Inside, no other process writes what it found out about the run: files that belong together stay so.

        Where the file system has no locks, or this user may not make one there, others may.

        Raises: ConfigError if another process keeps on writing; for a link; FileError when the system refuses otherwise
        """
        with ExitStack() as stack:
            held = stack.enter_context(holding(self.path, follow=True))
            try:
                stack.enter_context(locking(held, RESULTS_LOCK, RESULTS_SECONDS))
            except FileError as error:
                if not isinstance(error, NoLocks) and getattr(error.__cause__, "errno", None) not in NOT_OURS:
                    raise
            yield

    def is_running(self) -> bool:
        """Whether a process is writing to the run. Nothing is locked or written for that.

        Raises: FileError when the system does not tell, as in a folder that belongs to somebody else
        """
        if not is_there(self.path / LOCK):
            return False
        with naming(self.path / LOCK, "read"):
            return is_marked(self.path / LOCK)

    # --- config.toml -----------------------------------------------------------------------------------

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write config.toml. TOML has no null: what is None is left out. Paths become strings.

        Raises: ConfigError for a value that TOML cannot hold, or when the file cannot be written.
        """
        import tomli_w

        try:
            text = f"{_header()}\n{tomli_w.dumps(_toml_value(config))}".encode()
        except (TypeError, UnicodeEncodeError) as error:
            raise ConfigError(
                f"{self.config_file}: {error}\n  numbers, strings, lists, dates and tables can be written"
            ) from error
        write_file(self.config_file, text, durable=True)

    def read_config(self) -> dict[str, Any]:
        """What config.toml says. What was None when it was written is missing.

        Raises: ConfigError when the file is missing or is not TOML, naming the line.
        """
        return read_toml(self.config_file)

    # --- metrics.jsonl ---------------------------------------------------------------------------------

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Append one line to metrics.jsonl, and hand it to the system at once: a crash loses no earlier line.

        JSON has no NaN and no infinity: both are written as null, and come back as NaN.
        What a crash left of a last line is cut off before the first line is appended.

        Raises: ArgumentError for values that JSON cannot hold; ConfigError when the file cannot be written, when it is
            a link, or when the folder has disappeared.
        """
        try:
            line = to_line(metrics)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"{self.metrics_file}: {error}\n  metrics are numbers and strings by name, not {dict(metrics)}"
            ) from error
        self._metrics.append(line)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Every line of metrics.jsonl as a dict, in order; an empty list when nothing was written yet.

        null is NaN. A last line that a crash cut short is left out.

        Raises: ConfigError for any other line that is not a JSON object, naming the line.
        """
        return read_lines(self.metrics_file)

    def read_last_metrics(self) -> dict[str, Any] | None:
        """The last whole line of metrics.jsonl, however long the file is; None where there is none.

        Raises: ConfigError as :meth:`read_metrics`
        """
        return read_last_line(self.metrics_file)

    # --- alarms.jsonl ----------------------------------------------------------------------------------

    def append_alarms(self, alarms: Sequence[Mapping[str, Any]]) -> None:
        """Append a line to alarms.jsonl for each alarm. They are on the disk before this returns.

        Raises: ConfigError when the file cannot be written.
        """
        write_lines(self.alarms_file, [*self.read_alarms(), *alarms])

    def read_alarms(self) -> list[dict[str, Any]]:
        """Every line of alarms.jsonl, as :meth:`read_metrics` reads those of the metrics; most runs have none."""
        return read_lines(self.alarms_file)

    # --- going back ------------------------------------------------------------------------------------

    def rewind(self, step: int, kept: Callable[[int], bool]) -> list[Path]:
        """Make the run what it was after ``step``: no metrics and no best checkpoint of later steps, and only pictures
        and alarms of steps that are ``kept``. What a crash left half-written goes, too.

        Returns where checkpoints of later steps, and a damaged best one, are now: see :func:`set_aside`.

        Raises: ConfigError when a file cannot be read, written or deleted.
        """
        self.close()
        cut_lines(self.metrics_file, step)
        alarms = self.read_alarms()
        sounded = [alarm for alarm in alarms if step_of(alarm) <= step and kept(int(step_of(alarm)))]
        if not sounded:
            delete(self.alarms_file)
        elif len(sounded) < len(alarms):
            write_lines(self.alarms_file, sounded)  # in one go: those that are kept are not to be sounded again
        for picture in self.samples():
            if number_of(picture) > step or not kept(number_of(picture)):
                delete(picture)
        aside = [set_aside(later) for later in self.checkpoints() if number_of(later) > step]
        if is_there(self.best_file):
            best = self.best_step()
            if best is None:
                aside.append(set_aside(self.best_file))
            elif best > step:
                delete(self.best_file)
        for folder in (self.path, self.samples_folder, self.checkpoints_folder):
            for file in listed(folder):
                if (whole := whole_of(file)) is not None and (folder != self.path or whole in OWN):
                    delete(file)
        return aside

    # --- checkpoints -----------------------------------------------------------------------------------

    def save_checkpoint(self, made: Checkpoint, keep: int | None) -> None:
        """Write checkpoints/step-000500.safetensors, and delete all but the latest ``keep``; None deletes none.

        Lines of metrics that were appended before it are on the disk before it.

        Raises: what :func:`rawgan.storage.checkpoint.write` raises.
        """
        self._metrics.flush()
        write(self.checkpoints_folder / f"step-{made.about.step:06d}.safetensors", made)
        if keep is not None:
            self.delete_checkpoints(keep)

    def delete_checkpoints(self, keep: int) -> None:
        """Delete all checkpoints but the latest ``keep``.

        Raises: ConfigError when one cannot be deleted
        """
        for old in self.checkpoints()[:-keep]:
            delete(old)

    def checkpoints(self) -> list[Path]:
        """The files in checkpoints/, sorted by step."""
        return numbered_files(self.checkpoints_folder, ".safetensors")

    def newest_checkpoint(self) -> tuple[Checkpoint | None, list[str]]:
        """The latest checkpoint that is whole; and of each later one what is wrong with it. None if there is none.

        Raises: ConfigError when there are checkpoints, and none of them is whole; when a later rawgan wrote one; when
            one cannot be read, which says nothing about what it holds.
        """
        faults: list[str] = []
        left = self.checkpoints()
        while left:
            path = left.pop()
            try:
                return read(path), faults
            except Damaged as error:
                faults.append(str(error).partition("\n")[0])
            except FileError:
                if is_link(path) or is_there(path):
                    raise
                left = [each for each in self.checkpoints() if each != path]  # a training has just deleted it
        if faults:
            raise ConfigError("\n  ".join(["no checkpoint of this run is whole", *faults, "train it again"]))
        return None, faults

    def newest_about(self) -> About | None:
        """What the latest checkpoint says besides its arrays, which are not read; None where there is none.

        Raises: as :func:`rawgan.storage.checkpoint.read_about`
        """
        while left := self.checkpoints():
            try:
                return read_about(left[-1])
            except FileError:
                if is_link(left[-1]) or is_there(left[-1]):
                    raise  # else a training has just deleted it, and has a later one
        return None

    def checkpoint_before(self, step: int) -> Checkpoint | None:
        """The latest checkpoint that is whole, of that step or one before it; None if there is none.

        Raises: ConfigError as :meth:`newest_checkpoint`
        """
        for path in reversed(self.checkpoints()):
            if number_of(path) <= step:
                with suppress(Damaged):
                    return read(path)
        return None

    def save_best(self, made: Checkpoint) -> None:
        """Write best.safetensors, in place of the one before.

        Raises: what :func:`rawgan.storage.checkpoint.write` raises.
        """
        write(self.best_file, made)

    def best_step(self) -> int | None:
        """The step of best.safetensors; None where there is none that is whole.

        Raises: ConfigError when a later rawgan wrote it, or it cannot be read.
        """
        if not is_there(self.best_file):
            return None
        try:
            return read(self.best_file).about.step
        except Damaged:
            return None

    def best_checkpoint(self) -> Checkpoint:
        """What best.safetensors holds.

        Raises: ConfigError when there is none, when it is damaged, or cannot be read.
        """
        if not is_there(self.best_file):
            raise ConfigError(
                f"{self.path} has no best checkpoint, as none was measured\n"
                "  train with --evaluate-every to have one; or take the latest"
            )
        try:
            return read(self.best_file)
        except Damaged as error:
            fault = str(error).partition("\n")[0]
            raise Damaged(f"{fault}\n  leave --best out, to have the latest checkpoint") from error

    # --- samples ---------------------------------------------------------------------------------------

    def sample_path(self, step: int) -> Path:
        """Where the picture of ``step`` goes: samples/step-000500.png.

        Raises: ArgumentError for a negative step.

        >>> RunFolder("runs/first").sample_path(500).as_posix()
        'runs/first/samples/step-000500.png'
        """
        if step < 0:
            raise ArgumentError(f"sample_path: step counts from 0, got {step}")
        return self.samples_folder / f"step-{step:06d}.png"

    def samples(self) -> list[Path]:
        """The pictures in samples/, sorted by step."""
        return numbered_files(self.samples_folder, ".png")


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises: ConfigError when the file is missing or is not TOML, naming the line.
    """
    with naming(path, "read"), open_file(path) as file:
        if os.fstat(file.fileno()).st_size > LONGEST_TOML:
            raise ConfigError(f"{path} is no configuration: it has more than {LONGEST_TOML:,} bytes")
        data = file.read()
    try:
        if any(line.count(b".") > MOST_DOTS for line in data.split(b"\n")):
            raise RecursionError
        return tomllib.loads(data.decode("utf-8-sig"))  # editors on Windows begin with a byte order mark
    except RecursionError:
        raise ConfigError(f"{path} is no configuration: its lists and tables are nested too deep") from None
    except UnicodeDecodeError as error:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as of PowerShell
            raise ConfigError(f"{path} is UTF-16, which TOML must not be\n  save it as UTF-8") from None
        line, problem = data.count(b"\n", 0, error.start) + 1, "the text is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line, problem = int(found[1]) if found else data.count(b"\n") + 1, str(error)
    except ValueError as error:  # a whole number of thousands of digits
        raise ConfigError(f"{path} is no configuration: {error}") from None
    raise ConfigError(f"{path}, line {line}, is not TOML: {problem}\n  mend that line by hand")


def numbered_files(folder: str | Path, suffix: str) -> list[Path]:
    """The files ``step-<number><suffix>`` of a folder, sorted by number; other files are left out.

    Raises: FileError when the folder cannot be listed.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("step-1000000.png", "step-999999.png", "step-7.png.tmp"):
    ...         (Path(folder) / name).touch()
    ...     [file.name for file in numbered_files(folder, ".png")]
    ['step-999999.png', 'step-1000000.png']
    """
    pattern = re.compile(rf"step-\d+{re.escape(suffix)}")
    return sorted((file for file in listed(Path(folder)) if pattern.fullmatch(file.name)), key=number_of)


def number_of(path: Path) -> int:
    """The step in the name of a numbered file."""
    return int(path.stem.removeprefix("step-"))


def set_aside(path: Path) -> Path:
    """Rename a checkpoint that a run goes on without: to ``.damaged`` if its content is proved wrong, else ``.later``.
    Returns the new path.

    Raises: ConfigError when it cannot be read, or a later rawgan wrote it, and then it stays; or cannot be renamed.
    """
    try:
        read(path)
        why = "later"
    except Damaged:
        why = "damaged"
    return rename(path, f"{path.name}.{why}")


def refuse_taken(path: Path) -> None:
    """Raise a ConfigError if a new run cannot be at ``path``, because something is there already, or it is a link.

    A run that was killed while it began, before it had a config.toml, is nothing: the same can be asked for again.
    """
    with naming(path, "read"):
        refuse_link(path)
        if path.is_dir() and any(not _is_of_beginning(each) for each in path.iterdir()):
            raise ConfigError(
                f"{path} is not empty, and a run never overwrites another\n"
                "  choose another folder, or delete this one first"
            )
        taken = path.exists() and not path.is_dir()
    if taken:
        raise ConfigError(f"{path} is a file, but a run needs a folder\n  choose another name")


def _is_of_beginning(path: Path) -> bool:
    """Whether a file is all that there is of a run before its config.toml is there: its lock, and half of that."""
    return path.name == LOCK or whole_of(path) == CONFIG


def _new_at(path: Path) -> Path:
    """Make ``path``, or take it when it is an empty folder."""
    refuse_taken(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _new_default(name: str) -> Path:
    """Make runs/<name>-<date>-<time>, with the first suffix that is free."""
    RUNS.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w.]+", "-", name)[:50].strip("-.") or "run"  # a file's name has at most 255 bytes
    first = RUNS / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    path = first
    for n in count(2):
        with suppress(FileExistsError):
            path.mkdir()
            break
        path = first.with_name(f"{first.name}-{n}")
    return path


def runs_in(folder: Path) -> Iterator[Path]:
    """The runs directly inside a folder, sorted by name; none when there is no such folder.

    Raises: FileError when the folder cannot be listed.
    """
    yield from (each for each in listed(folder) if _may_be_run(each))


def _may_be_run(path: Path) -> bool:
    """Whether a folder has a config.toml, or does not let that be seen."""
    try:
        return is_there(path / CONFIG)
    except FileError:
        return True


def _suggestion(path: Path) -> str:
    """Runs that may have been meant: of a similar name beside ``path`` or in runs/, or else any."""
    if _may_be_run(path.parent):
        return f"did you mean {path.parent}?"
    if inside := [str(run) for run in runs_in(path)]:
        return f"the runs in it: {', '.join(inside[-3:])}" + (f", and {len(inside) - 3} more" if inside[3:] else "")
    runs = {run.name: run for folder in (path.parent, RUNS) for run in runs_in(folder)}
    alike = [name for name in runs if path.name and name.startswith(path.name)]
    alike = alike or get_close_matches(path.name, runs, n=3, cutoff=0.6)
    if alike:
        return f"did you mean {' or '.join(str(runs[name]) for name in alike[-3:])}?"
    if runs:
        return f"the runs nearby: {', '.join(str(run) for run in list(runs.values())[-3:])}"
    return "there are no runs beside it either: train one first"


def _header() -> str:
    try:
        by = f"rawgan {version('rawgan')}"
    except PackageNotFoundError:  # run from a checkout that was never installed
        by = "rawgan"
    return f"# A run of {by}. What was left unset stands here as what it was then.\n"


def _toml_value(value: Any) -> Any:
    """``value`` as TOML has it: no None, no Path, no NumPy number."""
    if isinstance(value, Mapping):
        return {str(name): _toml_value(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_toml_value(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if isinstance(value, np.generic) else value
