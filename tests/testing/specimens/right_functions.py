"""Functions that are right but awkward for a check."""

import functools

import numpy as np

from rawgan import Op, Tensor, grad, no_grad, ops
from specimens.items import RIGHT, function, normal, op

X = normal(4, 3)


def right(name, fn, *inputs, **options):
    function(RIGHT, name, fn, *inputs, **options)


def constant(condition, like):
    return Tensor(np.asarray(condition).astype(like.dtype))


# --- kinks, jumps, ties --------------------------------------------------------------------------------


def clip(x, low, high):
    return -ops.maximum(-ops.maximum(x, low), -high)


def huber(x):
    inside = clip(ops.abs(x), 0.0, 1.0)
    return 0.5 * inside**2 + ops.abs(x) - inside


class Largest(Op):
    """The first of equal numbers gets the whole gradient, which is a slope on one side."""

    def forward(self, x):
        return x.max(1)

    def backward(self, gy):
        x = self.inputs[0].data
        return (ops.reshape(gy, (-1, 1)) * constant(np.arange(x.shape[1]) == x.argmax(1)[:, None], gy),)


class Sorted(Op):
    def forward(self, x):
        self.order = np.argsort(x, kind="stable")
        return x[self.order]

    def backward(self, gy):
        return (ops.take(gy, np.argsort(self.order)),)


def quantile(x):
    y = Sorted()(x)
    return 0.25 * y[1] + 0.75 * y[2]


class Step(Op):
    def forward(self, x):
        return (x > 0).astype(x.dtype)

    def backward(self, gy):
        return (None,)


class Rounded(Op):
    def forward(self, x):
        return np.round(x)

    def backward(self, gy):
        return (0 * gy,)


TIES = np.array([[1.0, 1.0, 0.0], [2.0, 3.0, 3.0], [4.0, 4.0, 4.0]])
HALVES = np.round(2 * normal(3, 4)) / 2
right("ReLU at zeros", ops.relu, np.zeros((3, 2)))
right("leaky ReLU of whole numbers", lambda x: ops.leaky_relu(x, 0.1), np.round(X))
right("a clip at both ends", lambda x: clip(x, -1.0, 1.0), np.array([-1.0, 1.0, 0.0, 2.0]))
right("Huber's loss where its parts meet, and at 0", huber, np.array([1.0, -1.0, 0.0, 0.5, 3.0]))
right("relu(x) − relu(−x) at 0", lambda x: ops.relu(x) - ops.relu(-x), np.array([0.0, 1.0]))
right("max + min of equals", lambda a, b: ops.maximum(a, b) - ops.maximum(-a, -b), np.ones(3), np.ones(3))
right("the first of equals takes all", Largest, TIES)
right("maxima of ties", lambda x: ops.max(x, 1), TIES)
right("max-pooling of equal pixels", lambda x: ops.max_pool2d(x), np.ones((1, 2, 4, 1)))
right("sorted, with ties", Sorted, np.array([1.0, 3.0, 1.0, 2.0, 3.0]))
right("a quantile", quantile, np.array([0.5, -1.0, 2.0, 0.1]))
right("the three largest", lambda x: ops.take(x, np.argsort(x.data)[-3:]), normal(6))
right("a step, on its edge", Step, np.array([0.0, 1.0, -1.0]))
right("rounding, half way", Rounded, np.array([0.5, 1.5, 0.2]))
right("a quantised image", lambda x: ops.abs(x - 0.5), HALVES)
right("absolute differences of equal images", ops.l1, HALVES, HALVES)
right("a hinge that no sample reaches", lambda x: ops.relu(x - 100.0), X)
right("x · |x|", lambda x: x * ops.abs(x), np.array([0.0, 1.0, -1.0]))
right("|x| · |x|", lambda x: ops.abs(x) * ops.abs(x), np.array([0.0, 1.0, -1.0]))
right("a branch by value", lambda x: 2 * x if float(x.data.sum()) > 0 else 3 * x, X)
right(
    "kinks of a large image", ops.relu, np.where(np.arange(900).reshape(30, 30) % 97 == 0, 0, normal(30, 30)), order=1
)


# --- numbers of all sizes ------------------------------------------------------------------------------


def softmax(x):
    e = ops.exp(x - Tensor(x.data.max(-1, keepdims=True)))
    return e / ops.sum(e, -1, keepdims=True)


def repeated(step, count):
    return lambda x: functools.reduce(lambda y, _: step(y, x), range(count), x)


def newton(y, x):
    return 0.5 * (y + x / y)


