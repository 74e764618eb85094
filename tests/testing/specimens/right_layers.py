"""Layers that are right but awkward for a check."""

import numpy as np

from rawgan import Tensor, nn, ops
from rawgan.autograd import is_recording
from specimens.items import RIGHT, layer, normal
from specimens.wrong_layers import Norm, Scale

X, IMAGES = normal(4, 3), normal(2, 4, 4, 2)


def right(name, make, *inputs, **options):
    layer(RIGHT, name, make, *(inputs or (X,)), **options)


def rng():
    return np.random.default_rng(3)


def buffer(*numbers):
    return nn.Buffer(np.array(numbers, "f"))


class Counting(Scale):
    """Counts batches and keeps an average that other code reads, as in StyleGAN."""

    def __init__(self):
        super().__init__()
        self.count, self.average = buffer(0.0), buffer(0.0, 0.0, 0.0)

    def forward(self, x):
        y = x * self.w
        if self.training and not self.buffers_frozen:
            self.count.data = self.count.data + 1
            self.average.data = 0.9 * self.average.data + 0.1 * y.data.mean(0)
        return y


class LogScale(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(np.array([0.001, 1.0, 2.0], "f"))

    def forward(self, x):
        return x * ops.log(self.w)


class Root(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(np.array([0.999, -0.998, 0.9995], "f"))

    def forward(self, x):
        return x * ops.sqrt(1 - self.w * self.w)


class Masked(Scale):
    def forward(self, x, mask=None):
        return x * self.w if mask is None else x * self.w * Tensor(mask.astype(x.dtype))


class Gate(nn.Module):
    def forward(self, x, gate):
        return x * ops.sigmoid(gate), ops.sum(x * gate, 1)


class Lazy(nn.Module):
    w = None

    def forward(self, x):
        if self.w is None:
            self.w = nn.Parameter(np.ones(x.shape[1], x.dtype))
        return x * self.w


class Tied(nn.Module):
    """An encoder and a decoder that share one matrix."""

    def __init__(self):
        self.w = nn.Parameter(normal(3, 2).astype("f"))

    def forward(self, x):
        return ops.matmul(ops.tanh(ops.matmul(x, self.w)), ops.transpose(self.w, (1, 0)))


class Folded(Scale):
    """Caches a function of its weights in evaluation, until they change."""

    def forward(self, x):
        if self.training or is_recording():
            return x * ops.tanh(self.w)
        key = self.w.data.tobytes(), x.dtype
        if key not in self.memo:
            self.memo[key] = ops.tanh(self.w)
        return x * self.memo[key]


class Fixed(nn.Module):
    """A fixed filter in a buffer."""

    def __init__(self):
        self.kernel = nn.Buffer(np.array([0.25, 0.5, 0.25], "f"))

    def forward(self, x):
        return x[:, :-2] * self.kernel[0] + x[:, 1:-1] * self.kernel[1] + x[:, 2:] * self.kernel[2]


class Penalised(nn.Module):
    """A scalar: the loss of a batch."""

    def __init__(self):
        self.w = nn.Parameter(np.ones(3, "f"))

    def forward(self, x):
        return ops.mean(ops.relu(1 - x * self.w))


class Attention(nn.Module):
    def __init__(self):
        self.q, self.k, self.v = (nn.Parameter(normal(3, 3, seed=k).astype("f")) for k in range(3))

    def forward(self, x):  # (N, T, C)
        scores = ops.matmul(ops.matmul(x, self.q), ops.transpose(ops.matmul(x, self.k), (0, 2, 1)))
        e = ops.exp(scores - Tensor(scores.data.max(-1, keepdims=True)))
        return ops.matmul(e / ops.sum(e, -1, keepdims=True), ops.matmul(x, self.v))


class Contrast(nn.Module):
    """Compares the samples of a batch on purpose."""

    compares_samples = True

    def forward(self, x):
        return x - ops.mean(x, 0)


class Similarities(nn.Module):
    def forward(self, x):
        return ops.matmul(x, ops.transpose(x, (1, 0)))


class Noise(Scale):
    """Adds noise in training, from its own generator."""

    def __init__(self):
        super().__init__()
        self.rng = rng()

    def forward(self, x):
        noise = Tensor(self.rng.standard_normal(x.shape).astype(x.dtype)) if self.training else 0.0
        return x * self.w + noise


class Idle(Scale):
    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(np.zeros(3, "f"))


class Positioned(nn.Module):
    """Has a weight for each number, so the first axis does not number samples."""

    def __init__(self):
        self.w = nn.Parameter(np.arange(12, dtype="f").reshape(4, 3))

    def forward(self, x):
        return x * self.w


class Quantised(nn.Module):
    def forward(self, x):
        return ops.max(ops.reshape(x, (len(x), -1)), 1)


class Momentum(Norm):
    """Its running statistics are those of the last batch."""

    def update(self, mean, var):
        if not self.buffers_frozen:
            self.mean.data, self.var.data = mean.data.copy(), var.data.copy()


right("a scale", Scale)
right("a batch norm in parts", Norm)
right("a batch norm that keeps the last batch", Momentum)
right("counts and averages that are only kept", Counting)
right("a parameter that is positive", LogScale)
right("a parameter between −1 and 1", Root)
right("no mask", Masked, X, None)
right("a mask", Masked, X, X > 0)
right("two inputs, two results", Gate, X, normal(4, 3, seed=1))
right("a parameter made in the first call", Lazy)
right("weights for each number, on all axes", lambda: Positioned())
right("tied weights", Tied)
right("weights folded again when they are written to", Folded)
right("a filter in a buffer", Fixed, normal(2, 5))
right("a loss", Penalised)
right("attention", Attention, normal(2, 2, 3), modes=["eval"])
right("samples that are meant to be compared", Contrast)
right("similarities of a batch", Similarities)
right("noise in training", Noise)
right("a parameter that is meant to be idle", Idle, unused=("b",))
right("maxima of pixels that tie", Quantised, np.round(IMAGES))
right("batch norm", lambda: nn.BatchNorm(2), IMAGES, order=2)
right("batch norm of one batch in evaluation mode", lambda: nn.BatchNorm(3), X, modes=["eval"])
right("dropout", lambda: nn.Dropout(0.5, rng=rng()))
right("spectral norm", lambda: nn.SpectralNorm(nn.Linear(3, 2, rng=rng()), rng=rng()))
right("an embedding", lambda: nn.Embedding(5, 3, rng=rng()), np.array([[1, 4], [1, 0]]))
right("standard deviations of a batch", lambda: nn.MinibatchStd(2), IMAGES)
right("a batch of one", lambda: nn.Linear(3, 2, rng=rng()), normal(1, 3))
right(
    "a network",
    lambda: nn.Sequential(nn.Linear(3, 4, rng=rng()), nn.BatchNorm(4), nn.ReLU(), nn.Linear(4, 1, rng=rng())),
    normal(5, 3),
)
right("a residual block that begins at zero", lambda: nn.Residual(nn.Sequential(nn.Linear(3, 3, rng=rng()))), X)
right(
    "a stack of ten layers",
    lambda: nn.Sequential(*(nn.Linear(3, 3, rng=rng()) for _ in range(10))),
    X,
    modes=["eval"],
)
