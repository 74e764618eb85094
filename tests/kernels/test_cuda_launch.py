"""Launches on a GPU, and the errors where none is possible; the launch itself is a stand-in, as there is no GPU."""

import sys
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rawgan_kernels import MissingKernel
from rawgan_kernels.cuda.activation import _leaky_relu
from rawgan_kernels.cuda.optim import _sgd
from rawgan_kernels.cuda.run.launch import launch, launched_by, load_on_gpu, run_on_gpu


class OnGPU:
    """As much of a CuPy array as a launch looks at."""

    def __init__(self, address, size, dtype="float32"):
        self.data, self.size, self.dtype = SimpleNamespace(ptr=address), size, np.dtype(dtype)


def cupy_with(capability):
    """As much of CuPy as a launch needs, on a GPU of this compute capability."""
    device = SimpleNamespace(compute_capability=capability)
    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDevice=lambda: 0), Device=lambda gpu: device)
    cupy.asarray = lambda array: array
    return cupy


@pytest.fixture
def launches(monkeypatch):
    """A list that launches are written to: (kernel, dtype, blocks, threads, arguments)."""
    launches = []
    monkeypatch.setitem(sys.modules, "cupy", cupy_with("90"))

    def load(kernel, dtype, gpu):
        return lambda *launch: launches.append((kernel.name, dtype, *launch))

    with launched_by(partial(run_on_gpu, load=load)):
        yield launches


def test_arguments_have_the_types_that_kernels_are_compiled_for(launches):
    x, y = OnGPU(64, 1000), OnGPU(128, 1000)
    launch(_leaky_relu, 1, x, y, 1000, 0.2)
    ((name, dtype, blocks, threads, arguments),) = launches
    assert (name, dtype, blocks, threads) == ("leaky_relu", "float32", (1,), (256,))
    assert arguments == (x, y, 1000, np.float32(0.2))
    assert [type(a) for a in arguments[2:]] == [np.uint32, np.float32]


def test_lists_of_arrays_become_arrays_of_addresses(launches):
    w, gw = [OnGPU(64, 3), OnGPU(128, 5)], [OnGPU(256, 3), OnGPU(512, 5)]
    launch(_sgd, 2, w, gw, OnGPU(1024, 4, "int64"), 2, 0.1, 0.0)
    arguments = launches[0][-1]
    np.testing.assert_array_equal(arguments[0], np.array([64, 128], "uint64"))
    np.testing.assert_array_equal(arguments[1], np.array([256, 512], "uint64"))
    launch(_sgd, 2, w, gw, OnGPU(1024, 4, "int64"), 2, 0.1, 0.0)
    assert launches[1][-1][0] is arguments[0]  # sent once


def test_nothing_is_launched_for_nothing(launches):
    launch(_leaky_relu, 0, OnGPU(64, 0), OnGPU(64, 0), 0, 0.2)
    assert launches == []


def test_more_numbers_than_kernels_can_count(launches):
    with pytest.raises(OverflowError, match=r"^leaky_relu: CUDA kernels count to 2³² − 1, but an array has 4294967296"):
        launch(_leaky_relu, 1, OnGPU(64, 1 << 32), OnGPU(64, 1 << 32), 1 << 32, 0.2)


def test_a_gpu_that_is_too_old_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", cupy_with("61"))
    with pytest.raises(MissingKernel, match=r"^backend 'cuda' is for GPUs of compute capability 7\.5 or later"):
        load_on_gpu(_leaky_relu, "float32", 61)


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", cupy_with("90"))

    def missing(*args):
        raise ModuleNotFoundError("No module named 'cuda'", name="cuda")

    with pytest.raises(MissingKernel) as error:
        load_on_gpu(_leaky_relu, "float32", 90, missing)
    assert str(error.value) == (
        "backend 'cuda' compiles its kernels, which needs cuda\n"
        "  pip install '.[cuda12]' or '.[cuda13]' in rawgan's folder, whichever your driver supports, "
        "or use('reference')"
    )
