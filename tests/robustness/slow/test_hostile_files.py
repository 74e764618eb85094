"""Files that are too large, or none: only errors of our own, in bounded memory and time."""

import os
import signal
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from complaints import complaint
from PIL import Image

from bench.robustness.fuzz_corpus import npy, npz, png, zipped
from rawgan.data import load
from rawgan.errors import ArgumentError, ConfigError, DataError
from rawgan.pictures import animate_folder
from rawgan.storage import RunFolder, checkpoint
from rawgan.storage.new_folder import refuse_taken
from rawgan.storage.toml_file import read_toml

# --- memory ------------------------------------------------------------------------------------------------------


def test_a_headers_length_sets_no_memory_aside(tmp_path):
    (tmp_path / "set.npy").write_bytes(b"\x93NUMPY\x02\0" + struct.pack("<I", 2**32 - 1) + b"{}")
    tracemalloc.start()
    assert "not a .npy array" in complaint(DataError, lambda: load(tmp_path / "set.npy", image_size=4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22


def test_of_a_gzip_bomb_no_more_is_unpacked_than_its_header_promises(tmp_path):
    bomb = zipped(struct.pack(">4I", 0x803, 1, 28, 28) + bytes(2**26))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(bomb)
    tracemalloc.start()
    assert "but the file holds more than that" in complaint(DataError, lambda: load(tmp_path, image_size=28))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22


def test_of_a_zip_bomb_no_more_is_unpacked_than_a_header(tmp_path):
    file = tmp_path / "set.npz"
    file.write_bytes(npz(npy((1, 4, 4), bytes(2**26))))
    tracemalloc.start()
    assert "but the file holds 67108864; " in complaint(DataError, lambda: load(file, image_size=4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22


@pytest.mark.parametrize("pack", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_without_a_bound_is_not_unpacked(tmp_path, pack):
    file = tmp_path / "set.npz"
    file.write_bytes(npz(npy((1, 4, 4), bytes(16)), pack=pack))
    assert complaint(DataError, lambda: load(file, image_size=4)) == (
        f"{file}, images: packed as NumPy never does; write it with np.savez"
    )


def test_a_picture_of_more_pixels_than_its_file_can_hold(tmp_path):
    (tmp_path / "step-1.png").write_bytes(png(9000, 9000, b""))
    problem = f"promises 9000 × 9000 pixels, but is {(tmp_path / 'step-1.png').stat().st_size} bytes long"
    assert problem in complaint(DataError, lambda: load(tmp_path, image_size=4))
    assert problem in complaint(ConfigError, lambda: animate_folder(tmp_path / "a.gif", tmp_path))


def test_the_densest_pictures_are_read(tmp_path):
    """One bit for a pixel, and nothing but zeros: 4500 × 4500 pixels in 2530 bytes."""
    Image.new("1", (4500, 4500)).save(tmp_path / "a.png", compress_level=9)
    assert (tmp_path / "a.png").stat().st_size < 3000
    Image.new("RGB", (2000, 2000)).save(tmp_path / "b.webp", lossless=True)
    assert (load(tmp_path, image_size=4).images == 0).all()


def test_more_images_than_the_machine_has_memory_for(tmp_path, monkeypatch):
    np.save(tmp_path / "set.npy", np.zeros((2, 4, 4), np.uint8))
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    for source in (tmp_path, tmp_path / "set.npy"):
        message = complaint(DataError, lambda source=source: load(source, image_size=2**24))
        assert message.startswith(f"{source}: these images take ")
        assert "GiB, more memory than this machine has" in message
    monkeypatch.setattr(np, "frombuffer", no_memory)
    message = complaint(DataError, lambda: load(tmp_path / "set.npy", image_size=4))
    assert message.startswith(f"{tmp_path}/set.npy: these images take more memory than there is")


def no_memory(*arguments, **options):
    raise MemoryError


# --- what is no file, and names that no file has -----------------------------------------------------------------


@pytest.fixture
def in_time():
    """A reader that waits for the other end of a pipe is stopped."""

    def give_up(*arguments):
        pytest.fail("still waiting")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


READERS = {
    "set.npy": lambda path: load(path, image_size=4),
    "set.npz": lambda path: load(path, image_size=4),
    "a.png": lambda path: load(path.parent, image_size=4),
    "step-1.png": lambda path: animate_folder(path.with_name("a.gif"), path.parent),
    "config.toml": read_toml,
    "metrics.jsonl": lambda path: RunFolder(path.parent).read_metrics(),
    "step-1.safetensors": checkpoint.read,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_refused_at_once(name, kind, tmp_path, in_time):
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    message = complaint((DataError, ConfigError), lambda: READERS[name](path))
    assert "a pipe or a device, not a file" in message
    assert name in message


NAMES = ["a\0b", "a" * 5000, "\ud800", "~no-such-user/x", "loop", "loop/x", "", "..", "a/b\0/c"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_file_has(name, tmp_path, monkeypatch):
    tmp_path = tmp_path / "empty" / "folder"
    tmp_path.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    complaint(DataError, lambda: load(name, image_size=4))
    complaint(ArgumentError if name.startswith("~") else ConfigError, lambda: RunFolder.open(name))
    if name not in ("", "..", "~no-such-user/x"):  # these could be made, or are there
        complaint(ConfigError, lambda: (refuse_taken(Path(name)), RunFolder.create(name, "x")))
        complaint(ConfigError, lambda: checkpoint.read(Path(name)))
        complaint(ConfigError, lambda: RunFolder(name).append_metrics({}))
        complaint(ConfigError, lambda: read_toml(Path(name)))


def test_links_in_a_circle_below_a_folder_of_images(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert "loop.png: Too many levels of symbolic links" in complaint(DataError, lambda: load(tmp_path, image_size=4))
    assert len(load(tmp_path, image_size=4, skip_broken=True)) == 1


def test_a_run_is_called_after_data_of_any_length(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(RunFolder.create(None, "dcgan-" + "数" * 200).path.name.encode()) < 256
