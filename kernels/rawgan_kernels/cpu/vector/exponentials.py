"""Exponentials of one number, without branches or calls, so that the compiler turns loops over them into vector code.

The exponential and logarithm of the C library take one number at a time, about 10 ns each. The ones here cover what the
activations need: e^x for x ≤ 0, and log(1 + x) for 0 ≤ x ≤ 1. Each is right to 4 units in the last place, and NaN stays
NaN.

**e^x.** With n the whole number nearest x / ln 2, and r = x − n · ln 2, which lies within ±0.35: e^x = 2ⁿ · e^r.

- n: adding 1.5 · 2²³ (in float64, 1.5 · 2⁵²) leaves no digits behind the point, so it rounds. The last bits of the sum
  are then n, and subtracting the same number again gives n as a float.
- r: ln 2 is split into a number with few digits, whose product with n is exact, and the small rest (Cody and Waite).
- e^r: Taylor's polynomial, cut off where the rest is below a quarter of the last place.
- 2ⁿ: n is moved to the exponent bits of a float. The result may be smaller than the smallest normal number, where these
  bits mean something else; so it is first made too large by a power of two, and then multiplied by the inverse.

**e^x − 1** = 2ⁿ · (e^r − 1) + (2ⁿ − 1), where e^r − 1 is the polynomial without its 1. Near 0, n = 0: nothing cancels.

**log(1 + x)** = 2 · artanh(s) with s = x / (2 + x), which lies between 0 and 1/3: 2 · (s + s³/3 + s⁵/5 + …).

**Mills' ratio** (1 − Φ(x)) / Φ'(x) of the normal distribution, for x ≥ 0, is a quotient of two polynomials whose
degrees differ by 1: it falls as 1 / x. All coefficients are positive, so nothing cancels. They are the best ones, found
by Remez' exchange in 60 digits: for 0 ≤ x ≤ 14.6 in float32 (degrees 4 and 5, relative error 6e-9), and 0 ≤ x ≤ 38.6 in
float64 (9 and 10, 5e-17). Further on, e^(−x²/2) is 0.

**erf x** = 2/√π · (x − x³/3 + x⁵/(2!·5) − …) near 0, else 1 − 2 · (1 − Φ(√2 · x)).
"""

from collections.abc import Sequence
from math import factorial, pi, sqrt
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.polynomial import Chebyshev, Polynomial

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.formulas import CONSTANTS, instantiate


def constant(single: float, double: float) -> Any:
    """A function of a number that returns a constant in its dtype. (A plain 0.5 would turn float32 into float64.)"""

    @intrinsic
    def value_of(typing: Any, x: Any) -> Any:
        value = single if x is types.float32 else double
        return x(x), lambda context, builder, signature, args: context.get_constant(x, value)

    return value_of


def _polynomial(single: Sequence[float], double: Sequence[float]) -> Any:
    """c[0] + c[1] · x + c[2] · x² + …, by Horner's rule, with as many terms as the dtype needs."""

    @intrinsic
    def polynomial(typing: Any, x: Any) -> Any:
        coefficients = single if x is types.float32 else double

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            *rest, total = [context.get_constant(x, c) for c in coefficients]
            for c in reversed(rest):
                total = builder.fadd(builder.fmul(total, args[0]), c)
            return total

        return x(x), generate

    return polynomial


def _power_of_two(single: int, double: int) -> Any:
    """2^(n + lift) for the number `_rounding` + n; the lift depends on the dtype."""

    @intrinsic
    def power(typing: Any, sum: Any) -> Any:
        digits, lift = (23, single) if sum is types.float32 else (52, double)
        bits = ir.IntType(sum.bitwidth)
        bias = (1 << sum.bitwidth - digits - 2) - 1

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            exponent = builder.shl(builder.bitcast(args[0], bits), bits(digits))
            exponent = builder.add(exponent, bits((bias + lift) << digits))
            return builder.bitcast(exponent, args[0].type)

        return sum(sum), generate

    return power


ROUNDING = 1.5 * 2**23, 1.5 * 2**52
PER_LN2 = 1.4426950408889634
LN2_HIGH = 0.693359375, 6.93147180369123816490e-01
LN2_LOW = -2.12194440e-4, 1.90821492927058770002e-10
EXP_IS_ZERO = -110.0, -760.0
LIFT = 64, 512
EXP_BEYOND_LINEAR = [1 / factorial(k) for k in range(2, 8)], [1 / factorial(k) for k in range(2, 14)]
"""Constants of e^x for float32 and float64."""

