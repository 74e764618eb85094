"""The table of faults that `test_planted_faults.py` plants: what an author of this code might get wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fragment of the code, and what it would be if it were wrong."""

    name: str
    file: str
    old: str
    """Stands exactly once in the file."""
    new: str
    caught_by: str
    """Arguments of pytest, "FILE -k WORDS": the tests of which one must fail, few and fast."""


ARITHMETIC = [
    Fault(
        "sub: wrong sign of the second gradient",
        "rawgan/ops/arithmetic.py",
        "neg(gy) if self.needs[1]",
        "gy if self.needs[1]",
        "tests/test_gradients.py -k sub-same",
    ),
    Fault(
        "neg: the gradient keeps its sign",
        "rawgan/ops/arithmetic.py",
        "return (neg(gy),)",
        "return (gy,)",
        "tests/test_gradients.py -k neg-any",
    ),
    Fault(
        "mul: each input gets the other's gradient",
        "rawgan/ops/arithmetic.py",
        "gy * b if self.needs[0] else None, gy * a if self.needs[1] else None",
        "gy * a if self.needs[0] else None, gy * b if self.needs[1] else None",
        "tests/test_gradients.py -k mul-same",
    ),
    Fault(
        "div: the second gradient forgets the numerator",
        "rawgan/ops/arithmetic.py",
        "-ga * (a / b)",
        "-ga / b",
        "tests/test_gradients.py -k div-same",
    ),
    Fault(
        "broadcasting: a missed un-broadcast",
        "rawgan/ops/arithmetic.py",
        "unbroadcast(g, shape) if g is not None else None",
        "g",
        "tests/test_gradients.py -k add-broadcasting",
    ),
    Fault(
        "broadcasting: the mean over the repetitions, not the sum",
        "rawgan/ops/reduce.py",
        "return reshape(sum(g, repeated, keepdims=True), shape)",
        "return reshape(mean(g, repeated, keepdims=True), shape)",
        "tests/test_gradients.py -k mul-broadcasting",
    ),
    Fault(
        "broadcasting: a bias summed over the wrong axes",
        "rawgan/ops/reduce.py",
        "    padded = (1,) * (g.ndim - len(shape)) + shape\n    repeated",
        "    padded = shape + (1,) * (g.ndim - len(shape))\n    repeated",
        "tests/test_gradients.py -k linear-bias",
    ),
    Fault(
        "pow: 0 · ∞ as the slope of x⁰ at 0",
        "rawgan/ops/arithmetic.py",
        "if self.exponent == 0:",
        "if self.exponent is None:",
        "tests/test_autograd.py -k zeroth_power",
    ),
    Fault(
        "exp: the result is a constant to the second derivative",
        "rawgan/ops/arithmetic.py",
        "gy * self.output,)",
        "gy * self.output.detach(),)",
        "tests/test_gradients.py -k exp-any",
    ),
    Fault(
        "sqrt: a factor of 2",
        "rawgan/ops/arithmetic.py",
        "gy / (2 * self.output)",
        "gy / self.output",
        "tests/test_gradients.py -k sqrt",
    ),
    Fault(
        "maximum: > for ≥, so that of equals the first takes all",
        "rawgan/ops/arithmetic.py",
        "(a > b) + (a == b) * gy.dtype.type(0.5)",
        "(a >= b) * gy.dtype.type(1)",
        "tests/test_gradients.py -k kinks",
    ),
    Fault(
        "maximum: a number is larger than what is none",
        "rawgan/ops/arithmetic.py",
        "array_module(a).maximum(a, b)",
        "array_module(a).fmax(a, b)",
        "tests/test_autograd.py -k not_a_number",
    ),
    Fault(
        "abs: a slope of 1 at 0",
        "rawgan/ops/arithmetic.py",
        "gy * Tensor(array_module(x.data).sign(x.data))",
        "gy * Tensor((x.data >= 0) * gy.dtype.type(2) - gy.dtype.type(1))",
        "tests/test_gradients.py -k kinks",
    ),
    Fault(
        "astype: the gradient keeps the result's dtype",
        "rawgan/ops/arithmetic.py",
        "return (astype(gy, self.original),)",
        "return (gy,)",
        "tests/test_gradients.py -k conversion",
    ),
    Fault(
        "arguments: a number becomes float64 beside float32",
        "rawgan/ops/_arguments.py",
        "xp.full((), float(value), reference.dtype)",
        "xp.full((), float(value))",
        "tests/test_gradients.py -k mul-by-a-Python",
    ),
]

