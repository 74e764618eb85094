"""Dispatch of kernels to backends.

`api` declares each kernel with `@kernel`. The files directly in a backend's folder define functions of the same names
with `@implements`; they are imported at the first call that needs the backend, and found by name.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from rawgan_kernels import precisions
from rawgan_kernels.arrays import Array, array_module
from rawgan_kernels.errors import MissingKernel

Function = TypeVar("Function", bound=Callable[..., Any])
Observer = Callable[[str, tuple[Any, ...]], None]
"""Called with the name and the arguments of a kernel, before it runs."""

BACKENDS = {"reference": ("cpu", "cuda"), "cpu": ("cpu",), "cuda": ("cuda",)}
"""The backends, each with the devices of the arrays that it takes."""

PACKAGES = frozenset(BACKENDS)
"""Backends that are packages of this one."""

AUTO = "auto"
"""The choice that depends on the array: cpu for NumPy, reference for CuPy."""

_choice = AUTO
_observers: tuple[Observer, ...] = ()


class Cost(NamedTuple):
    """Work of a call: `flops` floating-point operations, and at least `nbytes` bytes read from and written to memory.

    Operations are those of the direct algorithm. A faster algorithm does fewer, and may exceed the roofline.
    """

    flops: int
    nbytes: int


class Kernel:
    """A kernel as `api` declares it: signature, cost, and the implementations of the backends loaded so far."""

    def __init__(
        self,
        function: Callable[..., Any],
        flops: Callable[..., int],
        nbytes: Callable[..., int],
        factors: tuple[str, ...],
    ) -> None:
        self.name = function.__name__
        self.signature = inspect.signature(function)
        self._flops, self._nbytes = flops, nbytes
        self.factors = tuple(list(self.signature.parameters).index(name) for name in factors)
        """Places of the arguments that are multiplied."""
        self.implementations: dict[str, Callable[..., Any]] = {}
        self.reduced: dict[tuple[str, str], Callable[..., Any]] = {}
        """Implementations at a reduced precision, by backend and precision."""

    def cost(self, *args: Any) -> Cost:
        """Cost of a call with these arguments.

        >>> KERNELS["matmul"].cost(np.ones((2, 3), "float32"), np.ones((3, 4), "float32"))
        Cost(flops=48, nbytes=104)
        """
        bound = self.signature.bind(*args)
        bound.apply_defaults()
        return Cost(int(self._flops(*bound.args)), int(self._nbytes(*bound.args)))

    def on(self, backend: str) -> Callable[..., Any]:
        """The implementation of a backend, imported if need be. Raises: MissingKernel if there is none"""
        if backend not in self.implementations:
            _load(backend)
        try:
            return self.implementations[backend]
        except KeyError:
            raise MissingKernel(
                f"backend {backend!r} has no kernel {self.name!r}; use('reference') has every kernel"
            ) from None

    def at(self, precision: str, backend: str, args: tuple[Any, ...]) -> Any:
        """The product at a reduced precision: the backend's own, else that of rounded factors. float64 stays exact."""
        implementation = self.on(backend)
        if args[0].dtype != np.float32:
            return implementation(*args)
        if (reduced := self.reduced.get((backend, precision))) is not None:
            return reduced(*args)
        return implementation(*self.rounded(precision, backend, args))

    def rounded(self, name: str, backend: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with factors rounded to a precision."""
        rounded = KERNELS["rounded"].on(backend if backend in PACKAGES else "reference")
        bits = precisions.PRECISIONS[name]
        return tuple(rounded(x, bits) if place in self.factors else x for place, x in enumerate(args))


KERNELS: dict[str, Kernel] = {}
"""All kernels, in the order of `api`."""


# --- declaring and implementing --------------------------------------------------------------------------------------


def kernel(
    *, flops: Callable[..., int], nbytes: Callable[..., int], factors: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Declare a kernel: a call runs the implementation of the backend chosen for its first array.

    `flops` and `nbytes` take the arguments of the kernel; see `Cost`. `factors` names the arguments of a product, which
    a reduced `precision` rounds.
    """

    def declare(function: Function) -> Function:
        declared = KERNELS[function.__name__] = Kernel(function, flops, nbytes, factors)
        implementations = declared.implementations

        @wraps(function)
        def call(*args: Any) -> Any:
            first = args[0]
            if first.__class__ is list:
                first = first[0]
            backend = "cpu" if first.__class__ is np.ndarray and _choice == AUTO else backend_of(first)
            if _observers:
                for observer in _observers:
                    observer(declared.name, args)
            if factors and precisions.reduced is not None:
                return declared.at(precisions.reduced, backend, args)
            try:
                implementation = implementations[backend]
            except KeyError:
                implementation = declared.on(backend)
            return implementation(*args)

        return cast(Function, call)

    return declare


def implements(function: Function) -> Function:
    """Make a function the kernel of its name in its backend, the package that its module is in.

    Raises: MissingKernel if `api` declares no kernel of this name
    """
    return implements_at(precisions.FLOAT32)(function)


def implements_at(*names: str) -> Callable[[Function], Function]:
    """Make a function the kernel of its name in its backend, at reduced precisions.

    It gets factors as they are, in float32. Without one, rounded factors go to the kernel of float32.
    Raises: MissingKernel if `api` declares no kernel of this name
    """

    def define(function: Function) -> Function:
        if function.__name__ not in KERNELS:
            raise MissingKernel(f"{function.__module__} implements {function.__name__!r}, which api does not declare")
        _, backend, *_ = function.__module__.split(".")
        for name in names:
            _defined.setdefault(backend, {})[function.__name__, name] = function
        return function

    return define


_defined: dict[str, dict[tuple[str, str], Callable[..., Any]]] = {}
"""Functions of the modules imported so far, by backend, then by kernel and precision. A call sees them when all modules
of a backend are complete: another thread may be importing one at the moment."""


def _load(backend: str) -> None:
    """Import the files of a backend that hold kernels, then let calls see these."""
    if backend in PACKAGES:
        package = import_module(f"rawgan_kernels.{backend}")
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg:
                import_module(f"rawgan_kernels.{backend}.{module.name}")
    for (name, at), function in _defined.get(backend, {}).items():
        if at == precisions.FLOAT32:
            KERNELS[name].implementations.setdefault(backend, function)
        else:
            KERNELS[name].reduced.setdefault((backend, at), function)


def gains(backend: str, precision: str) -> bool:
    """True if a backend has kernels of its own for a reduced precision, which are faster than those of float32.

    >>> gains("reference", "bf16")
    False
    """
    _load(backend)
    return any((backend, precision) in each.reduced for each in KERNELS.values())


class Backend:
    """The kernels of one backend, whichever is chosen. Raises: MissingKernel if there is no such backend

    >>> Backend("reference").tanh(np.zeros(2))
    array([0., 0.])
    """

    def __init__(self, name: str) -> None:
        if name not in BACKENDS:
            raise MissingKernel(f"there is no backend {name!r}; choose one of: {', '.join(BACKENDS)}")
        self.name = name

    def __getattr__(self, kernel: str) -> Callable[..., Any]:
        if kernel not in KERNELS:
            raise AttributeError(f"there is no kernel {kernel!r}")
        return KERNELS[kernel].on(self.name)


# --- choosing --------------------------------------------------------------------------------------------------------


def backend_of(array: Array) -> str:
    """Name of the backend whose kernels run on this array.

    Raises: MissingKernel if a backend was chosen that does not take such arrays

    >>> backend_of(np.zeros(3))
    'cpu'
    """
    device = "cpu" if array_module(array) is np else "cuda"
    if _choice == AUTO:
        return "cpu" if device == "cpu" else "reference"
    if device not in BACKENDS[_choice]:
        mine, other = ("NumPy", "CuPy") if device == "cuda" else ("CuPy", "NumPy")
        raise MissingKernel(
            f"backend {_choice!r} takes {mine} arrays, not {other} arrays; use('reference') or use('auto') takes both"
        )
    return _choice


def chosen() -> str:
    """The argument of the last call of `use`."""
    return _choice


def use(backend: str) -> None:
    """Choose the backend of all kernels called from now on, or `"auto"` for the default backend of each array.

    >>> use("reference")
    >>> backend_of(np.zeros(3))
    'reference'
    >>> use("auto")
    >>> use("abacus")
    Traceback (most recent call last):
        ...
    rawgan_kernels.errors.MissingKernel: there is no backend 'abacus'; choose one of: auto, reference, cpu, cuda
    """
    global _choice
    if backend != AUTO and backend not in BACKENDS:
        raise MissingKernel(f"there is no backend {backend!r}; choose one of: {', '.join((AUTO, *BACKENDS))}")
    _choice = backend


# --- hooks -----------------------------------------------------------------------------------------------------------


@contextmanager
def observe(observer: Observer) -> Iterator[None]:
    """Inside, call `observer(name, args)` before each kernel that is called through `rawgan_kernels`.

    >>> import rawgan_kernels
    >>> with observe(lambda name, args: print(name, args)):
    ...     y = rawgan_kernels.tanh(np.zeros(2))
    tanh (array([0., 0.]),)
    """
    global _observers
    before = _observers
    _observers = (*before, observer)
    try:
        yield
    finally:
        _observers = before


@contextmanager
def trial(backend: str, devices: tuple[str, ...] = ("cpu",), **kernels: Callable[..., Any]) -> Iterator[None]:
    """Inside, a backend runs the given functions as its kernels of these names.

    The backend may be a new one, which takes the arrays of `devices` and has no other kernels: so a kernel that is
    being written can be checked and timed beside the others.

    >>> with trial("mine", tanh=lambda x: 0 * x):
    ...     use("mine")
    ...     KERNELS["tanh"].on("mine")(np.ones(2))
    ...     use("auto")
    array([0., 0.])
    """
    is_new = backend not in BACKENDS
    if is_new:
        BACKENDS[backend] = devices
    else:
        _load(backend)
    before = {name: KERNELS[name].implementations.get(backend) for name in kernels}
    for name, function in kernels.items():
        KERNELS[name].implementations[backend] = function
    try:
        yield
    finally:
        for name, replaced in before.items():
            if replaced is None:
                del KERNELS[name].implementations[backend]
            else:
                KERNELS[name].implementations[backend] = replaced
        if is_new:
            del BACKENDS[backend]
