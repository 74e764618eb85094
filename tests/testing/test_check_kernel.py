"""check_kernel: every backend passes it, and a backend with a fault does not."""

import numpy as np
import pytest
from kernel_calls import CALLS, X

from rawgan.errors import ArgumentError, CheckFailed
from rawgan.testing import check_kernel
from rawgan.testing.backends import targets
from rawgan_kernels import Backend, MissingKernel, trial

reference = Backend("reference")

FLOATS = sorted(CALLS.keys() - {"gather_pixels"})  # which takes bytes


@pytest.mark.parametrize("name", FLOATS)
def test_every_backend_of_this_machine_agrees_with_the_reference_in_float64(name):
    report = check_kernel(name, *CALLS[name])
    assert [(row.backend, row.device, row.dtype) for row in report.rows] == [
        (backend, device, dtype) for backend, device in targets() for dtype in ("float32", "float64")
    ]
    assert all(row.error < (1e-5 if row.dtype == "float32" else 1e-12) for row in report.rows)
    assert str(report).splitlines()[0] == f"{name}: agrees with the reference in float64"


def test_arguments_stay_as_they_were():
    w = [np.ones(2)]
    check_kernel("sgd_update", w, [np.ones(2)], [], 0.5, 0.0, False, 0.0)
    np.testing.assert_array_equal(w[0], [1, 1])


# --- a backend with faults ------------------------------------------------------------------------------------------


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
def test_faults_of_a_backend_are_found_and_named(fault):
    softplus, message = FAULTS[fault]
    with trial("faulty", softplus=softplus), pytest.raises(CheckFailed, match=message) as error:
        check_kernel("softplus", X)
    assert str(error.value).startswith("softplus of backend faulty on cpu, float32")


def test_a_backend_without_faults_passes():
    with trial("faulty", softplus=reference.softplus):
        report = check_kernel("softplus", X)
    assert [row.backend for row in report.rows] == ["reference"] * 2 + ["cpu"] * 2 + ["faulty"] * 2


def test_an_optimiser_may_write_to_its_parameters_and_moments_but_not_to_the_gradients():
    def sgd_update(w, gw, velocity, lr, momentum, nesterov, l2):
        reference.sgd_update(w, gw, velocity, lr, momentum, nesterov, l2)
        gw[0] *= 0.5

    message = r"argument 2 \(2, 3\) is off by"
    with trial("faulty", sgd_update=sgd_update), pytest.raises(CheckFailed, match=message):
        check_kernel("sgd_update", *CALLS["sgd_update"])


def test_a_backend_that_lacks_the_kernel_is_an_error():
    with trial("faulty"), pytest.raises(MissingKernel, match=r"^backend 'faulty' has no kernel 'softplus'"):
        check_kernel("softplus", X)


def test_the_check_can_be_restricted_to_one_backend():
    assert {row.backend for row in check_kernel("add", *CALLS["add"], backends=["reference"]).rows} == {"reference"}
    with pytest.raises(
        ArgumentError, match=r"^check_kernel: there is no backend 'abacus'; choose among: reference, cpu, cuda$"
    ):
        check_kernel("add", *CALLS["add"], backends=["abacus"])
