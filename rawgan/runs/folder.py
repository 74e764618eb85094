"""A run folder: everything that one training run leaves behind.

::

    runs/mnist-20250131-184502/
      config.toml            what was asked for
      metrics.jsonl          one JSON object per line, in the order of the steps
      samples/step-000500.png …
      losses.png  samples.gif
      weights.safetensors    arrays by name, and a few strings about them

Every file but ``metrics.jsonl``, which grows, is replaced as a whole: a crash leaves the old or the new one.
"""

import json
import math
import os
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from rawgan.errors import ArgumentError, ConfigError, DTypeError, shown
from rawgan.files import open_file
from rawgan.runs._files import naming, refuse_link, replacing

CONFIG = "config.toml"
RUNS = Path("runs")


MOST_DOTS = 100
"""In one line of TOML. Each dot of a key is a table in a table, and reading so many takes memory by their square."""

NUMBERS = frozenset({"BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64"})
"""What weights may be made of. Other types, such as bfloat16, NumPy has only while some other library is loaded."""


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
        self.path = Path(path)
        self.config_file = self.path / CONFIG
        self.metrics_file = self.path / "metrics.jsonl"
        self.samples_folder = self.path / "samples"
        self.losses_file = self.path / "losses.png"
        self.animation_file = self.path / "samples.gif"
        self.weights_file = self.path / "weights.safetensors"
        self._metrics: BinaryIO | None = None

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
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None

    # --- the folder ------------------------------------------------------------------------------------

    @classmethod
    def create(cls, out: str | Path | None, name: str) -> Self:
        """Make the folder of a new run: ``out``, or ``runs/<name>-<date>-<time>`` when ``out`` is None.

        Characters of ``name`` that do not belong in a file name become dashes. A default name that is taken
        gets ``-2``, ``-3``, … behind it.

        Raises: ConfigError when ``out`` is a file or holds anything already, or when it cannot be made.
        """
        with naming(RUNS if out is None else out, "made"):
            path = _new_default(name) if out is None else _new_at(Path(out))
            run = cls(path)
            run.samples_folder.mkdir()
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The run at ``path``, a folder with a config.toml.

        Raises: ConfigError when there is none, with the runs of similar names; when samples/ is a link.
        """
        run = cls(path)
        with naming(run.path, "opened"):
            if run.config_file.is_file():
                refuse_link(run.samples_folder)
                return run
            if not run.path.exists():
                problem = "does not exist"
            elif not run.path.is_dir():
                problem = "is a file; a run is the folder around it"
            else:
                problem = f"is not a run: it has no {CONFIG}"
        raise ConfigError(f"{run.path} {problem}\n  {_suggestion(run.path)}")

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
        with replacing(self.config_file, durable=True) as temporary:
            temporary.write_bytes(text)

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

        Raises: ArgumentError for values that JSON cannot hold; ConfigError when the file cannot be written, or is a
            link.
        """
        values = {name: _json_value(value) for name, value in metrics.items()}
        try:
            line = json.dumps(values, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"{self.metrics_file}: {error}\n  metrics are numbers and strings by name, not {dict(metrics)}"
            ) from error
        with naming(self.metrics_file, "written"):
            if self._metrics is None:
                refuse_link(self.metrics_file)
                self._metrics = _open_at_end(self.metrics_file)
            self._metrics.write(line.encode() + b"\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Every line of metrics.jsonl as a dict, in order; an empty list when nothing was written yet.

        null is NaN. A last line that a crash cut short is left out.

        Raises: ConfigError for any other line that is not a JSON object, naming the line.
        """
        with naming(self.metrics_file, "read"):
            if not self.metrics_file.exists():
                return []
            with open_file(self.metrics_file) as file:
                lines = file.read().split(b"\n")
        records = []
        for number, line in enumerate(lines, start=1):
            record = _parse(line)
            if record is not None:
                records.append({name: math.nan if value is None else value for name, value in record.items()})
            elif line.strip() and number < len(lines):  # the last piece has no newline: it was cut short
                start = line[:60].decode(errors="replace")
                raise ConfigError(
                    f"{self.metrics_file}, line {number}, is not a JSON object: {start}\n"
                    "  mend or delete that line by hand; the others are whole"
                )
        return records

    # --- weights.safetensors ---------------------------------------------------------------------------

    def save_weights(self, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
        """Replace weights.safetensors: arrays by name, and strings by name about them. Nothing is pickled.

        The new file is on the disk before the old one goes, so that there are whole weights at any moment.

        Raises: DTypeError for a value that is not a NumPy array of numbers, or metadata that is no string;
            ArgumentError for the name ``__metadata__``; ConfigError when the file cannot be written.
        """
        from safetensors.numpy import save

        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise DTypeError(f"{self.weights_file}: {name} must be a NumPy array, not {array!r:.60}")
            if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
                raise DTypeError(f"{self.weights_file}: {name} has dtype {array.dtype}, which has no place there")
            if name == "__metadata__":
                raise ArgumentError(f"{self.weights_file}: no array can be called {name}; give it another name")
        for name, text in metadata.items():
            if not isinstance(text, str):
                raise DTypeError(f"{self.weights_file}: metadata {name} must be a string, not {text!r}")
        whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        data = save(whole, dict(metadata) or None)  # empty metadata would spoil a file without arrays
        with replacing(self.weights_file, durable=True) as temporary:
            temporary.write_bytes(data)

    def load_weights(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """The arrays and the metadata of weights.safetensors.

        Raises: ConfigError when the file is missing, cut short or damaged.
        """
        from safetensors import SafetensorError, safe_open

        with naming(self.weights_file, "read"):
            if not self.weights_file.exists():
                raise ConfigError(
                    f"{self.weights_file} does not exist\n"
                    "  this run has saved no weights: let it train until it does, or choose another run"
                )
            open_file(self.weights_file).close()  # refuses what is no file
        try:
            with naming(self.weights_file, "read"), safe_open(self.weights_file, framework="np") as file:
                types = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 (not a dict)
                for name, kind in types.items():
                    if kind not in NUMBERS:
                        raise ConfigError(
                            f"{self.weights_file} holds numbers of a type that NumPy lacks: {shown(name)} is {kind}\n"
                            "  rawgan writes no such file; convert the arrays to float32 where they come from"
                        )
                return {name: file.get_tensor(name) for name in types}, file.metadata() or {}
        except SafetensorError as error:
            raise ConfigError(
                f"{self.weights_file} is damaged or cut short: {error}\n"
                "  put a whole copy in its place, or train the run again"
            ) from error

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
        return sample_files(self.samples_folder)


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises: ConfigError when the file is missing or is not TOML, naming the line.
    """
    with naming(path, "read"), open_file(path) as file:
        data = file.read()
    try:
        if any(line.count(b".") > MOST_DOTS for line in data.split(b"\n")):
            raise RecursionError
        return tomllib.loads(data.decode())
    except RecursionError:
        raise ConfigError(f"{path} is no configuration: its lists and tables are nested too deep") from None
    except UnicodeDecodeError as error:
        line, problem = data.count(b"\n", 0, error.start) + 1, "the text is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line, problem = int(found[1]) if found else data.count(b"\n") + 1, str(error)
    except ValueError as error:  # a whole number of thousands of digits
        raise ConfigError(f"{path} is no configuration: {error}") from None
    raise ConfigError(f"{path}, line {line}, is not TOML: {problem}\n  mend that line by hand")


def sample_files(folder: str | Path) -> list[Path]:
    """The files ``step-<number>.png`` of a folder, sorted by number; other files are left out.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("step-1000000.png", "step-999999.png", "step-7.png.tmp"):
    ...         (Path(folder) / name).touch()
    ...     [file.name for file in sample_files(folder)]
    ['step-999999.png', 'step-1000000.png']
    """
    steps = {file: re.fullmatch(r"step-(\d+)\.png", file.name) for file in Path(folder).glob("*")}
    return sorted((file for file, step in steps.items() if step), key=lambda file: int(file.stem[5:]))


def refuse_taken(path: Path) -> None:
    """Raise a ConfigError if a new run cannot be at ``path``, because something is there already."""
    with naming(path, "read"):
        if path.is_dir() and any(path.iterdir()):
            raise ConfigError(
                f"{path} is not empty, and a run never overwrites another\n"
                "  choose another folder, or delete this one first"
            )
        taken = path.exists() and not path.is_dir()
    if taken:
        raise ConfigError(f"{path} is a file, but a run needs a folder\n  choose another name")


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


def _runs_in(folder: Path) -> Iterator[Path]:
    """The runs directly inside a folder, sorted by name; none when there is no such folder."""
    yield from (file.parent for file in sorted(folder.glob(f"*/{CONFIG}")))


def _suggestion(path: Path) -> str:
    """Runs that may have been meant: of a similar name beside ``path`` or in runs/, or else any."""
    if (path.parent / CONFIG).is_file():
        return f"did you mean {path.parent}?"
    runs = {run.name: run for folder in (path, path.parent, RUNS) for run in _runs_in(folder)}
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
    return f"# A run of {by}. Options that were left unset do not appear.\n"


def _toml_value(value: Any) -> Any:
    """``value`` as TOML has it: no None, no Path, no NumPy number."""
    if isinstance(value, Mapping):
        return {str(name): _toml_value(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_toml_value(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if isinstance(value, np.generic) else value


def _json_value(value: Any) -> Any:
    """``value`` as JSON has it: Python numbers for NumPy's, None for what is not finite."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parse(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line, or None."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _open_at_end(path: Path) -> BinaryIO:
    """Open a JSON-lines file for appending whole lines: a last line without its newline is mended or cut off.

    Unbuffered: one write is one line in the file.
    """
    file = path.open("a+b", buffering=0)
    file.seek(0)
    data = file.read()
    last = data[data.rfind(b"\n") + 1 :]
    if _parse(last) is not None:
        file.write(b"\n")
    elif last:
        file.truncate(len(data) - len(last))
    return file
