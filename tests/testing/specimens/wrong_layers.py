"""Layers that are wrong by what they keep, use, write to or leave out, in some call or some mode."""

import numpy as np

from rawgan import Op, Tensor, nn, ops
from rawgan.autograd import is_recording
from specimens.items import WRONG, layer, normal

X = normal(4, 3)


def wrong(name, make, *inputs, **options):
    layer(WRONG, name, make, *(inputs or (X,)), **options)


class Scale(nn.Module):
    """A layer that is right: y = x · w."""

    def __init__(self):
        self.w, self.calls, self.memo = nn.Parameter(np.array([1.5, -2.0, 0.5], "f")), 0, {}

    def forward(self, x):
        self.calls += 1
        return x * self.w


def scale(forward):
    """A `Scale` with another forward."""
    return type("Scaled", (Scale,), {"forward": forward})


class Norm(nn.Module):
    """A batch norm that is right, in parts that subclasses replace."""

    def __init__(self):
        self.gamma, self.beta = nn.Parameter(np.ones(3, "f")), nn.Parameter(np.zeros(3, "f"))
        self.mean, self.var = nn.Buffer(np.zeros(3, "f")), nn.Buffer(np.ones(3, "f"))

    def of_batch(self, x):
        mean = ops.mean(x, 0)
        return mean, ops.mean((x - mean) ** 2, 0)

    def update(self, mean, var):
        if not self.buffers_frozen:
            self.mean.data = 0.9 * self.mean.data + 0.1 * mean.data
            self.var.data = 0.9 * self.var.data + 0.1 * var.data

    def in_evaluation(self, x):
        return self.mean, self.var

    def forward(self, x):
        mean, var = self.of_batch(x) if self.training else self.in_evaluation(x)
        if self.training:
            self.update(mean, var)
        return (x - mean) / ops.sqrt(var + 1e-5) * self.gamma + self.beta


def norm(**methods):
    """A `Norm` with other methods."""
    return type("Norm", (Norm,), methods)


# --- some calls ----------------------------------------------------------------------------------------


def first(self, x):
    self.calls += 1
    return x * (self.w if self.calls > 1 else self.w.detach())


def later(self, x):
    self.calls += 1
    return x * (self.w if self.calls < 40 else self.w.detach())


def seventh(self, x):
    self.calls += 1
    return x.detach() * self.w if self.calls % 7 == 0 else x * self.w


def decays(self, x):
    self.calls += 1
    return x * self.w * (1.0 + 0.5**self.calls)


def first_in_evaluation(self, x):
    self.calls += not self.training
    return x * (self.w.detach() if self.calls == 1 else self.w)


class FirstWithNoise(nn.Module):
    """Random in training, so that only slopes show that the first call is wrong."""

    def __init__(self):
        self.w, self.calls, self.rng = nn.Parameter(np.ones(3, "f")), 0, np.random.default_rng(0)

    def forward(self, x):
        self.calls += 1
        x = ops.dropout(x, 0.5, self.rng) if self.training else x
        return x * (self.w if self.calls > 1 or not self.training else self.w.detach())


wrong("no gradient in the first call", scale(first))
wrong("no gradient from the 40th call on", scale(later))
wrong("no gradient of x in every seventh call", scale(seventh))
wrong("no gradient in the first call in evaluation", scale(first_in_evaluation))
wrong("no gradient in the first call, with dropout", FirstWithNoise)
wrong("evaluation depends on how often it was called", scale(decays), modes=["eval"])


# --- parameters ----------------------------------------------------------------------------------------


class InClosure(nn.Module):
    def __init__(self):
        w = nn.Parameter(np.ones(3, "f"))
        self.scaled = lambda x: x * w.astype(x.dtype)

    def forward(self, x):
        return self.scaled(x)


class InSet(nn.Module):
    def __init__(self):
        self.weights = frozenset([nn.Parameter(np.ones(3, "f"))])

    def forward(self, x):
        return x * next(iter(self.weights)).astype(x.dtype)


class InObject(Scale):
    def __init__(self):
        super().__init__()
        self.bag = type("Bag", (), {})()
        self.bag.b = nn.Parameter(np.zeros(3, "f"))

    def forward(self, x):
        return x * self.w + self.bag.b.astype(x.dtype)


