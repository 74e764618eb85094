"""Run folder: everything that one training run leaves behind.

::

    runs/mnist-20250131-184502/
      config.toml            the configuration that was asked for
      metrics.jsonl          one JSON object per line, in the order of the steps
      alarms.jsonl           the same for alarms of the doctor, if there were any
      samples/step-000500.png …
      losses.png  samples.gif
      checkpoints/step-000500.safetensors …    all that is needed to go on
      best.safetensors       the checkpoint that was measured to be the best
      init.safetensors       the weights of another run that it began with, if any

Every file but ``metrics.jsonl``, which grows, is replaced as a whole: a crash leaves the old or the new one. While a
run trains, each is on the disk before the next is begun.
"""

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rawgan.errors import ArgumentError, ConfigError, FileError
from rawgan.files import expanded
from rawgan.storage.atomic import delete, intended_name, write_file
from rawgan.storage.checkpoint import Checkpoint
from rawgan.storage.checkpoint_files import CheckpointFiles, set_aside
from rawgan.storage.flushing import flush_folder
from rawgan.storage.held_folder import holding
from rawgan.storage.json_lines import (
    LineFile,
    cut_lines,
    is_scalar,
    read_last_line,
    read_lines,
    step_of,
    to_line,
    write_lines,
)
from rawgan.storage.locks import NoLocks, locking
from rawgan.storage.lookup import entries_of, errors_naming, is_there, refuse_link
from rawgan.storage.new_folder import LOCK, new_folder, refuse_taken
from rawgan.storage.numbered_files import numbered_files, numbered_path, step_in_name
from rawgan.storage.run_search import CONFIG, suggestion
from rawgan.storage.toml_file import read_toml, toml_text
from rawgan.storage.writer_mark import is_marked

