"""Checks of `gradcheck` besides the gradients: memory, layouts, precision, and gradients that are not wanted."""

import numpy as np
import pytest
from squares import Square, WritesToInput, X, normal

from rawgan import Op, Tensor, grad, ops
from rawgan.autograd import is_recording
from rawgan.errors import CheckFailed
from rawgan.testing import CHECKS, gradcheck


class WritesToUpstreamGradient(Square):
    def backward(self, gy):
        gradients = super().backward(gy)
        gy.data[...] = 0
        return gradients


class WritesWhenRecorded(Square):
    def backward(self, gy):
        gradients = super().backward(gy)
        if is_recording():
            gy.data[...] = 0
        return gradients


BUFFERS = {}


class SameBuffer(Square):
    def forward(self, x):
        return np.multiply(x, x, out=BUFFERS.setdefault(x.dtype, np.empty_like(x)))


class NeedsRowMajor(Square):
    def forward(self, x):
        return np.square(np.ravel(x, order="K")).reshape(x.shape)


class Promotes(Square):
    keeps_dtype = False

    def forward(self, x):
        return x * np.ones(x.shape) * x

    def backward(self, gy):
        (x,) = self.inputs
        return (ops.astype(gy, x.dtype) * 2 * x,)


class HalfPrecision(Square):
    def forward(self, x):
        return (x if x.dtype == np.float64 else x.astype("float16").astype("float32")) * x


class Shuffled(Op):
    """y = a · b. Its backward puts the gradients that are wanted first."""

    def forward(self, a, b):
        return a * b

    def backward(self, gy):
        a, b = self.inputs
        wanted = [g for g, needed in zip((gy * b, gy * a), self.needs, strict=True) if needed]
        return (*wanted, *[None] * (2 - len(wanted)))


class ReadsBehindStrides(Square):
    """Wrong if gy is one number in memory."""

    def backward(self, gy):
        (x,) = self.inputs
        return (2 * x * (1.5 * gy if gy.data.strides == (0,) else gy),)


def randomly(x):
    return x * (1 + np.random.default_rng().random())  # never the same twice, unlike a mask of so few elements


@pytest.mark.parametrize(
    ("kind", "fault", "message"),
    [
        ("inputs", WritesToInput, r"^WritesToInput writes to x \(3, 2\), which belongs to its caller$"),
        ("inputs", WritesToUpstreamGradient, r"^WritesToUpstreamGradient writes to gy \(3, 2\), which belongs to its"),
        ("inputs", WritesWhenRecorded, r"^WritesWhenRecorded writes to gy"),
        ("repeatable", randomly, r"^randomly gives another y \(3, 2\) when it is called again with the same inputs\n"),
        ("repeatable", SameBuffer, r"^SameBuffer: y \(3, 2\) is the same memory at every call"),
        ("layout", NeedsRowMajor, r"^NeedsRowMajor: Fortran-ordered inputs give another y \(3, 2\), off by "),
        ("dtype", Promotes, r"^Promotes turns float32 inputs into a y \(3, 2\) of float64$"),
        ("dtype", HalfPrecision, r"^HalfPrecision: float32 inputs give another y \(3, 2\), off by "),
    ],
)
def test_other_faults_are_found_and_named(kind, fault, message):
    with pytest.raises(CheckFailed, match=message):
        gradcheck(fault, normal(3, 2))
    with pytest.raises(CheckFailed, match=message):
        gradcheck(fault, normal(3, 2), checks=[kind])


class DetachesUnwanted(Op):
    """y = x · w. Its backward takes an input whose gradient is not wanted for a constant, which spoils penalties."""

    def forward(self, x, w):
        return x * w

    def backward(self, gy):
        x, w = self.inputs
        return gy * (w if self.needs[1] else w.detach()), gy * (x if self.needs[0] else x.detach())


def test_second_derivatives_must_not_depend_on_which_gradients_are_wanted():
    arrays = normal(3), normal(3, seed=1)
    message = r"^DetachesUnwanted: if gx \(3,\) alone is wanted, as by a gradient penalty, its derivative by w \(3,\)"
    with pytest.raises(CheckFailed, match=message):
        gradcheck(DetachesUnwanted, *arrays)
    gradcheck(DetachesUnwanted, *arrays, order=1)


def test_a_backward_is_checked_like_a_forward():
    class Square(Op):
        def forward(self, x):
            return x * x

        def backward(self, gy):
            return (Slope()(self.inputs[0], gy),)

    class Slope(Op):
        def forward(self, x, gy):
            return 2 * x * gy

        def backward(self, ggx):
            x, gy = self.inputs
            wanted = [g for g, needed in zip((2 * ggx * gy, 2 * ggx * x), self.needs, strict=True) if needed]
            return (*wanted, *[None] * (2 - len(wanted)))

    with pytest.raises(CheckFailed, match=r"^Square: ggy \(3,\) changes if no other gradient is wanted"):
        gradcheck(Square, X)


def test_a_function_that_takes_gradients_can_be_checked():
    """A gradient penalty."""

    def penalty(x, w):
        (g,) = grad(ops.tanh(x @ w).sum(), x, create_graph=True)
        return ((g * g).sum(axis=1) - 1) ** 2

    assert gradcheck(penalty, normal(2, 3), normal(3, 4)).error(2) < 1e-9


def test_gradients_must_not_depend_on_which_are_wanted():
    arrays = normal(3), normal(3, seed=1)
    with pytest.raises(CheckFailed, match=r"^Shuffled: gb \(3,\) changes if no other gradient is wanted"):
        gradcheck(Shuffled, *arrays)
    gradcheck(Shuffled, *arrays, checks=CHECKS.keys() - {"needs", "constants"})


def test_an_upstream_gradient_may_have_a_stride_of_0():
    with pytest.raises(CheckFailed, match=r"^ReadsBehindStrides: an upstream gradient of stride 0 gives another gx"):
        gradcheck(ReadsBehindStrides, X, checks=["layout"])


def test_float64_arrays_that_bar_float32_get_an_error_with_the_way_out():
    def function(x):
        return x * Tensor(np.ones(3))

    with pytest.raises(CheckFailed, match=r"(?s)^function does not take float32\n.*two dtypes.*checks=CHECKS"):
        gradcheck(function, X)
    gradcheck(function, X, checks=CHECKS.keys() - {"dtype"})


def test_gradients_share_no_memory(monkeypatch):
    """The engine separates gradients, so it has to be broken first."""
    monkeypatch.setattr("rawgan.autograd.walk._separate", lambda g, *_: g)
    with pytest.raises(CheckFailed, match=r"^add: ga \(3,\) and gb are the same memory$"):
        gradcheck(ops.add, X, X)
    with pytest.raises(CheckFailed, match=r"^neg_neg: gx \(3,\) and gy are the same memory$"):
        gradcheck(lambda x: ops.reshape(x, (3,)), X, name="neg_neg")
