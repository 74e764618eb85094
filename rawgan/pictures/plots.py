"""Plots: matplotlib figures that do not depend on the user's settings.

matplotlib reads settings from the environment (MPLBACKEND, MATPLOTLIBRC), the working directory and the home folder.
Settings of a notebook or another project would change the bits of a plot, or make it fail. So matplotlib is imported
without them, and draws with its defaults.
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
"""Name of the file in the working directory that matplotlib would read first."""
_importing = Lock()


@contextmanager
def plotting(
    path: str | Path, size: tuple[float, float], dpi: int, style: Mapping[str, Any] | None = None
) -> Iterator["Figure"]:
    """Yield an empty figure of a size in inches, and save it as a PNG file at the end of the block.

    `style` holds settings of matplotlib that replace its defaults.

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
    except Exception as error:  # matplotlib may raise anything: for a missing font, a broken installation, …
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path} could not be drawn: {what.strip(': ')}\n  see whether matplotlib works") from error


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the backends of windows, as none is opened."""
    return {name: settings[name] for name in settings if not name.startswith("backend")}


def _matplotlib() -> Any:
    """Import matplotlib, without the user's settings unless something else has imported it already."""
    with _importing, nullcontext() if "matplotlib" in sys.modules else _without_settings():
        import matplotlib
        import matplotlib.backends.backend_agg  # for savefig, and the fonts, which are listed in the home folder
    return matplotlib


@contextmanager
def _without_settings() -> Iterator[None]:
    """Inside, hide the environment variables and files with settings of matplotlib.

    Reading the file in the working directory cannot be switched off, and could fail or never end. So during the import,
    that file seems not to exist.
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
    """True for a file of the user's settings, as opposed to matplotlib's defaults, which are in mpl-data."""
    folder, name = os.path.split(path)
    return name == SETTINGS and os.path.basename(folder) != "mpl-data"


@contextmanager
def _with_a_home() -> Iterator[None]:
    """Inside, give matplotlib a folder for its list of fonts if the user has no home, as in containers."""
    try:
        Path.home()
    except RuntimeError:
        if "MPLCONFIGDIR" not in os.environ:
            folder = tempfile.mkdtemp(prefix="rawgan-matplotlib-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            os.environ["MPLCONFIGDIR"] = folder
    yield
