"""Functions with wrong gradients: at jumps, kinks and ties, in saturation, in sums, at second order."""

import numpy as np

from rawgan import Op, Tensor, ops
from specimens.items import WRONG, function, normal, op

X = normal(4, 3)


def wrong(name, fn, *inputs, **options):
    function(WRONG, name, fn, *inputs, **options)


def constant(condition, like):
    return Tensor(np.asarray(condition).astype(like.dtype))


# --- a jump or a kink hides nothing --------------------------------------------------------------------


class StairsAndCube(Op):
    def forward(self, x):
        return np.floor(x) + x**3

    def backward(self, gy):
        return (4 * gy * self.inputs[0] ** 2,)


class StairsTimes(Op):
    def forward(self, a, b):
        return np.ceil(a) * b

    def backward(self, gy):
        a, _ = self.inputs
        return 0 * gy, 2 * gy * constant(np.ceil(a.data), gy)


class CubeDetached(Op):
    """x³, wrong at order 2."""

    def forward(self, x):
        return x**3

    def backward(self, gy):
        (x,) = self.inputs
        return (3 * gy * x * x.detach(),)


def at(value, then, otherwise):
    """A backward with another slope where x has a certain value."""
    return lambda self, gy: (gy * constant(np.where(self.inputs[0].data == value, then, otherwise), gy),)


KINKED = np.array([1.0, 0.25, -2.0, 0.5])
wrong("stairs, on a step, and a wrong cube", StairsAndCube, np.array([2.0, 0.4, -1.3]))
wrong("stairs of one input, a wrong gradient of the other", StairsTimes, np.array([1.0, 0.5]), np.array([0.3, -0.7]))
wrong(
    "a threshold, hit exactly, in a wrong sine", op(lambda self, x: np.sin(x) + (x > 1), lambda self, gy: (gy,)), KINKED
)
wrong(
    "a mean over a quantised image",
    lambda x: ops.mean(op(lambda self, x: np.round(x * 16) / 16 + x * x, lambda self, gy: (gy,))()(x)),
    np.arange(12.0) / 32,
)
wrong("order 2 behind a ReLU that is hit", lambda x: CubeDetached()(x) + ops.relu(x - 0.25), KINKED)
wrong("order 2 behind |w| at 0", lambda x, w: CubeDetached()(x) + ops.abs(w), KINKED, np.array([0.0, 1.0, 2.0, 3.0]))
wrong("order 2 behind a tie", lambda x: ops.max(x) * CubeDetached()(x), np.array([1.0, 1.0, -2.0, 0.5]))
wrong("a huge slope at a jump", op(lambda self, x: np.sign(x) + x, at(0, -1e6, 1)), np.array([1.0, 0.0, -2.0]))
wrong(
    "a slope of twice as much at a jump", op(lambda self, x: (x > 0) + 3 * x, at(0, 6, 3)), np.array([1.0, 0.0, -2.0])
)
wrong(
    "one and a half times the slope at the kink of a ReLU",
    op(
        lambda self, x: np.maximum(x, 0),
        lambda self, gy: (gy * constant((self.inputs[0].data > 0) + 1.5 * (self.inputs[0].data == 0), gy),),
    ),
    np.array([1.0, 0.0, -2.0]),
)
wrong("NaN at a jump", op(lambda self, x: np.sign(x), at(0, np.nan, 0)), np.array([1.0, 0.0]))
wrong(
    "a slope of 3 at the kink of |x|",
    op(
        lambda self, x: abs(x),
        lambda self, gy: (gy * constant(np.sign(self.inputs[0].data) + 3 * (self.inputs[0].data == 0), gy),),
    ),
    np.array([1.0, 0.0, -2.0]),
)
wrong(
    "a negative slope where a clip ends",
    op(
        lambda self, x: np.minimum(x, 1),
        lambda self, gy: (gy * constant(np.sign(1 - self.inputs[0].data) - 0.5 * (self.inputs[0].data == 1), gy),),
    ),
    np.array([0.5, 1.0, -1.0]),
)
wrong("a smooth function's slope at one number", op(lambda self, x: 2 * x, at(0.5, 5, 2)), KINKED)


# --- ties ----------------------------------------------------------------------------------------------


def of_rows(share, pick=np.max):
    """Largest (or smallest) number of each row. Equal ones get a share of gy that depends on how many there are."""

    def backward(self, gy):
        x = self.inputs[0].data
        equal = x == pick(x, 1, keepdims=True)
        return (ops.reshape(gy, (-1, 1)) * constant(equal * share(equal.sum(1, keepdims=True)), gy),)

    return op(lambda self, x: pick(x, 1), backward)


