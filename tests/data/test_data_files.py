"""IDX and NumPy files, whole and damaged, and the kinds of sources of `load`."""

import contextlib
import gzip
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rawgan.data import known_sets, load
from rawgan.data.files import idx
from rawgan.errors import ArgumentError, DataError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (7, 5, 5), np.uint8)
DIGITS = np.array([3, 1, 4, 1, 5, 9, 2], np.uint8)
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def idx_bytes(array: np.ndarray, magic: int | None = None, shape: tuple[int, ...] | None = None) -> bytes:
    magic = 0x800 + array.ndim if magic is None else magic
    return struct.pack(f">{1 + array.ndim}I", magic, *(shape or array.shape)) + array.tobytes()


def write_set(folder: Path, split="train", suffix="", dash="-", pixels=PIXELS, digits=DIGITS) -> None:
    pack = gzip.compress if suffix else bytes
    (folder / f"{split}-images{dash}idx3-ubyte{suffix}").write_bytes(pack(idx_bytes(pixels)))
    if digits is not None:
        (folder / f"{split}-labels{dash}idx1-ubyte{suffix}").write_bytes(pack(idx_bytes(digits)))


def complaint(source, **options) -> str:
    """Message of the DataError that loading raises."""
    with pytest.raises(DataError) as caught:
        load(source, **{"image_size": 5} | options)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dash", ["-", "."])
def test_a_folder_of_idx_files(tmp_path, suffix, dash):
    write_set(tmp_path, suffix=suffix, dash=dash)
    write_set(tmp_path, "t10k", suffix, dash, PIXELS[:2], None)
    train, test = load(tmp_path, image_size=5), load(str(tmp_path), image_size=5, split="test")
    np.testing.assert_array_equal(train.images, PIXELS[..., None])
    np.testing.assert_array_equal(train.labels, DIGITS)
    np.testing.assert_array_equal(test.images, PIXELS[:2, ..., None])
    assert (train.name, test.labels) == (tmp_path.name, None)


def test_idx_images_are_resized(tmp_path):
    write_set(tmp_path)
    reports = []
    images = load(tmp_path, image_size=8, channels=3, on_progress=lambda *r: reports.append(r))
    assert images.shape == (8, 8, 3)
    assert reports == [(7, 7)]


def test_content_decides_not_the_name(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(idx_bytes(PIXELS))  # unpacked by the browser
    np.testing.assert_array_equal(load(tmp_path, image_size=5).images, PIXELS[..., None])


def test_a_missing_split_is_named(tmp_path):
    write_set(tmp_path)
    assert complaint(tmp_path, split="test") == (
        f"{tmp_path}: no images for split 'test'; expected a file t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz"
    )


def test_labels_of_another_set_are_refused(tmp_path):
    write_set(tmp_path, digits=DIGITS[:6])
    assert complaint(tmp_path) == (
        f"{tmp_path}/train-labels-idx1-ubyte: 6 labels, but train-images-idx3-ubyte beside it has 7 images; "
        "these files do not belong together"
    )


def test_swapped_images_and_labels_are_refused(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(DIGITS))
    assert complaint(tmp_path) == (
        f"{tmp_path}/train-images-idx3-ubyte: holds labels, expected images; were two files swapped?"
    )
    write_set(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(PIXELS))
    assert complaint(tmp_path) == (
        f"{tmp_path}/train-labels-idx1-ubyte: holds images, expected labels; were two files swapped?"
    )


NOT_IDX = "not an IDX file of images; it starts with the bytes {}, expected 00 00 08 03"
AGAIN = "download or copy it again"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", NOT_IDX.format("(none)")),
        (b"\0\0\x08", NOT_IDX.format("00 00 08")),
        (b"<!DOCTYPE html>", NOT_IDX.format("3c 21 44 4f")),
        (idx_bytes(PIXELS, magic=0xD03), NOT_IDX.format("00 00 0d 03")),
        (idx_bytes(PIXELS)[:15], f"the file ends within its header; {AGAIN}"),
        (
            idx_bytes(PIXELS)[:-1],
            f"the header promises 7 × 5 × 5 images, 175 bytes, but the file holds 174 bytes; {AGAIN}",
        ),
        (
            idx_bytes(PIXELS) + b"!",
            f"the header promises 7 × 5 × 5 images, 175 bytes, but the file holds more than that; {AGAIN}",
        ),
        (
            idx_bytes(PIXELS, shape=(2**31, 28, 28)),
            "the header promises 2147483648 × 28 × 28 images, 1683627180032 bytes, "
            f"but the file holds 175 bytes; {AGAIN}",
        ),
        (idx_bytes(PIXELS[:0]), "holds no images; its header says 0 × 5 × 5"),
        (idx_bytes(PIXELS, shape=(7, 0, 5)), "holds no images; its header says 7 × 0 × 5"),
    ],
)
def test_damaged_idx_files(tmp_path, content, message, zipped):
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(gzip.compress(content) if zipped else content)
    assert complaint(tmp_path) == f"{file}: {message}"


