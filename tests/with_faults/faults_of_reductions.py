"""Faults of softmax and of reductions."""

from fault import Fault

FAULTS = [
    Fault(
        "softmax: the gradient forgets that the sum depends on x",
        "Softmax.backward",
        "y * (gy - sum(y * gy, self.axes, keepdims=True))",
        "y * gy",
        "test_gradients.py -k softmax-last-axis",
    ),
    Fault(
        "softmax: axes come back in another order",
        "softmax:_back",
        "key=order.__getitem__",
        "key=order.index",
        "test_gradients.py -k softmax-an-axis-in-front",
    ),
    Fault(
        "log_softmax: the sum is computed without the largest number taken out",
        "reference.softmax:_shifted",
        "x - x.max(axis=-1, keepdims=True) if x.size else x",
        "x",
        "test_softmax.py -k large_numbers and reference and float32",
    ),
    Fault(
        "logsumexp: ∞ − ∞ where a row has infinity",
        "reference.softmax:logsumexp",
        "xp.where(xp.isfinite(largest), largest, 0)",
        "largest",
        "test_softmax_kernels.py -k stay_in_their_row and reference",
    ),
    Fault(
        "logsumexp on the CPU: infinity hides NaN",
        "cpu.softmax:_logarithm",
        "if x[i] != x[i]:",
        "if False:",
        "test_softmax_kernels.py -k stay_in_their_row and cpu",
    ),
    Fault(
        "short rows: the rest of a row is read from its start",
        "_Row.if_left",
        "self.builder.and_(self.length, I64(-2 * lanes))",
        "I64(0)",
        "test_softmax_kernels.py -k any_length and cpu and shape1",
    ),
    Fault(
        "softmax on the GPU: lanes add the numbers of other rows",
        "cuda.softmax:exponentials_of_row",
        "x[index(first + index(at))]",
        "x[index(at)]",
        "test_softmax_kernels.py -k any_length and cuda and shape1 and logsumexp",
    ),
    Fault(
        "var: the mean is a constant to the gradient",
        "Var.backward",
        "x - mean(x, self.axes, keepdims=True)",
        "x",
        "test_gradients.py -k var-everything",
    ),
    Fault(
        "var: the divisor ignores the correction",
        "statistics:_var",
        "Var(axes, keepdims, float(correction))",
        "Var(axes, keepdims, 0.0)",
        "test_statistics.py -k correction_is_taken",
    ),
    Fault(
        "std: an infinite slope where all elements are equal",
        "statistics:root",
        "where(none, 0, sqrt(where(none, 1, x))) if none.any() else sqrt(x)",
        "sqrt(x)",
        "test_statistics.py -k no_slope",
    ),
    Fault(
        "norm: 0 / 0 as the slope at 0",
        "Norm.backward",
        "where(none, 0, x / where(none, 1, y))",
        "x / y",
        "test_distance.py -k slope_of_a_norm and 2",
    ),
    Fault(
        "norm: powers of float32 numbers are added up in float32",
        "Norm.forward",
        "array_module(x).abs(x).astype(np.float64)",
        "array_module(x).abs(x)",
        "test_distance.py -k overflow",
    ),
]
