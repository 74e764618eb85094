"""check_kernel: every backend passes it, and a backend with a fault does not."""

import sys
from types import ModuleType

import numpy as np
import pytest

import rawgan_kernels as kernels
from rawgan.errors import ArgumentError, CheckFailed
from rawgan.testing import check_kernel
from rawgan.testing.backends import targets
from rawgan_kernels import MissingKernel, Window, reference

WINDOW = Window((5, 6), (3, 2), (2, 1), ((1, 0), (0, 2)), (1, 2), 2)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def moments(*shape):
    return [normal(*shape), normal(2, seed=1)]


X, W, GY = normal(2, 5, 6, 4), normal(3, 2, 2, 6, seed=1), normal(2, 2, 6, 6, seed=2)
GAMMA, MEAN, VAR = normal(4), X.mean((0, 1, 2), keepdims=True), X.var((0, 1, 2), keepdims=True)
SQUARES = [np.abs(x) for x in moments(2, 3)]

CALLS = {
    "adam_update": (moments(2, 3), moments(2, 3), moments(2, 3), SQUARES, 3, 1e-2, 0.5, 0.99, 1e-8, 0.1),
    "add": (X, normal(*X.shape, seed=1)),
    "bce_with_logits": (X, np.random.default_rng(3).uniform(size=X.shape)),
    "bce_with_logits_grad": (X, np.random.default_rng(3).uniform(size=X.shape), normal(*X.shape, seed=1)),
    "channel_sum": (X,),
    "conv2d": (X, W, WINDOW),
    "conv2d_input_grad": (GY, W, WINDOW),
    "conv2d_weight_grad": (X, GY, WINDOW),
    "leaky_relu": (X, 0.2),
    "leaky_relu_grad": (X, normal(*X.shape, seed=1), 0.2),
    "matmul": (normal(2, 1, 3, 4), normal(3, 4, 5, seed=1)),
    "normalize": (X, GAMMA, normal(4, seed=1), (0, 1, 2), 1e-5, 0.2),
    "normalize_grad": (X, normal(*X.shape, seed=1), GAMMA, GAMMA, MEAN, VAR, (0, 1, 2), 1e-5, 0.2),
    "rmsprop_update": (moments(2, 3), moments(2, 3), SQUARES, 1e-2, 0.9, 1e-8),
    "sgd_update": (moments(2, 3), moments(2, 3), moments(2, 3), 1e-2, 0.9, True),
    "sigmoid": (X,),
    "softplus": (X,),
    "tanh": (X,),
    "tanh_grad": (np.tanh(X), normal(*X.shape, seed=1)),
}


def test_every_kernel_of_floats_is_called():
    assert CALLS.keys() == set(reference.__all__) - {"gather_pixels"}  # that one takes bytes


@pytest.mark.parametrize("name", CALLS)
def test_every_backend_of_this_machine_agrees_with_the_reference_in_float64(name):
    report = check_kernel(name, *CALLS[name])
    assert [(row.backend, row.device, row.dtype) for row in report.rows] == [
        (backend, device, dtype) for backend, device in targets() for dtype in ("float32", "float64")
    ]
    assert all(row.error < (1e-5 if row.dtype == "float32" else 1e-12) for row in report.rows)
    assert str(report).splitlines()[0] == f"{name}: agrees with the reference in float64"


def test_arguments_stay_as_they_were():
    w = [np.ones(2)]
    check_kernel("sgd_update", w, [np.ones(2)], [], 0.5, 0.0, False)
    np.testing.assert_array_equal(w[0], [1, 1])


# --- a backend with faults ------------------------------------------------------------------------------------------


@pytest.fixture
def backend(monkeypatch):
    """An empty backend called "faulty", to put kernels into."""
    module = ModuleType("rawgan_kernels.faulty")
    monkeypatch.setitem(sys.modules, "rawgan_kernels.faulty", module)
    monkeypatch.setitem(kernels.BACKENDS, "faulty", ("cpu",))
    return module


def writes(x):
    y = reference.softplus(x)
    x *= 2
    return y


class Counting:
    """Returns other bits in each call."""

    calls = 0

    def __call__(self, x):
        self.calls += 1
        return reference.softplus(x) * (1 + self.calls * np.finfo(x.dtype).eps)


FAULTS = {
    "wrong": (lambda x: reference.softplus(x) + x * x.dtype.type(1e-4), r"float32: result 0 \(2, 5, 6, 4\) is off by "),
    "not a number": (lambda x: np.where(x > 1, np.nan, reference.softplus(x)), r"is off by nan of its largest number"),
    "dtype": (lambda x: reference.softplus(x).astype("float64"), r"float32: result 0 \(2, 5, 6, 4\) is float64$"),
    "shape": (lambda x: reference.softplus(x)[None], r"has shape \(1, 2, 5, 6, 4\) instead of \(2, 5, 6, 4\)$"),
    "input": (writes, r"float32: argument 0 \(2, 5, 6, 4\) is off by "),
    "bits": (Counting(), r"float32 gives other bits when it runs again$"),
    "layout": (lambda x: reference.softplus(np.ravel(x, "K").reshape(x.shape)), r"Fortran-ordered arrays: result 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_a_backend_are_found_and_named(backend, fault):
    backend.softplus, message = FAULTS[fault]
    with pytest.raises(CheckFailed, match=message) as error:
        check_kernel("softplus", X)
    assert str(error.value).startswith("softplus of backend faulty on cpu, float32")


def test_a_backend_without_faults_passes(backend):
    backend.softplus = reference.softplus
    assert [row.backend for row in check_kernel("softplus", X).rows] == ["reference"] * 2 + ["cpu"] * 2 + ["faulty"] * 2


def test_an_optimiser_may_write_to_its_parameters_and_moments_but_not_to_the_gradients(backend):
    def sgd_update(w, gw, velocity, lr, momentum, nesterov):
        reference.sgd_update(w, gw, velocity, lr, momentum, nesterov)
        gw[0] *= 0.5

    backend.sgd_update = sgd_update
    with pytest.raises(CheckFailed, match=r"argument 2 \(2, 3\) is off by"):
        check_kernel("sgd_update", *CALLS["sgd_update"])


def test_a_backend_that_lacks_the_kernel_is_an_error(backend):
    with pytest.raises(MissingKernel, match=r"^backend 'faulty' has no kernel 'softplus'"):
        check_kernel("softplus", X)


def test_the_check_can_be_restricted_to_one_backend():
    assert {row.backend for row in check_kernel("add", *CALLS["add"], backends=["reference"]).rows} == {"reference"}
    with pytest.raises(
        ArgumentError, match=r"^check_kernel: there is no backend 'abacus'; choose among: reference, cpu, cuda$"
    ):
        check_kernel("add", *CALLS["add"], backends=["abacus"])