zero = constant(0.0, 0.0)
one = constant(1.0, 1.0)
_two = constant(2.0, 2.0)
_rounding = constant(*ROUNDING)
_per_ln2 = constant(PER_LN2, PER_LN2)
_ln2_high = constant(*LN2_HIGH)
_ln2_low = constant(*LN2_LOW)
_exp_is_zero = constant(*EXP_IS_ZERO)
_exp_is_no_more = constant(-30.0, -60.0)  # in e^x − 1
_lifted_power = _power_of_two(*LIFT)
_plain_power = _power_of_two(0, 0)
_unlift = constant(2.0 ** -LIFT[0], 2.0 ** -LIFT[1])
_exp_beyond_linear = _polynomial(*EXP_BEYOND_LINEAR)
_near_zero = constant(0.5, 0.5)
_density_is_zero = constant(15.0, 39.0)
_minus_half_per_ln2 = constant(-PER_LN2 / 2, -PER_LN2 / 2)
_two_ln2_high = constant(*(2 * part for part in LN2_HIGH))
_two_ln2_low = constant(*(2 * part for part in LN2_LOW))
_exp_of_minus_half = _polynomial(  # float32 has one term less than in Taylor's
    Chebyshev.interpolate(lambda x: np.exp(-x / 2), 6, [-0.7, 0.7]).convert(kind=Polynomial).coef.tolist(),
    [(-0.5) ** k / factorial(k) for k in range(14)],
)
_bell = constant(*(2.0**-lift / sqrt(2 * pi) for lift in LIFT))
_root_two = constant(sqrt(2), sqrt(2))
_MILLS_ABOVE = [
    1.2533141448194773, 1.0991497121066653, 0.45967865189746066, 0.10197938801966515, 0.010336948582231515,
], [
    1.2533141373155001, 1.9416987924609672, 1.4881526845941424, 0.7246067343956317, 0.24460777451038024,
    0.05912467662506684, 0.010231723711179457, 0.0012265975516131532, 9.31377054363935e-05, 3.4625600760790863e-06,
]  # fmt: skip
_MILLS_BELOW = [
    1.0, 1.6748795717312337, 1.2031262064980417, 0.4698669652587418, 0.10198576644079345, 0.010336830526107023,
], [
    1.0, 2.347136049037028, 2.560117666785801, 1.713224381940256, 0.7813130887852168, 0.25465321090794507,
    0.06034434949009824, 0.010324861405172192, 0.0012300601118939555, 9.313770543419e-05, 3.4625600760897856e-06,
]  # fmt: skip
"""Coefficients of the two polynomials for float32 and float64."""
_mills_above, _mills_below = _polynomial(*_MILLS_ABOVE), _polynomial(*_MILLS_BELOW)
_erf_by_x = _polynomial(*([2 / sqrt(pi) * (-1) ** k / (factorial(k) * (2 * k + 1)) for k in range(n)] for n in (7, 13)))
_artanh_beyond_linear = _polynomial([1 / k for k in range(3, 18, 2)], [1 / k for k in range(3, 36, 2)])


@compiled
def _reduced(x):  # type: ignore[no-untyped-def]
    """(r, `_rounding` + n) of x = n · ln 2 + r"""
    sum = x * _per_ln2(x) + _rounding(x)
    n = sum - _rounding(x)
    return x - n * _ln2_high(x) - n * _ln2_low(x), sum


@compiled
def exp(x):  # type: ignore[no-untyped-def]
    """e^x for x ≤ 0"""
    x = _exp_is_zero(x) if x < _exp_is_zero(x) else x
    r, sum = _reduced(x)
    return (one(x) + (r + r * r * _exp_beyond_linear(r))) * _lifted_power(sum) * _unlift(x)


@compiled
def expm1(x):  # type: ignore[no-untyped-def]
    """e^x − 1 for x ≤ 0"""
    x = _exp_is_no_more(x) if x < _exp_is_no_more(x) else x
    r, sum = _reduced(x)
    power = _plain_power(sum)
    return power * (r + r * r * _exp_beyond_linear(r)) + (power - one(x))


@compiled
def log1p(x):  # type: ignore[no-untyped-def]
    """log(1 + x) for 0 ≤ x ≤ 1"""
    s = x / (_two(x) + x)
    square = s * s
    return _two(x) * (s + s * square * _artanh_beyond_linear(square))


@compiled
def bounded(x):  # type: ignore[no-untyped-def]
    """|x|, or a smaller number whose density is 0, too; NaN stays NaN"""
    size = abs(x)
    return _density_is_zero(x) if size > _density_is_zero(x) else size


@compiled
def density(x):  # type: ignore[no-untyped-def]
    """Φ'(x) = e^(−x²/2) / √2π for a bounded x: as `exp`, with all constants multiplied by what is around it"""
    square = x * x
    sum = square * _minus_half_per_ln2(x) + _rounding(x)
    n = sum - _rounding(x)
    rest = square + n * _two_ln2_high(x) + n * _two_ln2_low(x)
    return _exp_of_minus_half(rest) * _lifted_power(sum) * _bell(x)


@compiled(inline=True)
def mills(x):  # type: ignore[no-untyped-def]
    """(1 − Φ(x)) / Φ'(x) for a bounded x ≥ 0"""
    return _mills_above(x) / _mills_below(x)


@compiled(inline=True)
def erf(x):  # type: ignore[no-untyped-def]
    """2/√π · ∫ e^(−t²) dt from 0 to x"""
    size = abs(x)
    scaled = bounded(_root_two(x) * size)
    far = one(x) - _two(x) * density(scaled) * mills(scaled)
    near = size if size < _near_zero(x) else _near_zero(x)
    near = x * _erf_by_x(near * near)
    return near if size < _near_zero(x) else far if x > zero(x) else -far


_constants = {name: constant(value, value) for name, value in CONSTANTS.items()}
formulas = instantiate(
    compiled(inline=True),
    **_constants,
    exp=exp,
    expm1=expm1,
    log1p=log1p,
    bounded=bounded,
    density=density,
    mills=mills,
)
"""The formulas of the kernels, compiled."""
