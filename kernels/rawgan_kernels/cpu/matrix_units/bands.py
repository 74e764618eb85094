"""Parts of images in bf16, zeros around them, and windows taken from these: as rows, and as pairs of rows."""
# mypy: disable-error-code="no-untyped-def"

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.convolutions.windows import next_pixel
from rawgan_kernels.cpu.matrix_units.rounding import copy_row, pair_lower, pair_rows, round_row
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear


@compiled
def fill_band(x, n, first_row, first_column, rows, width, band):
    """Round a part of image n, rows × width pixels, to bf16; 0 where it lies outside the image."""
    height, across, channels = x.shape[1:]
    start = min(width, max(0, -first_column))
    end = max(start, min(width, across - first_column))
    for i in range(rows):
        p, line = first_row + i, shifted(band, i * width * channels)
        if 0 <= p < height and start < end:
            clear(line, start * channels)
            source = pointer(x, ((n * height + p) * across + first_column + start) * channels)
            round_row(source, shifted(line, start * channels), (end - start) * channels)
            clear(shifted(line, end * channels), (width - end) * channels)
        else:
            clear(line, width * channels)


@compiled
def window_rows(band, steps, shape, first, count, runs, chunk, windows, row):
    """Write `count` windows from number `first` on as rows, their depth filled up with 0.

    A window begins where its steps, from image to image, from row to row, from column to column, lead it to; `shape` is
    the number of rows and columns of windows. `chunk` is a row of the table of chunks.
    """
    height, across = shape
    n, i, j = first // (height * across), first // across % height, first % across
    for pixel in range(count):
        source = shifted(band, n * steps[0] + i * steps[1] + j * steps[2])
        to = shifted(windows, pixel * row)
        at = 0
        for r in range(chunk[0], chunk[0] + chunk[1]):
            copy_row(shifted(source, runs[r, 0]), shifted(to, at), runs[r, 1])
            at += runs[r, 1]
        clear(shifted(to, at), chunk[3] - at)
        n, i, j = next_pixel(n, i, j, height, across)


@compiled
def window_pairs(band, steps, shape, count, runs, chunk, pairs, row):
    """Write `count` windows from the first on as rows of words, two windows in each, filled up with 0 to a multiple of
    32 windows; `row` counts words."""
    height, across = shape
    n = i = j = 0
    for pixel in range(0, count, 2):
        source = shifted(band, n * steps[0] + i * steps[1] + j * steps[2])
        n, i, j = next_pixel(n, i, j, height, across)
        beside = shifted(band, n * steps[0] + i * steps[1] + j * steps[2])
        n, i, j = next_pixel(n, i, j, height, across)
        to = shifted(pairs, pixel // 2 * row)
        for r in range(chunk[0], chunk[0] + chunk[1]):
            place, length = runs[r, 0], runs[r, 1]
            if pixel + 1 < count:
                pair_rows(shifted(source, place), shifted(beside, place), to, length)
            else:
                pair_lower(shifted(source, place), to, length)
            to = shifted(to, length)
    full = -(-count // 32) * 16
    clear(shifted(pairs, (count + 1) // 2 * row), (full - (count + 1) // 2) * row)
