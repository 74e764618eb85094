"""Downloads: over https, into the user's cache folder, verified by checksum, and only once."""

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.parse import urljoin, urlsplit

from rawgan.data.user_cache import delete_abandoned, part_of, put_in_place
from rawgan.errors import DataError
from rawgan.files import open_file

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

PATIENCE = 2.0
"""Seconds that a download takes before its progress is shown."""
LINE_SECONDS = 5.0
"""Seconds between lines of progress, where there is no terminal for a bar."""
TIMEOUT = 30.0
"""Seconds without a byte from the server after which a download is given up."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, the only one asked without encryption, and only if the caller of `fetch` names it: a server
may not redirect there."""
MOST_REDIRECTS = 10


class Expected(NamedTuple):
    """Size in bytes and SHA-256 in hexadecimal digits that a file must have."""

    size: int
    sha256: str


def fetch(url: str, path: Path, expected: Expected) -> Path:
    """Download `url` to `path`, unless the right file is there already; return `path`.

    A file gets its name only once its checksum is right, so that no incomplete file is ever left behind. A download
    that broke off starts again, and the remains of a killed process are deleted. No more bytes are read than expected,
    and of redirecting answers nothing but the address.

    Raises: DataError naming the URL and the way out, before any request unless the URL is https

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "greeting")
    ...     _ = path.write_text("hello")
    ...     sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    ...     fetch("https://example.org/greeting", path, Expected(5, sha256)).name
    'greeting'
    """
    from requests import RequestException

    try:
        delete_abandoned(path)
        if _is_right(path, expected):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with part_of(path) as (part, file):
            _download(url, path.name, file, expected.size)
            file.flush()
            if not _is_right(part, expected):
                reason = f"the file that came is not the expected one, of SHA-256 {expected.sha256}"
                raise DataError(_failed(url, path, reason))
            put_in_place(part, file, path)
    except DataError:
        raise
    except (RequestException, ValueError) as error:  # ValueError: a server may redirect to something that is no address
        raise DataError(_failed(url, path, _reason(error))) from None
    except OSError as error:
        raise DataError(
            f"{path.parent}: downloads cannot be stored here ({error.strerror or error}); "
            "set RAWGAN_CACHE to a folder that can be written to"
        ) from None
    return path


def _is_right(path: Path, expected: Expected) -> bool:
    """True if a file is there with the expected size and checksum."""
    if not path.is_file() or path.stat().st_size != expected.size:
        return False
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == expected.sha256


def _download(url: str, name: str, file: BinaryIO, size: int) -> None:
    """Write the content of `url` into a file, and stop after the piece that exceeds `size` bytes."""
    import requests

    bar = _Bar(name, size)
    try:
        with _session(url) as session, _answer(session, url) as response:
            response.raise_for_status()
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise requests.exceptions.ContentDecodingError  # decompressed, a piece might have any size
            for piece in response.iter_content(1 << 16):
                file.write(piece)
                bar.update(len(piece))
                if bar.done > size:
                    return
    finally:
        bar.close()


def _answer(session: "Session", url: str) -> "Response":
    """Answer of the server, or of the one that it redirects to. Bodies of redirecting answers are not read."""
    import requests

    as_is = {"Accept-Encoding": "identity"}  # the bytes of the file, not compressed for the transfer
    for _ in range(MOST_REDIRECTS):
        response = session.get(url, stream=True, timeout=TIMEOUT, headers=as_is)
        onward = requests.Session.get_redirect_target(session, response)
        if onward is None:
            return response
        response.close()
        url = urljoin(url, onward)
    raise requests.TooManyRedirects


def _session(url: str) -> "Session":
    """Session that asks over https only, wherever servers redirect; or on this machine, if `url` is there."""
    import requests
    from requests.adapters import HTTPAdapter

    begin = urlsplit(url)
    stays_here = begin.scheme == "http" and begin.hostname in LOOPBACK

    class OnlyHere(HTTPAdapter):
        def send(self, request: "PreparedRequest", *args: Any, **options: Any) -> "Response":
            if not (stays_here and urlsplit(request.url or "").hostname in LOOPBACK):
                raise requests.exceptions.InvalidSchema(f"downloads come over https only, not from {request.url}")
            return super().send(request, *args, **options)

    class Staying(requests.Session):
        """Session that does not follow redirections: requests would read the whole bodies of such answers."""

        def get_redirect_target(self, resp: "Response") -> None:
            return None

    session = Staying()
    session.mount("http://", OnlyHere())
    return session


def _reason(error: Exception) -> str:
    """Reason of a failure in a few words; messages of requests quote its internals."""
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
        return f"the address, or one that the server redirected to, is not valid ({type(error).__name__})"
    return f"the download broke off ({type(error).__name__})"


def _failed(url: str, path: Path, reason: str) -> str:
    return f"{url}: {reason}\n  Try again later, or download the file by hand and save it as\n  {path}"


class _Bar:
    """Progress bar on stderr, which appears after `PATIENCE` seconds. `done` counts bytes."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.done = name, total, 0
        self.start = self.said = time.monotonic()
        self.shown: Any = None

    def update(self, size: int) -> None:
        self.done += size
        if self.shown is None and time.monotonic() - self.start >= PATIENCE:
            self.shown = _rich_bar()
            self.shown.start()
            self.task = self.shown.add_task(self.name, total=self.total)
        if self.shown is not None:
            self.shown.update(self.task, completed=self.done)
            self._say()

    def _say(self) -> None:
        """Print a line of progress now and then, where there is no terminal for a bar."""
        console, now = self.shown.console, time.monotonic()
        if (not console.is_terminal or console.is_dumb_terminal) and now - self.said >= LINE_SECONDS:
            self.said = now
            console.print(f"{self.name}: {100 * self.done // self.total} % downloaded", highlight=False, soft_wrap=True)

    def close(self) -> None:
        if self.shown is not None:
            self.shown.stop()


def _rich_bar() -> Any:
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.DownloadColumn())
    return progress.Progress(*columns, progress.TimeRemainingColumn(), console=Console(stderr=True))