REDUCTIONS_AND_SHAPES = [
    Fault(
        "mean: divided by the size of the input",
        "rawgan/ops/reduce.py",
        'Sum(axes, keepdims)(x) / _count("mean", x, axes)',
        "Sum(axes, keepdims)(x) / x.size",
        "tests/test_autograd.py -k powers_by_operator",
    ),
    Fault(
        "max: equal elements get the whole gradient each",
        "rawgan/ops/reduce.py",
        "largest.astype(x.dtype) / array_module(x.data).maximum(largest.sum(axis=self.axes, keepdims=True), 1)",
        "largest",
        "tests/test_gradients.py -k kinks",
    ),
    Fault(
        "max: 0 / 0 where no element is the largest",
        "rawgan/ops/reduce.py",
        "array_module(x.data).maximum(largest.sum(axis=self.axes, keepdims=True), 1)",
        "largest.sum(axis=self.axes, keepdims=True)",
        "tests/test_autograd.py -k not_a_number",
    ),
    Fault(
        "transpose: the axes are not put back but moved on",
        "rawgan/ops/shape.py",
        "np.argsort(self.axes)",
        "self.axes",
        "tests/test_gradients.py -k transpose-a-cycle",
    ),
    Fault(
        "reshape: elements in the order of memory",
        "rawgan/ops/shape.py",
        "return x.reshape(self.shape)",
        'return x.ravel(order="K").reshape(self.shape)',
        "tests/test_gradients.py -k reshape-free",
    ),
    Fault(
        "take: a row taken twice gets one gradient",
        "rawgan/ops/shape.py",
        "xp.add.at(y, self.indices, x)",
        "y[self.indices] = x",
        "tests/test_gradients.py -k take-a-row",
    ),
    Fault(
        "concatenate: parts shift where an input wants no gradient",
        "rawgan/ops/shape.py",
        "            start = stop",
        "            start = stop if needed else start",
        "tests/test_gradients.py -k concatenate-first",
    ),
    Fault(
        "pad: the border is on the other side",
        "rawgan/ops/shape.py",
        "tuple(slice(before, before + n) for n, (before, _) in zip(shape, self.widths, strict=True))",
        "tuple(slice(after, after + n) for n, (_, after) in zip(shape, self.widths, strict=True))",
        "tests/test_nn.py -k by_hand",
    ),
    Fault(
        "matmul: all axes are reversed, not the last two",
        "rawgan/ops/linear.py",
        "transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))",
        "transpose(x)",
        "tests/test_gradients.py -k matmul-many",
    ),
    Fault(
        "linear: the bias is forgotten",
        "rawgan/ops/linear.py",
        "return add(matmul(x, w), b)",
        "return matmul(x, w)",
        "tests/test_nn.py -k bias_is_added",
    ),
]

ACTIVATIONS_AND_LOSSES = [
    Fault(
        "leaky_relu: ≥ for > at the kink",
        "kernels/rawgan_kernels/reference/activation.py",
        "factor = (y > 0)",
        "factor = (y >= 0)",
        "tests/test_gradients.py -k kinks",
    ),
    Fault(
        "leaky_relu: a gradient of float64",
        "kernels/rawgan_kernels/reference/activation.py",
        "(y > 0).astype(y.dtype)",
        "(y > 0).astype(float)",
        "tests/test_kernels.py -k keep_float32",
    ),
    Fault(
        "leaky_relu: 0 · −∞ without a slope",
        "kernels/rawgan_kernels/reference/activation.py",
        "xp.maximum(x, x * slope) if slope else xp.maximum(x, 0)",
        "xp.maximum(x, x * slope)",
        "tests/test_kernels.py -k infinity",
    ),
    Fault(
        "leaky_relu: the second derivative has no slope",
        "rawgan/ops/activation.py",
        "LeakyReLUGrad(self.slope)(x, ggx) if",
        "ggx if",
        "tests/test_gradients.py -k leaky_relu-default",
    ),
    Fault(
        "tanh: 1 − y for 1 − y²",
        "rawgan/ops/activation.py",
        "1 - y * y",
        "1 - y",
        "tests/test_gradients.py -k tanh",
    ),
    Fault(
        "sigmoid: overflows",
        "kernels/rawgan_kernels/reference/activation.py",
        "xp.where(x >= 0, 1, e) / (1 + e)",
        "1 / (1 + xp.exp(-x))",
        "tests/test_kernels.py -k sigmoid",
    ),
    Fault(
        "sigmoid: y · (1 − y) loses the gradient of a sure logit",
        "rawgan/ops/activation.py",
        "gy * self.output * sigmoid(-x)",
        "gy * self.output * (1 - self.output)",
        "tests/test_losses.py -k curvature",
    ),
    Fault(
        "bce: probabilities are clipped before the logarithm",
        "kernels/rawgan_kernels/reference/activation.py",
        "return t * xp.maximum(-x, 0) + (1 - t) * xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))",
        "p = sigmoid(x).clip(1e-7, 1 - 1e-7)\n    return -t * xp.log(p) - (1 - t) * xp.log(1 - p)",
        "tests/test_kernels.py -k cross_entropy",
    ),
    Fault(
        "bce: x − x·t cancels",
        "kernels/rawgan_kernels/reference/activation.py",
        "t * xp.maximum(-x, 0) + (1 - t) * xp.maximum(x, 0)",
        "xp.maximum(x, 0) - x * t",
        "tests/test_kernels.py -k cross_entropy",
    ),
    Fault(
        "bce: the target's sides are swapped",
        "kernels/rawgan_kernels/reference/activation.py",
        "t * xp.maximum(-x, 0) + (1 - t) * xp.maximum(x, 0)",
        "(1 - t) * xp.maximum(-x, 0) + t * xp.maximum(x, 0)",
        "tests/test_kernels.py -k cross_entropy",
    ),
    Fault(
        "bce: σ(x) − t cancels in the gradient",
        "rawgan/ops/loss.py",
        "(1 - t) * sigmoid(x) - t * sigmoid(-x)",
        "sigmoid(x) - t",
        "tests/test_losses.py -k bce",
    ),
    Fault(
        "bce: the target gets no gradient",
        "rawgan/ops/loss.py",
        "return gx, -gy * x if self.needs[1] else None",
        "return gx, None",
        "tests/test_gradients.py -k bce_with_logits-mean",
    ),
    Fault(
        "softmax: overflows",
        "rawgan/ops/loss.py",
        "x - Tensor(x.data.max(axis=1, keepdims=True))",
        "x * 1",
        "tests/test_losses.py -k large_logits",
    ),
    Fault(
        "softmax: the largest logit of all samples is subtracted",
        "rawgan/ops/loss.py",
        "x.data.max(axis=1, keepdims=True)",
        "x.data.max()",
        "tests/test_losses.py -k range_of_its_own",
    ),
    Fault(
        "softmax: samples for classes in the stride of the labels",
        "rawgan/ops/loss.py",
        "xp.arange(len(labels)) * classes + labels",
        "(xp.arange(len(labels)) * len(labels) + labels) % x.size",
        "tests/test_losses.py -k by_hand",
    ),
    Fault(
        "mse: one of two factors is a constant",
        "rawgan/ops/loss.py",
        "difference * difference",
        "difference * difference.detach()",
        "tests/test_gradients.py -k mse-mean",
    ),
    Fault(
        "dropout: what is kept is not scaled",
        "rawgan/ops/dropout.py",
        ">= rate) / (1 - rate)",
        ">= rate) / 1",
        "tests/test_nn.py -k dropout",
    ),
]

