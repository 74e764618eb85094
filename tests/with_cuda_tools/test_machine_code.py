"""Every CUDA kernel is compiled to machine code for several generations of GPUs, and looked at."""

import re

import pytest

import rawgan_kernels.cuda.run.halves  # noqa: F401 (its CUDA kernels are of no kernel in `api`)
from rawgan_kernels import KERNELS
from rawgan_kernels.cuda.compile.language import CUDA_KERNELS, cuda_kernel, number, position
from rawgan_kernels.cuda.compile.machine_code import cached, machine_code

for _kernel in KERNELS.values():
    _kernel.on("cuda")  # imports the file that defines its CUDA kernels

CAPABILITIES = [(7, 5), (8, 0), (9, 0), (10, 0)]
"""Turing, Ampere, Hopper, Blackwell."""

REGISTERS = 64
"""For each thread: with no more, a multiprocessor of 65,536 has room for 1024 threads."""


WIDE_DIVISION = r"\b(div|rem)\.[us]64\b"


def registers(code):
    return int(re.search(r"Used (\d+) registers", code.report)[1])


@pytest.mark.parametrize("kernel", CUDA_KERNELS, ids=lambda kernel: kernel.name)
def test_a_kernel_compiles_to_tight_code(kernel, tally):
    for dtype in ("float32", "float64"):
        used = {}
        for capability in CAPABILITIES:
            code = machine_code(kernel, dtype, capability)
            used[capability] = registers(code)
            assert used[capability] <= REGISTERS
            assert re.search(r"(\d+) bytes spill stores", code.report)[1] == "0", code.report
            assert not re.search(WIDE_DIVISION, code.ptx), "a division of 64 bits"
            if dtype == "float32":
                assert ".f64" not in code.ptx, "float64 in a float32 kernel"
            assert code.cubin.startswith(b"\x7fELF")
        columns = "   ".join(f"sm_{a}{b} {n:3}" for (a, b), n in used.items())
        tally("registers of each thread", f"{kernel.name + ', ' + dtype:35} {columns}")


def test_what_is_looked_for_is_there_when_it_should_be():
    @cuda_kernel("x: in, y: out, count: index")
    def wide(x, y, count):
        i = position()
        y[i] = x[i] * 0.2 + number((i + count) // count)

    CUDA_KERNELS.remove(wide)
    code = machine_code(wide, "float32", (8, 0))
    assert ".f64" in code.ptx
    assert re.search(WIDE_DIVISION, code.ptx)


def test_machine_code_is_kept(tmp_path):
    folder = tmp_path / "kernels"
    kernel = CUDA_KERNELS[0]
    first = cached(kernel, "float32", (8, 0), folder)
    again = cached(kernel, "float32", (8, 0), folder, lambda *args: pytest.fail("compiled again"))
    assert (again.name, again.cubin) == (first.name, first.cubin)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".cubin"]
