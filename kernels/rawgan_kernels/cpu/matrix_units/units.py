"""The matrix units of this CPU: detection, and the code that multiplies on each.

A unit's code is one function with the arguments of `tiles.multiply`, called by its address, so all kernels are compiled
once, whatever the unit. It is compiled at its first use, on its own, and kept on disk.
"""

import ctypes
import sys
from functools import cache
from typing import Any, NamedTuple

from numba import types

from rawgan_kernels.cpu.compile.compiled import standalone
from rawgan_kernels.cpu.compile.target import features
from rawgan_kernels.cpu.matrix_units import emulation, lanes, tiles
from rawgan_kernels.cpu.vector.pointers import by_address

SCRATCH = emulation.MEMORY
"""Numbers of float32 that a unit may need as scratch memory on each thread."""


class Unit(NamedTuple):
    """Code that multiplies bf16 matrices."""

    name: str
    features: tuple[str, ...]
    """Features of the CPU that it needs, in LLVM's words."""
    speed: float
    """Multiplications in the time of one in float32."""
    function: Any
    scratch: Any
    """Type of its last argument: numbers of float32 where the instructions are emulated."""


AMX = Unit("amx", ("amx-tile", "amx-bf16"), 6, tiles.multiply, types.uint8)
AVX512 = Unit("avx512", ("avx512f", "avx512bf16"), 2, lanes.multiply, types.uint8)
EMULATED_AMX = AMX._replace(features=(), scratch=types.float32)
EMULATED_AVX512 = AVX512._replace(features=(), scratch=types.float32)

UNITS = (AMX, AVX512)
"""The fastest first."""


@cache
def present() -> tuple[Unit, ...]:
    """The matrix units that code is compiled for, the fastest first; none on most CPUs."""
    return tuple(unit for unit in UNITS if features().issuperset(unit.features))


@cache
def available() -> tuple[Unit, ...]:
    """The matrix units that this process can use, the fastest first. The system is asked for tiles at the first call.

    >>> set(available()) <= set(present())
    True
    """
    return tuple(unit for unit in present() if unit is not AMX or _grants_tiles())


def _grants_tiles() -> bool:
    """Ask Linux for the tile registers, for all threads of this process. Returns True if it grants them.

    Each thread's state grows by 8 KiB with them, so a process must ask. It is refused where a stack for signals would
    be too small for that.
    """
    if not sys.platform.startswith("linux"):
        return False
    arch_prctl, request, tile_data = 158, 0x1023, 18
    numbers = [ctypes.c_long(number) for number in (arch_prctl, request, tile_data)]
    return bool(ctypes.CDLL(None).syscall(*numbers) == 0)


@cache
def multiplier(unit: Unit) -> int:
    """Address of a unit's code, which ends the process unless the unit is `available`."""
    return int(code_of(unit).address)


def code_of(unit: Unit) -> Any:
    """A unit's compiled code. The compiler ends the process unless the unit is `present`."""
    half, number, size = types.CPointer(types.uint16), types.CPointer(types.float32), types.intp
    sizes = types.void(
        half, size, half, size, size, number, size, size, size, size, types.boolean, types.CPointer(unit.scratch)
    )
    return standalone(sizes, unit.function)


multiply = by_address("multiply")
"""multiply(multiplier(unit), a, a_row, b, b_row, b_panel, c, c_row, rows, columns, depth, add, scratch)"""
