"""Downloads: into the user's cache folder, checked, and only once."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rawgan.errors import DataError

PATIENCE = 2.0
"""Seconds that a download goes on before its progress is shown."""


def cache_folder() -> Path:
    """Where downloads are kept: `RAWGAN_CACHE` if it is set, else the user's cache folder of this system.

    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, RAWGAN_CACHE="/data/downloads"):
    ...     print(cache_folder().as_posix())
    /data/downloads
    """
    import pooch  # type: ignore[import-untyped]

    return Path(os.environ.get("RAWGAN_CACHE") or pooch.os_cache("rawgan")).expanduser()


def fetch(url: str, path: Path, md5: str, checksum: Callable[[Path], str]) -> Path:
    """`path`, holding what `url` serves: downloaded unless the right file is there already.

    A download gets its name only once its `checksum` is right, so no half of a file is ever left behind.

    Raises: DataError naming the URL and the way out

    >>> from rawgan.data.known import file_md5
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "greeting")
    ...     _ = path.write_text("hello")
    ...     fetch("http://localhost/greeting", path, "5d41402abc4b2a76b9719d911017c592", file_md5).name
    'greeting'
    """
    import requests

    try:
        if path.exists() and _is_right(path, md5, checksum):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as folder:
            part = Path(folder, path.name)
            _download(url, part)
            if not _is_right(part, md5, checksum):
                raise DataError(_failed(url, path, f"what came is not the file expected, of MD5 {md5}"))
            part.replace(path)
    except requests.RequestException as error:
        raise DataError(_failed(url, path, _reason(error))) from None
    except OSError as error:
        raise DataError(
            f"{path.parent}: downloads cannot be kept here ({error.strerror or error}); "
            "set RAWGAN_CACHE to a folder that can be written to"
        ) from None
    return path


def _is_right(path: Path, md5: str, checksum: Callable[[Path], str]) -> bool:
    try:
        return checksum(path) == md5
    except DataError:  # not even unpackable
        return False


def _download(url: str, path: Path) -> None:
    """Writes what `url` serves to `path`."""
    from pooch import HTTPDownloader

    bar = _Bar(url.rpartition("/")[2])
    try:
        HTTPDownloader(progressbar=bar, chunk_size=1 << 16)(url, path, None)
    finally:
        bar.close()


def _reason(error: Exception) -> str:
    """What went wrong, in a few words; requests quotes its whole inside."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return f"no connection to the server ({type(error).__name__})"
    return f"the download broke off ({type(error).__name__})"


def _failed(url: str, path: Path, reason: str) -> str:
    return f"{url}: {reason}\n  Try again later, or download the file by hand and save it as\n  {path}"


class _Bar:
    """A progress bar on stderr with the methods that pooch asks for; it appears after `PATIENCE` seconds."""

    def __init__(self, name: str) -> None:
        self.name, self.total, self.done = name, 0, 0
        self.start = time.monotonic()
        self.shown: Any = None

    def update(self, size: int) -> None:
        self.done += size
        if self.shown is None and time.monotonic() - self.start >= PATIENCE:
            self.shown = _rich_bar()
            self.shown.start()
            self.task = self.shown.add_task(self.name, total=self.total or None)
        if self.shown is not None:
            self.shown.update(self.task, completed=self.done)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        if self.shown is not None:
            self.shown.stop()


def _rich_bar() -> Any:
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.DownloadColumn())
    return progress.Progress(*columns, progress.TimeRemainingColumn(), console=Console(stderr=True))