CONVOLUTIONS = [
    Fault(
        "conv2d: flipped kernel",
        "kernels/rawgan_kernels/reference/conv.py",
        "return w.reshape(a * b * c, groups, k // groups)",
        "return w[::-1, ::-1].reshape(a * b * c, groups, k // groups)",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d: swapped strides",
        "kernels/rawgan_kernels/reference/conv.py",
        "views[:, ::s, ::t, :, ::d, ::e]",
        "views[:, ::t, ::s, :, ::d, ::e]",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d: padding off by one",
        "kernels/rawgan_kernels/reference/conv.py",
        "slice(top, top + h)",
        "slice(max(top - 1, 0), max(top - 1, 0) + h)",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d: bottom padding on top",
        "kernels/rawgan_kernels/reference/conv.py",
        "((top, _), (left, _)) = window.size, window.padding",
        "((_, top), (_, left)) = window.size, window.padding",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d: channels dealt out to the groups in turn",
        "kernels/rawgan_kernels/reference/conv.py",
        "windows.reshape(n, i, j, a, b, g, c // g).transpose(5, 0, 1, 2, 3, 4, 6)",
        "windows.reshape(n, i, j, a, b, c // g, g).transpose(6, 0, 1, 2, 3, 4, 5)",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d_input_grad: windows that overlap overwrite",
        "kernels/rawgan_kernels/reference/conv.py",
        "padded[pixels] += seen",
        "padded[pixels] = seen",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d_input_grad: swapped dilations",
        "kernels/rawgan_kernels/reference/conv.py",
        "slice(b * e, b * e + (j - 1) * t + 1, t)",
        "slice(b * d, b * d + (j - 1) * t + 1, t)",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d_input_grad: outputs dealt out to the groups in turn",
        "kernels/rawgan_kernels/reference/conv.py",
        "w.reshape(*window.kernel, c, g, k // g).transpose(0, 1, 3, 4, 2)",
        "w.reshape(*window.kernel, c, k // g, g).transpose(0, 1, 4, 3, 2)",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "conv2d_input_grad: float64 from float32",
        "kernels/rawgan_kernels/reference/conv.py",
        "*_padded_size(window), g * c), gy.dtype)",
        "*_padded_size(window), g * c))",
        "tests/test_kernels.py -k keep_float32",
    ),
    Fault(
        "conv2d_weight_grad: the gradients of mirrored pixels",
        "kernels/rawgan_kernels/reference/conv.py",
        "gw = _window_matrix(x, window).transpose(0, 2, 1) @ gy_groups",
        "gw = _window_matrix(x, window).transpose(0, 2, 1) @ gy_groups[:, ::-1]",
        "tests/test_kernels.py -k triple",
    ),
    Fault(
        "windows: a dilated kernel reaches one pixel too far",
        "kernels/rawgan_kernels/window.py",
        "return dilation * (kernel - 1) + 1",
        "return dilation * kernel",
        "tests/test_kernels.py -k output_size",
    ),
    Fault(
        "windows: twice the first padding in transposed sizes",
        "kernels/rawgan_kernels/window.py",
        "(size - 1) * stride - sum(padding)",
        "(size - 1) * stride - 2 * padding[0]",
        "tests/test_kernels.py -k transposed_size",
    ),
    Fault(
        "windows: the odd pixel of same padding comes first",
        "kernels/rawgan_kernels/window.py",
        "return total // 2, total - total // 2",
        "return total - total // 2, total // 2",
        "tests/test_kernels.py -k same_padding",
    ),
    Fault(
        "conv2d: the second derivative forgets the upstream gradient",
        "rawgan/ops/conv.py",
        "ggy = Conv2d(self.window)(x, ggw) if self.needs[1] else None",
        "ggy = None",
        "tests/test_gradients.py -k conv2d-plain",
    ),
    Fault(
        "conv2d: the weights are a constant at order 3",
        "rawgan/ops/conv.py",
        "ggy = Conv2d(self.window)(ggx, w) if",
        "ggy = Conv2d(self.window)(ggx, w.detach()) if",
        "tests/test_gradients.py -k conv2d-plain",
    ),
    Fault(
        "conv2d: swapped strides in the op",
        "rawgan/ops/conv.py",
        "Window(size, kernel, stride, pads, dilation, groups)\n    for side",
        "Window(size, kernel, stride[::-1], pads, dilation, groups)\n    for side",
        "tests/test_nn.py -k options_of_convolutions",
    ),
    Fault(
        "conv2d: the bias is forgotten",
        "rawgan/ops/conv.py",
        '(x, w, *_checked_bias("conv2d", x, w, w.shape[3], b))',
        "(x, w)",
        "tests/test_nn.py -k bias_is_added",
    ),
    Fault(
        "conv_transpose2d: vertical padding on all sides",
        "rawgan/ops/conv.py",
        "return Window((size[0], size[1]), kernel, stride, pads, dilation, groups)",
        "return Window((size[0], size[1]), kernel, stride, (pads[0], pads[0]), dilation, groups)",
        "tests/test_gradients.py -k conv_transpose2d-asymmetric",
    ),
    Fault(
        "conv_transpose2d: vertical stride both ways in same size",
        "rawgan/ops/conv.py",
        "(output[0] * stride[0], output[1] * stride[1])",
        "(output[0] * stride[0], output[1] * stride[0])",
        "tests/test_nn.py -k options_of_convolutions",
    ),
    Fault(
        "conv_transpose2d: no dilation in same size",
        "rawgan/ops/conv.py",
        'stride, "same", dilation, groups)',
        'stride, "same", 1, groups)',
        "tests/test_nn.py -k options_of_convolutions",
    ),
]

