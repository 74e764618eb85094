"""Functions that are wrong by what they keep, write to or branch on."""

import numpy as np

from rawgan import Op, Tensor, ops
from rawgan.autograd import is_recording
from specimens.items import WRONG, function, normal, op

X = normal(4, 3)


def wrong(name, fn, *inputs, **options):
    function(WRONG, name, fn, *inputs, **options)


def double(self, x):
    return 2 * x


# --- what a call keeps ---------------------------------------------------------------------------------


class InClass(Op):
    """y = x³. Keeps x² in the class, where the next call overwrites it."""

    kept = None

    def forward(self, x):
        InClass.kept = x * x
        return x**3

    def backward(self, gy):
        if is_recording():
            return (3 * gy * self.inputs[0] ** 2,)
        return (Tensor(3 * gy.data * InClass.kept),)


by_shape, by_id, stack, counts = {}, {}, [], {"walks": 0}


def scratch_forward(self, x):
    self.kept = by_shape.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
    np.multiply(x, 3 * x, out=self.kept)
    return x**3


def scratch_backward(self, gy):
    return (3 * gy * self.inputs[0] ** 2 if is_recording() else Tensor(gy.data * self.kept),)


def stacked_forward(self, x):
    stack.append(x * x)
    return x**3


def stacked_backward(self, gy):
    if is_recording():
        return (3 * gy * self.inputs[0] ** 2,)
    return (Tensor(3 * gy.data * stack.pop()),)


def of_last_tensor(x, last={}):  # noqa: B006
    last["x"] = x
    return op(lambda self, x: x**2, lambda self, gy: (2 * gy * last["x"],))()(x)


def cached_by_tensor(x):
    if id(x) not in by_id:
        by_id[id(x)] = x, ops.exp(x)
    kept, y = by_id[id(x)]
    return y if kept is x else ops.exp(x)


def cached_by_array(x):
    key = x.data.ctypes.data, x.shape
    if key not in by_id:
        by_id[key] = x.data, x.data**2
    kept, square = by_id[key]
    factor = Tensor(square if kept is x.data else x.data**2)
    return op(lambda self, x, y: y, lambda self, gy: (2 * gy * self.inputs[0], None))()(x, factor)


wrong("kept in the class", InClass, X)
wrong("kept in a scratch array by shape", op(scratch_forward, scratch_backward), X)
wrong("kept on a stack, taken from its end", op(stacked_forward, stacked_backward), X)
wrong("the Tensor of the last call in a closure", of_last_tensor, X)
wrong("cached by the Tensor", cached_by_tensor, X)
wrong("cached by the address of the array", cached_by_array, X)


def ring(count, factor):
    """A function that returns one of `count` arrays of its own, in turn."""
    buffers, turn = {}, [0]

    def multiplied(x):
        turn[0] += 1
        array = buffers.setdefault((x.shape, x.dtype, turn[0] % count), np.empty(x.shape, x.dtype))
        return np.multiply(x, factor, out=array)

    return multiplied


two, ten, gradients = ring(2, 2), ring(10, 2), ring(3, 2)
wrong("a result in one of two buffers", op(lambda self, x: two(x), lambda self, gy: (2 * gy,)), X)
wrong("a result in one of ten buffers", op(lambda self, x: ten(x), lambda self, gy: (2 * gy,)), X)
wrong(
    "a gradient in one of three buffers",
    op(double, lambda self, gy: (2 * gy if is_recording() else Tensor(gradients(gy.data)),)),
    X,
)


class WalkedOnce(Op):
    """Right until its graph is walked again."""

    def forward(self, x):
        self.walks = 0
        return x**2

    def backward(self, gy):
        self.walks += 1
        return ((2.0 if self.walks == 1 else 1.0) * gy * self.inputs[0],)


def every_third(self, gy):
    counts["walks"] += 1
    return ((2 if counts["walks"] % 3 else 3) * gy,)