class Forgotten(Scale):
    def __init__(self):
        super().__init__()
        self.blocks = [nn.Linear(3, 3, rng=np.random.default_rng(k)) for k in range(3)]

    def forward(self, x):
        return self.blocks[2](self.blocks[0](x * self.w))


def normalises(self, x):
    self.w.data /= np.sqrt((self.w.data**2).sum())
    return x * self.w


def replaces(self, x):
    self.w = nn.Parameter(self.w.data)
    return x * self.w


def max_norm(self, x):
    if abs(self.w.data).max() > 5:
        self.w.data = np.clip(self.w.data, -5, 5)
    return x * self.w


class Plain(nn.Module):
    def __init__(self):
        self.w = Tensor(np.ones(3, "f"))

    def forward(self, x):
        return x * self.w


class InfiniteAtFirst(Scale):
    def forward(self, x):
        return x * self.w / ops.sqrt(ops.sum(self.w * 0.0))


def swapped(self, x):
    class Affine(Op):
        def forward(self, x, gamma, beta):
            return x * gamma + beta

        def backward(self, gy):
            x, gamma, _ = self.inputs
            return gy * gamma, ops.sum(gy, 0), ops.sum(gy * x, 0)

    return Affine()(x, self.gamma, self.beta)


wrong("a parameter in a closure", InClosure)
wrong("a parameter in a set", InSet)
wrong("a parameter in a plain object", InObject)
wrong("a block that is forgotten", Forgotten)
wrong("a parameter that is forgotten", scale(lambda self, x: x * 2.0))
wrong("normalises its parameter in forward", scale(normalises))
wrong("makes its parameter anew in forward", scale(replaces))
wrong("clips its parameter when it is large", scale(max_norm))
wrong("weights in a Tensor", Plain)
wrong("not finite as it is made", InfiniteAtFirst)
wrong("gradients of two parameters swapped", norm(forward=swapped))
wrong("a float64 constant", scale(lambda self, x: x * self.w * Tensor(np.ones(3))))


# --- several calls, other weights ----------------------------------------------------------------------


def remembers(self, x):
    memo = self.memo
    memo["x"] = x

    class Product(Op):
        def forward(self, x, w):
            return x * w

        def backward(self, gy):
            return gy * self.inputs[1], ops.sum(gy * memo["x"], 0)

    return Product()(x, self.w)


def scratch(self, x):
    array = self.memo.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
    array[...] = x.data
    memo = self.memo

    class Product(Op):
        def forward(self, x, w):
            return x * w

        def backward(self, gy):
            kept = Tensor(memo[gy.shape, gy.dtype].copy())
            return gy * self.inputs[1], ops.sum(gy * (self.inputs[0] if is_recording() else kept), 0)

    return Product()(x, self.w)


def folded(self, x):
    if self.training:
        return x * ops.tanh(self.w)
    if "w" not in self.memo:
        self.memo["w"] = ops.tanh(self.w)
    return x * self.memo["w"]


def by_identity(self, x):
    key = id(self.w.data), x.dtype
    if key not in self.memo:
        self.memo[key] = self.w.data, Tensor(2 * self.w.data)
    return x * (self.w * 2 + (self.memo[key][1] - self.w.detach() * 2))


def without_graph(self, x):
    if not is_recording():
        self.memo["w"] = ops.exp(self.w)
    return x * (self.memo["w"] if "w" in self.memo else ops.exp(self.w))


def hidden_state(self, x):
    y = x * self.w + self.memo.get("h", 0.0)
    self.memo["h"] = y.detach()
    return y


wrong("reads the input of the last call", scale(remembers))
wrong("keeps its input in one array for all calls", scale(scratch))
wrong("weights folded once, in evaluation", scale(folded))
wrong("weights kept by the identity of their array", scale(by_identity))
wrong("weights kept under no_grad, without a graph", scale(without_graph))
wrong("a hidden state from call to call", scale(hidden_state))
wrong("doubled under no_grad", scale(lambda self, x: x * self.w * (1.0 if is_recording() else 2.0)))
wrong("another formula if x is data", scale(lambda self, x: x * self.w if x.requires_grad else x * self.w + 1.0))