right("a saturated softmax", softmax, 100 * X)
right("a softmax of a thousand", softmax, 1000 * X)
right("logarithms near 0", ops.log, np.array([1e-6, 1.0, 20.0]))
right("1 / x beside the pole", lambda x: 1 / x, np.array([1e-6, 1.0, -2.0]))
right(
    "a norm that epsilon keeps from 0",
    lambda x: ops.sqrt(ops.sum(x * x, 1) + 1e-12),
    np.array([[0.0, 0.0], [1.0, 2.0]]),
)
right("a sigmoid at ±40", ops.sigmoid, np.array([40.0, -40.0, 0.0]))
right("cross-entropy at ±10⁶", lambda x: ops.bce_with_logits(x, 1.0, reduction="none"), np.array([1e6, -1e6, 0.0]))
right("tiny numbers", lambda x: x * x, 1e-12 * X)
right("huge numbers", lambda x: x * x, 1e12 * X)
right("tiny beside huge", lambda x: x * x, np.array([1e7, 1e-7, 1.0]))
right(
    "a chain of 800 ops in float32",
    repeated(lambda y, x: y * 1.0001 + 0.001, 400),
    np.array([1.0, 2.0]),
    order=1,
    checks="dtype",
)
right("Newton's iteration", repeated(newton, 6), abs(X) + 0.5)
right("chaos", repeated(lambda y, x: 3.9 * y * (1 - y), 15), np.array([0.3, 0.41]))
right(
    "a recurrent network",
    lambda x, w: repeated(lambda h, x: ops.tanh(h @ w + x), 6)(x),
    normal(2, 3),
    0.5 * normal(3, 3, seed=1),
)
right(
    "waves finer than the step",
    lambda x: op(
        lambda self, x: np.sin(500 * x), lambda self, gy: (500 * gy * constant(np.cos(500 * self.inputs[0].data), gy),)
    )()(x),
    X,
    order=1,
)
right("a difference of nearly equals", lambda x: ops.sum(x - ops.mean(x, 0), 0), X + 1e4)
right(
    "no variance to divide by",
    lambda x: ops.instance_norm(x, constant(np.ones(2), x), constant(np.zeros(2), x)),
    np.ones((1, 3, 3, 2)),
)


# --- inputs and results of all kinds -------------------------------------------------------------------


def penalty(x, w):
    (gx,) = grad(ops.sum(ops.tanh(x @ w)), x, create_graph=True)
    return ops.sum(gx * gx)


def constant_inside(x):
    with no_grad():
        size = ops.mean(ops.abs(x) * 0.0 + 1.0)
    return x * size


def masked(x, mask):
    return x if mask is None else x * constant(mask, x)


class FirstOnly(Op):
    def forward(self, a, b):
        return a + 0 * b

    def backward(self, gy):
        return gy, None


class Once(Op):
    differentiable_twice = False

    def forward(self, x):
        return x * x

    def backward(self, gy):
        return (Tensor(2 * self.inputs[0].data * gy.data),)


class Inverse(Op):
    keeps_output = True

    def forward(self, a):
        return np.linalg.inv(a)

    def backward(self, gy):
        y = ops.transpose(self.output, (1, 0))
        return (-(y @ gy @ y),)


def sampled(mean, spread):
    noise = np.random.default_rng(3).standard_normal(mean.shape)
    return mean + ops.exp(0.5 * spread) * constant(noise, mean)


def shares(x):
    y = ops.tanh(x)
    return y * y + ops.sum(y) * x


right("no numbers", ops.tanh, np.zeros((0, 3)))
right("no samples", lambda x, w: x @ w, np.zeros((0, 3)), normal(3, 2))
right("one number, of no axes", lambda x: x * x, np.array(2.0))
right("a Python number", lambda x: x * x, 2.0)
right("float32 numbers", ops.tanh, X.astype("float32"))
right("the input itself", lambda x: x, X)
right("a view", lambda x: ops.reshape(ops.transpose(x, (1, 0)), (2, 6)), X)
right("a constant", lambda x: Tensor(np.ones(2, x.dtype)), X)
right("nothing that depends", lambda x: x - x, X)
right("several results, one of them constant", lambda x: (x * 2, Tensor(np.ones(2, x.dtype)), ops.sum(x)), X)
right("a list of results", lambda x: [x * 2, x * 3], X)
right("labels", lambda x, labels: ops.cross_entropy(x, labels), X, np.array([0, 1, 2, 1]))
right("an embedding with repeated indices", lambda w, index: ops.take(w, index), X, np.array([0, 2, 2, 1]))
right("a list of axes", lambda x, axes: ops.sum(x, tuple(axes)), X, [0, 1])
right("a mask", masked, X, X > 0)
right("no mask", masked, X, None)
right("an option by name", functools.partial(ops.leaky_relu, slope=0.3), X)
right("a fixed seed", lambda x: ops.dropout(x, 0.5, np.random.default_rng(0)), X)
right("a reparametrised sample", sampled, X, normal(4, 3, seed=1))
right("a gradient penalty", penalty, normal(2, 3), normal(3, 2, seed=1))
right("a constant under no_grad", constant_inside, X)
right("shared parts of a graph", shares, X)
right("an input without influence", FirstOnly, X, X + 3)
right("an op without a second derivative", Once, X, order=1)
right("the inverse of a matrix", Inverse, normal(3, 3) + 4 * np.eye(3))
right("gradients that share an array", op(lambda self, a, b: a + b, lambda self, gy: (gy, gy)), X, X)