RESULTS_LOCK = ".results.lock"
"""Name of the file that commands lock while they write results, such as evaluation.json and the picture beside it."""
RESULTS_SECONDS = 30.0
"""Longest time to wait for that lock; writing results takes moments."""
NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of the system to a user who may read a folder but not write to it."""
TRAINING_FILES = (
    CONFIG,
    "metrics.jsonl",
    "alarms.jsonl",
    "losses.png",
    "samples.gif",
    "best.safetensors",
    "init.safetensors",
)
"""Files in the run folder that training alone writes."""


class RunFolder(CheckpointFiles):
    """Files of one run. :meth:`create` starts a new run, :meth:`open` opens an old one.

    Close it, or use ``with``, after appending metrics.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, RunFolder.create(f"{folder}/first", "mnist") as run:
    ...     run.write_config({"dataset": "mnist", "steps": 2000})
    ...     run.append_metrics({"step": 1, "d_loss": 0.69})
    ...     RunFolder.open(f"{folder}/first").read_metrics()
    [{'step': 1, 'd_loss': 0.69}]
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(expanded(path))
        self.config_file = self.path / CONFIG
        self.metrics_file = self.path / "metrics.jsonl"
        self.alarms_file = self.path / "alarms.jsonl"
        self.samples_folder = self.path / "samples"
        self.losses_file = self.path / "losses.png"
        self.animation_file = self.path / "samples.gif"
        self._metrics = LineFile(self.metrics_file)
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
        """Make the folder of a new run: `out`, or `runs/<name>-<date>-<time>` if `out` is None.

        Raises: ConfigError when `out` is a file, holds anything already, or cannot be made
        """
        run = cls(new_folder(out, name))
        run._is_new = True
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the run at `path`, a folder with a config.toml.

        Raises: ConfigError when there is none, with the runs of similar names; when samples/ or checkpoints/ is a link
        """
        run = cls(path)
        with errors_naming(run.path, "opened"):
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
        raise ConfigError(f"{run.path} {problem}\n  {suggestion(run.path)}")

    @contextmanager
    def held(self) -> Iterator[Self]:
        """Hold the folder: inside, files are written in this very folder, wherever its path leads by then.

        Raises: FileError when it cannot be opened
        """
        with holding(self.path, follow=not self._is_new):
            yield self

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run: inside, only this process trains it, and every file is on the disk before the next is begun.

        If the folder, or the lock in it, is replaced meanwhile, nothing more is written.

        Raises: ConfigError if another process trains it, if the lock is a link, if the file system has no locks, or if
            another process has begun a run in a new folder
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
                with errors_naming(self.path, "made"), suppress(PermissionError):
                    flush_folder(self.path.parent)
            self._is_new = False
            yield

    @contextmanager
    def results(self) -> Iterator[None]:
        """Lock the results: inside, no other process writes results of the run, so that files of one result match.

        Without locks in the file system, or permission to make one, other processes may write all the same.

        Raises: ConfigError if another process keeps writing, or for a link; FileError when the system refuses otherwise
        """
        with ExitStack() as stack:
            held = stack.enter_context(holding(self.path, follow=True))
            try:
                stack.enter_context(locking(held, RESULTS_LOCK, RESULTS_SECONDS))
            except FileError as error:
                if not isinstance(error, NoLocks) and getattr(error.__cause__, "errno", None) not in NO_PERMISSION:
                    raise
            yield

    def is_running(self) -> bool:
        """True if a process is training the run. Nothing is locked or written to find out.

        Raises: FileError when the system does not tell, as in a folder of another user
        """
        if not is_there(self.path / LOCK):
            return False
        with errors_naming(self.path / LOCK, "read"):
            return is_marked(self.path / LOCK)

    # --- config.toml -----------------------------------------------------------------------------------

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write config.toml. TOML has no null: values that are None are left out. Paths become strings.

        Raises: ConfigError for a value that TOML cannot hold, or when the file cannot be written
        """
        try:
            text = f"{_header()}\n{toml_text(config)}".encode()
        except (TypeError, UnicodeEncodeError) as error:
            raise ConfigError(
                f"{self.config_file}: {error}\n  numbers, strings, lists, dates and tables can be written"
            ) from error
        write_file(self.config_file, text, durable=True)

    def read_config(self) -> dict[str, Any]:
        """Read config.toml. Values that were None when it was written are missing.

        Raises: ConfigError when the file is missing or is not TOML, naming the line
        """
        return read_toml(self.config_file)

    # --- metrics.jsonl and alarms.jsonl ----------------------------------------------------------------

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl, and hand it to the system at once: a crash loses no earlier line.

        JSON has no NaN and no infinity: both are written as null, and are read as NaN. An incomplete last line, left by
        a crash, is cut off before the first line is appended.

        Raises: ArgumentError for values that are not numbers; ConfigError when the file cannot be written, when it is
            a link, or when the folder has disappeared
        """
        try:
            line = to_line(metrics)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"{self.metrics_file}: {error}\n  metrics are numbers by name, not {dict(metrics)}"
            ) from error
        self._metrics.append(line)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read every line of metrics.jsonl as a dict, in order; an empty list if there is no such file yet.

        null is NaN. An incomplete last line, left by a crash, is left out.

        Raises: ConfigError for any other line that is not a JSON object of numbers, naming the line
        """
        return read_lines(self.metrics_file)

    def read_last_metrics(self) -> dict[str, Any] | None:
        """Read the last whole line of metrics.jsonl, however long the file is; None if there is none.

        Raises: ConfigError as :meth:`read_metrics`
        """
        return read_last_line(self.metrics_file)

    def append_alarms(self, alarms: Sequence[Mapping[str, Any]]) -> None:
        """Append a line to alarms.jsonl for each alarm. They are on the disk before this returns.

        Raises: ConfigError when the file cannot be written
        """
        write_lines(self.alarms_file, [*self.read_alarms(), *alarms])

    def read_alarms(self) -> list[dict[str, Any]]:
        """Read every line of alarms.jsonl as :meth:`read_metrics` does; most runs have none."""
        return read_lines(self.alarms_file, allowed=is_scalar)

    # --- going back ------------------------------------------------------------------------------------

    def rewind(self, step: int, kept: Callable[[int], bool]) -> list[Path]:
        """Restore the folder to the state after `step`.

        Metrics and a best checkpoint of later steps are deleted, and so are pictures and alarms, except those of
        earlier steps that are `kept`, and incomplete files that a crash left.

        Returns the new paths of checkpoints of later steps, and of a damaged best one: see :func:`set_aside`.

        Raises: ConfigError when a file cannot be read, written or deleted
        """
        self.close()
        cut_lines(self.metrics_file, step)
        alarms = self.read_alarms()
        sounded = [alarm for alarm in alarms if step_of(alarm) <= step and kept(int(step_of(alarm)))]
        if not sounded:
            delete(self.alarms_file)
        elif len(sounded) < len(alarms):
            write_lines(self.alarms_file, sounded)  # all at once, as alarms that are kept are not sounded again
        for picture in self.samples():
            if step_in_name(picture) > step or not kept(step_in_name(picture)):
                delete(picture)
        aside = [set_aside(later) for later in self.checkpoints() if step_in_name(later) > step]
        if is_there(self.best_file):
            best = self.best_step()
            if best is None:
                aside.append(set_aside(self.best_file))
            elif best > step:
                delete(self.best_file)
        for folder in (self.path, self.samples_folder, self.checkpoints_folder):
            for file in entries_of(folder):
                if (name := intended_name(file)) is not None and (folder != self.path or name in TRAINING_FILES):
                    delete(file)
        return aside

    # --- checkpoints -----------------------------------------------------------------------------------

    def save_checkpoint(self, made: Checkpoint, keep: int | None) -> None:
        """Write a checkpoint. Metrics that were appended before are on the disk before it."""
        self._metrics.flush()
        super().save_checkpoint(made, keep)

    # --- samples ---------------------------------------------------------------------------------------

    def sample_path(self, step: int) -> Path:
        """Path of the picture of a step: samples/step-000500.png.

        Raises: ArgumentError for a negative step

        >>> RunFolder("runs/first").sample_path(500).as_posix()
        'runs/first/samples/step-000500.png'
        """
        return numbered_path(self.samples_folder, step, ".png")

    def samples(self) -> list[Path]:
        """Pictures in samples/, sorted by step."""
        return numbered_files(self.samples_folder, ".png")


def _header() -> str:
    """First line of config.toml."""
    try:
        by = f"rawgan {version('rawgan')}"
    except PackageNotFoundError:  # a checkout that was never installed
        by = "rawgan"
    return f"# A run of {by}. Options that were left unset have the values that were used.\n"
