"""Products in bf16: on emulated matrix units everywhere, and on the CPU's own where it has any."""

import itertools

import numpy as np
import pytest

from rawgan.testing.layouts import LAYOUTS
from rawgan_kernels.cpu.matrix_units import product
from rawgan_kernels.cpu.matrix_units.units import EMULATED_AMX, EMULATED_AVX512, UNITS, available

EPS = 2.0**-24

NAMED = {"emulated amx": EMULATED_AMX, "emulated avx512": EMULATED_AVX512, **{unit.name: unit for unit in UNITS}}


@pytest.fixture(params=NAMED)
def unit(request):
    """Each unit; the hardware's own where this CPU has it."""
    chosen = NAMED[request.param]
    if chosen in UNITS and chosen not in available():
        pytest.skip(f"this CPU has no {chosen.name}, or the system does not grant it: only its emulation was tested")
    return chosen


def rounded(x):
    """The nearest numbers of bf16, to even where two are as near."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    nearest = ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)
    return np.where(np.isnan(x), x, nearest)


def draw(shape, seed=0):
    array = np.random.default_rng(seed).standard_normal(shape).astype("float32")
    array.flags.writeable = False
    return array


def agree(got, left, right, contract):
    """Assert that `got` is the contraction of the rounded factors: sums of float32 err by EPS of their terms' sizes, at
    each of their additions at most."""
    left, right = rounded(left).astype("float64"), rounded(right).astype("float64")
    exact, sizes = contract(left, right), contract(abs(left), abs(right))
    assert got.dtype == "float32"
    assert got.shape == exact.shape
    terms = left.size * right.size // max(1, exact.size)  # a bound: its root is the number of terms of a matrix product
    assert (abs(got - exact) <= EPS * (int(terms**0.5) + 2) * sizes).all()


# --- products ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((5, 7), (7, 3)),
        ((33, 801), (801, 47)),
        ((64, 64), (64, 32)),
        ((300, 1), (1, 17)),
        ((17, 0), (0, 5)),
        ((0, 3), (3, 4)),
        ((3, 40, 9), (3, 9, 20)),
        ((3, 1, 4, 5), (2, 5, 6)),
        ((2, 3, 4, 5), (5, 6)),
    ],
)
def test_products_are_those_of_rounded_numbers(unit, a, b):
    for layout_a, layout_b in itertools.product(sorted(LAYOUTS), repeat=2):
        left, right = LAYOUTS[layout_a](draw(a)), LAYOUTS[layout_b](draw(b, 1))
        agree(product.matmul(left, right, unit), left, right, np.matmul)