IMAGES = [
    Fault(
        "pixel_shuffle: rows for columns",
        "rawgan/ops/image.py",
        "transpose(apart, (0, 1, 4, 2, 5, 3))",
        "transpose(apart, (0, 1, 5, 2, 4, 3))",
        "tests/test_nn.py -k by_hand",
    ),
    Fault(
        "upsample_nearest: the image is tiled",
        "rawgan/ops/image.py",
        "broadcast_to(reshape(x, (n, h, 1, w, 1, c)), (n, h, factor, w, factor, c))",
        "broadcast_to(reshape(x, (n, 1, h, 1, w, c)), (n, factor, h, factor, w, c))",
        "tests/test_nn.py -k by_hand",
    ),
    Fault(
        "upsample_bilinear: corners for centres",
        "rawgan/ops/image.py",
        "(np.arange(size * factor) + 0.5) / factor - 0.5",
        "np.arange(size * factor) / factor",
        "tests/test_nn.py -k by_hand",
    ),
    Fault(
        "avg_pool2d: divided by the square of the height",
        "rawgan/ops/image.py",
        "1 / (a * b)",
        "1 / (a * a)",
        "tests/test_nn.py -k by_hand",
    ),
    Fault(
        "avg_pool2d: images and channels change places",
        "rawgan/ops/image.py",
        "(n, c, *window.output)), (0, 2, 3, 1))",
        "(c, n, *window.output)), (1, 2, 3, 0))",
        "tests/test_nn.py -k mix",
    ),
    Fault(
        "max_pool2d: padding of zeros wins",
        "rawgan/ops/image.py",
        "(0, 0)), -np.inf)",
        "(0, 0)), 0.0)",
        "tests/test_nn.py -k by_hand",
    ),
    Fault(
        "max_pool2d: swapped strides",
        "rawgan/ops/image.py",
        "padded[None, :, p : p + (i - 1) * s + 1 : s, q : q + (j - 1) * t + 1 : t]",
        "padded[None, :, p : p + (i - 1) * t + 1 : t, q : q + (j - 1) * s + 1 : s]",
        "tests/test_nn.py -k by_hand",
    ),
]

