"""Transforms of tiles to the points and back, for `winograd`, and the layout of their results in memory.

    ŵ = G w Gᵀ      X̂ = Cᵀ x C      ŷ = A y Aᵀ

Each goes along the rows first, then along the columns, by one function that holds all the small matrices. Each
transform of an image has its transpose beside it, which takes the same steps backwards and adds up where tiles overlap.
"""

from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

from rawgan_kernels.cpu.compile.compiled import compiled, standalone
from rawgan_kernels.cpu.convolutions.toom_cook import A, C, G, tile_sizes, transposed
from rawgan_kernels.cpu.vector.panel import panel_multiplier
from rawgan_kernels.cpu.vector.pointers import by_address, pointer, shifted
from rawgan_kernels.cpu.vector.registers import PANEL_BYTES
from rawgan_kernels.cpu.vector.rows import clear, copy
from rawgan_kernels.cpu.vector.small_maps import small_maps

Array = np.ndarray[Any, Any]

POINTS = len(G)

# The maps of that function, by their index in the list; for tiles of m outputs, add m − 2.
_SIZES = (2, 3, 4)
_MAPS = [
    *((A[m], False) for m in _SIZES),
    *((transposed(A[m]), False) for m in _SIZES),
    *((C[m], True) for m in _SIZES),
    *((transposed(C[m]), False) for m in _SIZES),
    (G, False),
    (transposed(G), False),
    (transposed(G), True),
]
_A, _A_T, _C, _C_T, _G, G_BACK, G_BACK_ADD = 0, 3, 6, 9, 12, 13, 14
_apply = small_maps(_MAPS)


def _transform(which, x, x_row, y, y_row, length):  # type: ignore[no-untyped-def]
    _apply(which, x, x_row, y, y_row, length)


transform = by_address("transform")
"""transform(address, which, x, x_row, y, y_row, length); see `vector.small_maps`."""


class Code(NamedTuple):
    """Addresses of the two inner loops."""

    multiply: int
    transform: int


@cache
def code_for(dtype: str) -> Code:
    """Addresses of the inner loops for a dtype."""
    number, size = types.CPointer(from_dtype(np.dtype(dtype))), types.intp
    signature = types.void(size, number, size, number, size, size)
    return Code(panel_multiplier(dtype), standalone(signature, _transform).address)


# --- layout -----------------------------------------------------------------------------------------------------


class Layout(NamedTuple):
    """Layout of transformed tiles in memory, for blocks of `images` images; in rows of 4·C or K numbers."""

    images: int
    rows: int
    """Number of rows in all."""
    down: Array
    across: Array
    """Sizes of the tiles along either axis."""
    tiles: Array
    """(down, across, 4): the first row of the tile's kind, the number of such tiles in an image, the tile's index among
    them, and the rows from one point to the next."""
    kinds: Array
    """(kinds, 5): height and width in outputs; first row, tiles in an image, rows from one point to the next."""


@lru_cache(maxsize=256)
def layout(output: tuple[int, int], images: int) -> Layout:
    """Layout for blocks of so many images, ordered by kind, then by point, then by image, then by tile."""
    down, across = (tile_sizes(n) for n in output)
    count: dict[tuple[int, int], int] = {}
    for kind in ((m, n) for m in down for n in across):
        count[kind] = count.get(kind, 0) + 1
    start, rows = {}, 0
    for (m, n), each in count.items():
        start[m, n] = rows
        rows += (m + 1) * (n + 1) * each * images
    tiles = np.empty((len(down), len(across), 4), np.int64)
    seen = dict.fromkeys(count, 0)
    for i, m in enumerate(down):
        for j, n in enumerate(across):
            tiles[i, j] = start[m, n], count[m, n], seen[m, n], count[m, n] * images
            seen[m, n] += 1
    kinds = np.array([(m, n, start[m, n], each, each * images) for (m, n), each in count.items()])
    return Layout(images, rows, np.array(down), np.array(across), tiles, kinds)


# --- weights: ŵ = G w Gᵀ ------------------------------------------------------------------------------------------


