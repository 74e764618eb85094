"""Check of kernels against the reference in float64."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.arrays import FLOATS
from rawgan.device import to_device
from rawgan.errors import ArgumentError, CheckFailed
from rawgan.testing.arrays import is_array, is_floating
from rawgan.testing.backends import targets, use_backend
from rawgan.testing.layouts import LAYOUTS
from rawgan.testing.names import known_names
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import BACKENDS, KERNELS, array_module

Array = Any


@dataclass(frozen=True)
class KernelRow:
    """Error of one backend: its distance from the reference in float64, relative to the largest number."""

    backend: str
    device: str
    dtype: str
    error: float


@dataclass(frozen=True)
class KernelReport:
    """Result of a kernel check that found no fault; printed, it is a table."""

    kernel: str
    rows: tuple[KernelRow, ...]

    def __str__(self) -> str:
        lines = [f"  {row.backend:<10} {row.device:<5} {row.dtype:<8} {row.error:.1e}" for row in self.rows]
        return "\n".join([f"{self.kernel}: agrees with the reference in float64", *lines])


def check_kernel(name: str, *args: Any, backends: Collection[str] | None = None) -> KernelReport:
    """Run a kernel on every backend and device of this machine, in both dtypes, and compare it with the reference.

    `backends` restricts the check to some backends. The reference computes in float64, from the same numbers.

    Also checked:

    - results: as many as the reference has, in the dtype of the arguments, with infinities and NaN at the same places
    - memory: a later run leaves the results of an earlier one as they are
    - arguments: only those that the reference writes to, such as an optimiser's parameters, are written to; all others
      may be read-only
    - a second run gives the same bits, and arrays in other memory layouts give the same

    Shapes: args as the kernel takes them: arrays of floats, lists of them, numbers, windows
    Raises: CheckFailed naming the backend, dtype and result; MissingKernel for a kernel that a backend lacks;
            ArgumentError for an unknown kernel, for arguments that the reference does not take, and if this machine
            runs none of the backends

    >>> import numpy as np
    >>> print(check_kernel("softplus", np.array([-1.0, 0.0, 3.0])).kernel)
    softplus
    """
    __tracebackhide__ = True
    backends = BACKENDS if backends is None else known_names(BACKENDS, "check_kernel", "backend", backends)
    asked = [(backend, device) for backend, device in targets() if backend in backends]
    if not asked:
        raise ArgumentError(f"check_kernel: of the backends {backends}, this machine runs none")
    _check_arguments(name, args)
    with np.errstate(all="ignore"):  # infinities and NaN that matter are reported
        return KernelReport(name, tuple(_row(name, args, *target, dtype) for target in asked for dtype in FLOATS))


def _row(name: str, args: tuple[Any, ...], backend: str, device: str, dtype: str) -> KernelRow:
    given = _each(args, lambda x: to_device(x, "cpu").astype(dtype))
    oracle = _KernelResult("reference", name, _each(given, lambda x: x.astype("float64")))
    where = f"{name} of backend {backend} on {device}, {dtype}"

    def run(change: Any) -> _KernelResult:
        return _run(where, backend, name, _each(given, lambda x: change(to_device(x, device))))

    first = run(_as_it_is)
    error = _compare(where, first, oracle, dtype)
    kept = [x.tobytes() for x in first.arrays]
    other = run(lambda x: x * x.dtype.type(0.5))
    again = run(_as_it_is)
    for label, x, y, z, before in zip(first.names, first.raw, other.raw, again.raw, kept, strict=True):
        if label.startswith("result") and any(array_module(x).shares_memory(x, later) for later in (y, z)):
            raise CheckFailed(f"{where}: {label} {x.shape} is the same memory at every run, which overwrites it")
        if to_device(x, "cpu").tobytes() != before:
            raise CheckFailed(f"{where}: {label} {x.shape} is overwritten by a later run")
    if [x.tobytes() for x in again.arrays] != kept:
        raise CheckFailed(f"{where} gives other bits when it runs again")
    for layout, rearranged in LAYOUTS.items():
        _compare(f"{where}, {layout} arrays", run(rearranged), oracle, dtype)
    if oracle.reads_only and device == "cpu":
        _compare(f"{where}, read-only arrays", run(_read_only), oracle, dtype)
    return KernelRow(backend, device, dtype, error)


def _check_arguments(name: str, args: tuple[Any, ...]) -> None:
    """Raise an ArgumentError unless this is a kernel whose reference takes these arguments."""
    if not isinstance(name, str) or name not in KERNELS:
        given = repr(name) if isinstance(name, str) else f"a {type(name).__name__}; give its name"
        near = get_close_matches(name, KERNELS, n=1) if isinstance(name, str) else []
        hint = f"did you mean {near[0]}?" if near else f"choose among: {', '.join(KERNELS)}"
        raise ArgumentError(f"check_kernel: there is no kernel {given}; {hint}")
    signature = KERNELS[name].signature
    try:
        signature.bind(*args)
    except TypeError as error:
        raise ArgumentError(f"check_kernel: {name}{_untyped(signature)}: {error}") from None
    if not _flat(args):
        kinds = ", ".join(str(getattr(a, "dtype", type(a).__name__)) for a in args)
        raise ArgumentError(
            f"check_kernel: {name}: there is no array of floats among the arguments ({kinds}); "
            "convert them, as in x.astype('float64')"
        )
    doubles = _each(args, lambda x: to_device(x, "cpu").astype("float64"))
    try:
        with np.errstate(all="ignore"):
            _KernelResult("reference", name, doubles)
    except Exception as error:
        listing = "   ".join(f"{getattr(a, 'shape', a)}" for a in args)
        raise ArgumentError(
            f"check_kernel: the reference of {name} does not take these arguments: {type(error).__name__}: {error}\n"
            f"  {listing}"
        ) from error


def _untyped(signature: inspect.Signature) -> str:
    """Names and defaults of the parameters."""
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    return ", ".join(map(str, parameters)).join("()")


class _KernelResult:
    """Results of a kernel, and its arguments afterwards."""

    def __init__(self, backend: str, name: str, args: tuple[Any, ...]) -> None:
        before = [x.tobytes() for x in _flat(args)]
        constants = [a.copy() for a in args if _is_constant(a)]
        with use_backend(backend):
            results = getattr(kernels, name)(*args)
        self.kind = type(results) if isinstance(results, tuple | list) else None
        returned = list(results) if self.kind else [] if results is None else [results]
        flat = _flat(args)
        self.written = [x.tobytes() != b for x, b in zip(flat, before, strict=True)]
        self.spoilt = [a.dtype for a, c in zip(filter(_is_constant, args), constants, strict=True) if (a != c).any()]
        self.reads_only = not any(self.written)
        self.raw = [*returned, *flat]
        self.arrays = [to_device(x, "cpu") for x in self.raw]
        self.names = [f"result {index}" for index in range(len(returned))]
        self.names += [f"argument {index}" for index in range(len(flat))]

    def described(self) -> str:
        """The returned arrays in words."""
        count = len(self.names) - len(self.written)
        return f"a {self.kind.__name__} of {count}" if self.kind else "one array" if count else "nothing"


def _run(where: str, backend: str, name: str, args: tuple[Any, ...]) -> _KernelResult:
    try:
        return _KernelResult(backend, name, args)
    except kernels.MissingKernel:
        raise
    except Exception as error:
        read_only = " given arrays that are read-only" if any(not x.flags.writeable for x in _flat(args)) else ""
        raise CheckFailed(f"{where}{read_only} raises {type(error).__name__}: {error}") from error


def _compare(where: str, got: _KernelResult, oracle: _KernelResult, dtype: str) -> float:
    worst = 0.0
    if got.kind is not oracle.kind or len(got.names) != len(oracle.names):
        raise CheckFailed(f"{where}: it returns {got.described()} instead of {oracle.described()}")
    if got.spoilt:
        raise CheckFailed(f"{where}: it writes to an argument of {got.spoilt[0]}")
    for name, x, expected in zip(got.names, got.arrays, oracle.arrays, strict=True):
        if x.dtype != dtype:
            raise CheckFailed(f"{where}: {name} {x.shape} is {x.dtype}")
        if x.shape != expected.shape:
            raise CheckFailed(f"{where}: {name} has shape {x.shape} instead of {expected.shape}")
        expected = _held(expected, dtype)
        plain = np.isfinite(expected)
        if not _same_nonfinite(x[~plain], expected[~plain]):
            raise CheckFailed(f"{where}: {name} {x.shape} has other infinities, or numbers instead of NaN")
        if not np.isfinite(x[plain]).all():
            error = float("nan")
        else:
            largest = float(abs(expected[plain]).max(initial=0.0))
            error = float(abs(x[plain] - expected[plain]).max(initial=0.0)) / (largest or 1.0)
        if not error <= TOLERANCES[dtype]:
            raise CheckFailed(
                f"{where}: {name} {x.shape} is off by {error:.2g} of its largest number; allowed {TOLERANCES[dtype]}"
            )
        worst = max(worst, error)
    for index, (wrote, may) in enumerate(zip(got.written, oracle.written, strict=True)):
        if wrote and not may:
            raise CheckFailed(f"{where}: it writes to argument {index} {got.arrays[index - len(got.written)].shape}")
    return worst


def _held(expected: Array, dtype: str) -> Array:
    """The numbers as this dtype holds them: infinite beyond its largest."""
    limit = float(np.finfo(dtype).max)
    return np.where(abs(expected) > limit, np.copysign(np.inf, expected), expected)


def _same_nonfinite(x: Array, expected: Array) -> bool:
    """True if infinities and NaN are the same."""
    return bool(np.array_equal(x, expected.astype(x.dtype), equal_nan=True))


def _as_it_is(x: Array) -> Array:
    return x


def _read_only(x: Array) -> Array:
    x.flags.writeable = False
    return x


def _is_constant(a: Any) -> bool:
    return is_array(a) and not is_floating(a)


def _each(args: tuple[Any, ...], change: Any) -> tuple[Any, ...]:
    """Copies of the arguments, with every array of floats changed, also in lists."""
    return tuple([_changed(x, change) for x in a] if isinstance(a, list) else _changed(a, change) for a in args)


def _flat(args: tuple[Any, ...]) -> list[Array]:
    return [x for a in args for x in (a if isinstance(a, list) else [a]) if is_floating(x)]


def _changed(a: Any, change: Any) -> Any:
    if is_floating(a):
        return change(a.copy())
    return a.copy() if _is_constant(a) else a
