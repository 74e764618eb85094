"""What is sent to a GPU, and what is said where it cannot be: without one, so the launch itself is a stand-in."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rawgan_kernels import MissingKernel
from rawgan_kernels.cuda.activation import _leaky_relu
from rawgan_kernels.cuda.compile import language
from rawgan_kernels.cuda.optim import _sgd


class OnGPU:
    """As much of a CuPy array as a launch looks at."""

    def __init__(self, address, size, dtype="float32"):
        self.data, self.size, self.dtype = SimpleNamespace(ptr=address), size, np.dtype(dtype)


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that notes what is launched on it; its compute capability can be set."""
    noted = SimpleNamespace(launches=[], capability="90")
    runtime = SimpleNamespace(getDevice=lambda: 0)
    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(
        runtime=runtime, Device=lambda gpu: SimpleNamespace(compute_capability=noted.capability)
    )
    cupy.asarray = lambda array: array
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(
        language, "_on_gpu", lambda *key: lambda *launch: noted.launches.append((key[0].name, key[1], *launch))
    )
    return noted


def test_arguments_have_the_types_that_kernels_are_compiled_for(gpu):
    x, y = OnGPU(64, 1000), OnGPU(128, 1000)
    language.launch(_leaky_relu, 1, x, y, 1000, 0.2)
    ((name, dtype, blocks, threads, arguments),) = gpu.launches
    assert (name, dtype, blocks, threads) == ("leaky_relu", "float32", (1,), (256,))
    assert arguments == (x, y, 1000, np.float32(0.2))
    assert [type(a) for a in arguments[2:]] == [np.uint32, np.float32]


def test_lists_of_arrays_become_arrays_of_addresses(gpu):
    w, gw = [OnGPU(64, 3), OnGPU(128, 5)], [OnGPU(256, 3), OnGPU(512, 5)]
    language.launch(_sgd, 2, w, gw, OnGPU(1024, 4, "int64"), 2, 0.1)
    arguments = gpu.launches[0][-1]
    np.testing.assert_array_equal(arguments[0], np.array([64, 128], "uint64"))
    np.testing.assert_array_equal(arguments[1], np.array([256, 512], "uint64"))
    language.launch(_sgd, 2, w, gw, OnGPU(1024, 4, "int64"), 2, 0.1)
    assert gpu.launches[1][-1][0] is arguments[0]  # sent once


def test_nothing_is_launched_for_nothing(gpu):
    language.launch(_leaky_relu, 0, OnGPU(64, 0), OnGPU(64, 0), 0, 0.2)
    assert gpu.launches == []


def test_more_numbers_than_kernels_can_count(gpu):
    with pytest.raises(OverflowError, match=r"^leaky_relu: CUDA kernels count to 2³² − 1, but an array has 4294967296"):
        language.launch(_leaky_relu, 1, OnGPU(64, 1 << 32), OnGPU(64, 1 << 32), 1 << 32, 0.2)


def test_an_old_gpu(gpu, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(
        sys.modules,
        "cupy",
        SimpleNamespace(cuda=SimpleNamespace(Device=lambda gpu: SimpleNamespace(compute_capability="61"))),
    )
    with pytest.raises(MissingKernel, match=r"^backend 'cuda' is for GPUs of compute capability 7\.5 or later"):
        language._on_gpu(_leaky_relu, "float32", 61)


def test_without_the_compiler(monkeypatch):
    monkeypatch.setitem(
        sys.modules,
        "cupy",
        SimpleNamespace(cuda=SimpleNamespace(Device=lambda gpu: SimpleNamespace(compute_capability="90"))),
    )

    def missing(*args):
        raise ModuleNotFoundError("No module named 'cuda'", name="cuda")

    monkeypatch.setattr(language, "cached", missing)
    with pytest.raises(MissingKernel) as error:
        language._on_gpu(_leaky_relu, "float32", 90)
    assert str(error.value) == (
        "backend 'cuda' compiles its kernels, for which cuda is missing\n"
        "  pip install '.[cuda12]' or '.[cuda13]' in rawgan's folder, whichever your driver supports, "
        "or use('reference')"
    )