wrong("right in the first walk only", WalkedOnce, X)
wrong("every third walk is wrong", op(double, every_third), X)


# --- what is written to --------------------------------------------------------------------------------


class SpoilsResult(Op):
    keeps_output = True

    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        y = self.output
        gx = gy * (1 - y * y)
        if not is_recording():
            np.multiply(y.data, y.data, out=y.data)
        return (gx,)


def keeps_result(self, x):
    self.result = x**2
    return self.result


def zeroes_result(self, gy):
    if is_recording():
        self.result[...] = 0
    return (2 * gy * self.inputs[0],)


def clips_labels(x, labels):
    np.clip(labels, 0, 1, out=labels)
    return ops.cross_entropy(x, labels)


def flips_mask(x, mask):
    np.logical_not(mask, out=mask)
    return x * Tensor((~mask).astype(x.dtype))


def pops_axes(x, axes):
    return ops.sum(x, axes.pop())


def in_place(self, x):
    return np.tanh(x, out=x)


def scaled_upstream(self, gy):
    gy.data[...] *= 2
    return (gy,)


def zeroed_when_recorded(self, gy):
    gx = 2 * gy
    if is_recording():
        gy.data[...] = 0
    return (gx,)


wrong("backward squares its own result", SpoilsResult, X)
wrong("a recorded walk zeroes its result", op(keeps_result, zeroes_result), X)
wrong("writes to labels", clips_labels, X, np.array([0, 1, 2, 1]))
wrong("writes to a mask", flips_mask, X, X > 0)
wrong("takes from a list of axes", pops_axes, X, [0, 1, 0, 1])
wrong("computes in place", op(in_place, lambda self, gy: (gy * (1 - ops.tanh(self.inputs[0]) ** 2),)), X)
wrong("doubles the upstream gradient in place", op(double, scaled_upstream), X)
wrong("zeroes the upstream gradient in recorded walks", op(double, zeroed_when_recorded), X)


# --- the graph, and what requires a gradient -----------------------------------------------------------


def approximated(x):
    return ops.exp(x) if is_recording() else 1 + x + x * x / 2


def shortcut_for_constants(x, w):
    return ops.matmul(x, w) if x.requires_grad else ops.matmul(x, w + 1.0)


def drops_graph(x, w):
    return x * w if w.requires_grad else x.detach() * w + 0 * x


class ByRequires(Op):
    """y = x + w. Its second gradient is wrong if x requires none."""

    def forward(self, x, w):
        return x + w

    def backward(self, gy):
        return gy, gy if self.inputs[0].requires_grad else 3 * gy


class ByNeeds(Op):
    def forward(self, x, w):
        return x * w

    def backward(self, gy):
        x, w = self.inputs
        return (gy * w if self.needs[1] else gy) if self.needs[0] else None, gy * x if self.needs[1] else None


class PacksWanted(Op):
    def forward(self, a, b, c):
        return a * b * c

    def backward(self, gy):
        a, b, c = self.inputs
        every = gy * b * c, gy * a * c, gy * a * b
        wanted = [g for g, needed in zip(every, self.needs, strict=True) if needed]
        return (*wanted, *[None] * (3 - len(wanted)))


class PenaltyDetaches(Op):
    """Right except for the derivative of gx by w if only gx is wanted."""

    def forward(self, x, w):
        return x * w**2

    def backward(self, gy):
        x, w = self.inputs
        kept = w if self.needs[1] else w.detach()
        return gy * kept**2, 2 * gy * x * w if self.needs[1] else None