NORMS = [
    Fault(
        "normalize: a zero gradient",
        "kernels/rawgan_kernels/reference/norm.py",
        "gx *= inv_std",
        "gx *= 0",
        "tests/test_gradients.py -k batch_norm-training",
    ),
    Fault(
        "normalize: a dropped term of the gradient",
        "kernels/rawgan_kernels/reference/norm.py",
        "gx -= _mean(gx, axes) + x_hat",
        "gx -= _mean(gx, axes)",
        "tests/test_kernels.py -k jacobian",
    ),
    Fault(
        "normalize: gamma's gradient is summed over the mean's axes",
        "kernels/rawgan_kernels/reference/norm.py",
        "shared = tuple(range(x.ndim - gamma.ndim))",
        "shared = axes",
        "tests/test_kernels.py -k jacobian",
    ),
    Fault(
        "normalize: unbiased for biased variance",
        "kernels/rawgan_kernels/reference/norm.py",
        "var = _mean(y * y, axes)",
        "var = _sum(y * y, axes) / (x.size // mean.size - 1)",
        "tests/test_kernels.py -k normalize_agrees",
    ),
    Fault(
        "normalize: eps is added to the standard deviation",
        "kernels/rawgan_kernels/reference/norm.py",
        "gamma * (1 / array_module(var).sqrt(var + eps))",
        "gamma * (1 / (array_module(var).sqrt(var) + eps))",
        "tests/test_kernels.py -k normalize_agrees",
    ),
    Fault(
        "normalize: E[x²] − E[x]² cancels in float32",
        "kernels/rawgan_kernels/reference/norm.py",
        "var = _mean(y * y, axes)",
        "var = _mean(x * x, axes) - mean * mean",
        "tests/test_kernels.py -k drift",
    ),
    Fault(
        "normalize: a running sum drifts in float32",
        "kernels/rawgan_kernels/reference/norm.py",
        "    for axis in sorted(axes, reverse=True):\n        x = x.sum(axis=axis, keepdims=True)\n    return x",
        "    return x.sum(axis=axes, keepdims=True)",
        "tests/test_kernels.py -k drift",
    ),
    Fault(
        "normalize: writes to its input",
        "kernels/rawgan_kernels/reference/norm.py",
        "    y = x - mean\n",
        "    y = x\n    y -= mean\n",
        "tests/test_kernels.py -k normalize_agrees",
    ),
    Fault(
        "normalize: writes to the upstream gradient",
        "kernels/rawgan_kernels/reference/norm.py",
        "    gx = gy * gamma\n",
        "    gx = gy\n    gx *= gamma\n",
        "tests/test_gradients.py -k batch_norm-training",
    ),
    Fault(
        "normalize: the standard deviation is a constant at order 2",
        "rawgan/ops/norm.py",
        "sqrt(mean(centred * centred, self.axes, keepdims=True) + self.eps)",
        "sqrt(mean(centred * centred, self.axes, keepdims=True) + self.eps).detach()",
        "tests/test_gradients.py -k batch_norm-training",
    ),
    Fault(
        "normalize: the mean is a constant at order 2",
        "rawgan/ops/norm.py",
        "centred = x - mean(x, self.axes, keepdims=True)",
        "centred = x - mean(x.detach(), self.axes, keepdims=True)",
        "tests/test_gradients.py -k batch_norm-training",
    ),
    Fault(
        "normalize: no eps in the recorded formula",
        "rawgan/ops/norm.py",
        "keepdims=True) + self.eps)",
        "keepdims=True))",
        "tests/test_gradients.py -k batch_norm-training",
    ),
    Fault(
        "normalize: gamma and beta swapped in the recorded formula",
        "rawgan/ops/norm.py",
        "unbroadcast(gy * x_hat, gamma.shape), unbroadcast(gy, gamma.shape)",
        "unbroadcast(gy, gamma.shape), unbroadcast(gy * x_hat, gamma.shape)",
        "tests/test_gradients.py -k layer_norm-last",
    ),
    Fault(
        "batch_norm: momentum on the wrong side",
        "rawgan/ops/norm.py",
        "running.data *= 1 - momentum\n    running.data += momentum * batch",
        "running.data *= momentum\n    running.data += (1 - momentum) * batch",
        "tests/test_nn.py -k running_statistics",
    ),
    Fault(
        "batch_norm: biased for unbiased running variance",
        "rawgan/ops/norm.py",
        "op.var * (count / (count - 1))",
        "op.var",
        "tests/test_nn.py -k running_statistics",
    ),
    Fault(
        "layer_norm: over all axes but the batch",
        "rawgan/ops/norm.py",
        "range(x.ndim - gamma.ndim, x.ndim)",
        "range(1, x.ndim)",
        "tests/test_nn.py -k own_axes",
    ),
]

