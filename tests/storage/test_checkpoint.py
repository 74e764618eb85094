"""Checkpoints come back as they were written, or are refused."""

import json
import os
import re

import numpy as np
import pytest
from safetensors.numpy import save

from rawgan.errors import ArgumentError, ConfigError, DTypeError
from rawgan.storage.checkpoint import About, Checkpoint, read, read_about, write

BASE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
ABOUT = About(3, 9, {"seed": 1, "data": "ü"}, {"g": [3, 3]}, {"g": 0.1 + 0.2}, 1, {"numpy": "2"})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "step-000003.safetensors"


@pytest.mark.parametrize(
    "array",
    [
        BASE,
        BASE.astype(np.float64),
        BASE.T,
        BASE[::-1, :, ::2],
        np.asfortranarray(BASE),
        np.array(3.5),
        np.zeros((0, 3)),
        np.arange(5),
        np.array([True, False]),
        np.arange(3, dtype=">f4"),
    ],
    ids=["f32", "f64", "transposed", "sliced", "fortran", "scalar", "empty", "int", "bool", "big-endian"],
)
def test_arrays_come_back_bit_by_bit(path, array):
    write(path, Checkpoint(ABOUT, {"g.0.w": array, "other": BASE}))
    back = read(path)
    assert back.about == ABOUT == read_about(path)
    assert set(back.arrays) == {"g.0.w", "other"}
    found = back.arrays["g.0.w"]
    assert (found.dtype, found.shape) == (array.dtype.newbyteorder("="), array.shape)
    assert found.tobytes() == array.astype(found.dtype).tobytes()


def test_equal_checkpoints_have_equal_bytes(path):
    arrays = dict.fromkeys("abcdefgh", BASE)
    write(path, Checkpoint(ABOUT, arrays))
    first = path.read_bytes()
    write(path, Checkpoint(ABOUT, dict(reversed(arrays.items()))))
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ({"w": [1.0, 2.0]}, DTypeError, "w must be a NumPy array"),
        ({"w": np.array([object()])}, DTypeError, "w has dtype object"),
        ({"w": np.array(["text"])}, DTypeError, "w has dtype <U4"),
        ({"w": np.ones(2, complex)}, DTypeError, "w has dtype complex128"),
        ({"__metadata__": BASE}, ArgumentError, "__metadata__"),
    ],
)
def test_unfit_arrays_are_refused_and_the_old_file_stays(path, arrays, error, message):
    write(path, Checkpoint(ABOUT, {"w": BASE}))
    with pytest.raises(error, match=rf"step-000003\.safetensors: .*{re.escape(message)}"):
        write(path, Checkpoint(ABOUT, arrays))
    np.testing.assert_array_equal(read(path).arrays["w"], BASE)


def test_a_crash_while_saving_leaves_the_old_file(path, monkeypatch):
    write(path, Checkpoint(ABOUT, {"w": BASE}))
    before = path.read_bytes()

    def crash(*paths, **at):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(ConfigError, match=r"step-000003\.safetensors could not be written: Input/output error"):
        write(path, Checkpoint(ABOUT, {"w": BASE + 1}))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_damage_anywhere_is_found(path):
    write(path, Checkpoint(ABOUT, {"w": BASE}))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ConfigError, match=r"step-000003\.safetensors is (damaged|no checkpoint)"):
            read(path)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match=re.escape(str(path))):
            read(path)


@pytest.mark.parametrize("data", [b"x" * 300, b"\x80\x04\x95pickle." + b"." * 99, b"PK\x03\x04" + b"0" * 99])
def test_other_files_are_no_checkpoints(path, data):
    path.write_bytes(data)
    for reader in (read, read_about):
        with pytest.raises(ConfigError, match="damaged"):
            reader(path)


@pytest.mark.parametrize(
    "heading",
    [None, "", "[]", "{}", '{"format": 1}', '{"format": "1", "about": "", "checksum": ""}',
     '{"format": 1, "about": {}, "checksum": ""}'],
)  # fmt: skip
def test_safetensors_of_others_are_no_checkpoints(path, heading):
    path.write_bytes(save({"w": BASE}, None if heading is None else {"rawgan": heading}))
    with pytest.raises(ConfigError, match=r"is (not a checkpoint of rawgan|damaged)"):
        read(path)


@pytest.mark.parametrize("about", ["[]", "{}", '{"step": 1}', "null", '{"step": 1, "steps": 1, "config": {}, "x": 1}'])
def test_facts_that_make_no_sense_are_damage(path, about):
    heading = json.dumps({"format": 1, "about": about, "checksum": "x"})
    path.write_bytes(save({"w": BASE}, {"rawgan": heading}))
    with pytest.raises(ConfigError, match="is damaged"):
        read_about(path)


def test_a_later_format_is_named_with_the_way_out(path):
    path.write_bytes(save({"w": BASE}, {"rawgan": '{"format": 2, "news": []}'}))
    with pytest.raises(ConfigError) as error:
        read(path)
    assert str(error.value) == (
        f"{path} was written by a later rawgan: its format is 2, and this one reads up to 1\n"
        "  get that rawgan, and install it: pip install . in its folder"
    )


@pytest.mark.parametrize(("kind", "size"), [("BF16", 2), ("F8_E4M3", 1)])
def test_numbers_that_numpy_lacks_are_refused(path, kind, size):
    write(path, Checkpoint(ABOUT, {}))
    heading = json.loads(path.read_bytes()[8:])["__metadata__"]
    tensor = {"dtype": kind, "shape": [1], "data_offsets": [0, size]}
    header = json.dumps({"__metadata__": heading, "w": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    with pytest.raises(ConfigError, match="has numbers of a type that NumPy lacks"):
        read(path)


def test_a_missing_file_is_named(path):
    with pytest.raises(ConfigError, match=r"step-000003\.safetensors could not be read"):
        read(path)
    path.mkdir()
    with pytest.raises(ConfigError, match=r"step-000003\.safetensors could not be read"):
        read(path)
