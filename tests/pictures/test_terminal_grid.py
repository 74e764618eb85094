"""Images in a terminal, read back from the text."""

import numpy as np
import pytest
from picture_files import noise
from rich.console import Console

from rawgan.errors import ArgumentError
from rawgan.pictures import terminal_grid, tile
from rawgan.pictures.pixels import BACKGROUND


def pixels_of(text):
    """Pixels that the half blocks of a rich Text show. Shapes: → (2 · rows, columns, 3)"""
    rows = []
    for line in text.split("\n", allow_blank=False):
        assert set(line.plain) == {"▀"}
        upper, lower = np.zeros((2, len(line.plain), 3), np.uint8)
        for span in line.spans:
            upper[span.start : span.end] = span.style.color.triplet
            lower[span.start : span.end] = span.style.bgcolor.triplet
        rows += [upper, lower]
    return np.array(rows)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_that_fit_the_terminal_are_shown_pixel_by_pixel(channels):
    images = noise(5, 7, 6, channels)
    shown = pixels_of(terminal_grid(images, columns=3, width=22))
    expected = np.broadcast_to(tile(images, 3, padding=1), (17, 22, 3))
    assert np.array_equal(shown[:17], expected)
    assert (shown[17:] == BACKGROUND).all()  # an odd row is filled up
    assert len(shown) == 18


def test_large_images_are_averaged_by_area():
    images = np.zeros((1, 8, 8, 1), np.uint8)
    images[0, ::2, ::2] = 200  # a quarter of every 2 × 2 block
    shown = pixels_of(terminal_grid(images, width=6))
    assert (shown[1:5, 1:5] == 50).all()


@pytest.mark.parametrize("width", [3, 20, 80, 81, 200])
@pytest.mark.parametrize("columns", [None, 1])
def test_the_grid_fits_the_width_and_prints_as_it_is(width, columns):
    text = terminal_grid(noise(10, 28, 28, 1), columns, width)
    lines = text.plain.splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= width
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(text)
    assert capture.get() == text.plain + "\n"


def test_transparent_images_show_a_checkerboard():
    shown = pixels_of(terminal_grid(np.zeros((1, 2, 2, 4), np.uint8), width=4))[1:3, 1:3]
    assert shown[..., 0].tolist() == [[204, 255], [255, 204]]


def test_too_many_columns_for_the_terminal_are_refused_with_the_most_that_fit():
    images = np.zeros((64, 28, 28, 1))
    with pytest.raises(ArgumentError, match=r"(?s)50 images side by side do not fit 80.*at most 39 columns"):
        terminal_grid(images, columns=50, width=80)
    terminal_grid(images, columns=39, width=80)
    with pytest.raises(ArgumentError, match="columns"):
        terminal_grid(images, columns=0)
