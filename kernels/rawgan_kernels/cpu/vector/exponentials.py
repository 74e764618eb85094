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

**Mills' ratio** (1 − Φ(x)) / Φ'(x) of the normal distribution, for x ≥ 0, is f(t) / (x + k), where t = (x − k) / (x + k)
takes all x ≥ 0 to −1 ≤ t ≤ 1, and f is smooth: a short sum of Chebyshev's polynomials, with the k of Shepherd and
Laframboise 1981. It is summed up in even and odd powers, side by side: one chain of so many terms, each of which waits
for the last, would take longer than all else.

**erf x** = 2/√π · (x − x³/3 + x⁵/(2!·5) − …) near 0, else 1 − √(2/π) · e^(−x²) · (Mills' ratio of √2 · x).
"""

from collections.abc import Sequence
from math import factorial, pi, sqrt
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.polynomial.chebyshev import cheb2poly

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.formulas import CONSTANTS, instantiate


def _constant(single: float, double: float) -> Any:
    """A function of a number that returns a constant in its dtype. (A plain 0.5 would turn float32 into float64.)"""

    @intrinsic
    def constant(typing: Any, x: Any) -> Any:
        value = single if x is types.float32 else double
        return x(x), lambda context, builder, signature, args: context.get_constant(x, value)

    return constant


def _polynomial(single: Sequence[float], double: Sequence[float], parts: int = 1) -> Any:
    """c[0] + c[1] · x + c[2] · x² + …, by Horner's rule, with as many terms as the dtype needs.

    With two parts, even and odd powers are summed up side by side.
    """

    @intrinsic
    def polynomial(typing: Any, x: Any) -> Any:
        coefficients = single if x is types.float32 else double

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def horner(coefficients: Sequence[float], by: Any) -> Any:
                *rest, total = [context.get_constant(x, c) for c in coefficients]
                for c in reversed(rest):
                    total = builder.fadd(builder.fmul(total, by), c)
                return total

            by = args[0] if parts == 1 else builder.fmul(args[0], args[0])
            sums = [horner(coefficients[part::parts], by) for part in range(parts)]
            return sums[0] if parts == 1 else builder.fadd(builder.fmul(sums[1], args[0]), sums[0])

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

zero = _constant(0.0, 0.0)
_one = _constant(1.0, 1.0)
_two = _constant(2.0, 2.0)
_rounding = _constant(*ROUNDING)
_per_ln2 = _constant(PER_LN2, PER_LN2)
_ln2_high = _constant(*LN2_HIGH)
_ln2_low = _constant(*LN2_LOW)
_exp_is_zero = _constant(*EXP_IS_ZERO)
_exp_is_no_more = _constant(-30.0, -60.0)  # in e^x − 1
_lifted_power = _power_of_two(*LIFT)
_plain_power = _power_of_two(0, 0)
_unlift = _constant(2.0 ** -LIFT[0], 2.0 ** -LIFT[1])
_exp_beyond_linear = _polynomial(*EXP_BEYOND_LINEAR)
_near_zero = _constant(0.5, 0.5)
_density_is_zero = _constant(40.0, 40.0)
_middle = _constant(3.75 * sqrt(2), 3.75 * sqrt(2))
_root_two = _constant(sqrt(2), sqrt(2))
_root_two_by_pi = _constant(sqrt(2 / pi), sqrt(2 / pi))
_CHEBYSHEV = [
    1.5802719754089016, -1.4155291636062, 0.5310168126584589, -0.16770511573096467, 0.044234890018352999,
    -0.009506139167741073, 0.0015696224296742666, -0.00016786612621687459, 1.9716770294253339e-06,
    3.0869716206574232e-06, -4.9369206943780206e-07, -9.5347314665969905e-09, 1.3558265983492729e-08,
    -1.0830423386818938e-09, -2.9040184105173024e-10, 5.3077874779184123e-11, 5.7807453010944493e-12,
    -1.9937853144156819e-12, -1.1724828156626574e-13, 7.2427724258198522e-14, 2.8807292328713077e-15,
    -2.7047403683202759e-15, -1.0963030130900087e-16, 1.0501564927720586e-16,
]  # fmt: skip
"""Coefficients of f(t) / √π, with x = k · (1 + t) / (1 − t)."""
_scaled_mills = _polynomial(*((sqrt(pi) * cheb2poly(_CHEBYSHEV[:n])).tolist() for n in (11, 24)), parts=2)
_erf_by_x = _polynomial(
    *([2 / sqrt(pi) * (-1) ** k / (factorial(k) * (2 * k + 1)) for k in range(n)] for n in (7, 13)), parts=2
)
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
    return (_one(x) + (r + r * r * _exp_beyond_linear(r))) * _lifted_power(sum) * _unlift(x)


@compiled
def expm1(x):  # type: ignore[no-untyped-def]
    """e^x − 1 for x ≤ 0"""
    x = _exp_is_no_more(x) if x < _exp_is_no_more(x) else x
    r, sum = _reduced(x)
    power = _plain_power(sum)
    return power * (r + r * r * _exp_beyond_linear(r)) + (power - _one(x))


@compiled
def log1p(x):  # type: ignore[no-untyped-def]
    """log(1 + x) for 0 ≤ x ≤ 1"""
    s = x / (_two(x) + x)
    square = s * s
    return _two(x) * (s + s * square * _artanh_beyond_linear(square))


@compiled(inline=True)
def mills(x):  # type: ignore[no-untyped-def]
    """(1 − Φ(x)) / Φ'(x) for x ≥ 0; where Φ'(x) is 0, any finite number"""
    x = _density_is_zero(x) if x > _density_is_zero(x) else x
    inverse = _one(x) / (x + _middle(x))
    return _scaled_mills((x - _middle(x)) * inverse) * inverse


@compiled(inline=True)
def erf(x):  # type: ignore[no-untyped-def]
    """2/√π · ∫ e^(−t²) dt from 0 to x"""
    size = abs(x)
    far = _one(x) - _root_two_by_pi(x) * exp(-(size * size)) * mills(_root_two(x) * size)
    near = size if size < _near_zero(x) else _near_zero(x)
    near = x * _erf_by_x(near * near)
    return near if size < _near_zero(x) else far if x > zero(x) else -far


_constants = {name: _constant(value, value) for name, value in CONSTANTS.items()}
formulas = instantiate(compiled(inline=True), **_constants, exp=exp, expm1=expm1, log1p=log1p, mills=mills)
"""The formulas of the kernels, compiled."""
