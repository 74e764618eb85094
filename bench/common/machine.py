"""The machine and the libraries that a figure was measured on, and the memory of a process."""

import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.common.experiment import ROOT

LIBRARIES = ("rawgan", "numpy", "scipy", "numba", "torch", "tensorflow-cpu", "keras")
GPU_LIBRARIES = ("cupy-cuda12x", "cupy-cuda13x", "numba-cuda")


def cpu_name() -> str:
    """Name of the processor, as the system gives it."""
    return _of_cpuinfo("model name") or platform.processor() or platform.machine()


def _of_cpuinfo(field: str) -> str:
    """A field of the first core, empty where the system has none."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(field):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return ""


MATRIX_UNITS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}
"""Units that multiply bf16, by the processor's flag, the fastest first."""


def bf16_units() -> str:
    """Name of the fastest units of this processor that multiply bf16; "none" without any."""
    flags = _of_cpuinfo("flags").split()
    return next((units for flag, units in MATRIX_UNITS.items() if flag in flags), "none")


def usable_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> str:
    """Load of the machine in the last minute: other work lengthens every time."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def versions(gpu: bool = False) -> dict[str, str]:
    """Versions of Python and of the installed libraries that affect the figures."""
    found = {"Python": platform.python_version()}
    for name in LIBRARIES + (GPU_LIBRARIES if gpu else ()):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name == "rawgan":  # run from the repository without having been installed
                import rawgan

                found[name] = rawgan.__version__
    return found


def gpu_facts() -> dict[str, str]:
    """Facts about the current GPU: from CuPy, and from NVIDIA's own tool if it is there."""
    from rawgan.device import cuda_module

    runtime = cuda_module().cuda.runtime
    properties = runtime.getDeviceProperties(runtime.getDevice())
    found = {
        "name": properties["name"].decode(),
        "compute capability": f"{properties['major']}.{properties['minor']}",
        "multiprocessors": str(properties["multiProcessorCount"]),
        "memory": f"{properties['totalGlobalMem'] / 2**30:.1f} GiB",
        "CUDA of the driver": _cuda_version(runtime.driverGetVersion()),
        "CUDA of CuPy": _cuda_version(runtime.runtimeGetVersion()),
    }
    fields = ("driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem", "power.limit", "temperature.gpu")
    try:
        ran = subprocess.run(
            ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader", "--id=0"],
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return found
    values = ran.stdout.strip().split(", ")
    return found | dict(zip(fields, values, strict=True)) if len(values) == len(fields) else found


def _cuda_version(number: int) -> str:
    """13000 → 13.0"""
    return f"{number // 1000}.{number % 1000 // 10}"


def facts(gpu: bool = False) -> dict[str, Any]:
    """Everything that is saved beside a figure; `gpu` adds the facts about the GPU."""
    return {
        **({"gpu": gpu_facts()} if gpu else {}),
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "bf16 units": bf16_units(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": load(),
        "versions": versions(gpu),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
    }


def lines(machine: dict[str, Any], threads: int | None = None) -> list[str]:
    """`facts()` as lines for the terminal."""
    used = f"{threads} of {machine['cores']} cores used" if threads else f"{machine['cores']} cores"
    units = f", bf16 units: {machine['bf16 units']}" if "bf16 units" in machine else ""
    gpu = (
        [f"on: gpu, {', '.join(f'{key} {value}' for key, value in machine['gpu'].items())}"] if "gpu" in machine else []
    )
    return [
        *gpu,
        f"on: cpu, {machine['cpu']}, {used}{units}, load {machine['load']}, {machine['system']}",
        f"with: {', '.join(f'{name} {number}' for name, number in machine['versions'].items())}; "
        f"commit {machine['commit']}",
    ]


def resident_bytes() -> int:
    """Memory of this process that is resident now, in bytes; where that cannot be read, its peak."""
    return _status_bytes("VmRSS") or _most_resident_bytes()


def peak_bytes() -> int:
    """Peak of this process's resident memory, in bytes."""
    # On Linux ru_maxrss may be inherited from the process that started this one.
    return _status_bytes("VmHWM") or _most_resident_bytes()


def _status_bytes(field: str) -> int:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    return 0


def _most_resident_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _commit() -> str:
    """The commit that is checked out, with a + if files have been changed since."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--exclude", "*", "--dirty=+"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return ran.stdout.strip() or "unknown"
