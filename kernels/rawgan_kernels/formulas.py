"""Formulas for one number, written once for the compiled kernels of the CPU and of the GPU.

`instantiate` compiles them and fills in what differs: the compiler, the exponentials (on the CPU,
`cpu.vector.exponentials`), and constants in the dtype of x. (A plain 0.5 would turn float32 into float64.)

    zero(x), one(x), two(x)     0, 1, 2
    half(x), root_half(x)       ½, √½
    bell(x), far(x)             1 / √2π, the density of a standard normal number at 0, and a number where it is 0
    exp(x), expm1(x)            e^x and e^x − 1 for x ≤ 0
    log1p(x)                    log(1 + x) for 0 ≤ x ≤ 1
    erfcx(x)                    e^(x²) · (1 − erf x) for x ≥ 0

It can fill in formulas, too, where a device has faster ones.
"""

import math
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

zero: Any = None
one: Any = None
two: Any = None
half: Any = None
root_half: Any = None
bell: Any = None
far: Any = None
exp: Any = None
expm1: Any = None
log1p: Any = None
erfcx: Any = None


CONSTANTS = {
    "zero": 0.0, "one": 1.0, "two": 2.0, "half": 0.5, "root_half": math.sqrt(0.5), "bell": 1 / math.sqrt(2 * math.pi),
    "far": 40.0,
}  # fmt: skip


def instantiate(compile_: Callable[[Any], Any], **names: Any) -> Any:
    """An object with the formulas below as attributes, each compiled, with `names` filled in.

    >>> import math
    >>> numbers = dict(zero=lambda x: 0.0, one=lambda x: 1.0, two=lambda x: 2.0)
    >>> plain = instantiate(lambda function: function, exp=math.exp, **numbers)
    >>> plain.sigmoid(0.0)
    0.5
    """
    filled = ModuleType("formulas")  # Numba looks up constants in modules, but not in other objects
    for formula in _FORMULAS:
        if formula.__name__ in names:
            continue
        inside = {**vars(filled), **names, "__builtins__": __builtins__, "__name__": __name__}
        function = FunctionType(formula.__code__, inside, formula.__name__)
        function.__doc__, function.__module__ = formula.__doc__, formula.__module__
        setattr(filled, formula.__name__, compile_(function))
    return filled


def positive(x):  # type: ignore[no-untyped-def]
    """max(x, 0), and 0 for NaN"""
    return x if x > zero(x) else zero(x)


def leaky_relu(x, slope):  # type: ignore[no-untyped-def]
    """x where x > 0, slope · x elsewhere; NaN stays, and without a slope −∞ gives 0 and not 0 · ∞"""
    low = x * slope if slope != zero(x) else zero(x)
    return low if x <= zero(x) else x


def leaky_relu_grad(y, gy, slope):  # type: ignore[no-untyped-def]
    """gy where y > 0, slope · gy elsewhere: without a slope 0, whatever gy is"""
    low = gy * slope if slope != zero(y) else zero(y)
    return gy if y > zero(y) else low


def tanh(x):  # type: ignore[no-untyped-def]
    """With u = e^(−2|x|) − 1: tanh |x| = −u / (2 + u). Near 0, u is right to its last digits, so the quotient is."""
    u = expm1(-two(x) * abs(x))
    y = u / (two(x) + u)
    return -y if x > zero(x) else y


def tanh_grad(y, gy):  # type: ignore[no-untyped-def]
    """gy · (1 − y²), without the loss of digits where y² is nearly 1"""
    return gy * ((one(y) - y) * (one(y) + y))


def sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + e) or e / (1 + e), with e = e^−|x|"""
    e = exp(-abs(x))
    return (one(x) if x >= zero(x) else e) / (one(x) + e)


def softplus(x):  # type: ignore[no-untyped-def]
    """max(x, 0) + log(1 + e^−|x|)"""
    return positive(x) + log1p(exp(-abs(x)))


def silu(x):  # type: ignore[no-untyped-def]
    """x · σ(x)"""
    return x * sigmoid(x)


def silu_grad(x, gy):  # type: ignore[no-untyped-def]
    """gy · σ(x) · (1 + x · σ(−x))"""
    return gy * (sigmoid(x) * (one(x) + x * sigmoid(-x)))


def elu(x, alpha):  # type: ignore[no-untyped-def]
    """x where x > 0, alpha · (e^x − 1) elsewhere"""
    low = expm1(zero(x) if x > zero(x) else x)
    return x if x > zero(x) else alpha * low


def bounded(x):  # type: ignore[no-untyped-def]
    """|x|, or a smaller number whose density is 0, too; NaN may be any number"""
    size = abs(x)
    return size if size < far(x) else far(x)


def density(x):  # type: ignore[no-untyped-def]
    """Φ'(x) = e^(−x²/2) / √2π of a standard normal number, for a bounded x"""
    return bell(x) * exp(-half(x) * (x * x))


def mills(x):  # type: ignore[no-untyped-def]
    """Mills' ratio (1 − Φ(x)) / Φ'(x), for a bounded x ≥ 0"""
    return erfcx(root_half(x) * x) / (two(x) * bell(x))


def gelu(x):  # type: ignore[no-untyped-def]
    """x · Φ(x): from the tail Φ(−|x|), so that it is right to its last digits however small it is"""
    size = bounded(x)
    tail = density(size) * mills(size)
    return x * (one(x) - tail if x > zero(x) else tail)


def gelu_grad(x, gy):  # type: ignore[no-untyped-def]
    """gy · (Φ(x) + x · Φ'(x))"""
    size = bounded(x)
    of_x = density(size)
    tail = of_x * mills(size)
    return gy * ((one(x) - tail if x > zero(x) else tail) + x * of_x)


def bce_with_logits(x, t):  # type: ignore[no-untyped-def]
    """t · max(−x, 0) + (1 − t) · max(x, 0) + log(1 + e^−|x|)"""
    return t * positive(-x) + (one(x) - t) * positive(x) + log1p(exp(-abs(x)))


def bce_with_logits_grad(x, t, gy):  # type: ignore[no-untyped-def]
    """σ(x) and σ(−x) are 1 / (1 + e) and e / (1 + e), or the other way round, with e = e^−|x|"""
    e = exp(-abs(x))
    of_x = one(x) if x >= zero(x) else e
    of_minus_x = e if x >= zero(x) else one(x)
    return gy * (((one(x) - t) * of_x - t * of_minus_x) / (one(x) + e))


_FORMULAS = tuple(
    each for each in list(globals().values()) if isinstance(each, FunctionType) and each is not instantiate
)
"""Every formula of this file, in the order of definition: a later one may use an earlier one."""
