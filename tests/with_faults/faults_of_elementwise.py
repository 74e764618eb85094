"""Faults of element-wise functions: choices, powers, remainders, the error function and activations made with it."""

from fault import Fault

FAULTS = [
    Fault(
        "where: the gradients go to the wrong sides",
        "Where.backward",
        "Where(self.mask)(gy, zero)",
        "Where(self.mask)(zero, gy)",
        "test_gradients.py -k where-same",
    ),
    Fault(
        "where: a product with the mask, which makes NaN of infinity",
        "Where.backward",
        "Where(self.mask)(gy, zero)",
        "gy * Tensor.wrap(self.mask.astype(gy.dtype))",
        "test_selection.py -k no_influence",
    ),
    Fault(
        "maximum: 0 · ∞ for the number that is not taken",
        "Share.forward",
        "self.share * array_module(x).where(self.share == 0, 0, x)",
        "self.share * x",
        "test_selection.py -k no_part",
    ),
    Fault(
        "clip: no gradient at the bounds",
        "Clip.backward",
        "(x >= self.low) & (x <= self.high)",
        "(x > self.low) & (x < self.high)",
        "test_selection.py -k beyond",
    ),
    Fault(
        "pow: 0 · ∞ at a base of 0",
        "_one_where",
        "where(mask, 1, x) if mask.any() else x",
        "x",
        "test_selection.py -k powers",
    ),
    Fault(
        "remainder: the sign of the dividend",
        "Remainder.forward",
        "array_module(a).remainder(a, b)",
        "array_module(a).fmod(a, b)",
        "test_selection.py -k divisor",
    ),
    Fault(
        "floor_divide: rounded towards 0",
        "FloorDivide.forward",
        "array_module(a).floor_divide(a, b)",
        "array_module(a).trunc(a / b)",
        "test_selection.py -k rounded_down",
    ),
    Fault(
        "prelu: 0 · ∞ in the gradient of the slope",
        "PReLU.backward",
        "where(positive, 0, x) * where(positive, 0, gy)",
        "x * where(positive, 0, gy)",
        "test_selection.py -k prelu",
    ),
    Fault(
        "gelu: the recorded formula has the wrong density",
        "GELU.backward",
        "math.sqrt(2 * math.pi)",
        "math.sqrt(math.pi)",
        "test_gradients.py -k gelu-exact",
    ),
    Fault(
        "gelu: digits of small values are lost in 1 + erf",
        "reference.activation:_normal_cdf",
        "xp.where(x > 0, 1 - tail, tail)",
        "xp.where(x > 0, 1 - tail, 1 - (1 - tail))",
        "test_cpu_elementwise.py -k tiny",
    ),
    Fault(
        "gelu: infinite numbers are not bounded, so ∞ / ∞ is NaN",
        "exponentials:bounded",
        "_density_is_zero(x) if size > _density_is_zero(x) else size",
        "size",
        "test_cpu_elementwise.py -k nan_and_infinity",
    ),
    Fault(
        "erf: one term too few near 0",
        "exponentials:_erf_by_x",
        "for n in (7, 13)",
        "for n in (5, 10)",
        "test_cpu_elementwise.py -k error_function",
    ),
    Fault(
        "erf: one of the coefficients of Mills' ratio is wrong",
        "exponentials:_MILLS_BELOW",
        "0.010324861405172192",
        "0.010324863405172192",
        "test_cpu_elementwise.py -k error_function",
    ),
]