def test_damaged_gzip(tmp_path):
    file = tmp_path / "train-images-idx3-ubyte.gz"
    good = gzip.compress(idx_bytes(PIXELS))
    for cut in (2, 9, 30, len(good) - 1):
        file.write_bytes(good[:cut])
        assert complaint(tmp_path) == (f"{file}: the gzipped data end too early; download or copy the file again")
    file.write_bytes(good[:-5] + b"\0" + good[-4:])  # its own checksum
    assert complaint(tmp_path).startswith(f"{file}: damaged gzip file (CRC check failed")
    file.write_bytes(good[:10] + b"\xff" * 20 + good[30:])  # the packed data
    assert complaint(tmp_path).startswith(f"{file}: damaged gzip file (Error -3 while decompressing")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError) as caught:
        idx.read_idx(tmp_path, idx.IMAGES)
    assert str(caught.value) == f"{tmp_path}: cannot be read (Is a directory)"


def never_anything_but_a_data_error(read):
    with contextlib.suppress(DataError):
        read()


@fuzz
@given(st.binary(max_size=80), st.sampled_from([b"", b"\0\0\x08\x03", b"\0\0\x08\x01", b"\x1f\x8b\x08\0"]))
def test_any_bytes_as_idx(tmp_path, content, start):
    file = tmp_path / "file"
    file.write_bytes(start + content)
    for kind in (idx.IMAGES, idx.LABELS):
        never_anything_but_a_data_error(lambda kind=kind: idx.read_idx(file, kind))


@fuzz
@given(st.data(), st.booleans())
def test_any_damage_to_an_idx_file(tmp_path, data, zipped):
    file = tmp_path / "file"
    content = idx_bytes(PIXELS)
    file.write_bytes(damaged(data, gzip.compress(content) if zipped else content))
    never_anything_but_a_data_error(lambda: idx.read_idx(file, idx.IMAGES))


def damaged(data, content: bytes) -> bytes:
    """Content with a few bytes changed, inserted or removed, and perhaps cut off."""
    spoilt = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    return bytes(spoilt[: data.draw(st.integers(1, 2 * len(spoilt)))])


def test_a_damaged_installation(tmp_path, monkeypatch):
    way_out = "\n  rawgan's installation is damaged: pip install --force-reinstall --no-deps . in its folder"
    write_set(tmp_path, suffix=".gz")
    file = tmp_path / "train-images-idx3-ubyte.gz"
    monkeypatch.setattr(known_sets, "MNIST", tmp_path)
    assert complaint("mnist", image_size=28) == (
        f"{file}: expected content of SHA-256 {known_sets.MNIST_SHA256[file.name]}, came {idx.checksum(file)}{way_out}"
    )
    file.unlink()
    assert complaint("mnist", image_size=28) == (f"{file}: cannot be read (No such file or directory){way_out}")


def test_the_installation_is_checked_once_in_a_process(monkeypatch):
    load("mnist", image_size=28, split="test")
    monkeypatch.setattr(known_sets, "checksum", lambda *_: pytest.fail("checked again"))
    load("mnist", image_size=28, split="test")


# NumPy files


def save(folder: Path, **arrays) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_npy_files(tmp_path, channels, order):
    shape = (6, 5, 5) if channels is None else (6, 5, 5, channels)
    images = RNG.integers(0, 256, shape, np.uint8)
    np.save(tmp_path / "set.npy", np.asarray(images, order=order))
    loaded = load(tmp_path / "set.npy", image_size=5)
    np.testing.assert_array_equal(loaded.images, images.reshape(6, 5, 5, channels or 1))
    assert (loaded.labels, loaded.name) == (None, "set.npy")


def test_a_npy_file_with_the_longer_header(tmp_path):
    with open(tmp_path / "set.npy", "wb") as file:
        np.lib.format.write_array(file, PIXELS, version=(2, 0))
    np.testing.assert_array_equal(load(tmp_path / "set.npy", image_size=5).images[..., 0], PIXELS)


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", ["images", "x_train"])
def test_npz_files(tmp_path, savez, name):
    savez(tmp_path / "set.NPZ.npz", **{name: PIXELS, "labels": DIGITS.astype(np.int16)})
    loaded = load(tmp_path / "set.NPZ.npz", image_size=5)
    np.testing.assert_array_equal(loaded.images[..., 0], PIXELS)
    np.testing.assert_array_equal(loaded.labels, DIGITS)
    assert loaded.labels.dtype == np.int64