AUTOGRAD = [
    Fault(
        "walk: a gradient accumulated twice",
        "rawgan/autograd.py",
        "flowing[node] + gx if node in flowing",
        "flowing[node] + gx + gx if node in flowing",
        "tests/test_autograd.py -k diamonds",
    ),
    Fault(
        "walk: the last gradient wins",
        "rawgan/autograd.py",
        "flowing[node] + gx if node in flowing else gx",
        "gx",
        "tests/test_autograd.py -k diamonds",
    ),
    Fault(
        "walk: ops in order of discovery",
        "rawgan/autograd.py",
        "    found = {y.op for y in outputs if y.op is not None}\n"
        "    pending = list(found)\n"
        "    while pending:\n"
        "        for x in pending.pop().recorded_inputs:\n"
        "            if x.op is not None and x.op not in found:\n"
        "                found.add(x.op)\n"
        "                pending.append(x.op)\n"
        '    return sorted(found, key=attrgetter("serial"))\n',
        "    found = [y.op for y in outputs if y.op is not None]\n"
        "    pending = list(found)\n"
        "    while pending:\n"
        "        for x in pending.pop().recorded_inputs:\n"
        "            if x.op is not None and x.op not in found:\n"
        "                found.append(x.op)\n"
        "                pending.append(x.op)\n"
        "    return found[::-1]\n",
        "tests/test_autograd.py -k diamonds",
    ),
    Fault(
        "walk: gradients for inputs that want none",
        "rawgan/autograd.py",
        "if needed and gx is not None:",
        "if gx is not None:",
        "tests/test_autograd.py -k needs_tells",
    ),
    Fault(
        "walk: gradients that nobody wants are computed",
        "rawgan/autograd.py",
        "required and (node in leading or (x.op is None if wanted is None else node in wanted))",
        "required",
        "tests/test_autograd.py -k computes_no",
    ),
    Fault(
        "walk: a gradient shares memory with the upstream gradient",
        "rawgan/autograd.py",
        "                taken.add(id(_owner(seed._array)))\n",
        "",
        "tests/test_autograd.py -k share_no_memory",
    ),
    Fault(
        "walk: two gradients share memory",
        "rawgan/autograd.py",
        "    taken.add(id(owner))\n",
        "",
        "tests/test_autograd.py -k does_not_tie",
    ),
    Fault(
        "walk: a gradient is one number, repeated",
        "rawgan/autograd.py",
        "if id(owner) in taken or owner.nbytes != g._array.nbytes:",
        "if id(owner) in taken:",
        "tests/test_autograd.py -k gradient_of_a_sum",
    ),
    Fault(
        "walk: a copied gradient loses its graph",
        "rawgan/autograd.py",
        "return g * 1",
        "return Tensor(g.data.copy())",
        "tests/test_autograd.py -k upstream",
    ),
    Fault(
        "walk: a graph is not released",
        "rawgan/autograd.py",
        "        op.release()",
        "        pass",
        "tests/test_autograd.py -k released",
    ),
    Fault(
        "grad: create_graph is lost",
        "rawgan/autograd.py",
        "state.recording = state.recording, create_graph",
        "state.recording = state.recording, False",
        "tests/test_autograd.py -k gradients_of_gradients",
    ),
    Fault(
        "grad: always records",
        "rawgan/autograd.py",
        "state.recording = state.recording, create_graph",
        "state.recording = state.recording, True",
        "tests/test_autograd.py -k without_create_graph",
    ),
    Fault(
        "backward: .grad is overwritten",
        "rawgan/autograd.py",
        "g if leaf.grad is None else leaf.grad + g",
        "g",
        "tests/test_autograd.py -k grad_of_leaves",
    ),
    Fault(
        "backward: .grad is added to in place",
        "rawgan/autograd.py",
        "                leaf.grad = g if leaf.grad is None else leaf.grad + g",
        "                if leaf.grad is None:\n"
        "                    leaf.grad = g\n"
        "                else:\n"
        "                    leaf.grad.data += g.data",
        "tests/test_autograd.py -k adding_to_grad",
    ),
    Fault(
        "ops: a stale saved input is used",
        "rawgan/autograd.py",
        "if x._version[0] != versions[index]:",
        "if False:",
        "tests/test_autograd.py -k write_in_place",
    ),
    Fault(
        "ops: a stale saved result is used",
        "rawgan/autograd.py",
        "if self._output.version != self._versions[-1]:",
        "if False:",
        "tests/test_autograd.py -k result_that_the_backward_needs",
    ),
    Fault(
        "ops: a write through a view goes unseen",
        "rawgan/autograd.py",
        "if array is x._array or (view and _owner(x._array) is _owner(array)):",
        "if array is x._array:",
        "tests/test_autograd.py -k write_by_reshaped",
    ),
    Fault(
        "ops: no_grad records",
        "rawgan/autograd.py",
        "if True in required and _state.recording:",
        "if True in required:",
        "tests/test_autograd.py -k no_grad_records",
    ),
    Fault(
        "no_grad: an error leaves recording off",
        "rawgan/autograd.py",
        "    try:\n        yield\n    finally:\n        _state.recording = before",
        "    yield\n    _state.recording = before",
        "tests/test_autograd.py -k switches_recording",
    ),
    Fault(
        "no_grad: holds in all threads",
        "rawgan/autograd.py",
        "class _State(threading.local):",
        "class _State:",
        "tests/test_autograd.py -k thread",
    ),
    Fault(
        "checks: a gradient without a graph passes at order 2",
        "rawgan/checks.py",
        "if create_graph and not gx.requires_grad:",
        "if False:",
        "tests/test_op_authors.py -k second_derivative",
    ),
    Fault(
        "Tensor: a new array does not outdate graphs",
        "rawgan/tensor.py",
        "        self._array = array\n        self.mark_written()",
        "        self._array = array",
        "tests/test_autograd.py -k write_by_data",
    ),
    Fault(
        "Tensor: detach does not stop the gradient",
        "rawgan/tensor.py",
        "        leaf._version = self._version\n",
        "        leaf._version = self._version\n        leaf.op, leaf.requires_grad = self.op, self.requires_grad\n",
        "tests/test_autograd.py -k detach",
    ),
]

FUSED = [
    Fault(
        "conv2d: the gradient forgets the activation",
        "rawgan/ops/conv.py",
        "gy = before_activation(self, gy)",
        "pass",
        "tests/test_gradients.py -k conv2d-then-leaky_relu",
    ),
    Fault(
        "conv_transpose2d: the gradient forgets the activation",
        "rawgan/ops/conv.py",
        "ggx = before_activation(self, ggx)",
        "pass",
        "tests/test_gradients.py -k conv_transpose2d-then-relu",
    ),
    Fault(
        "normalize: the recorded gradient forgets the activation",
        "rawgan/ops/norm.py",
        "        if self.slope != 1:\n",
        "        if False:\n",
        "tests/test_gradients.py -k batch_norm-then",
    ),
    Fault(
        "Sequential: an activation of one's own is taken for a LeakyReLU",
        "rawgan/nn/layers.py",
        "if type(after) in _SLOPES else 1.0",
        "if type(after) in _SLOPES else 0.2 if after else 1.0",
        "tests/test_nn.py -k one_of_its_own",
    ),
]

