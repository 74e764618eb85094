"""The passes over memory of group and instance norm, a block of rows at a time.

Each takes the arguments of its launch, a block and a thread: (x, gy or x, the result, sums of the blocks, numbers of
the columns, scratch memory, slope, grid). The numbers of the columns are kept for every image; or for every thread,
which then goes through all blocks of its image. With a slope of 1 nothing is computed for the activation.
"""

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.run.columns import PANEL, block_at, grid_of
from rawgan_kernels.cpu.vector import norm_rows
from rawgan_kernels.cpu.vector.norm_rows import KINDS, MANY, SOME
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import clear

CHAIN = 64
"""Rows whose sums are kept in the dtype of x, before they are added to those of their channel in float64."""


@compiled
def numbers(rows, grid, image, thread):  # type: ignore[no-untyped-def]
    """The numbers that the columns of an image are normalised with."""
    return pointer(rows, (image if len(rows) == grid.groups else thread) * grid.panels * KINDS * PANEL)


@compiled
def _of_block(rows, grid, part, first, thread):  # type: ignore[no-untyped-def]
    """The numbers that the columns of a block are normalised with."""
    return shifted(numbers(rows, grid, part // grid.row_blocks, thread), first // PANEL * KINDS * PANEL)


@compiled
def block_moments(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Mean of each channel of a block, and the sum of squares around it; at first around a provisional mean, that of
    the first eighth of its rows."""
    x, _, _, parts, _, scratch, _, sizes = arguments
    grid = grid_of(sizes)
    part, first, columns, start, end = block_at(grid, block)
    channels, width = grid.channels, grid.width
    stop, place = min(start + grid.rows * width, end), part * channels + first
    total, squares = pointer(parts, place), pointer(parts, parts.shape[1] * channels + place)
    sums = pointer(scratch, thread * 3 * PANEL)
    centre, powers = shifted(sums, PANEL), shifted(sums, 2 * PANEL)
    sample = min(start + max(1, (stop - start) // width // 8) * width, stop)
    clear(sums, columns)
    at = start + first
    while at + (MANY - 1) * width + columns <= sample:
        norm_rows.add_rows(pointer(x, at), width, sums, columns)
        at += MANY * width
    while at < sample:
        norm_rows.add_row(pointer(x, at), width, sums, min(columns, sample - at))
        at += width
    _provisional(sums, centre, channels, columns, x.dtype.type(channels / (sample - start)))
    clear(sums, columns)
    clear(powers, columns)
    clear(total, min(channels, columns))
    clear(squares, min(channels, columns))
    for row in range(start, stop, CHAIN * width):
        at, last = row + first, min(row + CHAIN * width, stop)
        while at + (MANY - 1) * width + columns <= last:
            norm_rows.add_moments(pointer(x, at), width, centre, sums, powers, columns)
            at += MANY * width
        while at < last:
            norm_rows.add_moment(pointer(x, at), width, centre, sums, powers, min(columns, last - at))
            at += width
        _move(sums, total, channels, columns)
        _move(powers, squares, channels, columns)
    _finish_moments(total, squares, centre, min(channels, columns), (stop - start) // channels)


@compiled
def _move(sums, total, channels, columns):  # type: ignore[no-untyped-def]
    """Add the sums of the columns to those of their channels, and clear them."""
    for first in range(0, columns, channels):
        for channel in range(min(channels, columns - first)):
            total[channel] += sums[first + channel]
    clear(sums, columns)


@compiled
def _provisional(sums, centre, channels, columns, share):  # type: ignore[no-untyped-def]
    """Mean of each channel, for all columns; 0 for one that is not finite: ∞ − ∞ would make NaN of infinite means."""
    for first in range(channels, columns, channels):
        for channel in range(min(channels, columns - first)):
            sums[channel] += sums[first + channel]
    for channel in range(min(channels, columns)):
        mean = sums[channel] * share
        centre[channel] = mean if mean - mean == 0 else 0 * share
    for column in range(channels, columns):
        centre[column] = centre[column - channels]


@compiled
def _finish_moments(total, squares, centre, channels, count):  # type: ignore[no-untyped-def]
    """Sums around a provisional mean → mean, and sum of squares around it."""
    for channel in range(channels):
        rest = total[channel] / count
        squares[channel] -= rest * rest * count
        total[channel] = centre[channel] + rest


@compiled
def apply(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Write y."""
    x, _, y, _, rows, _, slope, sizes = arguments
    grid = grid_of(sizes)
    part, first, columns, at, end = block_at(grid, block)
    width, stop, slope = grid.width, min(at + grid.rows * grid.width, end), x.dtype.type(slope)
    k = _of_block(rows, grid, part, first, thread)
    at += first
    if slope == 1:
        while at + (SOME - 1) * width + columns <= stop:
            norm_rows.normalise_linear_rows(pointer(x, at), pointer(y, at), width, k, slope, columns)
            at += SOME * width
    else:
        while at + (SOME - 1) * width + columns <= stop:
            norm_rows.normalise_rows(pointer(x, at), pointer(y, at), width, k, slope, columns)
            at += SOME * width
    while at < stop:
        norm_rows.normalise_row(pointer(x, at), pointer(y, at), width, k, slope, min(columns, stop - at))
        at += width


@compiled
def block_sums(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Σ g and Σ g · (x − mean) over each channel of a block."""
    x, gy, _, parts, rows, scratch, slope, sizes = arguments
    grid = grid_of(sizes)
    part, first, columns, start, end = block_at(grid, block)
    width, stop, slope = grid.width, min(start + grid.rows * grid.width, end), x.dtype.type(slope)
    k, sums = _of_block(rows, grid, part, first, thread), pointer(scratch, thread * 3 * PANEL)
    clear(sums, columns)
    clear(shifted(sums, PANEL), columns)
    place, channels = part * grid.channels + first, grid.channels
    total, products = pointer(parts, place), pointer(parts, parts.shape[1] * channels + place)
    clear(total, min(channels, columns))
    clear(products, min(channels, columns))
    for row in range(start, stop, CHAIN * width):
        at, last = row + first, min(row + CHAIN * width, stop)
        if slope == 1:
            while at + (SOME - 1) * width + columns <= last:
                norm_rows.add_linear_products(pointer(x, at), pointer(gy, at), width, k, slope, sums, columns)
                at += SOME * width
        else:
            while at + (SOME - 1) * width + columns <= last:
                norm_rows.add_products(pointer(x, at), pointer(gy, at), width, k, slope, sums, columns)
                at += SOME * width
        while at < last:
            norm_rows.add_product(pointer(x, at), pointer(gy, at), width, k, slope, sums, min(columns, last - at))
            at += width
        _move(sums, total, channels, columns)
        _move(shifted(sums, PANEL), products, channels, columns)


@compiled
def apply_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Write gx."""
    x, gy, gx, _, rows, _, slope, sizes = arguments
    grid = grid_of(sizes)
    part, first, columns, at, end = block_at(grid, block)
    width, stop, slope = grid.width, min(at + grid.rows * grid.width, end), x.dtype.type(slope)
    k = _of_block(rows, grid, part, first, thread)
    at += first
    if slope == 1:
        while at + (SOME - 1) * width + columns <= stop:
            a, g, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
            norm_rows.group_linear_grad_rows(a, g, to, width, k, slope, columns)
            at += SOME * width
    else:
        while at + (SOME - 1) * width + columns <= stop:
            a, g, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
            norm_rows.group_grad_rows(a, g, to, width, k, slope, columns)
            at += SOME * width
    while at < stop:
        a, g, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
        norm_rows.group_grad_row(a, g, to, width, k, slope, min(columns, stop - at))
        at += width


@compiled
def apply_channel_grad(arguments, block, thread):  # type: ignore[no-untyped-def]
    """Write gx where each channel is a group of its own."""
    x, gy, gx, _, rows, _, slope, sizes = arguments
    grid = grid_of(sizes)
    part, first, columns, at, end = block_at(grid, block)
    width, stop, slope = grid.width, min(at + grid.rows * grid.width, end), x.dtype.type(slope)
    k = _of_block(rows, grid, part, first, thread)
    at += first
    if slope == 1:
        while at + (SOME - 1) * width + columns <= stop:
            a, g, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
            norm_rows.channel_linear_grad_rows(a, g, to, width, k, slope, columns)
            at += SOME * width
    else:
        while at + (SOME - 1) * width + columns <= stop:
            a, g, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
            norm_rows.channel_grad_rows(a, g, to, width, k, slope, columns)
            at += SOME * width
    while at < stop:
        a, g, to = pointer(x, at), pointer(gy, at), pointer(gx, at)
        norm_rows.channel_grad_row(a, g, to, width, k, slope, min(columns, stop - at))
        at += width
