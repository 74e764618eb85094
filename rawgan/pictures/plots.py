"""Plots: figures of matplotlib that look the same whatever settings a person has made for it.

matplotlib takes settings from the environment (MPLBACKEND, MATPLOTLIBRC), from a file in the working directory and from
the home folder. Those of a notebook or of somebody else's project would change the bits of a run's plots, or make them
fail. So it is imported without them, and draws with its own defaults.
"""

import atexit
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from rawgan.errors import ConfigError, RawganError
from rawgan.storage.atomic import write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS = "matplotlibrc"
"""Name of the file in the working directory that matplotlib would read before any other."""
_importing = Lock()


@contextmanager
def plotting(
    path: str | Path, size: tuple[float, float], dpi: int, style: Mapping[str, Any] | None = None
) -> Iterator["Figure"]:
    """Give an empty figure of that size in inches, and save what was drawn there as a PNG file at the end of the block.
    `style` has matplotlib's settings where they are not to be the default ones.

    Raises: ConfigError when it cannot be drawn, whatever the reason; FileError when the file cannot be written

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "line.png"
    ...     with plotting(path, (3, 2), dpi=50) as figure:
    ...         _ = figure.subplots().plot([1, 2])
    ...     path.read_bytes()[1:4]
    b'PNG'
    """
    try:
        matplotlib = _matplotlib()
        from matplotlib.figure import Figure

        settings = _defaults(matplotlib.rcParamsDefault) | dict(style or {})
        with matplotlib.rc_context(settings):
            figure, data = Figure(figsize=size, layout="constrained"), io.BytesIO()
            yield figure
            figure.savefig(data, format="png", dpi=dpi)
        write_file(path, data.getvalue())
    except RawganError:
        raise
    except Exception as error:  # matplotlib, or a font, or an installation that is not whole: anything may be raised
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path} could not be drawn: {what.strip(': ')}\n  see whether matplotlib works") from error


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """All settings but those of windows, of which none is opened."""
    return {name: settings[name] for name in settings if not name.startswith("backend")}


def _matplotlib() -> Any:
    """matplotlib, imported without anybody's settings if nothing else has imported it yet."""
    with _importing, nullcontext() if "matplotlib" in sys.modules else _without_settings():
        import matplotlib
        import matplotlib.backends.backend_agg  # what savefig takes, and the fonts, whose list is in the home folder
    return matplotlib


@contextmanager
def _without_settings() -> Iterator[None]:
    """Inside, there is no environment variable and no file by which a person sets matplotlib.

    The file in the working directory has no switch: for the moment of the import, it is not there. Merely to read it
    could fail, or never end.
    """
    hidden = {name: os.environ.pop(name) for name in ("MPLBACKEND", "MATPLOTLIBRC") if name in os.environ}
    exists = os.path.exists
    try:
        os.path.exists = lambda path: exists(path) and not _has_settings(str(path))
        with _with_a_home():
            yield
    finally:
        os.path.exists = exists
        os.environ.update(hidden)


def _has_settings(path: str) -> bool:
    """Whether a path is that of a person's settings; matplotlib's own defaults have a folder of their own."""
    folder, name = os.path.split(path)
    return name == SETTINGS and os.path.basename(folder) != "mpl-data"


@contextmanager
def _with_a_home() -> Iterator[None]:
    """Inside, matplotlib finds a folder for its list of fonts, also where the user has no home: in containers."""
    try:
        Path.home()
    except RuntimeError:
        if "MPLCONFIGDIR" not in os.environ:
            folder = tempfile.mkdtemp(prefix="rawgan-matplotlib-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            os.environ["MPLCONFIGDIR"] = folder
    yield