def test_npz_without_labels_but_with_other_arrays(tmp_path):
    loaded = load(save(tmp_path, images=PIXELS, ids=np.array([None])), image_size=5)
    assert loaded.labels is None  # and the pickle in ids was not touched


@pytest.mark.parametrize(
    ("arrays", "has"),
    [({"a": PIXELS, "b": PIXELS}, "a, b"), ({"labels": DIGITS}, "labels"), ({}, "none")],
)
def test_npz_without_images(tmp_path, arrays, has):
    file = save(tmp_path, **arrays)
    assert complaint(file) == f"{file}: expected an array called images (and perhaps labels); it has: {has}"


@pytest.mark.parametrize("labels", [DIGITS[:6], DIGITS.astype(float), DIGITS[:, None]])
def test_npz_with_labels_that_do_not_fit(tmp_path, labels):
    file = save(tmp_path, images=PIXELS, labels=labels)
    assert complaint(file) == (
        f"{file}: expected one whole number in labels for each image\n"
        f"  images (7, 5, 5)   labels {labels.dtype} {labels.shape}"
    )


CONVERT = """ To convert them:
  from [0, 1]:  np.rint(images * 255).astype(np.uint8)
  from [-1, 1]: np.rint((images + 1) * 127.5).astype(np.uint8)"""


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((2, 5, 5), np.float32),
            f"expected images as uint8, 0…255; came float32 (2, 5, 5).{CONVERT}",
        ),
        (np.zeros((2, 5, 5), bool), f"expected images as uint8, 0…255; came bool (2, 5, 5).{CONVERT}"),
        (
            np.zeros((5, 5), np.uint8),
            "expected images as (N, H, W) or (N, H, W, C), at least one; came uint8 (5, 5)",
        ),
        (
            np.zeros((0, 5, 5), np.uint8),
            "expected images as (N, H, W) or (N, H, W, C), at least one; came uint8 (0, 5, 5)",
        ),
        (
            np.zeros((2, 5, 5, 9), np.uint8),
            "expected images as (N, H, W, C) with 1 to 4 channels; came uint8 (2, 5, 5, 9)",
        ),
        (
            np.zeros((2, 3, 5, 5), np.uint8),
            "expected images as (N, H, W, C) with 1 to 4 channels; came uint8 (2, 3, 5, 5); "
            "images.transpose(0, 2, 3, 1) puts the channels last",
        ),
        (
            np.array([None, {}]),
            "holds Python objects, which are never unpickled; expected uint8 images",
        ),
    ],
)
def test_arrays_that_are_not_images_are_refused(tmp_path, array, message):
    file = tmp_path / "set.npy"
    np.save(file, array)
    assert complaint(file) == f"{file}: {message}"
    file = save(tmp_path, images=array)
    assert complaint(file) == f"{file}, images: {message}"


def npy_bytes(shape: tuple[int, ...], body: bytes, descr: str = "|u1") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + body


@pytest.mark.parametrize(
    ("shape", "body", "promised"),
    [((2**31, 28, 28), b"1234", 2**31 * 784), ((1, 2, 2), b"123", 4), ((1, 2, 2), b"12345", 4)],
    ids=["huge", "short", "long"],
)
def test_npy_headers_with_wrong_promises_are_refused(tmp_path, shape, body, promised):
    file = tmp_path / "set.npy"
    file.write_bytes(npy_bytes(shape, body))
    message = (
        f": the header promises uint8 {shape}, {promised} bytes, but the file holds {len(body)}; "
        "copy it again or write it again"
    )
    assert complaint(file) == f"{file}{message}"
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("images.npy", npy_bytes(shape, body))
    assert complaint(tmp_path / "set.npz") == f"{tmp_path / 'set.npz'}, images{message}"


def test_pickled_objects_are_refused(tmp_path):
    file = tmp_path / "set.npy"
    file.write_bytes(npy_bytes((1,), b"8 bytes.", "|O"))
    assert complaint(file) == (f"{file}: holds Python objects, which are never unpickled; expected uint8 images")


