"""Devices of arrays: `"cpu"` (NumPy) or `"cuda"` (CuPy)."""

import importlib
import os
from types import ModuleType
from typing import Any

import numpy as np

from rawgan.errors import DeviceError
from rawgan.paper import is_on_paper
from rawgan_kernels import array_module

DEVICES = ("cpu", "cuda")


def device_of(array: Any) -> str:
    """Device of an array, `"cpu"` or `"cuda"`.

    >>> device_of(np.zeros(3))
    'cpu'
    """
    return "cpu" if array_module(array) is np else "cuda"


def resolve(name: str) -> str:
    """Resolve the name `"auto"`, `"cpu"` or `"cuda"` to a device that works on this machine.

    Raises: DeviceError for an unknown name, or for `"cuda"` where CuPy or a GPU is missing

    >>> resolve("cpu")
    'cpu'
    """
    if name == "auto":
        try:
            _available()
        except DeviceError:
            return "cpu"
        name = "cuda"
    if name not in DEVICES:
        raise DeviceError(f"there is no device {name!r}; choose one of: auto, {', '.join(DEVICES)}")
    if name == "cuda":
        cuda_module()
    return name


def cuda_module() -> ModuleType:
    """CuPy, ready to run. Raises: DeviceError with the way out if it is not, or would round factors unasked."""
    cupy = _available()
    if os.environ.get("CUPY_TF32", "0").strip() not in ("", "0"):
        raise DeviceError(
            "device 'cuda': CuPy rounds the factors of float32 products, as the environment variable CUPY_TF32 asks\n"
            "  unset CUPY_TF32, and choose TF32 with --backend cuda --precision tf32; or use --device cpu"
        )
    return cupy


def _available() -> ModuleType:
    """CuPy where there is a GPU. Raises: DeviceError with the way out if there is none"""
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "cupy":
            raise DeviceError(
                f"device 'cuda' needs CuPy, which is not installed\n  {_INSTALL}, or use --device cpu"
            ) from None
        raise DeviceError(f"device 'cuda' needs CuPy, which fails to load\n  {error}\n  or use --device cpu") from error
    if not cupy.is_available():
        raise DeviceError(_unavailable(cupy))
    return cupy


def _meant(device: Any) -> str:
    """The hint for a dtype in the place of a device."""
    try:
        dtype = np.dtype(device)
    except TypeError:
        return ""
    if device is None or dtype.kind != "f":
        return ""
    return f"\n  did you mean x.astype({dtype.name!r}), or of a Module .to(dtype={dtype.name!r})?"


_INSTALL = "pip install '.[cuda12]' or '.[cuda13]' in rawgan's folder, whichever your driver supports"


def _unavailable(cupy: ModuleType) -> str:
    """Reason why CuPy finds no GPU, and the way out."""
    built, supported = cupy.cuda.driver.get_build_version(), cupy.cuda.runtime.driverGetVersion()
    if 0 < supported < built:  # 0: no driver at all
        return (
            f"device 'cuda': this CuPy is for CUDA {_version(built)}, but the driver supports {_version(supported)}\n"
            f"  pip uninstall cupy-cuda{built // 1000}x, then pip install '.[cuda{supported // 1000}]' in rawgan's "
            "folder; "
            "or update the driver; or use --device cpu"
        )
    return (
        "device 'cuda' needs an NVIDIA GPU and its driver, and CuPy finds none\n"
        "  see what nvidia-smi says, or use --device cpu"
    )


def _version(number: int) -> str:
    """13020 → 13.2, as CUDA counts."""
    return f"{number // 1000}.{number % 1000 // 10}"


def free_bytes(device: str) -> int | None:
    """Free memory of a GPU in bytes, including what CuPy keeps for the next arrays; None for the CPU."""
    if device != "cuda":
        return None
    cupy = cuda_module()
    return cupy.cuda.runtime.memGetInfo()[0] + cupy.get_default_memory_pool().free_bytes()


def to_device(array: Any, device: str) -> Any:
    """Copy an array to another device; the array itself if it is there already.

    >>> to_device(np.ones(2), "cpu")
    array([1., 1.])
    """
    if device not in DEVICES:
        raise DeviceError(f"there is no device {device!r}; choose one of: {', '.join(DEVICES)}{_meant(device)}")
    if device_of(array) == device or is_on_paper():
        return array
    return cuda_module().asarray(array) if device == "cuda" else array.get()
