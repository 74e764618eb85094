"""A simulated CuPy: NumPy computes, with CuPy's rules.

As in CuPy, its arrays cannot be combined with NumPy arrays, nor converted to them implicitly. So an engine that runs on
it moves nothing silently between the devices, and uses CuPy for all work on the GPU. It proves nothing about real GPUs:
neither that the kernels run there, nor that CuPy has every function used.
"""

import math
import operator
import sys
from collections import Counter
from types import ModuleType, SimpleNamespace
from weakref import WeakValueDictionary

import numpy as np
import pytest
from fake_graphs import FakeCuda, done, made
from numpy.lib.stride_tricks import as_strided

from rawgan_kernels.cuda.run import cublas
from rawgan_kernels.cuda.run.cublas import multiplied_by
from rawgan_kernels.cuda.run.launch import launched_by
from rawgan_kernels.cuda.simulation.simulator import simulate

traffic = Counter()
"""Number of arrays sent to the GPU, and number of times that the CPU waited for numbers of the GPU."""

_known = WeakValueDictionary()
"""Arrays by the identity of their numbers: the base of two views is one and the same object."""


class ndarray:
    """An array "on the GPU"."""

    __array_ufunc__ = None  # NumPy's operators step back

    def __init__(self, hidden):
        self._hidden = np.asarray(hidden)
        _known.setdefault(id(self._hidden), self)

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_function__(self, *args):
        raise TypeError("a NumPy function was called on a CuPy array")

    def get(self):
        """A copy on the CPU."""
        traffic["fetched"] += 1
        return self._hidden.copy()

    def item(self):
        """The only number of the array."""
        traffic["fetched"] += 1
        return self._hidden.item()

    def __len__(self):
        return len(self._hidden)

    def __int__(self):
        return int(self.item())

    def __float__(self):
        return float(self.item())

    def __bool__(self):
        return bool(self.item())

    def __format__(self, spec):
        return format(self.item(), spec)

    def __setitem__(self, index, value):
        done(operator.setitem, self._hidden, _inside(index), _inside(value))

    def fill(self, value):
        """Set every number to a value."""
        done(self._hidden.fill, value)

    def set(self, array):
        """Copy numbers from the CPU into this array."""
        traffic["sent"] += 1
        self._hidden[...] = array

    @property
    def data(self):
        """Address of the first number."""
        return SimpleNamespace(ptr=self._hidden.ctypes.data)

    @property
    def base(self):
        """The array that this is a view of."""
        owner = self._hidden.base
        known = _known.get(id(owner))
        return known if owner is None or known is not None else ndarray(owner)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)  # __array_interface__ would let NumPy in by the back door
        found = getattr(self._hidden, name)
        return _wrapped(found) if callable(found) and name != "dtype" else found


def _inside(value):
    """The numbers behind a value of this library; a NumPy array is refused."""
    if isinstance(value, ndarray):
        return value._hidden
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, tuple | list):
        return type(value)(_inside(v) for v in value)
    return value


def _outside(value):
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(value)  # CuPy has no scalars: a sum is an array without axes
    if isinstance(value, tuple):
        return tuple(map(_outside, value))
    return value


def _wrapped(function):
    def wrapped(*args, **kwargs):
        inside = {name: _inside(value) for name, value in kwargs.items()}
        return _outside(made(function, *map(_inside, args), **inside))

    return wrapped


def _operator(function):
    def method(self, other):
        return _outside(made(function, self._hidden, _inside(other)))

    def reflected(self, other):
        return _outside(made(function, _inside(other), self._hidden))

    def in_place(self, other):
        self[...] = method(self, other)
        return self

    return method, reflected, in_place


for _name in ("add", "sub", "mul", "truediv", "mod", "pow", "matmul"):
    _method, _reflected, _in_place = _operator(getattr(operator, f"__{_name}__"))
    setattr(ndarray, f"__{_name}__", _method)
    setattr(ndarray, f"__r{_name}__", _reflected)
    setattr(ndarray, f"__i{_name}__", _in_place)
for _name in ("gt", "ge", "lt", "le", "eq", "ne", "and", "or", "lshift", "rshift", "getitem"):
    setattr(ndarray, f"__{_name}__", _operator(getattr(operator, f"__{_name}__"))[0])
ndarray.__neg__ = lambda self: ndarray(-self._hidden)
ndarray.__abs__ = lambda self: ndarray(abs(self._hidden))
ndarray.__invert__ = lambda self: ndarray(~self._hidden)
ndarray.__hash__ = None


def asarray(array, dtype=None):
    """Copy an array to the GPU: the only way for NumPy arrays to get there."""
    if not isinstance(array, ndarray):
        traffic["sent"] += 1
    return array if isinstance(array, ndarray) and dtype is None else ndarray(np.array(_or_numpy(array), dtype))


def _or_numpy(array):
    return array._hidden if isinstance(array, ndarray) else array


