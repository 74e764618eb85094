"""The code of the matrix units, bit for bit: emulated, carried out instruction by instruction, and as machine code."""

import os
import platform
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
import tile_traps
from paths import PACKAGES

from rawgan_kernels import Backend
from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.matrix_units.units import (
    AMX,
    AVX512,
    EMULATED_AMX,
    EMULATED_AVX512,
    SCRATCH,
    available,
    multiplier,
    multiply,
)
from rawgan_kernels.cpu.vector.pointers import pointer

SUM_UP = {"amx": tile_traps.sums_of_tiles, "avx512": tile_traps.sums_of_lanes}
ROWS, COLUMNS, DEPTH = 50, 40, 416
FOLDERS = PACKAGES["rawgan_kernels"].parent, Path(tile_traps.__file__).parent, Path(__file__).parent


@compiled(entry=True)
def multiply_arrays(address, a, b, c, rows, columns, add, scratch):
    """b is (panels, pairs, 32): for each pair of rows, its 16 columns."""
    left, right, to = pointer(a, 0), pointer(b, 0), pointer(c, 0)
    panel = b.shape[1] * 32
    depth = a.shape[1]
    multiply(address, left, depth, right, 32, panel, to, c.shape[1], rows, columns, depth, add, pointer(scratch, 0))


def factors():
    """Numbers of bf16 of all magnitudes, (64, DEPTH) and (DEPTH, 48): denormal ones, too, but none that overflow."""
    rng = np.random.default_rng(0)
    shapes = (64, DEPTH), (DEPTH, 48)
    drawn = [rng.standard_normal(shape) * 2.0 ** rng.integers(-135, 60, shape) for shape in shapes]
    return [Backend("reference").rounded(x.astype(np.float32), 7) for x in drawn]


def packed(a, b):
    """The upper halves of the numbers, laid out for `multiply_arrays`."""
    a, b = ((x.view(np.uint32) >> 16).astype(np.uint16) for x in (a, b))
    panels = b.reshape(DEPTH // 2, 2, 3, 16).transpose(2, 0, 3, 1)
    return a, np.ascontiguousarray(panels).reshape(3, DEPTH // 2, 32)


def check(unit):
    """Assert that a unit's code gives the bits that the manual defines, in its rows and columns alone."""
    a, b = factors()
    for add in (False, True):
        c = np.full((64, 64), 3, np.float32)
        multiply_arrays(multiplier(unit), *packed(a, b), c, ROWS, COLUMNS, add, np.zeros(SCRATCH, np.float32))
        expected = SUM_UP[unit.name](a, b, np.float32(3 * add))
        np.testing.assert_array_equal(c[:ROWS, :COLUMNS].view(np.uint32), expected[:ROWS, :COLUMNS].view(np.uint32))
        assert (c[:, 48:] == 3).all()


@pytest.mark.parametrize("unit", [EMULATED_AMX, EMULATED_AVX512], ids=["amx", "avx512"])
def test_emulated_units_give_the_bits_that_the_manual_defines(unit):
    check(unit)


@pytest.mark.parametrize("unit", [AMX, AVX512], ids=["amx", "avx512"])
def test_the_units_of_this_cpu_do_so_too(unit):
    if unit not in available():
        pytest.skip(f"this CPU has no {unit.name}, or the system does not grant it")
    check(unit)


# --- machine code ----------------------------------------------------------------------------------------------------


def python(code, **variables):
    """Output of a program, run with these variables."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "COV"))},
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in FOLDERS),
        **variables,
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


x86 = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="LLVM compiles for its own CPU")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals are decoded as Linux delivers them")


@x86
@linux
def test_machine_code_for_tiles_is_right_where_each_instruction_is_carried_out_as_the_manual_says():
    """On a CPU that lacks tiles, each of these instructions raises a signal, and its handler does what it says."""
    if AMX in available():
        pytest.skip("this CPU has tiles, and carries the instructions out itself")
    features = llvm.get_host_cpu_features()
    features["amx-tile"] = features["amx-bf16"] = True
    code = """
import tile_traps
from test_tile_instructions import AMX, check
tiles = tile_traps.Tiles()
kept = tile_traps.trap(tiles)
check(AMX)
assert tiles.nbytes is None  # released
print(*tiles.count.items())
"""
    out = python(code, NUMBA_CPU_NAME=llvm.get_host_cpu_name(), NUMBA_CPU_FEATURES=features.flatten())
    names = set(re.findall(r"\('(\w+)'", out))
    assert names == {"ldtilecfg", "tilerelease", "tilezero", "tileloadd", "tilestored", "tdpbf16ps"}


@x86
def test_machine_code_for_these_processors_has_one_instruction_for_each_product(tmp_path):
    code = """
from rawgan_kernels.cpu.matrix_units.units import UNITS, code_of, present
assert present() == UNITS, present()
for unit in UNITS:
    print(code_of(unit)._library.get_asm_str())
"""
    out = python(
        code, NUMBA_CPU_NAME="sapphirerapids", NUMBA_CPU_FEATURES=SAPPHIRE_RAPIDS, NUMBA_CACHE_DIR=str(tmp_path)
    )
    ends = r"^\.LBB\w+:|^\tj\w+"
    blocks = [
        Counter(re.findall(r"^\t(\w+)", block, re.MULTILINE)) for block in re.split(ends, out, flags=re.MULTILINE)
    ]
    tiles = next(block for block in blocks if block["tdpbf16ps"] == 4)
    assert tiles["tileloadd"] == 4
    assert tiles.total() < 20
    assert not tiles["tilestored"]
    lanes = next(block for block in blocks if block["vdpbf16ps"] == 24)
    assert lanes["vmovups"] == 2  # b; the sums stay in registers
    assert lanes["vbroadcastss"] == 12


SAPPHIRE_RAPIDS = (
    "+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl,+avx512bf16,+amx-tile,+amx-bf16"
)
