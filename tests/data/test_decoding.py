"""Decoding of folders: headers before pixels, threads, memory."""

import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from rawgan.data import load
from rawgan.data.files import image_files
from rawgan.data.folders import decoding
from rawgan.data.folders.decoding import first_channel, shortened
from rawgan.errors import DataError


def save_noise(folder, count: int, form: str = "png", side: int = 24, mode: str = "RGB"):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for n in range(count):
        channels = len(Image.new(mode, (1, 1)).getbands())
        pixels = rng.integers(0, 256, (side, side + n % 7, channels), np.uint8)
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(folder / f"{n:04}.{form}")
    return folder


@pytest.fixture
def several_cores(monkeypatch):
    monkeypatch.setattr(decoding, "_cores", lambda: 4)


# --- threads ---------------------------------------------------------------------------------------------------------


def test_threads_read_the_same_images_in_the_same_order(tmp_path, monkeypatch):
    save_noise(tmp_path, 90, "jpg", mode="RGB")
    save_noise(tmp_path, 30, "png", mode="LA")
    (tmp_path / "0007.jpg").write_bytes(b"broken")
    found = []
    for cores in (1, 4):
        monkeypatch.setattr(decoding, "_cores", lambda cores=cores: cores)
        found.append(load(tmp_path, image_size=16, skip_broken=True))
    one, several = found
    np.testing.assert_array_equal(one.images, several.images)
    assert (one.names.tolist(), one.skipped, one.notes) == (several.names.tolist(), several.skipped, several.notes)
    assert len(one) == 119


def test_images_are_read_in_threads(tmp_path, several_cores, monkeypatch):
    save_noise(tmp_path, 40)
    seen, square, several = set(), decoding.square, threading.Event()

    def noting(*arguments):
        seen.add(threading.current_thread())
        if len(seen) > 1:
            several.set()
        several.wait(10)
        return square(*arguments)

    monkeypatch.setattr(decoding, "square", noting)
    load(tmp_path, image_size=8)
    assert len(seen) > 1
    assert threading.main_thread() not in seen


@pytest.mark.parametrize("kind", ["large", "nested"])
def test_large_and_nested_images_are_read_alone(tmp_path, several_cores, monkeypatch, kind):
    """A limit of Pillow that holds for the whole process is another for icons."""
    if kind == "large":
        monkeypatch.setattr(decoding, "ALONE", 1)
    save_noise(tmp_path, 40, "png" if kind == "large" else "ico", side=16)
    seen, square = set(), decoding.square

    def noting(*arguments):
        seen.add(threading.current_thread())
        return square(*arguments)

    monkeypatch.setattr(decoding, "square", noting)
    load(tmp_path, image_size=8)
    assert seen == {threading.main_thread()}


def test_settings_of_the_process_are_as_before(tmp_path, several_cores):
    save_noise(tmp_path, 60)
    before = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    load(tmp_path, image_size=8)
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS) == before


def test_an_error_in_a_thread_ends_all(tmp_path, several_cores, monkeypatch):
    save_noise(tmp_path, 200, side=8)
    done = []

    def read(self, i, pixels):
        done.append(i)
        raise KeyError("of rawgan itself")

    monkeypatch.setattr(decoding.Decoding, "_read", read)
    with pytest.raises(KeyError):
        load(tmp_path, image_size=8)
    assert len(done) < 200
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rawgan-decode")]


def test_progress_that_is_interrupted_ends_the_threads(tmp_path, several_cores):
    save_noise(tmp_path, 200, side=8)

    def interrupted(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, image_size=8, on_progress=interrupted)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rawgan-decode")]


# --- headers ---------------------------------------------------------------------------------------------------------


def test_broken_headers_of_a_large_set_are_told_before_anything_is_decoded(tmp_path, monkeypatch):
    save_noise(tmp_path, 3)
    (tmp_path / "b.png").write_bytes(b"not an image")
    (tmp_path / "c.png").write_bytes((tmp_path / "0000.png").read_bytes()[:200])  # its header is whole
    monkeypatch.setattr(decoding, "SOON", 1000)
    decoded = []
    monkeypatch.setattr(decoding, "square", lambda *arguments: decoded.append(arguments))
    with pytest.raises(DataError, match=r"1 of 5 images cannot be read\n  b\.png: ") as caught:
        load(tmp_path, image_size=8)
    assert "c.png" not in str(caught.value)
    assert decoded == []


def test_memory_is_refused_before_anything_is_decoded(tmp_path, monkeypatch):
    """By the number of images that are left: small ones are left out by their headers."""
    save_noise(tmp_path, 4, side=8)
    Image.new("RGB", (64, 64)).save(tmp_path / "large.png")
    sizes = []
    monkeypatch.setattr(decoding, "refuse_too_large", lambda name, size: sizes.append(size))
    load(tmp_path, image_size=32, enlarge=False)
    assert sizes == [32 * 32 * 3]


@pytest.mark.parametrize("form", ["png", "jpg", "bmp", "tif", "gif"])
def test_grey_images_are_those_of_three_equal_channels(tmp_path, form):
    """Where headers say that all are grey, one channel is decoded."""
    save_noise(tmp_path, 4, form, mode="L")
    if form == "png":
        save_noise(tmp_path / "more", 3, mode="LA")
        Image.new("1", (30, 20), 1).save(tmp_path / "bits.png")
        Image.fromarray(np.arange(0, 60000, 100, dtype=np.uint16).reshape(20, 30)).save(tmp_path / "deep.png")
    one, three = load(tmp_path, image_size=16), load(tmp_path, image_size=16, channels=3)
    assert one.shape == (16, 16, 1)
    np.testing.assert_array_equal(one.images.repeat(3, axis=3), three.images)


# --- memory ----------------------------------------------------------------------------------------------------------


def test_images_that_are_left_out_leave_their_memory():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 6, 5, 3), np.uint8)
    kept = [n for n in range(50) if n % 7]
    before = images.copy()
    found = shortened(images, kept)
    np.testing.assert_array_equal(found, before[kept])
    assert found.base is None
    np.testing.assert_array_equal(first_channel(found), before[kept][..., :1])


PEAK = """
import re, sys
from rawgan.data import load
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
load(sys.argv[1], image_size=64)  # libraries are there
before = peak()
images = load(sys.argv[2], image_size=256, skip_broken=True)
print(images.images.nbytes, 1024 * (peak() - before))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures memory as Linux counts it")
def test_peak_memory_is_that_of_the_decoded_squares(tmp_path):
    """No copy of them is made, though an image is left out, and colours turn out to be grey."""
    save_noise(tmp_path / "first", 3)
    folder = tmp_path / "all"
    folder.mkdir()
    Image.new("RGB", (256, 256), (9, 9, 9)).save(folder / "a.png")
    for n in range(200):
        os.link(folder / "a.png", folder / f"{n}.png")
    (folder / "z.png").write_bytes((folder / "a.png").read_bytes()[:-100])
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path / "first", folder], capture_output=True, text=True, check=True
    )
    size, grown = map(int, ran.stdout.split())
    assert size == 201 * 256 * 256
    assert 0.9 < grown / (3 * size) < 1.3


def test_the_limits_of_one_image_hold_for_each_thread(monkeypatch):
    """Together they may take as much as each may by itself."""
    allowed = []

    class Limit:
        def __init__(self, room):
            allowed.append(room)

        __enter__ = __exit__ = lambda self, *arguments: None

    monkeypatch.setattr(image_files, "limited_extra_memory", Limit)
    with image_files.reading_together([10, 2**20]):
        pass
    assert allowed == [image_files._room(10) + image_files._room(2**20)]