def make_module(available=True):
    """The module that stands in for `cupy`."""
    module = ModuleType("cupy")
    names = (
        "abs arange ascontiguousarray asfortranarray broadcast_to ceil clip concatenate cos exp expm1 floor "
        "floor_divide full full_like isfinite isnan log log1p matmul maximum minimum ones ones_like remainder roll "
        "round shares_memory sign sin sqrt stack tanh where zeros zeros_like"
    )
    for name in names.split():
        setattr(module, name, _wrapped(getattr(np, name)))
    module.add = SimpleNamespace(at=_wrapped(np.add.at))
    views = SimpleNamespace(sliding_window_view=_wrapped(np.lib.stride_tricks.sliding_window_view))
    module.lib = SimpleNamespace(stride_tricks=views)
    module.ndarray, module.asarray, module.is_available = ndarray, asarray, lambda: available
    module.empty = lambda *args: ndarray(np.empty(*args))  # memory, in which a graph has nothing to do
    module.cuda, module.get_default_memory_pool = FakeCuda(), _Pool
    return module


class _Pool:
    """A pool that keeps nothing: all memory belongs to arrays."""

    def used_bytes(self):
        return sum(array._hidden.nbytes for array in list(_known.values()) if array._hidden.base is None)

    total_bytes = used_bytes

    def free_bytes(self):
        """None."""
        return 0

    def free_all_blocks(self):
        """Do nothing: there are none."""


@pytest.fixture
def simulated_gpu():
    """CUDA kernels run in the simulator, and cuBLAS's products in NumPy, on the numbers behind the arrays.

    Gives the list of the products so far.
    """

    def run(kernel, dtype, blocks, arguments):
        def numbers(x):
            if isinstance(x, list):
                return [numbers(each) for each in x]
            x = _or_numpy(x)
            return x.reshape(-1) if isinstance(x, np.ndarray) else x

        done(_simulate, kernel, dtype, blocks, tuple(numbers(x) for x in arguments))

    calls = []

    def multiply(gemm):
        calls.append(gemm)
        done(_gemm, gemm, *(_or_numpy(x.array) for x in gemm[:3]))

    with launched_by(run), multiplied_by(multiply):
        yield calls


def _simulate(*launch):
    tracer = sys.gettrace()
    sys.settrace(None)  # coverage does not count kernels, and would take minutes to look at each of their lines
    try:
        simulate(*launch)
    finally:
        sys.settrace(tracer)


SUPPORTED = {
    ("float32", "float32", cublas.FLOAT32), ("float32", "float32", cublas.TF32), ("uint16", "float32", cublas.FLOAT32),
    ("float64", "float64", cublas.FLOAT64),
}  # fmt: skip
"""dtypes of factors and result, and the compute type, as cuBLAS's manual has them."""


def as_multiplied(x, compute):
    """The numbers that a tensor core multiplies: of bf16 their float32, and for TF32 without the last bits."""
    if x.dtype == "uint16":
        return (x.astype("uint32") << 16).view("float32")
    return (x.view("uint32") & 0xFFFFE000).view("float32") if compute == cublas.TF32 else x


def _gemm(gemm, a, b, c):
    """The product that cuBLAS computes with these arguments: column-major, columns `leading` numbers apart.

    With the compute type of TF32 it cuts bits off, as a tensor core does, without rounding: right for rounded factors
    only.
    """

    def seen(matrices, array, rows, columns):
        if matrices.operation == cublas.TRANSPOSE:
            return seen(matrices._replace(operation=cublas.KEEP), array, columns, rows).transpose(0, 2, 1)
        assert matrices.leading >= rows
        strides = [step * array.itemsize for step in (matrices.each, 1, matrices.leading)]
        return as_strided(array, (gemm.groups, rows, columns), strides)

    of_a, of_b = seen(gemm.a, a, gemm.m, gemm.k), seen(gemm.b, b, gemm.k, gemm.n)
    assert (str(a.dtype), str(c.dtype), gemm.compute) in SUPPORTED
    assert a.dtype == b.dtype
    of_a, of_b = as_multiplied(of_a, gemm.compute), as_multiplied(of_b, gemm.compute)
    result = seen(gemm.c, c, gemm.m, gemm.n)
    result[...] = of_a @ of_b + (gemm.beta * result if gemm.beta else 0)


@pytest.fixture
def cupy(monkeypatch):
    """A simulated CuPy on a machine with a simulated GPU."""
    module = make_module()
    monkeypatch.setitem(sys.modules, "cupy", module)
    special = SimpleNamespace(erf=_wrapped(_each(math.erf)), erfc=_wrapped(_each(math.erfc)))
    monkeypatch.setitem(sys.modules, "cupyx", ModuleType("cupyx"))
    monkeypatch.setitem(sys.modules, "cupyx.scipy", SimpleNamespace(special=special))
    return module


def _each(function):
    return lambda x: np.array([function(each) for each in x.ravel()], x.dtype).reshape(x.shape)