CPU = [
    Fault(
        "toom_cook: the weights are evaluated at the points in another order",
        "kernels/rawgan_kernels/cpu/toom_cook.py",
        "G = evaluation(POINTS, 2)",
        "G = evaluation(POINTS[::-1], 2)",
        "tests/test_cpu_conv.py -k polynomials",
    ),
    Fault(
        "toom_cook: a tile of one output, which has no matrices",
        "kernels/rawgan_kernels/cpu/toom_cook.py",
        "return [4] * (whole - 1) + [3, 2] if rest == 1 else [4] * whole + [rest] * (rest > 0)",
        "return [4] * whole + [rest] * (rest > 0)",
        "tests/test_cpu_conv.py -k tiles",
    ),
    Fault(
        "winograd: overlapping tiles are written, not added",
        "kernels/rawgan_kernels/cpu/tiles.py",
        "*((C[m], True) for m in _SIZES),",
        "*((C[m], False) for m in _SIZES),",
        "tests/test_cpu_conv.py -k where_it_belongs and x-nan",
    ),
    Fault(
        "winograd: in parts, all get the first part's bias",
        "kernels/rawgan_kernels/cpu/winograd.py",
        "of_part = conv2d(x, np.ascontiguousarray(w[..., part]), window, b[part], slope)",
        "of_part = conv2d(x, np.ascontiguousarray(w[..., part]), window, b[: part.stop - part.start], slope)",
        "tests/test_cpu_conv.py -k same_bits",
    ),
    Fault(
        "winograd: NaN spreads over its tile",
        "kernels/rawgan_kernels/cpu/winograd.py",
        "return y if finite.all() else None",
        "return y",
        "tests/test_cpu_conv.py -k where_it_belongs",
    ),
    Fault(
        "product: later parts of a long sum replace the earlier ones",
        "kernels/rawgan_kernels/cpu/product.py",
        "to, to_row, rows, part, k > 0)",
        "to, to_row, rows, part, False)",
        "tests/test_cpu_conv.py -k too_large",
    ),
    Fault(
        "buffers: a piece goes back on the shelf although a view still uses it",
        "kernels/rawgan_kernels/cpu/buffers.py",
        "return np.asarray(Lease(self, self.take(size), size, shape, dtype.str, nbytes))",
        "lease = np.asarray(Lease(self, self.take(size), size, shape, dtype.str, nbytes))\n"
        "        self.returned.append(lease.base.piece)\n"
        "        return lease",
        "tests/test_cpu_memory.py -k twice",
    ),
    Fault(
        "buffers: a returned piece is joined with one that is not its neighbour",
        "kernels/rawgan_kernels/cpu/buffers.py",
        "if after and starts[after - 1] + sizes[after - 1] == start:",
        "if after and starts[after - 1] + sizes[after - 1] <= start:",
        "tests/test_cpu_memory.py -k overlaps",
    ),
    Fault(
        "launch: the last block is left out",
        "kernels/rawgan_kernels/cpu/launch.py",
        "for index in prange(count):",
        "for index in prange(count - 1):",
        "tests/test_cpu_kernels.py -k channel_sums_of_many",
    ),
]

LAYERS = [
    Fault(
        "BatchNorm: frozen buffers are ignored",
        "rawgan/nn/norm.py",
        "moved = not (self.training and self.buffers_frozen)",
        "moved = True",
        "tests/test_nn.py -k frozen",
    ),
    Fault(
        "BatchNorm: frozen buffers are out of reach in evaluation",
        "rawgan/nn/norm.py",
        "not (self.training and self.buffers_frozen)",
        "not self.buffers_frozen",
        "tests/test_nn.py -k frozen",
    ),
    Fault(
        "BatchNorm: evaluation mode is ignored",
        "rawgan/nn/norm.py",
        "training=self.training,",
        "training=True,",
        "tests/test_nn.py -k evaluation",
    ),
    Fault(
        "BatchNorm: the momentum of Keras",
        "rawgan/nn/norm.py",
        "momentum: float = 0.1",
        "momentum: float = 0.9",
        "tests/test_nn.py -k a_tenth",
    ),
    Fault(
        "Dropout: evaluation mode is ignored",
        "rawgan/nn/stateless.py",
        "ops.dropout(x, self.rate, self.rng) if self.training else x",
        "ops.dropout(x, self.rate, self.rng)",
        "tests/test_nn.py -k dropout",
    ),
    Fault(
        "Conv2d: fans without the taps of the kernel",
        "rawgan/nn/layers.py",
        "shape = (kh, kw, inputs // groups, outputs)\n"
        "        self.w = _weight(shape, taps * inputs // groups, taps * outputs // groups, init, rng)",
        "shape = (kh, kw, inputs // groups, outputs)\n"
        "        self.w = _weight(shape, inputs // groups, outputs // groups, init, rng)",
        "tests/test_nn.py -k fans",
    ),
    Fault(
        "init: He's variance is Glorot's",
        "rawgan/nn/init.py",
        "np.sqrt(2 / fan_in)",
        "np.sqrt(2 / (fan_in + fan_out))",
        "tests/test_nn.py -k normal_initial",
    ),
    Fault(
        "init: QR favours a sign",
        "rawgan/nn/init.py",
        "q *= np.sign(np.diag(r))",
        "q *= 1",
        "tests/test_nn.py -k orthogonal",
    ),
    Fault(
        "Module: state_dict gives the arrays themselves",
        "rawgan/nn/module.py",
        "{name: x.numpy().copy() for",
        "{name: x.numpy() for",
        "tests/test_nn.py -k copy",
    ),
]