class Lesser(Op):
    """min(a, −b). Neither gets a gradient where they are equal."""

    def forward(self, a, b):
        return np.minimum(a, -b)

    def backward(self, gy):
        a, b = (x.data for x in self.inputs)
        return gy * constant(a < -b, gy), -gy * constant(-b < a, gy)


TIES = np.array([[1.0, 1.0, 0.0], [2.0, 3.0, 3.0], [4.0, 4.0, 4.0]])
wrong("the smallest: all of gy for each of equals", of_rows(lambda n: 1.0, np.min), TIES)
wrong("the largest: half of gy for each of three", of_rows(lambda n: np.where(n > 1, 0.5, 1)), TIES)
wrong("the largest: nothing for equals", of_rows(lambda n: n == 1), TIES)
wrong("min(a, −b): nothing for equals", Lesser, np.array([1.0, -2.0, 0.5]), np.array([-1.0, 2.0, 3.0]))
wrong(
    "a sum of two maxima over the same ties",
    lambda x: ops.sum(of_rows(lambda n: 1.0)()(x)) + ops.sum(ops.relu(x - 9)),
    TIES,
)


# --- saturation, and numbers of other sizes ------------------------------------------------------------


class Softplus(Op):
    def forward(self, x):
        return np.where(x > 20, x + 1, np.log1p(np.exp(np.minimum(x, 20))))

    def backward(self, gy):
        (x,) = self.inputs
        return (gy * ops.sigmoid(ops.minimum(x, 0.5)) if False else gy * constant(x.data < 20, gy) * ops.sigmoid(x),)


wrong("no slope above 20", Softplus, np.array([0.5, 25.0, -3.0]))
wrong(
    "overflows",
    op(lambda self, x: np.log1p(np.exp(x)), lambda self, gy: (gy * ops.sigmoid(self.inputs[0]),)),
    np.array([1.0, 900.0]),
)
wrong("a softmax without a shift", lambda x: ops.exp(x) / ops.sum(ops.exp(x)), np.array([800.0, 799.0]))
wrong(
    "tanh: no slope beyond 9",
    op(
        lambda self, x: np.tanh(x),
        lambda self, gy: (gy * (1 - ops.tanh(self.inputs[0]) ** 2) * constant(abs(self.inputs[0].data) < 9, gy),),
    ),
    np.array([0.3, -1.0, 10.0]),
)
wrong(
    "1 / x beside a pole: wrong above 1.5",
    op(
        lambda self, x: 1 / x,
        lambda self, gy: (-gy / self.inputs[0] ** 2 * constant(1 + (self.inputs[0].data > 1.5), gy),),
    ),
    np.array([1e-6, 1.0, 2.0]),
)
wrong(
    "NaN becomes 0 in the gradient of √",
    op(
        lambda self, x: np.sqrt(x),
        lambda self, gy: (
            constant(np.nan_to_num(gy.data / (2 * np.sqrt(self.inputs[0].data)), posinf=0), gy) * (gy / gy.detach()),
        ),
    ),
    np.array([4.0, 0.0]),
)
wrong(
    "tiny inputs are taken for zeros",
    op(
        lambda self, x: x * x,
        lambda self, gy: (2 * gy * self.inputs[0] * constant(abs(self.inputs[0].data) > 1e-6, gy),),
    ),
    1e-8 * X,
)
wrong(
    "one of thousands of elements",
    op(
        lambda self, x: x * x,
        lambda self, gy: (2 * gy * self.inputs[0] * constant(1 + 0.2 * (np.arange(3000) == 2718), gy),),
    ),
    normal(3000),
    order=1,
)


# --- sums, axes, indices -------------------------------------------------------------------------------


class Rows(Op):
    """w[index]. The last of equal indices gets the whole gradient."""

    def __init__(self, index):
        self.index = index

    def forward(self, w):
        return w[self.index]

    def backward(self, gy):
        return (Scatter(self.index, self.shapes[0])(gy),)


class Scatter(Op):
    def __init__(self, index, shape):
        self.index, self.shape = index, shape

    def forward(self, gy):
        w = np.zeros(self.shape, gy.dtype)
        w[self.index] = gy
        return w

    def backward(self, gw):
        return (Rows(self.index)(gw),)


