"""ONNX's operators on arrays, each as the function of rawgan that it is, or as one expression of several.

Tables: operator → function of a node and its inputs. Floating-point inputs are Tensors, all else is as ONNX gives it.
NumPy computes indices and shapes, never a result. An operator with the name of an op needs no line; images are in
`onnx_images.py`, and norms, losses and optimisers in `onnx_layers.py`.
"""

import math
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from onnx import defs, helper
from onnx_graphs import OTHER_DTYPE, Node, NotApplicable, Operator
from onnx_images import IMAGES
from onnx_layers import LAYERS
from onnx_rotary import rotary_embedding

from rawgan import Tensor, ops
from rawgan.ops.registry import OPS


def plain(function: Callable[..., Any]) -> Operator:
    """An operator without attributes."""
    return lambda node, *inputs: function(*inputs)


def folded(function: Callable[..., Any]) -> Operator:
    """An operator of any number of inputs, as a function of two."""
    return lambda node, *inputs: reduce(function, inputs)


# --- arithmetic and activations --------------------------------------------------------------------------


def clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return x if low is high is None else ops.clip(x, low, high)


def is_infinite(node: Node, x: Tensor) -> Any:
    positive, negative = node.get("detect_positive", 1) != 0, node.get("detect_negative", 1) != 0
    return ~ops.isfinite(x) & ((x > 0) & positive | (x < 0) & negative)


def modulo(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """The remainder has the divisor's sign, or the dividend's."""
    return ops.sign(a) * (ops.abs(a) % ops.abs(b)) if node.get("fmod", 0) else a % b


def shrink(node: Node, x: Tensor) -> Tensor:
    edge, bias = node.get("lambd", 0.5), node.get("bias", 0.0)
    return ops.where(ops.abs(x) > edge, x - bias * ops.sign(x), 0)


def celu(node: Node, x: Tensor) -> Tensor:
    alpha = node.get("alpha", 1.0)
    return alpha * ops.elu(x / alpha)


def selu(node: Node, x: Tensor) -> Tensor:
    return node.get("gamma", 1.0507009873554805) * ops.elu(x, node.get("alpha", 1.6732632423543772))


def hard_sigmoid(x: Tensor, alpha: float, beta: float) -> Tensor:
    return ops.clip(alpha * x + beta, 0, 1)


def swish(x: Tensor, alpha: float) -> Tensor:
    return ops.silu(alpha * x) / alpha


# --- shapes ----------------------------------------------------------------------------------------------


def cast(x: Tensor, dtype: Any) -> Tensor:
    if dtype not in (np.float32, np.float64):
        raise NotApplicable(OTHER_DTYPE)
    return ops.astype(x, dtype)


def flatten(node: Node, x: Tensor) -> Tensor:
    axis = node.get("axis", 1)
    return ops.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def reshape(node: Node, x: Tensor, shape: Any) -> Tensor:
    if not node.get("allowzero", 0):
        shape = [n or x.shape[axis] for axis, n in enumerate(shape.tolist())]
    return ops.reshape(x, tuple(shape))


def expand(node: Node, x: Tensor, shape: Any) -> Tensor:
    return ops.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape)))


