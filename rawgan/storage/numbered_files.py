"""Files named after a step: samples/step-000500.png, checkpoints/step-000500.safetensors."""

import re
from pathlib import Path

from rawgan.errors import ArgumentError
from rawgan.storage.lookup import entries_of


def numbered_path(folder: Path, step: int, suffix: str) -> Path:
    """Path of the file of a step in a folder.

    Raises: ArgumentError for a negative step

    >>> numbered_path(Path("samples"), 500, ".png").as_posix()
    'samples/step-000500.png'
    """
    if step < 0:
        raise ArgumentError(f"numbered_path: step counts from 0, got {step}")
    return folder / f"step-{step:06d}{suffix}"


def numbered_files(folder: str | Path, suffix: str) -> list[Path]:
    """Files `step-<number><suffix>` of a folder, sorted by number; other files are left out.

    Raises: FileError when the folder cannot be listed

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("step-1000000.png", "step-999999.png", "step-7.png.tmp"):
    ...         (Path(folder) / name).touch()
    ...     [file.name for file in numbered_files(folder, ".png")]
    ['step-999999.png', 'step-1000000.png']
    """
    pattern = re.compile(rf"step-\d+{re.escape(suffix)}")
    return sorted((file for file in entries_of(Path(folder)) if pattern.fullmatch(file.name)), key=step_in_name)


def step_in_name(path: Path) -> int:
    """Step in the name of a numbered file."""
    return int(path.stem.removeprefix("step-"))