class Softmax(Op):
    keeps_output = True

    def forward(self, x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def backward(self, gy):
        y = self.output
        return (y * (gy - ops.sum(gy * y, 0, keepdims=True)),)


def attention(q, k, v):
    return ops.matmul(Softmax()(ops.matmul(q, ops.transpose(k, (1, 0)))), v)


def layer_norm(x, gamma):
    centred = x - ops.mean(x, 1, keepdims=True).detach()
    return gamma * centred / ops.sqrt(ops.mean(centred * centred, 1, keepdims=True) + 1e-5)


def group_norm(x):
    groups = ops.reshape(x, (-1, 2, 2))
    spread = ops.sqrt(ops.mean((groups - ops.mean(groups, 2, keepdims=True)) ** 2, 2, keepdims=True) + 1e-5)
    return ops.reshape((groups - ops.mean(groups, 2, keepdims=True)) / spread.detach(), x.shape)


def convolution(backward_stride):
    """Every second pixel, filtered by two taps. The input's gradient has its own stride."""

    def forward(self, x, w):
        return x[:-1:2] * w[0] + x[1::2] * w[1]

    def backward(self, gy):
        x, w = self.inputs
        spread = ops.reshape(ops.concatenate([gy[:, None] * w[0], gy[:, None] * w[1]], 1), (-1,))
        gx = spread if backward_stride == 2 else ops.concatenate([gy * w[0], gy * w[1]], 0)
        return gx, ops.concatenate([ops.sum(gy * x[:-1:2])[None], ops.sum(gy * x[1::2])[None]], 0)

    return op(forward, backward)


class Bce(Op):
    """log(1 + eˣ) − t · x. Its gradient rounds the targets to 0 and 1."""

    def forward(self, x, t):
        return np.logaddexp(0, x) - t * x

    def backward(self, gy):
        x, t = self.inputs
        return gy * (ops.sigmoid(x) - constant(t.data > 0.5, gy)), -gy * x


def two_results(x):
    return x * x, (x * ops.tanh(x)).detach()


wrong("embedding: the last of equal indices takes all", lambda w: Rows(np.array([0, 2, 2, 1]))(w), X)
wrong(
    "attention: softmax summed over the other axis", attention, normal(3, 2), normal(3, 2, seed=1), normal(3, 2, seed=2)
)
wrong("layer norm: the mean is a constant", layer_norm, X, np.ones(3))
wrong("group norm: the spread is a constant", group_norm, normal(3, 4))
wrong("convolution: the gradient of stride 1", convolution(1), normal(8), normal(2, seed=1))
wrong("cross-entropy: soft targets are rounded", Bce, normal(5), np.array([0.0, 1.0, 0.9, 0.2, 1.0]))
wrong(
    "a bias whose gradient is a mean",
    op(lambda self, x, b: x + b, lambda self, gy: (gy, ops.mean(gy, 0))),
    X,
    normal(3),
)
wrong(
    "a bias summed over the wrong axis",
    op(lambda self, x, b: x + b, lambda self, gy: (gy, ops.sum(gy, 1))),
    normal(3, 3),
    normal(3),
)
wrong("the second of two results has no gradient", two_results, X)
wrong("two gradients in each other's place", op(lambda self, a, b: a - b, lambda self, gy: (-gy, gy)), X, X + 1)
wrong(
    "a hinge that is right for small margins only",
    op(
        lambda self, x: np.maximum(1 - x, 0),
        lambda self, gy: (-gy * constant((self.inputs[0].data < 1) & (self.inputs[0].data > -2), gy),),
    ),
    np.array([0.5, -3.0, 2.0]),
)
wrong(
    "cosine similarity: one norm is a constant",
    lambda a, b: ops.sum(a * b) / ops.sqrt(ops.sum(a * a) * ops.sum(b * b).detach()),
    normal(4),
    normal(4, seed=1),
)
wrong("least squares without the factor 2", op(lambda self, x: x * x, lambda self, gy: (gy * self.inputs[0],)), X)
wrong(
    "order 2: the upstream gradient is a constant",
    op(lambda self, x: x * x, lambda self, gy: (2 * gy.detach() * self.inputs[0],)),
    X,
)
wrong(
    "a penalty on a detached slope",
    lambda x, w: ops.sum(ops.tanh(x.detach() @ w) ** 2) + ops.sum(x) * 0.0,
    normal(2, 3),
    normal(3, 2),
)
wrong(
    "random numbers from a generator of the whole process",
    lambda x: x * Tensor(RANDOM.random(x.shape).astype(x.dtype)),
    X,
)
wrong("does not give the result's shape back", op(lambda self, x: x.ravel(), lambda self, gy: (gy,)), X)

RANDOM = np.random.default_rng()