wrong("another formula under no_grad", approximated, X)
wrong("another formula for inputs that are data", shortcut_for_constants, X, normal(3, 2))
wrong("no gradient for x if w is frozen", drops_graph, X, normal(4, 3, seed=8))
wrong("a gradient that depends on what else requires one", ByRequires, X, normal(4, 3, seed=8))
wrong("a gradient that depends on what else is wanted", ByNeeds, X, normal(4, 3, seed=8))
wrong("only the wanted gradients, in front", PacksWanted, X, X + 1, X + 2)
wrong("a frozen weight is a constant to the penalty", PenaltyDetaches, X, normal(4, 3, seed=8))
wrong("recorded walks take another formula", op(double, lambda self, gy: ((4 if is_recording() else 2) * gy,)), X)
wrong("plain walks take another formula", op(double, lambda self, gy: ((2 if is_recording() else 4) * gy,)), X)


# --- the upstream gradient -----------------------------------------------------------------------------


def times(self, gy, mask):
    return (2 * gy * Tensor(mask.astype(gy.dtype)),)


def by_length(self, gy):
    length = ops.sqrt(ops.sum(gy * gy))
    return (2 * gy * (length / length),)


def relative(self, gy):
    largest = float(abs(gy.data).max())
    return (gy * (2 / largest) * largest,)


wrong("0 / 0 where the upstream gradient is 0", op(double, lambda self, gy: (2 * gy * gy / gy,)), X)
wrong("divides by its length, and multiplies", op(double, by_length), X)
wrong("divides by the largest upstream gradient", op(double, relative), X)
wrong(
    "a little is added where it is 0",
    op(double, lambda self, gy: (2 * gy + Tensor((gy.data == 0) * gy.dtype.type(1e-8)),)),
    X,
)
wrong("small upstream gradients are dropped", op(double, lambda self, gy: times(self, gy, abs(gy.data) > 1e-9)), X)
wrong("large upstream gradients are dropped", op(double, lambda self, gy: times(self, gy, abs(gy.data) < 1e9)), X)
wrong(
    "clips the upstream gradient at 1000",
    op(double, lambda self, gy: (2 * ops.maximum(-ops.maximum(-gy, -1e3), -1e3),)),
    X,
)
wrong("only positive upstream gradients", op(double, lambda self, gy: (2 * ops.relu(gy),)), X)
wrong("quadratic where it is tiny", op(double, lambda self, gy: (2 * gy * ops.tanh(ops.abs(gy) * 1e8),)), X)
wrong(
    "uses its mean", op(double, lambda self, gy: (2 * ops.broadcast_to(ops.mean(gy, 0, keepdims=True), gy.shape),)), X
)


# --- layouts, dtypes -----------------------------------------------------------------------------------


def rows_in_memory(x, index):
    return ops.take(x, np.ravel(index, "K").reshape(index.shape))


def half(self, x):
    return np.tanh(x) if x.dtype == np.float64 else np.tanh(x.astype("float16")).astype(x.dtype)


def coarse_epsilon(x):
    return x / ops.sqrt(ops.sum(x * x, 1, keepdims=True) + (1e-12 if x.dtype == np.float64 else 1e-3))


def one_number(self, gy):
    return (2 * gy if gy.data.strides != (0, 0) else 3 * gy,)


def in_columns(self, x):
    return np.cumsum(np.ravel(x, "K").reshape(x.shape), 1)


def backward_of_sums(self, gy):
    return (ops.matmul(gy, Tensor(np.tril(np.ones((3, 3), gy.dtype)))),)


wrong("misreads index arrays by column", rows_in_memory, X, np.array([[0, 1, 2], [2, 1, 0]]))
wrong("half precision for float32", op(half, lambda self, gy: (gy * (1 - ops.tanh(self.inputs[0]) ** 2),)), X)
wrong("a coarser epsilon in float32", coarse_epsilon, 0.1 * X)
wrong("wrong for one number repeated", op(double, one_number), X)
wrong("misreads inputs by column", op(in_columns, backward_of_sums), X)
wrong("turns float32 into float64", lambda x: x.astype("float64") * 2, X)
wrong("holds a float64 array", lambda x: x * Tensor(np.ones(3)), X)
