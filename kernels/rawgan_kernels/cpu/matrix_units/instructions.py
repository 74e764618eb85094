"""The instructions of AMX, each an intrinsic that Numba compiles to this one instruction.

Tile numbers are part of an instruction's code, so they must be plain numbers where it is called. Where `unit` is a
pointer to float32, the instruction is emulated in that memory.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.matrix_units import emulation
from rawgan_kernels.cpu.vector.registers import I32, I64

I8 = ir.IntType(8)

CONFIGURATION = bytes((1, *[0] * 15, *[64, 0] * 8, *[0] * 16, *[16] * 8, *[0] * 8))
"""Of all 8 tiles: palette 1, then from byte 16 on the bytes of their rows, from byte 48 on the number of rows."""


@intrinsic
def configure(typing: Any, unit: Any) -> Any:
    """Set all tiles up on this thread."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = ir.Constant(ir.ArrayType(I8, 64), bytearray(CONFIGURATION))
        constant = cgutils.global_constant(builder.module, "rawgan.tiles", values)
        if is_emulated(unit):
            kind = types.void(unit, types.CPointer(types.uint32))
            words = builder.bitcast(constant, I32.as_pointer())
            return context.compile_internal(builder, emulation.configure, kind, [args[0], words])
        return _instruction(context, builder, "ldtilecfg", [builder.bitcast(constant, I8.as_pointer())])

    return types.void(unit), generate


@intrinsic
def release(typing: Any, unit: Any) -> Any:
    """Give the tiles up, so that nothing else on this thread is slower for them."""
    return _operation(types.void(unit), "tilerelease", emulation.release)


@intrinsic(prefer_literal=True)
def zero(typing: Any, unit: Any, tile: Any) -> Any:
    """tile = 0."""
    return _operation(types.void(unit, tile), "tilezero", emulation.zero)


@intrinsic(prefer_literal=True)
def product(typing: Any, unit: Any, c: Any, a: Any, b: Any) -> Any:
    """c += a @ b, all being tiles: rows of 32 bf16, times pairs of rows of 16."""
    return _operation(types.void(unit, c, a, b), "tdpbf16ps", emulation.product)


@intrinsic(prefer_literal=True)
def load(typing: Any, unit: Any, tile: Any, source: Any, row: Any) -> Any:
    """tile = 16 rows of 64 bytes, from the pointer `source` on and `row` numbers apart."""
    return _move(types.void(unit, tile, source, types.intp), "tileloadd64", emulation.load)


@intrinsic(prefer_literal=True)
def store(typing: Any, unit: Any, tile: Any, to: Any, row: Any) -> Any:
    """Write a tile to 16 rows of 64 bytes, from the pointer `to` on and `row` numbers apart."""
    return _move(types.void(unit, tile, to, types.intp), "tilestored64", emulation.store)


def is_emulated(unit: Any) -> bool:
    """True if this type of `unit` stands for emulation."""
    return bool(unit.dtype == types.float32)


def _operation(signature: Any, name: str, emulate: Callable[..., None]) -> Any:
    """Signature and code of an operation on tiles."""
    unit, *tiles = signature.args

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if is_emulated(unit):
            numbers = [I64(tile.literal_value) for tile in tiles]
            kind = types.void(unit, *[types.intp] * len(tiles))
            return context.compile_internal(builder, emulate, kind, [args[0], *numbers])
        return _instruction(context, builder, name, [I8(tile.literal_value) for tile in tiles])

    return signature, generate


def _move(signature: Any, name: str, emulate: Callable[..., None]) -> Any:
    """Signature and code of a load or a store."""
    unit, tile, place, _ = signature.args
    size = place.dtype.bitwidth // 8

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, _, start, row = args
        nbytes = builder.mul(row, I64(size))
        if is_emulated(unit):
            kind = types.void(unit, types.intp, types.CPointer(types.uint32), types.intp)
            words = builder.bitcast(start, I32.as_pointer())
            operands = [args[0], I64(tile.literal_value), words, builder.sdiv(nbytes, I64(4))]
            return context.compile_internal(builder, emulate, kind, operands)
        start = builder.bitcast(start, I8.as_pointer())
        return _instruction(context, builder, name, [I8(tile.literal_value), start, nbytes])

    return signature, generate


def _instruction(context: Any, builder: Any, name: str, operands: list[Any]) -> Any:
    kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), operands)
    return context.get_dummy_value()
