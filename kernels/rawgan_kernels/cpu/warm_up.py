"""Compiling the kernels of a training step ahead of it, on all cores.

Numba compiles on one core at a time. So the kernels are shared out among processes, each of which calls its part of
them once, and thereby leaves machine code on disk. A file beside that code says that all of it is there.

    python -m rawgan_kernels.cpu.warm_up PART PARTS DTYPE
"""

import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np

from rawgan_kernels import cpu
from rawgan_kernels.cpu.compiling import watch_compilation
from rawgan_kernels.cpu.launch import threads
from rawgan_kernels.cpu.rows import pack_panel
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]
Numbers = Callable[..., Array]
"""Makes an array of this shape."""

HALVED = Window((14, 14), (4, 4), (2, 2), ((1, 1), (1, 1)))
"""What `winograd` does; with one channel, `conv` does it."""


_IMAGES = np.zeros((99, 32, 32, 1), np.uint8)
_IMAGES.flags.writeable = False  # as those of an image set are: to Numba, another type


def _product(n: Numbers) -> None:
    cpu.matmul(n(128, 128), n(128, 128))
    cpu.matmul(n(1024, 1024), n(1024, 1))
    cpu.matmul(n(1024, 1), n(1, 1024))


# The longest first: they are dealt out like cards.
_CALLS: list[Callable[[Numbers], Any]] = [
    lambda n: cpu.conv2d(n(4, 14, 14, 32), n(4, 4, 32, 32), HALVED),
    lambda n: cpu.conv2d_weight_grad(n(4, 14, 14, 32), n(4, 7, 7, 32), HALVED),
    lambda n: cpu.conv2d_input_grad(n(4, 7, 7, 32), n(4, 4, 32, 32), HALVED),
    lambda n: cpu.conv2d(n(4, 14, 14, 1), n(4, 4, 1, 32), HALVED),
    lambda n: cpu.conv2d_weight_grad(n(64, 14, 14, 1), n(64, 7, 7, 32), HALVED),
    lambda n: cpu.conv2d_input_grad(n(4, 7, 7, 32), n(4, 4, 1, 32), HALVED),
    lambda n: cpu.normalize(n(4096, 64), n(64), n(64), (0,), 1e-5, 0.2),
    lambda n: cpu.normalize_grad(n(4096, 64), n(4096, 64), n(64), n(64), n(1, 64), n(1, 64), (0,), 1e-5, 0.2),
    _product,
    lambda n: cpu.adam_update([n(1 << 16)], [n(1 << 16)], [n(1 << 16)], [n(1 << 16)], 1, 1e-3, 0.5, 0.9, 1e-8, 0.0),
    lambda n: cpu.channel_sum(n(4096, 64)),
    lambda n: cpu.tanh(n(1 << 16)),
    lambda n: cpu.tanh_grad(n(1 << 16), n(1 << 16)),
    lambda n: cpu.leaky_relu_grad(n(1 << 16), n(1 << 16), 0.2),
    lambda n: cpu.sigmoid(n(1 << 16)),
    lambda n: cpu.bce_with_logits(n(1 << 16), n(1 << 16)),
    lambda n: cpu.bce_with_logits_grad(n(1 << 16), n(1 << 16), n(1 << 16)),
    lambda n: cpu.add(n(1 << 16), n(1 << 16)),
    lambda n: cpu.gather_pixels(_IMAGES, np.arange(99), n(1).dtype),
]


def is_warm(dtype: str = "float32") -> bool:
    """Whether machine code for this CPU is on disk."""
    return _marker(dtype).exists()


def warm_up(dtype: str = "float32", on_kernel: Callable[[str], None] = lambda name: None) -> None:
    """Have all kernels that a training step calls compiled. `on_kernel(name)` hears what this process is at."""
    parts = min(threads(), 8)
    command = [sys.executable, "-m", __name__]
    helpers = [
        subprocess.Popen([*command, str(part), str(parts), dtype], stderr=subprocess.DEVNULL)
        for part in range(1, parts)
    ]
    try:
        with watch_compilation(lambda name, seconds: on_kernel(name)):
            compile_part(0, parts, dtype)
            failed = [helper for helper in helpers if helper.wait()]
            for part in range(1, parts) if failed else ():
                compile_part(part, parts, dtype)  # here, where what goes wrong can be seen
    finally:
        for helper in helpers:
            helper.kill()
    _marker(dtype).touch()


def compile_part(part: int, parts: int, dtype: str) -> None:
    """Call every `parts`-th kernel, from number `part` on."""
    for call in _CALLS[part::parts]:
        call(lambda *shape: np.ones(shape, dtype))


def _marker(dtype: str) -> Path:
    machine = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()} {numba.__version__} {sys.version}"
    return Path(pack_panel.stats.cache_path, f"{dtype}-{zlib.crc32(machine.encode()):08x}.ready")


if __name__ == "__main__":
    compile_part(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