# --- frozen buffers, evaluation ------------------------------------------------------------------------


class FrozenRunning(Norm):
    def of_batch(self, x):
        return (self.mean, self.var) if self.buffers_frozen else super().of_batch(x)


class FrozenDetached(Norm):
    def forward(self, x):
        return super().forward(x.detach() if self.buffers_frozen else x)


def only_mean(self, mean, var):
    if not self.buffers_frozen:
        self.mean.data = 0.9 * self.mean.data + 0.1 * mean.data


def though_frozen(self, mean, var):
    self.var.data = 0.9 * self.var.data + 0.1 * var.data
    self.mean.data = 0.9 * self.mean.data + 0.1 * mean.data


class MovesInEvaluation(Norm):
    def in_evaluation(self, x):
        self.mean.data = 0.9 * self.mean.data + 0.1 * x.data.mean(0)
        return self.mean, self.var


class StatisticsInAnArray(Scale):
    def forward(self, x):
        if self.training:
            self.memo["mean"] = 0.9 * self.memo.get("mean", 0.0) + 0.1 * x.data.mean(0)
            return (x - ops.mean(x, 0)) * self.w
        return (x - Tensor(np.asarray(self.memo.get("mean", np.zeros(3)), x.dtype))) * self.w


class PerImage(nn.BatchNorm):
    """Normalises each image by itself in evaluation, without the running statistics."""

    def forward(self, x):
        return super().forward(x) if self.training else ops.instance_norm(x, self.gamma, self.beta)


def masked(self, x):
    return ops.dropout(x * self.w, 0.5, np.random.default_rng(3))


class Random(Scale):
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return ops.dropout(x * self.w, 0.5, self.rng)


def alone(self, x):
    return x * self.w if len(x) > 1 or self.training else x * self.w * 2.0


def over_batch(self, x):
    e = ops.exp(x * self.w)
    return e / ops.sum(e, 0, keepdims=True)


class GradientAlone(Scale):
    """Right except for the gradient of a batch of one."""

    def forward(self, x):
        class Product(Op):
            def forward(self, x, w):
                return x * w

            def backward(self, gy):
                x, w = self.inputs
                return gy * w * (1.0 if len(gy) > 1 else 2.0), ops.sum(gy * x, 0)

        return Product()(x, self.w)


wrong("running statistics inside frozen_buffers()", FrozenRunning)
wrong("no gradient inside frozen_buffers()", FrozenDetached)
wrong("a variance that never moves", norm(update=only_mean))
wrong("statistics that never move", norm(update=lambda self, mean, var: None))
wrong("statistics that move though frozen", norm(update=though_frozen))
wrong("statistics that move in evaluation", MovesInEvaluation)
wrong("the batch's mean in evaluation", norm(in_evaluation=lambda self, x: (ops.mean(x, 0), self.var)))
wrong("the batch's variance in evaluation", norm(in_evaluation=lambda self, x: (self.mean, self.of_batch(x)[1])))
wrong("the batch's statistics in evaluation", norm(in_evaluation=Norm.of_batch))
wrong("no variance in evaluation", norm(in_evaluation=lambda self, x: (self.mean, self.mean * 0.0 + 1.0)))
wrong("each image's own statistics in evaluation", lambda: PerImage(2), normal(2, 3, 3, 2))
wrong("statistics that are not saved", StatisticsInAnArray)
wrong("dropout in evaluation, the same each time", scale(masked))
wrong("dropout in evaluation", Random)
wrong("a batch of one is another case", scale(alone))
wrong("a gradient of a batch of one is another case", GradientAlone)
wrong("a softmax over the batch", scale(over_batch))
wrong("a centred batch in evaluation", scale(lambda self, x: (x - ops.mean(x, 0)) * self.w))
wrong("no gradient of x in evaluation", scale(lambda self, x: (x if self.training else x.detach()) * self.w))
wrong("the variance is a constant", norm(of_batch=lambda self, x: (ops.mean(x, 0), Norm.of_batch(self, x.detach())[1])))
wrong("beta that its first value hides", norm(forward=lambda self, x: Norm.forward(self, x) - self.beta.detach()))