def slice_(node: Node, x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Tensor:
    index = [slice(None)] * x.ndim
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        down_to_the_first = step < 0 and end < -x.shape[axis]
        index[axis] = slice(start, None if down_to_the_first else end, step)
    return x[tuple(index)]


def split(node: Node, x: Tensor, sizes: Any = None) -> list[Tensor]:
    axis = node.get("axis", 0)
    if sizes is None:
        size = math.ceil(x.shape[axis] / node.results)  # the last may be shorter
        return ops.split(x, [size * count for count in range(1, node.results)], axis)
    return ops.split(x, np.cumsum(sizes)[:-1].tolist(), axis)


def pad(node: Node, x: Tensor, widths: Any, value: Tensor | None = None, axes: Any = None) -> Tensor:
    pairs = [(0, 0)] * x.ndim
    for axis, pair in zip(range(x.ndim) if axes is None else axes, widths.reshape(2, -1).T.tolist(), strict=True):
        pairs[axis] = tuple(pair)
    return ops.pad(x, tuple(pairs), 0.0 if value is None else value.item())


def center_crop_pad(node: Node, x: Tensor, shape: Any) -> Tensor:
    """Crop or pad each axis alike at both ends; of an odd number, the larger half is at the end."""
    index, pairs = [slice(None)] * x.ndim, [(0, 0)] * x.ndim
    for axis, wanted in zip(node.get("axes", range(x.ndim)), shape.tolist(), strict=True):
        missing = max(wanted - x.shape[axis], 0)
        pairs[axis] = (missing // 2, missing - missing // 2)
        start = max(x.shape[axis] - wanted, 0) // 2
        index[axis] = slice(start, start + wanted)
    return ops.pad(x, tuple(pairs))[tuple(index)]


def gather_elements(node: Node, x: Tensor, indices: Any) -> Tensor:
    """The indices may be fewer than x has elements along the other axes."""
    axis = node.get("axis", 0) % x.ndim
    seen = x[tuple(slice(None if other == axis else n) for other, n in enumerate(indices.shape))]
    return ops.gather(seen, indices, axis)


def gather_nd(node: Node, x: Tensor, indices: Any) -> Tensor:
    """Each row of indices is one of x itself or, with batch_dims, of its own sample."""
    batch = node.get("batch_dims", 0)
    counting = np.indices(indices.shape[:batch], sparse=True)
    samples = [each.reshape(*each.shape, *[1] * (indices.ndim - 1 - batch)) for each in counting]
    return x[(*samples, *np.moveaxis(indices, -1, 0))]


def compress(node: Node, x: Tensor, condition: Any) -> Tensor:
    return ops.take(x, np.flatnonzero(condition), node.get("axis"))


def reverse_sequence(node: Node, x: Tensor, lengths: Any) -> Tensor:
    """Turn around the beginning of each sample."""
    time, batch = node.get("time_axis", 0), node.get("batch_axis", 1)
    steps = np.arange(x.shape[time])
    places = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)  # (batch, time)
    places = places if batch < time else places.T
    return ops.gather(x, places.reshape(*places.shape, *[1] * (x.ndim - 2)), time)


# --- order -----------------------------------------------------------------------------------------------


def extreme_place(function: Callable[..., Any]) -> Operator:
    """The number of the largest or smallest element, the first or the last of equals."""

    def place(node: Node, x: Tensor) -> Any:
        axis, keepdims = node.get("axis", 0), bool(node.get("keepdims", 1))
        if node.get("select_last_index", 0):
            return x.shape[axis] - 1 - function(ops.flip(x, axis), axis, keepdims)
        return function(x, axis, keepdims)

    return place


def hardmax(node: Node, x: Tensor) -> Tensor:
    axis = node.get("axis", -1)
    places = np.arange(x.shape[axis]).reshape([-1 if other == axis % x.ndim else 1 for other in range(x.ndim)])
    return ops.where(places == ops.argmax(x, axis, keepdims=True), 1, 0 * x)


def top_k(node: Node, x: Tensor, k: Any) -> Any:
    """ONNX leaves the order open unless it is sorted; its cases are."""
    return ops.topk(x, int(k.item()), node.get("axis", -1), bool(node.get("largest", 1)))


def accumulated(function: Callable[..., Tensor], neutral: float) -> Operator:
    """Up to each element or, if exclusive, to the one before; from the end, if in reverse."""

    def along(node: Node, x: Tensor, axis: Any) -> Tensor:
        axis = int(axis) % x.ndim
        x = ops.flip(x, axis) if node.get("reverse", 0) else x
        if node.get("exclusive", 0):
            later = ops.pad(x, [(int(other == axis), 0) for other in range(x.ndim)], neutral)
            x = ops.take(later, np.arange(x.shape[axis]), axis)
        y = function(x, axis)
        return ops.flip(y, axis) if node.get("reverse", 0) else y

    return along


# --- reductions and products -----------------------------------------------------------------------------


def reduction(function: Callable[..., Tensor]) -> Operator:
    """A reduction; its axes are an attribute in older models, an input in newer ones."""

    def reduce_(node: Node, x: Tensor, axes: Any = None) -> Tensor:
        given = tuple(node.get("axes", () if axes is None else axes))
        everything = None if not node.get("noop_with_empty_axes", 0) else ()
        return function(x, given or everything, bool(node.get("keepdims", 1)))

    return reduce_


def extreme(function: Callable[..., Tensor]) -> Operator:
    def along(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        if x.size == 0:
            raise NotApplicable("the extreme of nothing, which rawgan refuses")
        return function(x, axis, keepdims)

    return reduction(along)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    rows, columns = a.ndim > 1, b.ndim > 1
    y = ops.matmul(a if rows else a[None], b if columns else b[:, None])
    y = y if rows else y[..., 0, :]
    return y if columns else y[..., 0]


def gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    product = (a.T if node.get("transA", 0) else a) @ (b.T if node.get("transB", 0) else b)
    scaled = node.get("alpha", 1.0) * product
    return scaled if c is None else scaled + node.get("beta", 1.0) * c


# --- the table -------------------------------------------------------------------------------------------

SHORT = {name.replace("_", ""): function for name, function in OPS.items()}

BY_NAME: dict[str, Operator] = {
    name: plain(SHORT[name.lower()])
    for name in sorted({schema.name for schema in defs.get_all_schemas()})
    if name.lower() in SHORT
}
"""Operators with the name of an op, such as Tanh. Those whose arguments differ follow in the tables."""

OPERATORS: dict[str, Operator] = (
    BY_NAME
    | IMAGES
    | LAYERS
    | {
        # arithmetic
        "Clip": clip,
        "IsInf": is_infinite,
        "IsNaN": plain(ops.isnan),
        "Max": folded(ops.maximum),
        "Mean": lambda node, *xs: reduce(ops.add, xs) / len(xs),
        "Min": folded(ops.minimum),
        "Mod": modulo,
        "Reciprocal": lambda node, x: 1 / x,
        "Sum": folded(ops.add),
        "Acosh": lambda node, x: ops.log(x + ops.sqrt(x * x - 1)),
        "Asinh": lambda node, x: ops.sign(x) * ops.log(ops.abs(x) + ops.sqrt(x * x + 1)),
        "Atanh": lambda node, x: 0.5 * (ops.log1p(x) - ops.log1p(-x)),
        "Cosh": lambda node, x: 0.5 * (ops.exp(x) + ops.exp(-x)),
        "Sinh": lambda node, x: 0.5 * (ops.expm1(x) - ops.expm1(-x)),
        "Tan": lambda node, x: ops.sin(x) / ops.cos(x),
        # comparisons
        "Greater": plain(operator.gt),
        "GreaterOrEqual": plain(operator.ge),
        "Less": plain(operator.lt),
        "LessOrEqual": plain(operator.le),
        # activations
        "Celu": celu,
        "Elu": lambda node, x: ops.elu(x, node.get("alpha", 1.0)),
        "Gelu": lambda node, x: ops.gelu(x, node.get("approximate", "none")),
        "HardSigmoid": lambda node, x: hard_sigmoid(x, node.get("alpha", 0.2), node.get("beta", 0.5)),
        "HardSwish": lambda node, x: x * hard_sigmoid(x, 1 / 6, 0.5),
        "LeakyRelu": lambda node, x: ops.leaky_relu(x, node.get("alpha", 0.01)),
        "Mish": lambda node, x: x * ops.tanh(ops.softplus(x)),
        "PRelu": plain(ops.prelu),
        "Selu": selu,
        "Shrink": shrink,
        "Softsign": lambda node, x: x / (1 + ops.abs(x)),
        "SwiGLU": lambda node, a, b: swish(a, node.get("alpha", 1.0)) * b,
        "Swish": lambda node, x: swish(x, node.get("alpha", 1.0)),
        "ThresholdedRelu": lambda node, x: ops.where(x > node.get("alpha", 1.0), x, 0),
        # shapes
        "Cast": lambda node, x: cast(x, helper.tensor_dtype_to_np_dtype(node.get("to"))),
        "CastLike": lambda node, x, like: cast(x, getattr(like, "dtype", None)),
        "CenterCropPad": center_crop_pad,
        "Concat": lambda node, *xs: ops.concatenate(xs, node.get("axis")),
        "Expand": expand,
        "Flatten": flatten,
        "Compress": compress,
        "Gather": lambda node, x, indices: ops.take(x, indices, node.get("axis", 0)),
        "GatherElements": gather_elements,
        "GatherND": gather_nd,
        "Identity": plain(lambda x: x),
        "Pad": pad,
        "Reshape": reshape,
        "Slice": slice_,
        "Split": split,
        "ReverseSequence": reverse_sequence,
        "Squeeze": lambda node, x, axes=None: ops.squeeze(x, None if axes is None else tuple(axes)),
        "Tile": lambda node, x, repeats: ops.tile(x, tuple(repeats)),
        "Transpose": lambda node, x: ops.transpose(x, node.get("perm")),
        "RotaryEmbedding": rotary_embedding,
        "Unsqueeze": lambda node, x, axes: ops.expand_dims(x, tuple(axes)),
        # order
        "ArgMax": extreme_place(ops.argmax),
        "ArgMin": extreme_place(ops.argmin),
        "CumProd": accumulated(ops.cumprod, 1.0),
        "CumSum": accumulated(ops.cumsum, 0.0),
        "Hardmax": hardmax,
        "TopK": top_k,
        # reductions
        "ReduceL1": reduction(lambda x, *along: ops.norm(x, 1, *along)),
        "ReduceL2": reduction(lambda x, *along: ops.norm(x, 2, *along)),
        "ReduceLogSum": reduction(lambda x, *along: ops.log(ops.sum(x, *along))),
        "ReduceLogSumExp": reduction(ops.logsumexp),
        "ReduceMax": extreme(ops.max),
        "ReduceMean": reduction(ops.mean),
        "ReduceMin": extreme(ops.min),
        "ReduceProd": reduction(ops.prod),
        "ReduceSum": reduction(ops.sum),
        "ReduceSumSquare": reduction(lambda x, *along: ops.sum(x * x, *along)),
        # products
        "Einsum": lambda node, *xs: ops.einsum(node.get("equation"), *xs),
        "Gemm": gemm,
        "MatMul": plain(matmul),
    }
)
