"""Downloads: into the user's cache folder, encrypted on the way, checked, and only once."""

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from rawgan.errors import ArgumentError, DataError
from rawgan.files import expanded, open_file

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

PATIENCE = 2.0
"""Seconds that a download goes on before its progress is shown."""
TIMEOUT = 30.0
"""Seconds without a byte from the server after which it is given up."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""This machine: the only one that may be asked without encryption, as tests do."""


class Expected(NamedTuple):
    """What a file must be: so many bytes long, of that SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


def cache_folder() -> Path:
    """Where downloads are kept: `RAWGAN_CACHE` if it is set, else the user's cache folder of this system.

    Raises: DataError if that is in a home folder, and there is none

    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, RAWGAN_CACHE="/data/downloads"):
    ...     print(cache_folder().as_posix())
    /data/downloads
    """
    import pooch  # type: ignore[import-untyped]

    try:
        return expanded(os.environ.get("RAWGAN_CACHE") or pooch.os_cache("rawgan"))
    except (ArgumentError, RuntimeError):  # ours, and that of what pooch asks for the folder
        raise DataError(
            "downloads have no folder to be kept in, as there is no home folder; "
            "set RAWGAN_CACHE to a folder that can be written to"
        ) from None


def fetch(url: str, path: Path, expected: Expected) -> Path:
    """`path`, holding what `url` serves: downloaded unless the right file is there already.

    A download gets its name only once its checksum is right, so no half of a file is ever left behind; one that
    broke off starts again. No more bytes are taken than are expected.

    Raises: DataError naming the URL and the way out; it is not asked at all unless it is https

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "greeting")
    ...     _ = path.write_text("hello")
    ...     sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    ...     fetch("https://example.org/greeting", path, Expected(5, sha256)).name
    'greeting'
    """
    from requests import RequestException

    try:
        if _is_right(path, expected):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as folder:
            part = Path(folder, path.name)
            _download(url, part, expected.size)
            if not _is_right(part, expected):
                reason = f"what came is not the file expected, of SHA-256 {expected.sha256}"
                raise DataError(_failed(url, path, reason))
            part.replace(path)
    except DataError:
        raise
    except (RequestException, ValueError) as error:  # a server may send the client on to what is no address
        raise DataError(_failed(url, path, _reason(error))) from None
    except OSError as error:
        raise DataError(
            f"{path.parent}: downloads cannot be kept here ({error.strerror or error}); "
            "set RAWGAN_CACHE to a folder that can be written to"
        ) from None
    return path


def _is_right(path: Path, expected: Expected) -> bool:
    if not path.is_file() or path.stat().st_size != expected.size:
        return False
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == expected.sha256


def _download(url: str, path: Path, size: int) -> None:
    """Writes what `url` serves to `path`, `size` bytes and one more at most."""
    bar = _Bar(url.rpartition("/")[2], size)
    unpacked = {"Accept-Encoding": "identity"}  # the bytes of the file, not packed for the way
    try:
        with (
            _session() as session,
            session.get(url, stream=True, timeout=TIMEOUT, headers=unpacked) as response,
            open(path, "wb") as file,
        ):
            response.raise_for_status()
            for piece in response.iter_content(1 << 16):
                file.write(piece)
                bar.update(len(piece))
                if bar.done > size:
                    return
    finally:
        bar.close()


def _session() -> "Session":
    """What asks servers, over https alone, wherever they send it on to."""
    import requests
    from requests.adapters import HTTPAdapter

    class OnlyHere(HTTPAdapter):
        def send(self, request: "PreparedRequest", *args: Any, **options: Any) -> "Response":
            if urlsplit(request.url or "").hostname not in LOOPBACK:
                raise requests.exceptions.InvalidSchema(f"downloads come over https only, not from {request.url}")
            return super().send(request, *args, **options)

    session = requests.Session()
    session.mount("http://", OnlyHere())
    return session


def _reason(error: Exception) -> str:
    """What went wrong, in a few words; requests quotes its whole inside."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.InvalidSchema):
        return str(error)
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return f"no connection to the server ({type(error).__name__}); is this machine online?"
    if isinstance(error, requests.exceptions.InvalidURL) or not isinstance(error, requests.RequestException):
        return f"the address, or one that the server sent on to, is none ({type(error).__name__})"
    return f"the download broke off ({type(error).__name__})"


def _failed(url: str, path: Path, reason: str) -> str:
    return f"{url}: {reason}\n  Try again later, or download the file by hand and save it as\n  {path}"


class _Bar:
    """A progress bar on stderr, which appears after `PATIENCE` seconds. `done` counts bytes."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.done = name, total, 0
        self.start = time.monotonic()
        self.shown: Any = None

    def update(self, size: int) -> None:
        self.done += size
        if self.shown is None and time.monotonic() - self.start >= PATIENCE:
            self.shown = _rich_bar()
            self.shown.start()
            self.task = self.shown.add_task(self.name, total=self.total)
        if self.shown is not None:
            self.shown.update(self.task, completed=self.done)

    def close(self) -> None:
        if self.shown is not None:
            self.shown.stop()


def _rich_bar() -> Any:
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.DownloadColumn())
    return progress.Progress(*columns, progress.TimeRemainingColumn(), console=Console(stderr=True))
