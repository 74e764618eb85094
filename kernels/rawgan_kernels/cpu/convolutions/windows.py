"""Windows of an image as rows of a matrix, and rows added back to the image."""

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.vector.pointers import pointer, shifted
from rawgan_kernels.cpu.vector.rows import accumulate, clear, copy


@compiled
def gather(x, first, count, height, width, taps_across, group, geometry, windows):  # type: ignore[no-untyped-def]
    """Write the windows of one group as rows (taps·C/G): those of `count` output pixels from number `first` on."""
    top, left, taps_down, s, t, d, e, groups = geometry
    h_size, w_size, channels = x.shape[1:]
    c = channels // groups
    to = windows
    run = taps_across * c
    n, i, j = first // (height * width), first // width % height, first % width
    for _ in range(count):
        q = j * t - left
        inside = groups == 1 and e == 1 and q >= 0 and q + taps_across <= w_size
        for a in range(taps_down):
            p = i * s + a * d - top
            row = pointer(x, (n * h_size + p) * w_size * channels + group * c)
            if not 0 <= p < h_size:
                clear(to, run)
            elif inside:
                copy(shifted(row, q * c), to, run)
            else:
                for b in range(taps_across):
                    if 0 <= q + b * e < w_size:
                        copy(shifted(row, (q + b * e) * channels), shifted(to, b * c), c)
                    else:
                        clear(shifted(to, b * c), c)
            to = shifted(to, run)
        n, i, j = next_pixel(n, i, j, height, width)


@compiled
def next_pixel(n, i, j, height, width):  # type: ignore[no-untyped-def]
    """The output pixel after (i, j) of image n. (Divisions would take longer than all the rest.)"""
    if j + 1 < width:
        return n, i, j + 1
    if i + 1 < height:
        return n, i + 1, 0
    return n + 1, 0, 0


@compiled
def scatter(columns, row, first, count, height, width, taps_across, group, geometry, gx, n):  # type: ignore[no-untyped-def]
    """Add rows (taps·C/G), `row` numbers apart, to gx: those of `count` output pixels of image n from `first` on."""
    top, left, taps_down, s, t, d, e, groups = geometry
    h_size, w_size, channels = gx.shape[1:]
    c = channels // groups
    run = taps_across * c
    i, j = first // width, first % width
    for pixel in range(count):
        q = j * t - left
        inside = groups == 1 and e == 1 and q >= 0 and q + taps_across <= w_size
        source = shifted(columns, pixel * row)
        for a in range(taps_down):
            p = i * s + a * d - top
            if 0 <= p < h_size:
                to = pointer(gx, (n * h_size + p) * w_size * channels + group * c)
                if inside:
                    accumulate(source, shifted(to, q * c), run)
                else:
                    for b in range(taps_across):
                        if 0 <= q + b * e < w_size:
                            accumulate(shifted(source, b * c), shifted(to, (q + b * e) * channels), c)
            source = shifted(source, run)
        _, i, j = next_pixel(0, i, j, height, width)
