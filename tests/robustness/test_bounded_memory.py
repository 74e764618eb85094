"""Memory and time that images and arrays can ask for: no more than their bytes stand for, and than a container has."""

import io
import resource
import struct
import sys
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from complaints import complaint
from PIL import Image, features

from rawgan.cli import main
from rawgan.data import load, memory_limits
from rawgan.data.files.image_files import opened_image
from rawgan.data.memory_limits import container_limits, limited_extra_memory, machine_bytes
from rawgan.errors import DataError
from rawgan.testing.backends import use_backend

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps such limits")


# --- what a machine, or a container, has -----------------------------------------------------------------------------


@pytest.fixture
def groups(tmp_path):
    def made(membership: str, **limits: str) -> tuple[int, ...]:
        for name, limit in limits.items():
            file = tmp_path / "mount" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(limit)
        (tmp_path / "membership").write_text(membership)
        container_limits.cache_clear()
        return container_limits(tmp_path / "membership", tmp_path / "mount")

    yield made
    container_limits.cache_clear()


@pytest.mark.parametrize(
    ("membership", "limits", "found"),
    [
        ("0::/a/b\n", {"a/b/memory.max": "700\n", "a/memory.max": "max\n", "memory.max": "900\n"}, (700, 900)),
        ("0::/not/seen/in/here\n", {"memory.max": "700\n"}, (700,)),
        ("0::/../outside\n", {"memory.max": "700\n"}, (700,)),
        ("0::/\n", {"unified/memory.max": "700\n"}, (700,)),
        ("9:cpu,memory:/x\n1:cpu:/x\n", {"memory/x/memory.limit_in_bytes": "700\n", "cpu/x/memory.max": "1"}, (700,)),
        ("0::/\n", {"memory.max": "max\n"}, ()),
        ("nonsense\n\n:\n", {}, ()),
    ],
)
def test_the_limits_of_containers_are_known(groups, membership, limits, found):
    assert groups(membership, **limits) == found