@compiled
def transform_weights(arguments, panel_number, thread):  # type: ignore[no-untyped-def]
    """w (4, 4, C, K) → a panel of ŵ (point, panel of K, 4·C, panel)"""
    w, transformed, half, code = arguments
    c, k = w.shape[2], w.shape[3]
    panel = PANEL_BYTES // w.itemsize
    at = panel_number * panel
    for phase in range(4):
        for channel in range(c):
            source = pointer(w, (phase // 2 * 4 + phase % 2) * c * k + channel * k + at)
            to = pointer(transformed, at * 4 * c + (phase * c + channel) * panel)
            _transform_taps(code, source, c * k, to, 4 * c * k, pointer(half, thread * 2 * POINTS * panel), panel)


@compiled
def transform_turned_weights(arguments, panel_number, thread):  # type: ignore[no-untyped-def]
    """w (4, 4, K, C) → a panel of ŵ (point, panel of 4·C, K, panel)"""
    w, transformed, half, code = arguments
    k, c = w.shape[2], w.shape[3]
    panel = PANEL_BYTES // w.itemsize
    phase, at = panel_number * panel // c, panel_number * panel % c
    for row in range(k):
        source = pointer(w, (phase // 2 * 4 + phase % 2) * c * k + row * c + at)
        to = pointer(transformed, (panel_number * k + row) * panel)
        _transform_taps(code, source, c * k, to, 4 * c * k, pointer(half, thread * 2 * POINTS * panel), panel)


@compiled
def _transform_taps(code, w, tap, transformed, point, half, panel):  # type: ignore[no-untyped-def]
    """The 2×2 taps of one phase, for a panel of channels → 5×5 points, `tap` and `point` numbers apart."""
    for b in range(2):
        transform(code.transform, _G, shifted(w, 2 * b * tap), 8 * tap, shifted(half, b * panel), 2 * panel, panel)
    for p in range(POINTS):
        to = shifted(transformed, p * POINTS * point)
        transform(code.transform, _G, shifted(half, p * 2 * panel), panel, to, point, panel)


@compiled
def turn(arguments, tap, thread):  # type: ignore[no-untyped-def]
    """(4, 4, C, K) → (4, 4, K, C), in squares that fit the cache."""
    w, turned = arguments
    a, b, c, k = tap // 4, tap % 4, w.shape[2], w.shape[3]
    for first in range(0, k, 8):
        for at in range(0, c, 8):
            for row in range(first, first + 8):
                for channel in range(at, at + 8):
                    turned[a, b, row, channel] = w[a, b, channel, row]


# --- tiles: X̂ = Cᵀ x C, ŷ = A y Aᵀ, and back -----------------------------------------------------------------------


@compiled
def transform_x(code, x, n, local, top, left, output_height, output_width, plan, x_hat, columns, padded, half):  # type: ignore[no-untyped-def]
    """Image n of x → its rows of X̂, as image `local` of the block, with `columns` of X̂ together, 4·C or fewer."""
    height, width, c = x.shape[1:]
    run = min(columns, c)
    rows, row = 2 * (output_height + 1), 2 * (output_width + 1) * c
    end = min(width, 2 * (output_width + 1) - left)
    for u in range(rows):
        h, at = u - top, u * row
        if 0 <= h < height:
            clear(pointer(padded, at), left * c)
            copy(pointer(x, (n * height + h) * width * c), pointer(padded, at + left * c), end * c)
            clear(pointer(padded, at + (left + end) * c), row - (left + end) * c)
        else:
            clear(pointer(padded, at), row)
    i0 = 0
    for i, m in enumerate(plan.down):
        for r in range(2):
            at, to = pointer(padded, (2 * i0 + r) * row), pointer(half, 0)
            transform(code.transform, _C_T + m - 2, at, 2 * row, to, row, row)
            j0 = 0
            for j, size in enumerate(plan.across):
                first, each, which, stride = plan.tiles[i, j]
                base = first + local * each + which
                for p in range(m + 1):
                    for s in range(2):
                        for channel in range(0, c, run):
                            column = (2 * r + s) * c + channel
                            at = pointer(half, p * row + (2 * j0 + s) * c + channel)
                            to = column // columns * plan.rows + base + p * (size + 1) * stride
                            to = pointer(x_hat, to * columns + column % columns)
                            transform(code.transform, _C_T + size - 2, at, 2 * c, to, stride * columns, run)
                j0 += size
        i0 += m


@compiled
def transform_x_back(code, gx, n, local, top, left, output_height, output_width, plan, x_hat, padded, half):  # type: ignore[no-untyped-def]
    """Image `local` of the block's rows of X̂' → image n of gx: `transform_x` transposed, step by step."""
    height, width, c = gx.shape[1:]
    rows, row = 2 * (output_height + 1), 2 * (output_width + 1) * c
    clear(pointer(padded, 0), rows * row)
    i0 = 0
    for i, m in enumerate(plan.down):
        for r in range(2):
            clear(pointer(half, 0), (m + 1) * row)
            j0 = 0
            for j, size in enumerate(plan.across):
                first, each, which, stride = plan.tiles[i, j]
                base = first + local * each + which
                for p in range(m + 1):
                    for s in range(2):
                        to = pointer(half, p * row + (2 * j0 + s) * c)
                        at = pointer(x_hat, (base + p * (size + 1) * stride) * 4 * c + (2 * r + s) * c)
                        transform(code.transform, _C + size - 2, at, stride * 4 * c, to, 2 * c, c)
                j0 += size
            at, to = pointer(half, 0), pointer(padded, (2 * i0 + r) * row)
            transform(code.transform, _C + m - 2, at, row, to, 2 * row, row)
        i0 += m
    end = min(width, 2 * (output_width + 1) - left)
    for h in range(height):
        to = (n * height + h) * width * c
        if h + top < rows:
            source = (h + top) * row + left * c
            copy(pointer(padded, source), pointer(gx, to), end * c)
            clear(pointer(gx, to + end * c), (width - end) * c)
        else:
            clear(pointer(gx, to), width * c)


@compiled
def transform_y(code, y, n, local, plan, y_hat, columns, half):  # type: ignore[no-untyped-def]
    """Image n of y → its rows of ŷ, as image `local` of the block, with `columns` of ŷ together, K or fewer."""
    height, width, k = y.shape[1:]
    i0 = 0
    for i, m in enumerate(plan.down):
        row = width * k
        at, to = pointer(y, (n * height + i0) * row), pointer(half, 0)
        transform(code.transform, _A + m - 2, at, row, to, row, row)
        j0 = 0
        for j, size in enumerate(plan.across):
            first, each, which, stride = plan.tiles[i, j]
            base = first + local * each + which
            for p in range(m + 1):
                for column in range(0, k, columns):
                    at = pointer(half, p * row + j0 * k + column)
                    to = column // columns * plan.rows + base + p * (size + 1) * stride
                    transform(
                        code.transform, _A + size - 2, at, k, pointer(y_hat, to * columns), stride * columns, columns
                    )
            j0 += size
        i0 += m


@compiled
def transform_y_back(code, y, n, local, plan, y_hat, half):  # type: ignore[no-untyped-def]
    """Image `local` of the block's rows of ŷ' → image n of y: `transform_y` transposed, step by step."""
    height, width, k = y.shape[1:]
    i0 = 0
    for i, m in enumerate(plan.down):
        row = width * k
        j0 = 0
        for j, size in enumerate(plan.across):
            first, each, which, stride = plan.tiles[i, j]
            base = first + local * each + which
            for p in range(m + 1):
                to, at = pointer(half, p * row + j0 * k), pointer(y_hat, (base + p * (size + 1) * stride) * k)
                transform(code.transform, _A_T + size - 2, at, stride * k, to, k, k)
            j0 += size
        at, to = pointer(half, 0), pointer(y, (n * height + i0) * row)
        transform(code.transform, _A_T + m - 2, at, row, to, row, row)
        i0 += m
