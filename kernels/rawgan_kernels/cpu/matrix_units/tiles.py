"""Products of bf16 matrices on AMX: the tiles of Intel's processors, from Sapphire Rapids on.

A tile is a register of 16 rows of 64 bytes. One instruction multiplies a tile of 16 rows of a, 32 deep, by one of 16
pairs of rows of b, 16 columns wide, and adds the product to a tile of 16 × 16 numbers of float32. There are 8 tiles:

               6  7     b, 2 × 16 columns

         4     0  1     c
         5     2  3
         a, 2 × 16 rows

so that 4 loads serve 4 products. A load takes 16 lines from the first-level cache, in half the time of a product.
"""
# mypy: disable-error-code="no-untyped-def"

from rawgan_kernels.cpu.matrix_units.instructions import configure, load, product, release, store, zero
from rawgan_kernels.cpu.vector.pointers import shifted

DEPTH = 384
"""Depth that is multiplied at a time: 32 rows of a and 32 columns of b take 24 KiB each, half the first-level cache."""


def multiply(a, a_row, b, b_row, b_panel, c, c_row, rows, columns, depth, add, unit):
    """c[rows, columns] = a[rows, depth] @ b[depth, columns], or added to c.

    a and b are bf16, c float32; steps count elements. Row i of a is at a + i·a_row. Pairs (2q, 2q + 1) of rows of b are
    at b + q·b_row, for 16 columns; the next 16 columns are b_panel further on. `depth` is a multiple of 32. Rows and
    columns count as multiples of 16: a, b and c have room for these, whatever is there.
    """
    configure(unit)
    for start in range(0, max(depth, 1), DEPTH):
        end = min(depth, start + DEPTH)
        for j in range(0, columns, 32):
            wide = columns - j > 16
            top = shifted(b, j // 16 * b_panel + start // 2 * b_row)
            for i in range(0, rows, 32):
                high = rows - i > 16
                left, right = shifted(a, i * a_row + start), top
                to = shifted(c, i * c_row + j)
                below = shifted(to, 16 * c_row)
                if add or start > 0:
                    load(unit, 0, to, c_row)
                    if wide:
                        load(unit, 1, shifted(to, 16), c_row)
                    if high:
                        load(unit, 2, below, c_row)
                        if wide:
                            load(unit, 3, shifted(below, 16), c_row)
                else:
                    zero(unit, 0)
                    zero(unit, 1)
                    zero(unit, 2)
                    zero(unit, 3)
                for _ in range(start, end, 32):
                    load(unit, 4, left, a_row)
                    load(unit, 6, right, b_row)
                    product(unit, 0, 4, 6)
                    if wide:
                        load(unit, 7, shifted(right, b_panel), b_row)
                        product(unit, 1, 4, 7)
                    if high:
                        load(unit, 5, shifted(left, 16 * a_row), a_row)
                        product(unit, 2, 5, 6)
                        if wide:
                            product(unit, 3, 5, 7)
                    left, right = shifted(left, 32), shifted(right, 16 * b_row)
                store(unit, 0, to, c_row)
                if wide:
                    store(unit, 1, shifted(to, 16), c_row)
                if high:
                    store(unit, 2, below, c_row)
                    if wide:
                        store(unit, 3, shifted(below, 16), c_row)
    release(unit)