def test_the_least_of_all_limits_holds(monkeypatch):
    whole = machine_bytes()
    monkeypatch.setattr(memory_limits, "container_limits", lambda: (whole // 2, 2**60))
    assert machine_bytes() == whole // 2
    limits = {resource.RLIMIT_AS: (resource.RLIM_INFINITY, 0), resource.RLIMIT_DATA: (whole // 4, 0)}
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    assert machine_bytes() == whole // 4
    monkeypatch.setattr(memory_limits, "container_limits", lambda: (10**6,))
    assert "more memory than this machine has" in complaint(
        DataError, lambda: memory_limits.refuse_too_large("x", 2 * 10**6)
    )


@LINUX
def test_who_asks_for_more_than_was_allowed_gets_an_error():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with limited_extra_memory(2**26):
        assert len(bytes(2**20)) == 2**20
        with pytest.raises(MemoryError):
            bytes(2**28)
        with limited_extra_memory(2**40), pytest.raises(MemoryError):  # the outer one holds
            bytes(2**28)
        unlimited = []
        other = threading.Thread(target=lambda: unlimited.append(_limits_nothing()))
        other.start()
        other.join()
        assert unlimited == [True]
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len(bytes(2**28)) == 2**28


def _limits_nothing() -> bool:
    """In another thread, which would limit the main one."""
    now = resource.getrlimit(resource.RLIMIT_DATA)
    with limited_extra_memory(1):
        return resource.getrlimit(resource.RLIMIT_DATA) == now


# --- pictures --------------------------------------------------------------------------------------------------------


SIDE = 2400
"""Pixels: a little more than any file may promise."""


def blank_image(form: str, side: int = SIDE, **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side)).save(out, form, **options)
    return out.getvalue()


def packed(form: str) -> bytes:
    """A picture of SIDE × SIDE pixels, of as few bytes as the format has for it."""
    return blank_image(form, **({"lossless": True} if form == "WEBP" else {}))


def vp8x(width: int, height: int) -> bytes:
    """The beginning of an animated WebP."""
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + sides
    return b"RIFF" + struct.pack("<I", len(body)) + body


def icns(inner: bytes) -> bytes:
    return b"icns" + struct.pack(">I", 16 + len(inner)) + b"ic10" + struct.pack(">I", 8 + len(inner)) + inner


def ico(inner: bytes) -> bytes:
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(inner), 22) + inner


def tiff(side: int, tile: int, data: bytes) -> bytes:
    """A TIFF of one tile, which is larger than the image."""
    tags = [(256, side), (257, side), (258, 8), (259, 8), (262, 1), (277, 1), (322, tile), (323, tile)]
    tags += [(324, 10 + 12 * 10 + 4), (325, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


BOMBS = {
    "webp": lambda: packed("WEBP"),
    "moving.webp": lambda: vp8x(16383, 16383),
    "avif": lambda: packed("AVIF"),
    "jp2": lambda: packed("JPEG2000"),
    "tif": lambda: blank_image("TIFF", compression="zstd")[:4000],
    "tile.tif": lambda: tiff(100, 60000, zlib.compress(bytes(1000))),
    "icns": lambda: icns(packed("JPEG2000")),
    "png.icns": lambda: icns(blank_image("PNG")),
    "ico": lambda: ico(blank_image("PNG")),
    "dds": lambda: b"DDS " + struct.pack("<7I", 124, 0x1007, 9000, 9000, 0, 0, 0) + bytes(44)
    + struct.pack("<II4s5I", 32, 4, b"DXT1", 0, 0, 0, 0, 0) + bytes(1000),
    "psd": lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 9000, 9000, 8, 3) + bytes(12) + bytes(99),
    "bmp": lambda: b"BM" + struct.pack("<IHHI", 9999, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 9000, 9000, 1, 24, 0, 0, 0, 0, 0, 0),
    "qoi": lambda: b"qoif" + struct.pack(">IIBB", 9000, 9000, 3, 0) + bytes(99),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_becomes_a_large_picture(name, tmp_path, little):
    needs = {"webp": "webp", "avif": "avif", "jp2": "jpg_2000", "icns": "jpg_2000"}.get(name)
    if needs and not features.check(needs):
        pytest.skip("this Pillow lacks it")
    file = tmp_path / f"a.{name}"
    file.write_bytes(BOMBS[name]())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = complaint(DataError, lambda: load(tmp_path, image_size=8))
    assert f"a.{name}: " in message
    if name in ("webp", "moving.webp", "avif", "jp2"):
        side = 16383 if name == "moving.webp" else SIDE
        assert f"promises {side} × {side} pixels, but is {file.stat().st_size} bytes long" in message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17  # KiB


@LINUX
def test_what_a_library_takes_is_bounded_too(tmp_path, monkeypatch):
    """Whatever a header says: here, an image's promise is believed. It is larger than what earlier tests left free."""
    monkeypatch.setattr("rawgan.data.files.image_files._refuse_promises", lambda *sides: None)
    Image.new("RGB", (10000, 10000)).save(tmp_path / "a.png", compress_level=9)
    monkeypatch.setattr("rawgan.data.files.image_files.ROOM", 2**24)
    monkeypatch.setattr("rawgan.data.files.image_files.COPIES", 0)
    size = (tmp_path / "a.png").stat().st_size
    words = f"a.png: takes more memory than there is, or than a file of {size:,} bytes should"
    assert words in complaint(DataError, lambda: load(tmp_path, image_size=8))


@pytest.mark.parametrize(("form", "options"), [
    ("WEBP", {"lossless": True}), ("WEBP", {}), ("PNG", {}), ("GIF", {}), ("JPEG", {"progressive": True}),
    ("TIFF", {"compression": "zstd"}), ("TIFF", {"compression": "tiff_lzw"}), ("JPEG2000", {}), ("AVIF", {}),
])  # fmt: skip
def test_blank_pages_are_read(form, options, tmp_path):
    """A page of A6 in 300 dpi."""
    Image.new("RGB", (1240, 1748), "white").save(
        tmp_path / f"a.{form.lower().replace('jpeg2000', 'jp2')}", form, **options
    )
    assert (load(tmp_path, image_size=8).images == 255).all()


def test_libtiff_prints_nothing(tmp_path, capfd):
    bad = tiff(100, 112, b"\x1b[2J" * 9)
    (tmp_path / "a.tif").write_bytes(bad)
    assert "a.tif: " in complaint(DataError, lambda: load(tmp_path, image_size=8))
    assert capfd.readouterr().err == ""


# --- arrays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_few_bytes_do_not_become_gigabytes_by_being_enlarged(tmp_path, pack, little, monkeypatch):
    monkeypatch.setattr("rawgan.data.sources.MOST_GROWN", 2**20)
    out = io.BytesIO()
    np.save(out, np.zeros((2**12, 1, 2), np.uint8))
    with zipfile.ZipFile(tmp_path / "set.npz", "w", pack) as archive:
        archive.writestr("images.npy", out.getvalue())
    held = (tmp_path / "set.npz").stat().st_size
    message = complaint(DataError, lambda: load(tmp_path / "set.npz", image_size=64))
    assert f"4,096 images of 64 × 64 pixels take 16 MiB, but the file has {held:,} bytes" in message
    assert little() < 2**20
    np.save(tmp_path / "set.npy", np.zeros((300, 8, 8), np.uint8))
    assert len(load(tmp_path / "set.npy", image_size=64)) == 300


# --- commands --------------------------------------------------------------------------------------------------------


def test_no_command_takes_memory_for_what_a_small_file_asks(tmp_path, capsys, little):
    np.save(tmp_path / "set.npy", np.zeros((64, 16, 16), np.uint8))
    (tmp_path / "theirs.toml").write_text(f'data = "{tmp_path}/set.npy"\nimage_size = 16\nwidth = 4096\nsteps = 1\n')
    with use_backend("reference"):
        assert main(["train", "--config", str(tmp_path / "theirs.toml"), "--backend", "reference", "--out", "r"]) == 1
    assert "these networks take" in capsys.readouterr().err
    assert little() < 2**26
    with opened_image(_picture(tmp_path), ("PNG",)) as image:
        assert image.size == (4, 3)


def _picture(folder: Path) -> Path:
    Image.new("L", (4, 3)).save(folder / "a.png")
    return folder / "a.png"
