"""Grids of images and single images, read back from the files."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_files import noise, read
from PIL import Image

from rawgan.errors import ArgumentError, ConfigError, DTypeError, ShapeError
from rawgan.pictures import save_grid, save_images, terminal_grid, tile


@given(
    count=st.integers(1, 9),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    channels=st.sampled_from([1, 3]),
    columns=st.integers(1, 10),
    padding=st.integers(0, 3),
)
def test_tile_puts_every_image_in_its_cell_and_nothing_else(count, height, width, channels, columns, padding):
    images = noise(count, height, width, channels)
    grid = tile(images, columns, padding, background=9)
    paper = [9] * channels
    columns = min(columns, count)
    rows = -(-count // columns)
    assert grid.shape == (
        rows * (height + padding) + padding,
        columns * (width + padding) + padding,
        channels,
    )
    for n, image in enumerate(images):
        y, x = padding + n // columns * (height + padding), padding + n % columns * (width + padding)
        cell = grid[y : y + height, x : x + width]
        assert np.array_equal(cell, image)
        cell[:] = paper
    assert (grid == paper).all()


@pytest.mark.parametrize(
    ("shape", "cells"),
    [
        ((64, 28, 28, 1), (8, 8)),
        ((10, 28, 28, 1), (3, 4)),
        ((1, 28, 28, 1), (1, 1)),
        ((16, 10, 40, 1), (8, 2)),
    ],
)
def test_the_default_grid_is_nearly_square(shape, cells):
    assert tile(np.zeros(shape), padding=0).shape[:2] == (cells[0] * shape[1], cells[1] * shape[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_go_from_minus_one_to_one_clipped_and_nan_is_black(dtype):
    values = np.array([-1, 0, 1, -7, np.inf, np.nan, 2], dtype).reshape(-1, 1, 1, 1)
    grid = tile(values, columns=7, padding=0)
    assert grid.dtype == np.uint8
    assert grid.ravel().tolist() == [0, 128, 255, 0, 255, 0, 255]
    assert np.isnan(values[5]).all()  # the caller's array is left alone


@pytest.mark.parametrize("shape", [(28, 28), (2, 28, 28), (0, 4, 4, 1), (2, 4, 4, 5), (2, 4, 4, 0), (1, 2, 3, 4, 1)])
@pytest.mark.parametrize("function", [tile, terminal_grid])
def test_arrays_that_are_not_images_are_refused_with_their_shape(function, shape):
    with pytest.raises(ShapeError) as error:
        function(np.zeros(shape))
    assert str(shape) in str(error.value)
    assert function.__name__ in str(error.value)


def test_other_dtypes_and_other_arrays_are_refused():
    with pytest.raises(DTypeError, match="uint8, not int64"):
        tile(np.zeros((1, 2, 2, 1), np.int64))
    with pytest.raises(DTypeError, match=r"not builtins\.list"):
        tile([[[[0.0]]]])


@pytest.mark.parametrize(
    "options", [{"columns": 0}, {"columns": 1.5}, {"padding": -1}, {"background": 256}, {"background": -1}]
)
def test_tile_options_out_of_range_are_refused_by_name(options):
    (name,) = options
    with pytest.raises(ArgumentError, match=f"tile: {name}"):
        tile(np.zeros((2, 2, 2, 1)), **options)


@pytest.mark.parametrize("channels", [2, 4])
def test_transparent_pixels_show_a_checkerboard(channels):
    images = np.full((3, 16, 16, channels), 90, np.uint8)
    images[..., -1] = np.array([0, 255, 51])[:, None, None]
    clear, opaque, fifth = np.split(tile(images, 3, padding=0), 3, axis=1)
    fields = clear[::2, ::2]  # eight in a row
    assert clear.shape == (16, 16, channels - 1)
    assert set(clear.ravel()) == {204, 255}
    assert (fields[1:] != fields[:-1]).all()
    assert (fields[:, 1:] != fields[:, :-1]).all()
    np.testing.assert_array_equal(clear, fields.repeat(2, axis=0).repeat(2, axis=1))
    assert (opaque == 90).all()
    np.testing.assert_array_equal(fifth, np.rint(0.2 * 90 + 0.8 * clear.astype(float)))


def test_rows_have_titles(tmp_path):
    images = noise(6, 28, 28, 1)
    plain, titled = (read(save_grid(tmp_path / "a.png", images, 3, titles=t)) for t in ((), ("cat", "a dog")))
    margin = titled.shape[1] - plain.shape[1]
    assert len(titled) == len(plain)
    assert 40 < margin < 200
    np.testing.assert_array_equal(titled[:, margin:], plain)
    words = [half.max(axis=0) > 200 for half in np.split(titled[:, :margin], 2)]
    assert 10 < words[0].sum() < words[1].sum()  # the longer one
    assert np.flatnonzero(words[0])[0] > np.flatnonzero(words[1])[0]
    colour = read(save_grid(tmp_path / "a.png", noise(2, 8, 8, 3), 1, titles=["x" * 400, "y"]))
    assert colour.shape[2] == 3
    assert colour.shape[1] < 512 + 24 * 18 + 18


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_saved_grid_reads_back_as_its_tile(tmp_path, channels, mode):
    images = noise(6, 5, 7, channels)
    path = save_grid(tmp_path / "new" / "grid.png", images, columns=3, scale=1)
    with Image.open(path) as picture:
        assert (picture.format, picture.mode) == ("PNG", mode)
    assert np.array_equal(read(path).reshape(16, 29, channels), tile(images, 3))


def test_small_images_are_enlarged_by_whole_pixels(tmp_path):
    images = noise(64, 28, 28, 1)
    pixels = read(save_grid(tmp_path / "a.png", images))
    assert pixels.shape == (726, 726)  # 8 · 28 + 9 · 2 = 242, three times
    assert np.array_equal(pixels[1::3, 1::3], tile(images)[..., 0])
    assert np.array_equal(pixels[::3, ::3], pixels[2::3, 2::3])
    assert read(save_grid(tmp_path / "b.png", noise(1, 600, 600, 3))).shape == (604, 604, 3)
    assert read(save_grid(tmp_path / "c.png", images[:1], scale=np.int64(4))).shape == (128, 128)


@pytest.mark.parametrize("scale", [0, 1.5, -2])
def test_a_scale_that_is_no_whole_number_is_refused(tmp_path, scale):
    with pytest.raises(ArgumentError, match="save_grid: scale"):
        save_grid(tmp_path / "a.png", np.zeros((1, 2, 2, 1)), scale=scale)


def test_a_grid_is_a_png_and_says_so(tmp_path):
    with pytest.raises(ArgumentError, match=r"a\.jpg.*\.png"):
        save_grid(tmp_path / "a.jpg", np.zeros((1, 2, 2, 1)))


def test_single_images_are_numbered_so_that_names_sort(tmp_path):
    images = noise(12, 4, 4, 3)
    paths = save_images(tmp_path / "out", images, "fake")
    assert sorted(paths) == paths
    assert [p.name for p in paths[::11]] == ["fake-00000.png", "fake-00011.png"]
    assert all(np.array_equal(read(path), image) for path, image in zip(paths, images, strict=True))
    assert save_images(tmp_path, images[:2], "x", start=999_999)[0].name == "x-0999999.png"


def test_a_failed_write_leaves_the_old_picture_and_no_other_file(tmp_path, monkeypatch):
    path = save_grid(tmp_path / "a.png", noise(1, 4, 4, 1))
    before = path.read_bytes()

    write = os.write

    def half(descriptor, data):
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(ConfigError, match=r"a\.png could not be written: No space left on device"):
        save_grid(path, noise(1, 4, 4, 1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
