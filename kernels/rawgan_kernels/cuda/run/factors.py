"""Factors of matrix products, rounded to a precision and laid out as tensor cores take them.

Nothing is left to the hardware's rounding, which NVIDIA's manual of cuBLAS does not specify: PTX has a conversion to
TF32 that rounds ties away from 0, and a tensor core given plain float32 numbers ignores their last 13 bits. Here the
factors are rounded as the reference rounds them, and every conversion of a number that needs none is exact. So are
products of two such numbers in float32; a result differs from the reference by the order and rounding of its sums only.

    tf32   float32 arrays whose last 13 bits are 0
    bf16   arrays of uint16, the first half of float32's bits: half the bytes to write and to read

By the roofline of an H100 (3.35 TB/s; 67 TFLOP/s in float32, 495 in TF32, 989 in bf16), a product of M × K and K × N
numbers is bound by memory if it has fewer than 148 operations for each byte in TF32, and 295 in bf16. Most products of
convolutions have fewer, as K or N is below 1024: there bytes count, and bf16 arrays are worth their own pass. cuBLAS
could round to bf16, too, by CUBLAS_COMPUTE_32F_FAST_16BF, but it would read 4 bytes for each number.

Tensor cores are fed 16 bytes at a time: the numbers of a row, and the step from row to row, must be multiples of that.
Rows and columns of zeros are added where they are not, such as to noise of 100 numbers in bf16.
Source: cuBLAS, "Tensor Core Usage"; PTX ISA, `cvt` and `mma`
"""

from typing import Any, NamedTuple

from rawgan_kernels.cuda.compile.language import THREADS, CudaKernel, cuda_kernel, index
from rawgan_kernels.cuda.run.elementwise import EACH, first_of_thread
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, flat

TF32_BITS, BF16_BITS = 13, 16
"""Bits of float32 that are rounded away."""

HALF = 0xFFFF
"""The bits of a number of 16."""

UNSIGNED, INFINITY = 0x7FFFFFFF, 0x7F800000
"""float32's bits but its sign, and infinity; NaN is above."""

QUIET = 1 << 22
"""A bit that NaN has and infinity has not, and that every precision keeps."""

NOWHERE = 2**32 - 1
"""Index of no number."""


class Format(NamedTuple):
    """The format of the factors of a product."""

    name: str
    multiple: int
    """Numbers in 16 bytes; rows and columns are filled up to a multiple of it."""
    narrow: CudaKernel | None
    """The kernel that rounds; None for factors that are taken as they are."""
    dtype: str | None
    """dtype of arrays of factors; None for any."""
    drop: int
    """Bits of float32 that are rounded away."""

    @property
    def tf32(self) -> bool:
        """True if cuBLAS must be told that float32 arrays hold such factors."""
        return self.name == "tf32"

    def itemsize(self, x: Any) -> int:
        """Bytes of a number of an array when it is a factor."""
        return 2 if self.dtype == "uint16" else int(x.itemsize)

    def filled_up(self, count: int) -> int:
        """The next multiple.

        >>> FORMATS["bf16"].filled_up(100)
        104
        """
        return -(-count // self.multiple) * self.multiple

    def factor(self, x: Any) -> Any:
        """Matrices as factors, with zeros behind their rows and columns. Transposed ones stay transposed.

        Shapes: x (…, R, C) → (…, R' ≥ R, C' ≥ C)
        """
        if self.narrow is None:
            return x
        turned = x.swapaxes(-1, -2)
        if turned.flags.c_contiguous and not x.flags.c_contiguous:
            return self.factor(turned).swapaxes(-1, -2)
        *front, rows, columns = x.shape
        wide_rows, wide_columns = self.filled_up(rows), self.filled_up(columns)
        y = empty(x, (*front, wide_rows, wide_columns), self.dtype)
        launch(
            self.narrow, blocks_for(y.size, EACH * THREADS), flat(x), flat(y), y.size, rows, columns, wide_rows,
            wide_columns, int((rows, columns) != (wide_rows, wide_columns)),
        )  # fmt: skip
        return y


# --- functions that kernels call --------------------------------------------------------------------------------------


def nearest(bits, drop):  # type: ignore[no-untyped-def]
    """A number's bits, rounded to nearest, ties to even; not for NaN. `reference.rounding` explains the integers."""
    return (bits + ((1 << (drop - 1)) - 1 + (bits >> drop & 1))) >> drop << drop


def rounded_bits(bits, drop):  # type: ignore[no-untyped-def]
    """Bits of a float32 number, rounded. NaN stays NaN, also without its last bits."""
    bits = int(bits)  # NumPy's, in the simulator, would not grow to 64 bits
    return nearest(bits, drop) if (bits & UNSIGNED) <= INFINITY else bits | QUIET


def source(i, rows, columns, wide_rows, wide_columns, padded):  # type: ignore[no-untyped-def]
    """Index of a number in the matrices without zeros behind them; NOWHERE for one of these zeros."""
    at = i
    if padded != index(0):
        line, column = index(i // wide_columns), index(i % wide_columns)
        matrix, row = index(line // wide_rows), index(line % wide_rows)
        at = index(index(index(matrix * rows) + row) * columns + column)
        if row >= rows or column >= columns:
            at = index(NOWHERE)
    return at


# --- CUDA kernels -----------------------------------------------------------------------------------------------------


@cuda_kernel(
    "x: bits, y: bits, count: index, rows: index, columns: index, wide_rows: index, wide_columns: index, padded: index"
)
def _to_tf32(x, y, count, rows, columns, wide_rows, wide_columns, padded):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            at = source(i, rows, columns, wide_rows, wide_columns, padded)
            y[i] = rounded_bits(x[at], TF32_BITS) if at != index(NOWHERE) else 0
        i = index(i + index(THREADS))


@cuda_kernel(
    "x: bits, y: halves, count: index, rows: index, columns: index, wide_rows: index, wide_columns: index, "
    "padded: index"
)
def _to_bf16(x, y, count, rows, columns, wide_rows, wide_columns, padded):  # type: ignore[no-untyped-def]
    i = first_of_thread()
    for _ in range(EACH):
        if i < count:
            at = source(i, rows, columns, wide_rows, wide_columns, padded)
            y[i] = rounded_bits(x[at], BF16_BITS) >> BF16_BITS & HALF if at != index(NOWHERE) else 0
        i = index(i + index(THREADS))


FORMATS = {
    "float32": Format("float32", 1, None, None, 0),
    "tf32": Format("tf32", 4, _to_tf32, "float32", TF32_BITS),
    "bf16": Format("bf16", 8, _to_bf16, "uint16", BF16_BITS),
}
"""Formats by precision. That of float32 is for float64, too."""

EXACT = FORMATS["float32"]
