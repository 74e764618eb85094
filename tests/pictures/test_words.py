"""Words around grids and sheets: what is drawn, where, and that the images stay as they are."""

import numpy as np
import pytest
from picture_files import noise, read
from PIL import ImageFont

from rawgan.pictures.grids import save_grid
from rawgan.pictures.pixels import BACKGROUND
from rawgan.pictures.sheets import CELL, save_sheet, thumbnail
from rawgan.pictures.words import BAND, with_words

GREY = noise(12, 28, 28, 1)


def written(pixels):
    """Columns of pixels in which letters are."""
    return np.flatnonzero((pixels > 200).any(axis=0))


def test_a_caption_stands_above_the_images_which_stay_as_they_are(tmp_path):
    plain, captioned = (read(save_grid(tmp_path / "a.png", GREY, 4, caption=words)) for words in ("", "step 500"))
    assert captioned.shape == (len(plain) + BAND, plain.shape[1])
    np.testing.assert_array_equal(captioned[BAND:], plain)
    assert (captioned[[0, BAND - 1]] == BACKGROUND).all()
    assert 20 < len(written(captioned[:BAND])) < 100


def test_captions_of_all_steps_leave_pictures_of_one_size(tmp_path):
    pictures = [read(save_grid(tmp_path / "a.png", GREY, caption=f"step {step:,}")) for step in (0, 1, 123456789)]
    assert len({picture.shape for picture in pictures}) == 1
    assert len({picture[:BAND].tobytes() for picture in pictures}) == 3
    tiny = [with_words(np.zeros((8, 8, 1), np.uint8), caption=f"step {step}") for step in (1, 999999)]
    assert tiny[0].shape == tiny[1].shape == (8 + BAND, 8, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_heads_repeat_over_the_columns_and_stand_in_the_middle_of_each(tmp_path, channels):
    images = noise(12, 64, 64, channels)
    pictures = [read(save_grid(tmp_path / "a.png", images, 6, 2, heads=heads)) for heads in ((), ("i", "iii"))]
    plain, headed = (picture.reshape(*picture.shape[:2], -1)[..., 0] for picture in pictures)
    np.testing.assert_array_equal(headed[BAND:], plain)
    cells = [headed[:BAND, left : left + 128] for left in range(4, 6 * 132, 132)]
    for first, second in (cells[:2], cells[2:4], cells[4:]):
        np.testing.assert_array_equal(first, cells[0])
        np.testing.assert_array_equal(second, cells[1])
        assert abs(written(first).mean() - 64) < 3
        assert abs(written(second).mean() - 64) < 3
        assert len(written(second)) > 2 * len(written(first))


def test_heads_that_could_not_be_read_are_left_out(tmp_path):
    images = noise(60, 8, 8, 1)
    plain, headed = (read(save_grid(tmp_path / "a.png", images, 60, 1, heads=heads)) for heads in ((), ("before",)))
    np.testing.assert_array_equal(headed, plain)


def test_all_words_together(tmp_path):
    words = {"titles": ["cat", "dog"], "heads": ["before", "after", "target"], "caption": "step 1"}
    plain, full = (read(save_grid(tmp_path / "a.png", GREY[:6], 3, **given)) for given in ({}, words))
    margin = full.shape[1] - plain.shape[1]
    assert full.shape[0] == plain.shape[0] + 2 * BAND
    np.testing.assert_array_equal(full[2 * BAND :, margin:], plain)
    assert len(written(full[:BAND, margin:])) > 20
    assert len(written(full[BAND : 2 * BAND, margin:])) > 60
    assert (full[: 2 * BAND, :margin] == BACKGROUND).all()


@pytest.mark.parametrize("words", ["", "\n\x1b[2J", "\udcff", "日本", "a" * 1000])
def test_names_of_files_are_drawn_whatever_is_in_them(tmp_path, words):
    path = save_grid(tmp_path / "a.png", GREY, 4, titles=[words] * 3, heads=[words], caption=words)
    assert read(path)[-1, -1] == BACKGROUND


def test_without_fonts_the_grid_is_as_it_is(tmp_path, monkeypatch):
    """As in a Pillow that was built without FreeType: no word is worth a run."""
    plain = read(save_grid(tmp_path / "a.png", GREY))

    def missing(size):
        raise ImportError("The _imagingft C module is not installed")

    monkeypatch.setattr(ImageFont, "load_default", missing)
    np.testing.assert_array_equal(read(save_grid(tmp_path / "b.png", GREY, titles=["x"], caption="step 1")), plain)


def test_a_sheet_names_its_columns_and_files(tmp_path):
    rows = [[thumbnail(noise(side, side, 1)) for side in (7, 28, 192)] for _ in range(2)]
    plain = read(save_sheet(tmp_path / "a.png", rows))
    full = read(save_sheet(tmp_path / "b.png", rows, ("before", "after", "target"), ["a.png", "photograph.png"]))
    margin = full.shape[1] - plain.shape[1]
    np.testing.assert_array_equal(full[BAND:, margin:], plain)
    heads = full[:BAND, margin:, 0]
    for left in range(4, 3 * (CELL + 4), CELL + 4):
        assert abs(written(heads[:, left : left + CELL]).mean() - CELL / 2) < 4
    upper, lower = np.split(full[BAND:, :margin, 0], 2)
    assert 10 < len(written(upper)) < len(written(lower))