def test_files_that_are_not_npy_are_refused(tmp_path):
    file = tmp_path / "set.npy"
    for content in (b"", b"hello", npy_bytes((1, 2, 2), b"1234")[:40], npy_bytes((-1, -4, 1), b"1234")):
        file.write_bytes(content)
        assert complaint(file).startswith(f"{file}: not a .npy array, or a damaged one (")
    file = tmp_path / "set.npz"
    file.write_bytes(b"hello")
    assert complaint(file) == f"{file}: damaged .npz file (File is not a zip file); write it again with np.savez"
    content = bytearray(save(tmp_path, images=PIXELS).read_bytes())
    content[7] = 8  # the member's name is UTF-8 …
    content[30] = 0xFF  # … and is not
    file.write_bytes(content)
    assert complaint(file).startswith(f"{file}: damaged .npz file ('utf-8' codec can't decode")


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "set.npy"])
def test_no_memory_is_allocated_for_promises_of_a_header(tmp_path, name):
    shape = (2**31, 1, 1)
    header = npy_bytes(shape, b"") if name == "set.npy" else idx_bytes(PIXELS[:0], shape=shape)
    file = tmp_path / name
    file.write_bytes(gzip.compress(header) if name.endswith(".gz") else header)
    tracemalloc.start()
    complaint(file if name == "set.npy" else tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


@pytest.mark.parametrize("name", ["set.npy", "set.npz"])
def test_a_folder_with_the_suffix_of_an_array_is_a_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    assert complaint(tmp_path / name).startswith(f"{tmp_path / name}: no images here")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_array_files_that_cannot_be_opened(tmp_path, suffix, monkeypatch):
    file = tmp_path / f"set{suffix}"
    np.save(tmp_path / "set.npy", PIXELS)
    save(tmp_path, images=PIXELS)
    monkeypatch.setattr("builtins.open", no_permission)
    monkeypatch.setattr("io.open", no_permission)
    assert complaint(file) == f"{file}: cannot be read (Permission denied)"


def no_permission(*args, **kwargs):
    raise PermissionError(13, "Permission denied")


@fuzz
@given(st.data(), st.sampled_from([".npy", ".npz"]))
def test_any_damage_to_an_array_file(tmp_path, data, suffix):
    stream = io.BytesIO()
    if suffix == ".npy":
        np.save(stream, PIXELS[:2])
    else:
        np.savez_compressed(stream, images=PIXELS[:2], labels=DIGITS[:2])
    file = tmp_path / f"set{suffix}"
    file.write_bytes(damaged(data, stream.getvalue()))
    never_anything_but_a_data_error(lambda: load(file, image_size=5))


# what load makes of its source


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("mnits", "mnist"),
        ("MNIST", "mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("FashionMNIST", "fashion-mnist"),
        ("cifar", "cifar10"),
        ("CIFAR-10", "cifar10"),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(source, near):
    assert complaint(source) == (
        f"{source}: no such file or folder, nor a known set; did you mean {near}?\n"
        "  known sets: mnist, stacked-mnist, fashion-mnist, cifar10; of points: ring8, grid25"
    )


def test_a_missing_path_is_named(tmp_path):
    assert complaint(tmp_path / "photos") == (
        f"{tmp_path}/photos: no such file or folder, nor a known set\n"
        "  known sets: mnist, stacked-mnist, fashion-mnist, cifar10; of points: ring8, grid25"
    )


@pytest.mark.parametrize("name", ["photo.png", "photos.zip", "train-images-idx3-ubyte.gz"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    assert complaint(tmp_path / name) == (
        f"{tmp_path / name}: not a kind of file that holds a set of images; expected .npy or .npz, or "
        "a folder of images or of IDX files (put images into a folder, unpack an archive)"
    )


def test_arrays_have_no_test_split(tmp_path):
    file = save(tmp_path, images=PIXELS)
    assert complaint(file, split="test") == (
        f"{file}: a single file has no 'test' split; keep the images to test with in another file"
    )


def test_enlarged_arrays_are_reported_or_refused(tmp_path):
    file = save(tmp_path, images=np.zeros((2, 6, 9), np.uint8))
    assert load(file, image_size=6).notes == ()
    assert load(file, image_size=8).notes == (f"{file.name}: enlarged its images from 9 × 6 pixels to 8 × 8",)
    assert complaint(file, image_size=8, enlarge=False) == (
        f"{file}: its images are 9 × 6 pixels, smaller than 8 × 8, and would teach blur if enlarged\n"
        "  take --image-size 6 at most"
    )


def test_a_path_may_start_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_set(tmp_path)
    assert len(load("~", image_size=5)) == 7
    monkeypatch.chdir(tmp_path)
    assert load(".", image_size=5).name == tmp_path.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"channels": 5},
            "channels=5: images have 1 (grey), 3 (colour), 2 or 4 (these with alpha); None takes those of the data",
        ),
        (
            {"channels": 0},
            "channels=0: images have 1 (grey), 3 (colour), 2 or 4 (these with alpha); None takes those of the data",
        ),
        ({"split": "valid"}, "split='valid': expected 'train' or 'test'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ArgumentError) as caught:
        load("mnist", image_size=28, **options)
    assert str(caught.value) == message
