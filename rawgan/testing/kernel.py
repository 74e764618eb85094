"""Kernels against the reference in float64."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rawgan_kernels as kernels
from rawgan.arrays import FLOATS
from rawgan.device import cuda_module, to_device
from rawgan.errors import ArgumentError, CheckFailed, DeviceError
from rawgan.testing.calls import is_floating
from rawgan.testing.choices import chosen_from
from rawgan.testing.layouts import LAYOUTS
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import BACKENDS

Array = Any


@dataclass(frozen=True)
class KernelRow:
    """How far one backend is from the reference in float64, relative to the largest number."""

    backend: str
    device: str
    dtype: str
    error: float


@dataclass(frozen=True)
class KernelReport:
    """The result of a kernel check that found no fault. Printed, it is a table."""

    kernel: str
    rows: tuple[KernelRow, ...]

    def __str__(self) -> str:
        lines = [f"  {row.backend:<10} {row.device:<5} {row.dtype:<8} {row.error:.1e}" for row in self.rows]
        return "\n".join([f"{self.kernel}: agrees with the reference in float64", *lines])


def check_kernel(name: str, *args: Any, backends: Collection[str] | str | None = None) -> KernelReport:
    """Run a kernel on every device of this machine, in both dtypes, and compare with the reference: on every backend,
    or on those that are asked for.

    The reference computes in float64, from the same numbers. Checked besides: that the dtype is kept, that only those
    arguments are written to that the reference writes to (an optimiser's parameters), that a second run gives the same
    bits, and that arrays in other memory layouts give the same.

    Shapes: args as the kernel takes them: arrays of floats, lists of them, numbers, windows
    Raises: CheckFailed naming the backend, dtype and result; MissingKernel for a kernel that a backend lacks;
    ArgumentError if this machine runs none of the backends

    >>> import numpy as np
    >>> print(check_kernel("softplus", np.array([-1.0, 0.0, 3.0])).kernel)
    softplus
    """
    __tracebackhide__ = True
    backends = BACKENDS if backends is None else chosen_from(BACKENDS, "check_kernel", "backend", backends)
    asked = [(backend, device) for backend, device in targets() if backend in backends]
    if not asked:
        raise ArgumentError(f"check_kernel: of the backends {backends}, this machine runs none")
    rows = []
    for backend, device in asked:
        for dtype in FLOATS:
            given = _each(args, lambda x, dtype=dtype: to_device(x, "cpu").astype(dtype))
            oracle = _Outcome("reference", name, _each(given, lambda x: x.astype("float64")))
            where = f"{name} of backend {backend} on {device}, {dtype}"
            got = _Outcome(backend, name, _each(given, lambda x, device=device: to_device(x, device)))
            error = _compare(where, got, oracle, dtype)
            again = _Outcome(backend, name, _each(given, lambda x, device=device: to_device(x, device)))
            if [x.tobytes() for x in again.arrays] != [x.tobytes() for x in got.arrays]:
                raise CheckFailed(f"{where} gives other bits when it runs again")
            for layout, rearranged in LAYOUTS.items():
                moved = _each(given, lambda x, device=device, lay=rearranged: lay(to_device(x, device)))
                _compare(f"{where}, {layout} arrays", _Outcome(backend, name, moved), oracle, dtype)
            rows.append(KernelRow(backend, device, dtype, error))
    return KernelReport(name, tuple(rows))


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
    return [(backend, device) for device in devices for backend, takes in BACKENDS.items() if device in takes]


@contextmanager
def chosen(backend: str) -> Iterator[None]:
    """Inside, kernels run on this backend; afterwards on the one that was chosen before."""
    before = kernels.chosen()
    kernels.use(backend)
    try:
        yield
    finally:
        kernels.use(before)


class _Outcome:
    """What a kernel returned, and what it made of its arguments."""

    def __init__(self, backend: str, name: str, args: tuple[Any, ...]) -> None:
        with chosen(backend):
            results = getattr(kernels, name)(*args)
        returned = list(results) if isinstance(results, tuple) else [] if results is None else [results]
        self.arrays = [to_device(x, "cpu") for x in (*returned, *_flat(args))]
        self.names = [f"result {index}" for index in range(len(returned))]
        self.names += [f"argument {index}" for index in range(len(self.arrays) - len(returned))]


def _compare(where: str, got: _Outcome, oracle: _Outcome, dtype: str) -> float:
    worst = 0.0
    for name, x, expected in zip(got.names, got.arrays, oracle.arrays, strict=True):
        if x.dtype != dtype:
            raise CheckFailed(f"{where}: {name} {x.shape} is {x.dtype}")
        if x.shape != expected.shape:
            raise CheckFailed(f"{where}: {name} has shape {x.shape} instead of {expected.shape}")
        largest = float(abs(expected).max(initial=0.0))
        error = float(abs(x - expected).max(initial=0.0)) / (largest or 1.0)
        if not error <= TOLERANCES[dtype]:
            raise CheckFailed(
                f"{where}: {name} {x.shape} is off by {error:.2g} of its largest number; allowed {TOLERANCES[dtype]}"
            )
        worst = max(worst, error)
    return worst


def _each(args: tuple[Any, ...], change: Any) -> tuple[Any, ...]:
    """The arguments with every array of floats changed, those in lists too; copies, so that none is written to."""
    return tuple([_changed(x, change) for x in a] if isinstance(a, list) else _changed(a, change) for a in args)


def _flat(args: tuple[Any, ...]) -> list[Array]:
    return [x for a in args for x in (a if isinstance(a, list) else [a]) if is_floating(x)]


def _changed(a: Any, change: Any) -> Any:
    return change(a.copy()) if is_floating(a) else a
