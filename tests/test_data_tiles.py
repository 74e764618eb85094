"""Squares cut from large images."""

import numpy as np
import pytest
from PIL import Image

from rawgan.data import load_tiles
from rawgan.data.tiles import MOST_TILES, tiles
from rawgan.errors import DataError


def numbered(height, width):
    """Pixels that say where they are."""
    rows, columns = np.indices((height, width), np.uint8)
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2)


def test_squares_lie_beside_each_other_around_the_middle():
    cut = tiles(numbered(20, 35), 8)
    assert cut.shape == (2 * 4, 8, 8, 3)
    corners = [tuple(map(int, piece[0, 0, :2])) for piece in cut]
    assert corners == [(top, left) for top in (2, 10) for left in (1, 9, 17, 25)]
    for piece in cut:
        np.testing.assert_array_equal(piece - piece[0, 0], numbered(8, 8))


def test_squares_of_one_colour_are_left_out_if_there_are_others():
    image = np.full((16, 24, 3), 9, np.uint8)
    assert len(tiles(image, 8)) == 1
    image[3, 20] = 10
    (only,) = tiles(image, 8)
    np.testing.assert_array_equal(only, image[:8, 16:])


def test_what_is_too_small_is_enlarged_as_a_whole():
    (grey,) = tiles(np.full((5, 40), 7, np.uint8), 8)
    assert grey.shape == (8, 8, 1)
    assert (grey == 7).all()


def test_of_a_very_large_image_squares_are_spread_over_it():
    side = 4 * (int(MOST_TILES**0.5) + 3)
    cut = tiles(np.arange(side * side, dtype=np.uint32).reshape(side, side).astype(np.uint8), 4)
    assert MOST_TILES / 2 < len(cut) <= MOST_TILES
    bottom = tiles(np.arange(side)[:, None].repeat(side, axis=1).astype(np.uint8), 4)
    assert bottom.max() > side * 0.9


def saved(folder, **images):
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_files_of_all_sizes_make_one_set(tmp_path):
    """In the order of their names; grey where none has colour, as of whole images."""
    grey = saved(tmp_path, b=numbered(8, 8)[..., 0], a=numbered(9, 17)[..., 1])
    images = load_tiles(grey, image_size=8)
    assert images.images[:, 0, 0, 0].tolist() == [0, 8, 0]
    assert images.shape == (8, 8, 1)
    assert load_tiles(saved(tmp_path, c=numbered(8, 8)), image_size=8).shape == (8, 8, 3)
    assert load_tiles(tmp_path, image_size=8, channels=1).shape == (8, 8, 1)


def test_a_large_jpeg_keeps_its_size(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (320, 400, 3), np.uint8)).save(tmp_path / "large.jpg")
    assert len(load_tiles(tmp_path, image_size=32)) == 12 * 10


def test_broken_files_are_named_or_skipped(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"1 of 1 images cannot be read\n  broken.png: not a PNG"):
        load_tiles(tmp_path, image_size=8, skip_broken=True)
    saved(tmp_path, whole=numbered(8, 8))
    with pytest.raises(DataError, match="--skip-broken"):
        load_tiles(tmp_path, image_size=8)
    images = load_tiles(tmp_path, image_size=8, skip_broken=True)
    assert images.names.tolist() == ["whole.png"]
    assert images.skipped == ("broken.png: not a PNG, JPEG, WebP, GIF or BMP image",)


def test_more_than_memory_holds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rawgan.data.bounded.machine_bytes", lambda: 1000)
    saved(tmp_path, a=numbered(16, 16))
    with pytest.raises(DataError, match="more memory than this machine has"):
        load_tiles(tmp_path, image_size=8)


def test_alpha_is_no_channel(tmp_path):
    with pytest.raises(DataError, match="channels=4: expected 1 or 3 here"):
        load_tiles(tmp_path, image_size=8, channels=4)


def test_progress_is_told(tmp_path):
    told = []
    load_tiles(
        saved(tmp_path, a=numbered(8, 8), b=numbered(8, 8)), image_size=8, on_progress=lambda *done: told.append(done)
    )
    assert told == [(1, 2), (2, 2)]
