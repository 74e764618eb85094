"""Where arrays live: `"cpu"` (NumPy) or `"cuda"` (CuPy)."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from rawgan.errors import DeviceError
from rawgan_kernels import array_module

DEVICES = ("cpu", "cuda")


def device_of(array: Any) -> str:
    """The device an array is on, `"cpu"` or `"cuda"`.

    >>> device_of(np.zeros(3))
    'cpu'
    """
    return "cpu" if array_module(array) is np else "cuda"


def resolve(name: str) -> str:
    """Turn what a user asked for (`"auto"`, `"cpu"`, `"cuda"`) into a device that works here.

    Raises: DeviceError for an unknown name, or for `"cuda"` where CuPy or a GPU is missing

    >>> resolve("cpu")
    'cpu'
    """
    if name == "auto":
        try:
            cuda_module()
        except DeviceError:
            return "cpu"
        return "cuda"
    if name not in DEVICES:
        raise DeviceError(f"there is no device {name!r}; choose one of: auto, {', '.join(DEVICES)}")
    if name == "cuda":
        cuda_module()
    return name


def cuda_module() -> ModuleType:
    """CuPy, ready to run; a DeviceError that names the way out where it is not."""
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        raise DeviceError(
            "device 'cuda' needs CuPy, which is not installed\n"
            "  pip install 'rawgan[cuda12]' or 'rawgan[cuda13]', whichever your driver supports, or use --device cpu"
        ) from None
    if not cupy.is_available():
        raise DeviceError(
            "device 'cuda' needs an NVIDIA GPU and its driver, and CuPy finds none\n"
            "  see what nvidia-smi says, or use --device cpu"
        )
    return cupy


def to_device(array: Any, device: str) -> Any:
    """The same numbers on another device; the array itself if it is there already.

    >>> to_device(np.ones(2), "cpu")
    array([1., 1.])
    """
    if device not in DEVICES:
        raise DeviceError(f"there is no device {device!r}; choose one of: {', '.join(DEVICES)}")
    if device_of(array) == device:
        return array
    return cuda_module().asarray(array) if device == "cuda" else array.get()
