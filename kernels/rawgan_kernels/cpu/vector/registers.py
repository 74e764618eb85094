"""The vector registers of this CPU, and operations on whole vectors while a function is put together in LLVM."""

from fractions import Fraction
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils

_features = llvm.get_host_cpu_features()
WIDE = bool(_features.get("avx512f"))
"""True if the CPU has 32 registers of 64 bytes."""

VECTOR_BYTES = 64 if WIDE else 32 if _features.get("avx") else 16
PANEL_BYTES = 2 * VECTOR_BYTES
"""Width of a panel of columns: two vectors, so that each number of a that is fetched serves two multiplications."""

# The accumulators fill the registers, but for two that hold b and one that holds a: 6 · 2 of 16, or 12 · 2 of 32. With
# fewer, a multiply-add would wait for the last one into its accumulator (4 cycles, 2 a cycle: 8 must be under way).
TILE_ROWS = 6 if _features.get("avx") and not WIDE else 12
TILE_PARTS = (TILE_ROWS, TILE_ROWS // 2 + TILE_ROWS // 6, TILE_ROWS // 3, 1)  # 6, 4, 2, 1 or 12, 8, 4, 1

I64, I32 = ir.IntType(64), ir.IntType(32)


class Vectors:
    """Loads, stores and arithmetic on whole vectors of a dtype."""

    def __init__(self, context: Any, builder: Any, dtype: types.Float) -> None:
        self.builder, self.bits = builder, dtype.bitwidth
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        self.number = context.get_value_type(dtype)
        self.type = ir.VectorType(self.number, self.lanes)
        signature = ir.FunctionType(self.type, [self.type] * 3)
        name = f"llvm.fma.v{self.lanes}f{dtype.bitwidth}"
        self._fma = cgutils.get_or_insert_function(builder.module, signature, name)
        self._alignment = dtype.bitwidth // 8

    def at(self, pointer: Any, offset: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.type.as_pointer())

    def load(self, pointer: Any, offset: Any) -> Any:
        return self.builder.load(self.at(pointer, offset), align=self._alignment)

    def store(self, vector: Any, pointer: Any, offset: Any) -> None:
        self.builder.store(vector, self.at(pointer, offset), align=self._alignment)

    def constant(self, value: Fraction) -> Any:
        return ir.Constant(self.type, [ir.Constant(self.number, float(value))] * self.lanes)

    def spread(self, pointer: Any, offset: Any) -> Any:
        """One number of memory in all lanes."""
        undefined = ir.Constant(self.type, ir.Undefined)
        value = self.builder.load(self.builder.gep(pointer, [offset]))
        vector = self.builder.insert_element(undefined, value, I32(0))
        return self.builder.shuffle_vector(vector, undefined, ir.Constant(ir.VectorType(I32, self.lanes), None))

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a · b + c, rounded once."""
        return self.builder.call(self._fma, [a, b, c])
