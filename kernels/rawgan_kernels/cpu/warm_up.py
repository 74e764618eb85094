"""Compiling the kernels of a training step ahead of it, on all cores.

Numba compiles on one core at a time. So the kernels are shared out among processes, each of which calls its part of
them once, and thereby leaves machine code on disk. A file beside that code says that all of it is there.
"""

import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np

import rawgan_kernels
from rawgan_kernels import cpu
from rawgan_kernels.cpu import helper
from rawgan_kernels.cpu.code_cache import VARIABLE, environment, store
from rawgan_kernels.cpu.compiling import watch_compilation
from rawgan_kernels.cpu.launch import threads
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]
Numbers = Callable[..., Array]
"""Makes an array of this shape."""

HALVED = Window((14, 14), (4, 4), (2, 2), ((1, 1), (1, 1)))
"""What `winograd` does; with one channel, `conv` does it."""

HELPER_SECONDS = 600
"""After which a helper ends, whatever it is at. Ten times what the slowest machines take."""

PATIENCE = 60.0
"""Seconds that helpers are waited for, at least, once this process is done with its own part."""

NEEDED = (np, numba, llvmlite, rawgan_kernels)
"""Packages that helpers import, besides Python's library."""


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


def is_due(dtype: str = "float32") -> bool:
    """Whether machine code for this CPU is not on disk, and there is a disk to keep it."""
    return not store().has(_marker(dtype)) and store().takes_files()


def warm_up(dtype: str = "float32", on_kernel: Callable[[str], None] = lambda name: None) -> None:
    """Have all kernels that a training step calls compiled. `on_kernel(name)` hears what this process is at."""
    parts = min(threads(), 8)
    helpers: list[subprocess.Popen[bytes]] = []
    started = time.monotonic()
    try:
        for part in range(1, parts):
            helpers += _helper(part, parts, dtype)
        with watch_compilation(lambda name, seconds: on_kernel(name)):
            compile_part(0, parts, dtype)
            deadline = time.monotonic() + max(PATIENCE, 2 * (time.monotonic() - started))
            if len(helpers) < parts - 1 or not all(_is_done(helper, deadline) for helper in helpers):
                for part in range(1, parts):
                    compile_part(part, parts, dtype)  # here, where what goes wrong can be seen
    finally:
        for process in helpers:
            process.kill()
            process.wait()
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]  # a pipe, from `_helper`
    if not store().failures:
        store().write(_marker(dtype), b"")


def _helper(part: int, parts: int, dtype: str) -> list[subprocess.Popen[bytes]]:
    """A process that compiles a part; none where the system has none to give."""
    place = store().place
    if place is None or not sys.executable or getattr(sys, "frozen", False):
        return []
    path = list(dict.fromkeys(str(Path(str(module.__file__)).resolve().parents[1]) for module in NEEDED))
    task = {"part": part, "parts": parts, "dtype": dtype, "path": path, "seconds": HELPER_SECONDS}
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", helper.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(helper.__file__).parent,  # Numba looks for a file of settings in the current folder
            env={**os.environ, VARIABLE: str(place.root)},
        )
    except OSError:
        return []
    with suppress(OSError):  # it has ended already, which is noticed later
        process.stdin.write(json.dumps(task).encode() + b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    return [process]


def _is_done(helper: subprocess.Popen[bytes], deadline: float) -> bool:
    """Whether a helper has compiled its part when the time is over."""
    try:
        return helper.wait(max(0.0, deadline - time.monotonic())) == 0
    except subprocess.TimeoutExpired:
        return False


def compile_part(part: int, parts: int, dtype: str) -> None:
    """Call every `parts`-th kernel, from number `part` on."""
    for call in _CALLS[part::parts]:
        call(lambda *shape: np.ones(shape, dtype))


def _marker(dtype: str) -> str:
    machine = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), *environment()
    return f"{dtype}-{zlib.crc32(repr(machine).encode()):08x}.ready"
