"""Tiles of photographs: choice of tiles and photographs, and the hold-out set."""

import numpy as np
import pytest
from PIL import Image

from rawgan.data import load_tiles
from rawgan.data.folders.detail import best_window, detail
from rawgan.data.folders.tiles import MOST_TILES, tiles
from rawgan.errors import DataError


def rng(seed=0):
    return np.random.default_rng(seed)


def numbered(height, width):
    """Pixels that tell their positions."""
    rows, columns = np.indices((height, width), np.uint8)
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2)


def noise(height, width, seed=0):
    return rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def sky(height, width, seed=0):
    """From blue to white, with the noise of a camera."""
    slope = np.linspace(120, 220, height)[:, None, None] + np.zeros((height, width, 3))
    return (slope + rng(seed).normal(0, 2, slope.shape)).clip(0, 255).astype(np.uint8)


def landscape(height, width, seed=0):
    """A tenth of it is full of things."""
    pixels = sky(height, width, seed)
    pixels[height * 9 // 10 :] = noise(height - height * 9 // 10, width, seed).repeat(2, axis=0)[: height // 10]
    return pixels


def saved(folder, **images):
    folder.mkdir(exist_ok=True)
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def steep(squares):
    """Slope of the brightness in each tile, at twice its size."""
    half = squares.astype(float).mean(axis=3).reshape(len(squares), squares.shape[1] // 2, 2, -1, 2).mean(axis=(2, 4))
    return np.abs(np.diff(half, axis=1)).mean(axis=(1, 2))


# --- of one photograph -----------------------------------------------------------------------------------------------


def test_tiles_form_a_centred_grid():
    cut, _ = tiles(numbered(20, 35), 8, rng())
    assert cut.shape == (2 * 4, 8, 8, 3)
    corners = sorted(tuple(map(int, piece[0, 0, :2])) for piece in cut)
    assert corners == [(top, left) for top in (2, 10) for left in (1, 9, 17, 25)]
    for piece in cut:
        np.testing.assert_array_equal(piece - piece[0, 0], numbered(8, 8))


def test_tiles_of_one_colour_are_left_out_if_there_are_others():
    image = np.full((16, 24, 3), 9, np.uint8)
    assert len(tiles(image, 8, rng())[0]) == 1
    image[3, 20] = 10
    (only,), _ = tiles(image, 8, rng())
    np.testing.assert_array_equal(only, image[:8, 16:])


def test_tiles_with_most_detail_are_drawn_from_a_large_photograph():
    """A fiftieth of its tiles is not sky, which is more than are drawn."""
    image = sky(2304, 3072)
    image[1000:1384, 512:1280] = noise(384, 768)
    cut, held = tiles(image, 32, rng())
    assert len(cut) == MOST_TILES
    assert (held > 20).mean() > 0.9
    again, _ = tiles(image, 32, rng())
    np.testing.assert_array_equal(cut, again)
    other, _ = tiles(image, 32, rng(1))
    assert (cut != other).any()


def test_tiles_are_drawn_in_proportion_to_their_detail():
    """A quarter of the tiles has five times the detail of the others."""
    image = noise(1024, 1024) // 5
    image[:256] *= 5
    _, held = tiles(image, 16, rng())
    full = (held > held.max() / 2.5).mean()
    assert 0.5 < full < 0.75  # of so many, 0.25 by chance


def test_tiles_of_equal_detail_are_drawn_from_everywhere():
    side = 8 * (int(MOST_TILES**0.5) + 9)
    image = numbered(side, side)
    image[..., 2] = noise(side, side)[..., 0]
    cut, _ = tiles(image, 8, rng())
    assert len(cut) == MOST_TILES
    assert (cut[:, 0, 0, :2].mean(axis=0) / side).tolist() == pytest.approx([0.46, 0.46], abs=0.08)


def test_detail_measures_steps_not_noise_or_colour():
    flat, plain = np.full((16, 16, 3), 100, np.uint8), sky(160, 16)[:16]
    assert detail(flat, 16)[0, 0] == 0
    assert 0 < detail(plain, 16)[0, 0] < 4
    assert detail(noise(16, 16), 16)[0, 0] > 20
    edge = flat.copy()
    edge[:, 9:] = 160
    assert detail(edge, 16)[0, 0] > detail(edge, 8)[0, 0] == 0
    alpha = np.concatenate([flat, noise(16, 16)[..., :1]], axis=2)
    assert detail(alpha, 16)[0, 0] == 0


@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_detail_of_the_smallest_squares(side):
    assert detail(noise(side, side)[..., :1], side).shape == (1, 1)


def test_the_best_window_has_most_detail():
    image = sky(400, 600)
    image[301:340, 101:140] = noise(39, 39)
    top, left = best_window(image, 96, 24)
    assert (top % 24, left % 24) == (0, 0)
    assert top <= 301
    assert top + 96 >= 340
    assert left <= 101
    assert left + 96 >= 140
    assert best_window(np.zeros((240, 240, 1)), 96, 24) == (72, 72)
    assert best_window(image[:50, :50], 96, 24) == (0, 0)
    weights = np.zeros((400, 600))
    weights[5:9, 590:599] = 1
    assert best_window(image, 96, 24, weights)[1] >= 590 - 96 + 9


# --- of a folder -----------------------------------------------------------------------------------------------------


def test_a_photograph_of_sky_keeps_one_tile(tmp_path):
    images = {f"{n}": landscape(320, 320, n) for n in range(4)} | {"sky": sky(320, 320)}
    train, held_out = load_tiles(saved(tmp_path, **images), image_size=32)
    names = [*train.names, *held_out.names]
    assert {name: names.count(name) for name in sorted(set(names))} == {
        "0.png": 10, "1.png": 10, "2.png": 10, "3.png": 10, "sky.png": 1,
    }  # fmt: skip


def test_large_photographs_yield_more_than_sky(tmp_path):
    images = {f"{n}": landscape(600, 800, n) for n in range(3)}
    train, held_out = load_tiles(saved(tmp_path, **images), image_size=32)
    assert (steep(np.concatenate([train.images, held_out.images])) > 5).mean() > 0.9
    again, _ = load_tiles(tmp_path, image_size=32)
    np.testing.assert_array_equal(train.images, again.images)


def test_whole_photographs_are_held_out_a_tenth_spread_over_all(tmp_path):
    folder = saved(tmp_path, **{f"{n:02}": noise(16, 16, n) for n in range(21)})
    train, held_out = load_tiles(folder, image_size=8)
    assert sorted(set(held_out.names)) == ["09.png", "20.png"]
    assert not set(held_out.names) & set(train.names)
    assert len(set(train.names)) == 19
    assert "76 squares of 19 photographs to train with, 8 squares of 2 photographs held out; " in train.notes[0]


def test_tiles_of_all_photographs_alternate(tmp_path):
    """So the first tiles, which pictures show and baselines are chosen by, come from many photographs."""
    folder = saved(tmp_path, a=noise(8, 24), b=noise(16, 16), c=noise(8, 8), d=noise(8, 8))
    assert load_tiles(folder, image_size=8)[0].names.tolist() == [
        f"{name}.png" for name in ("a", "b", "c", "a", "b", "a", "b", "b")
    ]


def test_tiles_of_a_photograph_do_not_depend_on_other_photographs(tmp_path):
    one = saved(tmp_path / "one", a=noise(300, 300), b=noise(16, 16))
    two = saved(tmp_path / "two", a=noise(300, 300), c=noise(24, 16), d=noise(16, 16))
    first, second = (load_tiles(folder, image_size=8)[0] for folder in (one, two))
    np.testing.assert_array_equal(
        first.images[first.names == "a.png"][:50], second.images[second.names == "a.png"][:50]
    )


def test_photographs_smaller_than_a_tile_are_left_out_and_reported(tmp_path):
    folder = saved(tmp_path, a=noise(16, 16), b=noise(16, 16), small=noise(7, 90))
    train, held_out = load_tiles(folder, image_size=8)
    assert {*train.names, *held_out.names} == {"a.png", "b.png"}
    assert any(note.startswith("left out 1 image smaller than 8 × 8 pixels") for note in train.notes)
    with pytest.raises(DataError, match="no photograph is left\n  left out 3 images smaller than 32 × 32 pixels"):
        load_tiles(folder, image_size=32)


def test_a_part_without_photographs_that_are_large_enough_is_named(tmp_path):
    for part, side in (("train", 16), ("test", 4)):
        saved(tmp_path / part, a=noise(side, side))
    with pytest.raises(DataError, match=r"test: no photograph of 8 × 8 pixels or more is left there"):
        load_tiles(tmp_path, image_size=8)


def test_files_of_all_sizes_make_one_set(tmp_path):
    """They are grey if none has colour, as for whole images."""
    grey = saved(tmp_path, b=noise(8, 8)[..., 0], a=noise(9, 17)[..., 1])
    for images in load_tiles(grey, image_size=8):
        assert images.shape == (8, 8, 1)
    assert load_tiles(saved(tmp_path, c=noise(8, 8)), image_size=8)[0].shape == (8, 8, 3)
    assert load_tiles(tmp_path, image_size=8, channels=1)[0].shape == (8, 8, 1)
    assert load_tiles(tmp_path, image_size=8, channels=4)[0].shape == (8, 8, 4)


def test_fully_transparent_pixels_are_black(tmp_path):
    """No network learns what a file has there."""
    image = np.full((8, 8, 4), (200, 100, 50, 255), np.uint8)
    image[:4, :, 3] = 0
    for images in load_tiles(saved(tmp_path, a=image, b=image), image_size=8, channels=4):
        np.testing.assert_array_equal(images.images[0], np.where(image[..., 3:], image, 0))


def test_a_large_jpeg_keeps_its_size(tmp_path):
    for name in "ab":
        Image.fromarray(noise(320, 400)).save(tmp_path / f"{name}.jpg")
    assert [len(part) for part in load_tiles(tmp_path, image_size=32)] == [12 * 10, 12 * 10]


def test_broken_files_are_named_or_skipped(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"1 of 1 images cannot be read\n  broken.png: not an image that Pillow"):
        load_tiles(tmp_path, image_size=8, skip_broken=True)
    saved(tmp_path, a=numbered(8, 8), b=numbered(8, 8))
    with pytest.raises(DataError, match="--skip-broken"):
        load_tiles(tmp_path, image_size=8)
    images, held_out = load_tiles(tmp_path, image_size=8, skip_broken=True)
    assert (images.names.tolist(), held_out.names.tolist()) == (["a.png"], ["b.png"])
    assert images.skipped == ("broken.png: not an image that Pillow can read",)


def test_more_than_memory_holds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rawgan.data.memory_limits.machine_bytes", lambda: 1000)
    saved(tmp_path, a=numbered(16, 16))
    with pytest.raises(DataError, match="more memory than this machine has"):
        load_tiles(tmp_path, image_size=8)


def test_progress_is_reported_for_tiles(tmp_path):
    told = []
    load_tiles(
        saved(tmp_path, a=numbered(8, 8), b=numbered(8, 8)), image_size=8, on_progress=lambda *done: told.append(done)
    )
    assert told == [(1, 2), (2, 2)]
