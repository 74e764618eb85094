"""Downloads from a local server with small files, wrong files, incomplete files, or nothing."""

import contextlib
import gc
import gzip
import hashlib
import io
import re
import socket
import struct
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import requests

from rawgan.data import download, known_sets, load, user_cache
from rawgan.errors import DataError

# pooch leaves the connection of a download that failed to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

RNG = np.random.default_rng(0)
CLOTHES = RNG.integers(0, 256, (6, 28, 28), np.uint8)
KINDS = np.array([0, 1, 2, 3, 4, 5], np.uint8)
PHOTOS = RNG.integers(0, 256, (12, 32, 32, 3), np.uint8)
TAR = "cifar-10-binary.tar.gz"
IMAGES = "train-images-idx3-ubyte.gz"


class Server:
    """Serves `files`, or redirects to the addresses in `elsewhere`; `requests` are the names that were asked for."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.elsewhere: dict[str, str] = {}
        self.short = self.pause = 0  # so many bytes are kept back; seconds to wait half-way
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.lstrip("/")
                outer.requests.append(name)
                if name in outer.elsewhere:
                    self.send_response(302)
                    self.send_header("Location", outer.elsewhere[name])
                    self.end_headers()
                    return
                if name not in outer.files:
                    self.send_error(404)
                    return
                body = outer.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                half = len(body) // 2
                with contextlib.suppress(ConnectionError):  # who got more than was expected hangs up
                    self.wfile.write(body[:half])
                    time.sleep(outer.pause)
                    self.wfile.write(body[half : len(body) - outer.short])

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("RAWGAN_CACHE", str(tmp_path / "cache"))
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    offer_clothes(server, monkeypatch)
    offer_photos(server, monkeypatch, photo_files())
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()
    gc.collect()


def offer_clothes(server, monkeypatch):
    images = struct.pack(">4I", 0x803, 6, 28, 28) + CLOTHES.tobytes()
    labels = struct.pack(">2I", 0x801, 6) + KINDS.tobytes()
    expected = {}
    for split in ("train", "t10k"):
        for name, payload in (
            (f"{split}-images-idx3-ubyte.gz", images),
            (f"{split}-labels-idx1-ubyte.gz", labels),
        ):
            server.files[name] = gzip.compress(payload)
            expected[name] = expectation(server.files[name])
    monkeypatch.setattr(known_sets, "FASHION_MNIST", known_sets.Remote(server.url, expected))


def expectation(content: bytes) -> download.Expected:
    return download.Expected(len(content), hashlib.sha256(content).hexdigest())


def photo_files() -> dict[str, bytes]:
    records = [bytes([i]) + photo.transpose(2, 0, 1).tobytes() for i, photo in enumerate(PHOTOS)]
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    return {name: b"".join(records[2 * i : 2 * i + 2]) for i, name in enumerate(names)}


def offer_photos(server, monkeypatch, files: dict[str, bytes]):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    offer_tar(server, monkeypatch, stream.getvalue())


def offer_tar(server, monkeypatch, content: bytes):
    server.files[TAR] = content
    monkeypatch.setattr(known_sets, "CIFAR10", known_sets.Remote(server.url, {TAR: expectation(content)}))


def complaint(name: str) -> str:
    with pytest.raises(DataError) as caught:
        load(name, image_size=28)
    return str(caught.value)


def failed(server, cache, name: str, reason: str) -> str:
    folder = "cifar10" if name == TAR else "fashion-mnist"
    return (
        f"{server.url}{name}: {reason}\n  Try again later, or download the file by hand and save it as\n"
        f"  {cache / folder / name}"
    )


def cached(tmp_path) -> list[str]:
    """Every file in the cache, hidden and incomplete ones too."""
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if not path.is_dir())


def test_clothes_are_downloaded_once(server, tmp_path):
    for _ in range(2):
        clothes = load("fashion-mnist", image_size=28)
        np.testing.assert_array_equal(clothes.images[..., 0], CLOTHES)
        np.testing.assert_array_equal(clothes.labels, KINDS)
        assert clothes.name == "fashion-mnist"
        assert server.requests == [IMAGES, "train-labels-idx1-ubyte.gz"]  # and nothing of the other split
    load("fashion-mnist", image_size=28, split="test")
    assert cached(tmp_path) == sorted(known_sets.FASHION_MNIST.files)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["fashion-mnist"]


def test_photos_are_downloaded_once(server, tmp_path):
    for _ in range(2):
        train = load("cifar10", image_size=32)
        np.testing.assert_array_equal(train.images, PHOTOS[:10])
        np.testing.assert_array_equal(train.labels, np.arange(10))
    test = load("cifar10", image_size=32, split="test")
    np.testing.assert_array_equal(test.images, PHOTOS[10:])
    assert server.requests == [TAR]
    assert cached(tmp_path) == [TAR]


def test_a_file_saved_by_hand_is_used(server, tmp_path):
    (tmp_path / "cache" / "cifar10").mkdir(parents=True)
    (tmp_path / "cache" / "cifar10" / TAR).write_bytes(server.files[TAR])
    load("cifar10", image_size=32)
    assert server.requests == []


@pytest.mark.parametrize("content", [b"", b"damaged", b"\x1f\x8b\x08\0"])
def test_a_damaged_file_in_the_cache_is_downloaded_again(server, tmp_path, content):
    load("fashion-mnist", image_size=28)
    (tmp_path / "cache" / "fashion-mnist" / IMAGES).write_bytes(content)
    assert len(load("fashion-mnist", image_size=28)) == 6
    assert server.requests[2:] == [IMAGES]


@pytest.mark.parametrize(("source", "name"), [("fashion-mnist", IMAGES), ("cifar10", TAR)])
@pytest.mark.parametrize("content", [b"<html>busy</html>", gzip.compress(b"something else", mtime=0)])
def test_an_unexpected_file_is_refused(server, tmp_path, source, name, content):
    server.files[name] = content
    sha256 = {**known_sets.CIFAR10.files, **known_sets.FASHION_MNIST.files}[name].sha256
    reason = f"the file that came is not the expected one, of SHA-256 {sha256}"
    assert complaint(source) == failed(server, tmp_path / "cache", name, reason)
    assert cached(tmp_path) == []


@pytest.mark.parametrize(("source", "name"), [("fashion-mnist", IMAGES), ("cifar10", TAR)])
def test_a_missing_file_is_named(server, tmp_path, source, name):
    del server.files[name]
    assert complaint(source) == failed(server, tmp_path / "cache", name, "the server answered 404 Not Found")
    assert cached(tmp_path) == []


@pytest.mark.parametrize(("source", "name"), [("fashion-mnist", IMAGES), ("cifar10", TAR)])
def test_an_incomplete_file_is_refused(server, tmp_path, source, name):
    server.short = 100
    reason = "the download broke off (ChunkedEncodingError)"
    assert complaint(source) == failed(server, tmp_path / "cache", name, reason)
    assert cached(tmp_path) == []


def test_an_endless_file_is_refused(server, tmp_path, monkeypatch):
    """So a server cannot fill the disk."""
    sizes = []
    right = download._is_right
    monkeypatch.setattr(
        download, "_is_right", lambda path, expected: sizes.extend(_size_of(path)) or right(path, expected)
    )
    server.files[TAR] += b"\0" * 2**24
    assert "the file that came is not the expected one" in complaint("cifar10")
    assert sizes[0] < known_sets.CIFAR10.files[TAR].size + 2**17
    assert cached(tmp_path) == []


def _size_of(path):
    return [path.stat().st_size] if path.exists() else []


@pytest.mark.parametrize(
    "elsewhere", ["http://192.0.2.1/file", "http://127.0.0.1.example/", "http://127.0.0.1@192.0.2.1/"]
)
def test_redirects_to_unencrypted_servers_are_refused(server, tmp_path, elsewhere):
    server.elsewhere[TAR] = elsewhere
    reason = f"downloads come over https only, not from {elsewhere}"
    assert complaint("cifar10") == failed(server, tmp_path / "cache", TAR, reason)
    assert cached(tmp_path) == []


@pytest.mark.parametrize("elsewhere", ["ftp://192.0.2.1/", "http://[", "file:///etc/passwd", "http://\xff/", TAR])
def test_redirects_to_nowhere_are_refused(server, tmp_path, elsewhere):
    server.elsewhere[TAR] = elsewhere
    reason = (
        r"(the address, or one .* is not valid \(\w+\)|No connection adapters .*|.* broke off \(TooManyRedirects\))"
    )
    assert re.match(rf"{re.escape(server.url + TAR)}: {reason}\n", complaint("cifar10"))
    assert cached(tmp_path) == []


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/", "ftp://192.0.2.1/", "file:///etc/", "", "http://[", "https://\ud800/"]
)
def test_addresses_that_are_refused(tmp_path, url):
    with pytest.raises(DataError):
        download.fetch(f"{url}file", tmp_path / "file", download.Expected(1, "0" * 64))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def far(server, monkeypatch):
    """An https server, as far as the client sees, which answers each name by what `answers` has for it."""
    answers: dict[str, tuple[int, dict[str, str], object]] = {}
    send = requests.adapters.HTTPAdapter.send

    def answer(adapter, request, *args, **options):
        if not request.url.startswith("https://"):
            return send(adapter, request, *args, **options)
        response = requests.Response()
        response.status_code, headers, body = answers[request.url.rpartition("/")[2]]
        response.headers.update(headers)
        response.raw, response.url, response.request = body, request.url, request
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", answer)
    return answers


class Body:
    """An endless answer of a server, which counts the bytes that are read."""

    def __init__(self):
        self.taken = 0

    def read(self, size=2**20, **options):
        self.taken += size
        if self.taken > 2**26:
            pytest.fail("all of it is read")
        return bytes(size)

    def stream(self, size, **options):
        while True:
            yield self.read(size)

    def close(self):
        pass

    release_conn = close


def from_far(tmp_path, name: str) -> str:
    with pytest.raises(DataError) as caught:
        download.fetch(f"https://far.example/{name}", tmp_path / "file", download.Expected(1, "0" * 64))
    assert not [path for path in tmp_path.iterdir() if path.name != "cache"]
    return str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "192.0.2.1"])
def test_an_encrypted_server_may_not_redirect_to_an_unencrypted_one(far, server, tmp_path, host):
    """Services of this machine are refused, too, as they might trust local requests."""
    onward = f"http://{host}:{server.http.server_port}/delete/all"
    far["x"] = (302, {"Location": onward}, Body())
    assert "downloads come over https only, not from http://" in from_far(tmp_path, "x")
    far["y"] = (307, {"Location": "https://further.example/x"}, Body())
    assert "downloads come over https only, not from http://" in from_far(tmp_path, "y")
    assert server.requests == []


def test_bodies_of_redirects_are_not_read(far, tmp_path):
    body = Body()
    far["x"] = (302, {"Location": "https://far.example/y"}, body)
    far["y"] = (301, {"Location": "/x"}, body)
    assert "broke off (TooManyRedirects)" in from_far(tmp_path, "x")
    assert body.taken == 0
    far["z"] = (500, {}, body)
    assert "the server answered 500" in from_far(tmp_path, "z")
    assert body.taken == 0


def test_answers_with_a_content_encoding_are_refused(far, tmp_path):
    body = Body()
    far["x"] = (200, {"Content-Encoding": "gzip"}, body)
    assert "broke off (ContentDecodingError)" in from_far(tmp_path, "x")
    assert body.taken == 0


# --- what a killed process leaves ------------------------------------------------------------------------------------


def test_incomplete_files_of_ended_processes_are_deleted(server, tmp_path):
    folder = tmp_path / "cache" / "cifar10"
    folder.mkdir(parents=True)
    (folder / ".part-0123abcd-other.tar.gz").write_bytes(b"half")
    (folder / f".part-0123abcd-{TAR}").write_bytes(b"half")
    (folder / "mine.download").write_bytes(b"mine")
    load("cifar10", image_size=32)
    assert cached(tmp_path) == [TAR, "mine.download"]
    (folder / ".part-4567abcd-x").write_bytes(b"half")  # of one that was killed when all was there already
    load("cifar10", image_size=32)
    assert cached(tmp_path) == [TAR, "mine.download"]


def test_incomplete_files_of_running_processes_stay(server, tmp_path):
    path = tmp_path / "cache" / "cifar10" / TAR
    path.parent.mkdir(parents=True)
    with user_cache.part_of(path) as (part, file):
        load("cifar10", image_size=32)
        assert part.exists()
        file.write(b"more")
    assert cached(tmp_path) == [TAR]


def test_an_incomplete_file_that_was_taken_for_abandoned_is_begun_anew(tmp_path, monkeypatch):
    free, taken = user_cache._is_free, []

    def deleted_first(file):
        if not taken:
            taken.append(file.name)
            user_cache.os.unlink(file.name)
        return free(file)

    monkeypatch.setattr(user_cache, "_is_free", deleted_first)
    with user_cache.part_of(tmp_path / "file") as (part, _):
        assert part.exists()
        assert [str(part)] != taken
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("days", "left"), [(0.5, 1), (2, 0)])
def test_without_locks_old_incomplete_files_are_abandoned(tmp_path, monkeypatch, days, left):
    (tmp_path / ".part-0123abcd-file").write_bytes(b"half")
    monkeypatch.setattr(user_cache, "_is_free", lambda file: None)
    now = time.time()
    monkeypatch.setattr(user_cache.time, "time", lambda: now + 86400 * days)
    user_cache.delete_abandoned(tmp_path / "file")
    assert len(list(tmp_path.iterdir())) == left
    with user_cache.part_of(tmp_path / "file") as (part, _):
        assert part.exists()


def test_a_missing_server_is_named(server, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    monkeypatch.setattr(known_sets, "CIFAR10", known_sets.CIFAR10._replace(url=url))
    reason = "no connection to the server (ConnectionError); is this machine online?"
    assert complaint("cifar10") == failed(server, tmp_path / "cache", TAR, reason).replace(server.url, url)
    assert cached(tmp_path) == []


def test_a_server_that_does_not_answer_is_named(server, tmp_path, monkeypatch):
    def sleepy(*args, **options):
        raise requests.ReadTimeout("30 seconds")

    monkeypatch.setattr(requests.Session, "get", sleepy)
    assert complaint("cifar10") == failed(server, tmp_path / "cache", TAR, "the server did not answer in time")


def test_ctrl_c_leaves_no_incomplete_file(server, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(download._Bar, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load("cifar10", image_size=32)
    assert cached(tmp_path) == []


def test_a_cache_that_cannot_be_written_to_is_named(server, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder is wanted")
    assert complaint("cifar10") == (
        f"{tmp_path}/cache/cifar10: downloads cannot be stored here (Not a directory); "
        "set RAWGAN_CACHE to a folder that can be written to"
    )


def test_the_cache_is_the_users_own_unless_set(monkeypatch, tmp_path):
    monkeypatch.setenv("RAWGAN_CACHE", "~/here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache.cache_folder() == tmp_path / "here"
    monkeypatch.delenv("RAWGAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert user_cache.cache_folder() == tmp_path / "cache" / "rawgan"


def test_progress_is_shown_for_slow_downloads_only(server, tmp_path, monkeypatch, capsys):
    load("fashion-mnist", image_size=28)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(download, "PATIENCE", 0.05)
    server.pause = 0.1
    offer_tar(server, monkeypatch, server.files[TAR] + b"\0" * 2**18)  # more than comes in one piece
    load("cifar10", image_size=32)
    shown = capsys.readouterr()
    assert TAR in shown.err
    assert shown.out == ""


def test_the_progress_bar_ends_with_a_broken_download(server, monkeypatch, capsys):
    monkeypatch.setattr(download, "PATIENCE", 0)
    offer_tar(server, monkeypatch, server.files[TAR] + b"\0" * 2**18)
    server.short = 100
    assert "the download broke off" in complaint("cifar10")
    assert TAR in capsys.readouterr().err
    drawing = [thread for thread in threading.enumerate() if type(thread).__module__.startswith("rich")]
    for thread in drawing:
        thread.join(timeout=10)  # it was told to end, and may still be drawing
    assert not any(thread.is_alive() for thread in drawing)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda files: files.pop("data_batch_3.bin"),
            "not the archive of CIFAR-10's binary version "
            "(\"filename 'cifar-10-batches-bin/data_batch_3.bin' not found\")",
        ),
        (
            lambda files: files.update({"data_batch_1.bin": b"short"}),
            f"expected records of 3073 bytes, a label and 3 × 32 × 32; came {8 * 3073 + 5} bytes",
        ),
    ],
)
def test_an_archive_of_something_else_is_refused(server, tmp_path, monkeypatch, spoil, message):
    files = photo_files()
    spoil(files)
    offer_photos(server, monkeypatch, files)
    assert complaint("cifar10") == f"{tmp_path}/cache/cifar10/{TAR}: {message}"


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(b"no archive", mtime=0), b""])
def test_a_file_that_is_no_archive_is_refused(server, tmp_path, monkeypatch, content):
    offer_tar(server, monkeypatch, content)
    assert complaint("cifar10").startswith(
        f"{tmp_path}/cache/cifar10/{TAR}: not the archive of CIFAR-10's binary version ("
    )


def test_the_published_addresses_and_checksums():
    for remote in (known_sets.FASHION_MNIST, known_sets.CIFAR10):
        assert remote.url.startswith("https://")
        assert all(len(bytes.fromhex(expected.sha256)) == 32 for expected in remote.files.values())
    assert known_sets.FASHION_MNIST.files.keys() == known_sets.MNIST_SHA256.keys()
    assert list(known_sets.CIFAR10.files) == ["cifar-10-binary.tar.gz"]