OPTIMISERS = [
    Fault(
        "sgd: the velocity is an average",
        "kernels/rawgan_kernels/reference/optim.py",
        "v += gradient",
        "v += (1 - momentum) * gradient",
        "tests/test_optim.py -k textbook",
    ),
    Fault(
        "sgd: Nesterov does not look ahead",
        "kernels/rawgan_kernels/reference/optim.py",
        "gradient + momentum * v if nesterov else v",
        "v",
        "tests/test_optim.py -k textbook",
    ),
    Fault(
        "sgd: writes to the gradient",
        "kernels/rawgan_kernels/reference/optim.py",
        "        weight -= lr * step",
        "        step *= lr\n        weight -= step",
        "tests/test_optim.py -k not_written_to",
    ),
    Fault(
        "rmsprop: eps under the root",
        "kernels/rawgan_kernels/reference/optim.py",
        "xp.sqrt(s) + eps",
        "xp.sqrt(s + eps)",
        "tests/test_optim.py -k textbook",
    ),
    Fault(
        "adam: momentum on the wrong side",
        "kernels/rawgan_kernels/reference/optim.py",
        "mean *= beta1\n        mean += (1 - beta1) * gradient",
        "mean *= 1 - beta1\n        mean += beta1 * gradient",
        "tests/test_optim.py -k textbook",
    ),
    Fault(
        "adam: the mean keeps its bias towards 0",
        "kernels/rawgan_kernels/reference/optim.py",
        "rate = lr / (1 - beta1**step)",
        "rate = lr",
        "tests/test_optim.py -k textbook",
    ),
    Fault(
        "adam: eps before the correction of the bias",
        "kernels/rawgan_kernels/reference/optim.py",
        "xp.sqrt(square * correction) + eps",
        "(xp.sqrt(square) + eps) * correction**0.5",
        "tests/test_optim.py -k textbook",
    ),
    Fault(
        "adamw: weight decay goes through the moments",
        "kernels/rawgan_kernels/reference/optim.py",
        "        mean *= beta1\n",
        "        gradient = gradient + weight_decay * weight\n        mean *= beta1\n",
        "tests/test_optim.py -k textbook",
    ),
    Fault(
        "optimisers: one count of steps for all parameters",
        "rawgan/optim.py",
        "                count + 1,",
        "                max(self.counts) + 1,",
        "tests/test_optim.py -k counts",
    ),
    Fault(
        "optimisers: a step does not outdate graphs",
        "rawgan/optim.py",
        "            p.mark_written()",
        "            pass",
        "tests/test_optim.py -k graphs_know",
    ),
]

GANS = [
    Fault(
        "G's step moves D's running statistics",
        "rawgan/gan/step.py",
        "with gan.discriminator.frozen_buffers():",
        "if True:",
        "tests/test_gan.py -k generator_step_never",
    ),
    Fault(
        "G's step updates D",
        "rawgan/gan/step.py",
        "gan.g_optimizer.step(grad(loss, gan.g_optimizer.parameters))",
        "gan.d_optimizer.step(grad(loss, gan.d_optimizer.parameters))",
        "tests/test_gan.py -k generator_step_never",
    ),
    Fault(
        "G's gradient is always zero",
        "rawgan/gan/step.py",
        "OBJECTIVES[objective](logits)  #",
        "OBJECTIVES[objective](logits * 0)  #",
        "tests/test_gan.py -k generator_step_never",
    ),
    Fault(
        "G's images are judged by D as it was",
        "rawgan/gan/step.py",
        "    d_loss, d_real, d_fake = discriminator_step(gan, real, fake.detach())\n"
        "    g_loss = generator_step(gan, fake, objective)\n",
        "    g_loss = generator_step(gan, fake, objective)\n"
        "    d_loss, d_real, d_fake = discriminator_step(gan, real, fake.detach())\n",
        "tests/test_gan.py -k judged_again",
    ),
    Fault(
        "D learns swapped labels",
        "rawgan/gan/step.py",
        "((real, 1.0), (fake, 0.0))",
        "((real, 0.0), (fake, 1.0))",
        "tests/test_gan.py -k minimises_its_formula",
    ),
    Fault(
        "D's batch norm averages over real and generated images",
        "rawgan/gan/step.py",
        "        logits = gan.discriminator(images)  # D 2",
        "        from rawgan.ops import concatenate\n\n"
        "        logits = gan.discriminator(concatenate([images, real]))[: len(images)]  # D 2",
        "tests/test_gan.py -k minimises_its_formula",
    ),
    Fault(
        "G minimises what it should maximise",
        "rawgan/gan/step.py",
        "return -bce_with_logits(logits, 0.0)",
        "return bce_with_logits(logits, 0.0)",
        "tests/test_gan.py -k objectives",
    ),
    Fault(
        "G's objective is always the same",
        "rawgan/gan/step.py",
        "generator_step(gan, fake, objective)\n",
        'generator_step(gan, fake, "non-saturating")\n',
        "tests/test_gan.py -k a_training_step",
    ),
    Fault(
        "noise: the same at every step",
        "rawgan/random.py",
        "zlib.crc32(purpose.encode()), index)",
        "zlib.crc32(purpose.encode()), 0)",
        "tests/test_gan.py -k noise",
    ),
    Fault(
        "noise: uniform",
        "rawgan/gan/networks.py",
        ".standard_normal((count",
        ".random((count",
        "tests/test_gan.py -k standard_normal",
    ),
    Fault(
        "pixels: from 0 to 1, which tanh is not",
        "rawgan/data/pixels.py",
        "    unit /= 127.5\n    unit -= 1\n",
        "    unit /= 255\n",
        "tests/test_data_batches.py -k every_byte",
    ),
    Fault(
        "interpolation: a straight line through the inside",
        "rawgan/runs/interpolation.py",
        "np.sin((1 - times) * angle) / sine)",
        "1 - times)",
        "tests/test_pictures.py -k slerp_stays",
    ),
]

FAULTS = [
    *ARITHMETIC,
    *REDUCTIONS_AND_SHAPES,
    *ACTIVATIONS_AND_LOSSES,
    *CONVOLUTIONS,
    *IMAGES,
    *NORMS,
    *AUTOGRAD,
    *CPU,
    *FUSED,
    *LAYERS,
    *OPTIMISERS,
    *GANS,
]
