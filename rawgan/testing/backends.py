"""Kernel backends: those that this machine can run, and a switch between them."""

from collections.abc import Iterator
from contextlib import contextmanager

import rawgan_kernels as kernels
from rawgan.device import cuda_module
from rawgan.errors import DeviceError


def targets() -> list[tuple[str, str]]:
    """Every (backend, device) that this machine can run.

    >>> ("reference", "cpu") in targets()
    True
    """
    try:
        cuda_module()
    except DeviceError:
        devices = ["cpu"]
    else:
        devices = ["cpu", "cuda"]
    return [(backend, device) for device in devices for backend, takes in kernels.BACKENDS.items() if device in takes]


@contextmanager
def use_backend(backend: str) -> Iterator[None]:
    """Run kernels on this backend inside; afterwards on the one that was in use before."""
    before = kernels.chosen()
    kernels.use(backend)
    try:
        yield
    finally:
        kernels.use(before)
