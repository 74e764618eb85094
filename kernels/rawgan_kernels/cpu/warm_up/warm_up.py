"""Compiling the kernels of a training step ahead of it, on all cores.

Numba compiles on one core at a time. So the kernels are shared out among processes: each calls its part of them once,
which leaves their machine code on disk. A marker file beside that code says that all of it is there: one for the
kernels of every run, and one for each kernel that only some models need.
"""

import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy

import rawgan_kernels
from rawgan_kernels.cpu.compile.code_cache import environment
from rawgan_kernels.cpu.compile.places import VARIABLE
from rawgan_kernels.cpu.compile.progress import watch_compilation
from rawgan_kernels.cpu.compile.sources import stamp_of_all
from rawgan_kernels.cpu.compile.store import Store, default_store
from rawgan_kernels.cpu.run.launch import threads
from rawgan_kernels.cpu.warm_up.calls import EVERY_RUN, calls_of, compile_part

HELPER = Path(__file__).with_name("helper.py")

MOST_PARTS = 8
"""Processes at most, this one included."""

HELPER_SECONDS = 600.0
"""Seconds after which a helper ends, whatever it is doing. The slowest machines take a tenth of it."""

PATIENCE = 60.0
"""Seconds that helpers are waited for, at least, once this process is done with its own part."""


def packages() -> list[str]:
    """Folders of the packages that helpers import, besides Python's library."""
    modules = (numpy, numba, llvmlite, rawgan_kernels)
    return list(dict.fromkeys(str(Path(str(module.__file__)).resolve().parents[1]) for module in modules))


def start_helper(
    part: int,
    parts: int,
    dtype: str,
    groups: Sequence[str],
    store: Store,
    *,
    path: list[str] | None = None,
    seconds: float = HELPER_SECONDS,
) -> subprocess.Popen[bytes] | None:
    """Start a process that compiles a part of the kernels; None where the system cannot start one.

    `path` is the helper's import path, `packages()` if not given. It ends after `seconds` at the latest.
    """
    place = store.place
    if place is None or not sys.executable or getattr(sys, "frozen", False):
        return None
    task = {
        "part": part, "parts": parts, "dtype": dtype, "groups": groups, "path": path or packages(), "seconds": seconds,
    }  # fmt: skip
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HELPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=HELPER.parent,  # Numba looks for a file of settings in the current folder
            env={**os.environ, VARIABLE: str(place.root)},
        )
    except OSError:
        return None
    with suppress(OSError):  # a helper that has already ended is noticed later
        process.stdin.write(json.dumps(task).encode() + b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    return process


class WarmUp:
    """Compile every kernel of a training step, for arrays of one dtype, unless its machine code is on disk already.

    `kernels` are names of those that a model needs beside the ones of every run, as in `calls.GROUPS`. `parts` is the
    number of processes, one for each thread unless given. Everything else is for tests: the store of machine code, how
    to start a helper, how to compile a part in this process, and how long to wait for helpers.
    """

    def __init__(
        self,
        dtype: str = "float32",
        kernels: Sequence[str] = (),
        *,
        store: Store | None = None,
        parts: int | None = None,
        start: Callable[[int, int, str, Sequence[str], Store], subprocess.Popen[bytes] | None] = start_helper,
        compile_part: Callable[[int, int, str, Sequence[str]], None] = compile_part,
        patience: float = PATIENCE,
    ) -> None:
        self.dtype, self.store = dtype, default_store() if store is None else store
        self._groups = EVERY_RUN, *kernels
        self._parts, self._start, self._compile_part, self._patience = parts, start, compile_part, patience

    def is_due(self) -> bool:
        """True if machine code for this CPU is missing on disk, and there is a disk to keep it."""
        return bool(self._missing()) and self.store.takes_files()

    def _missing(self) -> list[str]:
        return [group for group in self._groups if not self.store.has(self._marker(group))]

    def run(self, on_kernel: Callable[[str], None] = lambda name: None) -> None:
        """Compile what is missing. `on_kernel(name)` is called with each kernel that this process compiles."""
        groups = self._missing()
        parts = min(threads(), MOST_PARTS, len(calls_of(groups))) if self._parts is None else self._parts
        helpers: list[subprocess.Popen[bytes]] = []
        started = time.monotonic()
        try:
            for part in range(1, parts):
                helper = self._start(part, parts, self.dtype, groups, self.store)
                helpers += [] if helper is None else [helper]
            with watch_compilation(lambda name, seconds: on_kernel(name)):
                self._compile_part(0, parts, self.dtype, groups)
                deadline = time.monotonic() + max(self._patience, 2 * (time.monotonic() - started))
                if len(helpers) < parts - 1 or not all(_is_done(helper, deadline) for helper in helpers):
                    for part in range(1, parts):
                        self._compile_part(part, parts, self.dtype, groups)  # in this process, so that errors are seen
        finally:
            for helper in helpers:
                helper.kill()
                helper.wait()
                with suppress(OSError):
                    helper.stdin.close()  # type: ignore[union-attr]  # a pipe, from `start_helper`
        if not self.store.failures:
            for group in groups:
                self.store.write(self._marker(group), b"", outdated=rf"(?!{stamp_of_all()}-).*\.ready")

    def _marker(self, group: str) -> str:
        """Name of the file that says that a group is compiled, for this dtype, processor, compiler and all sources."""
        machine = group, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), *environment()
        return f"{stamp_of_all()}-{self.dtype}-{zlib.crc32(repr(machine).encode()):08x}.ready"


def _is_done(helper: subprocess.Popen[bytes], deadline: float) -> bool:
    """True if a helper has compiled its part before the deadline."""
    try:
        return helper.wait(max(0.0, deadline - time.monotonic())) == 0
    except subprocess.TimeoutExpired:
        return False
