"""Properties of normalisation over any shape, layout, magnitude and momentum, against exact rational arithmetic.

The mean of large numbers is known to their last digit, not to that of their spread. So, of numbers that are `ratio`
times their standard deviation, the normalised ones are right to `ratio` roundings; the bounds here say so.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from left_alone import left_alone
from loops import populations

from rawgan import Tensor, grad, nn, ops
from rawgan.testing import gradcheck
from rawgan.testing.strategies import arrays, shapes
from rawgan.testing.tolerances import TOLERANCES

slopes_agree = partial(gradcheck, order=2, checks=())  # layouts, dtypes and writes are looked at with the values
dtypes = st.sampled_from(["float64", "float32"])
epsilons = st.sampled_from([1e-5, 1e-3, 1.0]) | st.floats(1e-8, 10)
some = settings(max_examples=settings.default.max_examples // 3)  # finite differences take long
momenta = st.sampled_from([0.1, 0.0, 1.0]) | st.floats(0, 1)
shifts = st.sampled_from([0, 1000, -1000])  # of the mean, in standard deviations


def leaf(array):
    return Tensor(array, requires_grad=True)


def assert_near(got, exact, scale):
    """`got` is `exact`, up to rounding of numbers as large as `scale`."""
    dtype = got.dtype
    error = np.abs(np.asarray(got.data if isinstance(got, Tensor) else got, "float64") - exact)
    assert got.shape == exact.shape
    assert np.all(error <= TOLERANCES[dtype.name] * scale + np.finfo(dtype).tiny), f"got {got}, not {exact}"


# --- the norms -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Norm:
    """A normalising op with the shapes that it takes, and the axes that it averages over and scales along."""

    function: Callable[..., Tensor]
    cases: st.SearchStrategy[tuple[tuple[int, ...], tuple[int, ...], int]]  # shape, axes to average over, axes of gamma


def of_batches(shape):
    return shape, tuple(range(len(shape) - 1)), 1


def of_images(shape):
    return shape, (1, 2), 1


@st.composite
def of_samples(draw):
    shape = draw(shapes(axes=(2, 4), max_length=4))
    scaled = draw(st.integers(1, len(shape) - 1))
    return shape, tuple(range(len(shape) - scaled, len(shape))), scaled


vectors, images = shapes(axes=2), shapes(axes=4, max_length=4)
batch = Norm(partial(ops.batch_norm, training=True), (vectors | images).map(of_batches))
NORMS = [
    pytest.param(batch, id="batch_norm"),
    pytest.param(Norm(ops.layer_norm, of_samples()), id="layer_norm"),
    pytest.param(Norm(ops.instance_norm, images.map(of_images)), id="instance_norm"),
]
every_norm = pytest.mark.parametrize("norm", NORMS)


@st.composite
def shapes_of(draw, norm, least=2):
    """A shape with at least so many values in each mean, the axes of the mean, and the shape of gamma and beta."""
    shape, axes, scaled = draw(norm.cases)
    if np.prod([shape[axis] for axis in axes]) < least:
        shape = tuple(least if axis == axes[0] else n for axis, n in enumerate(shape))
    return shape, axes, shape[len(shape) - scaled :]


@st.composite
def shifted(draw, shape, dtype):
    """Numbers whose mean is about 0, or a thousand times their standard deviation."""
    x = draw(arrays(shape, dtype))
    x += draw(shifts) * abs(x).max()
    return x


@st.composite
def inputs(draw, norm):
    """x, gamma, beta and an upstream gradient, the axes of the mean, and eps."""
    shape, axes, scales = draw(shapes_of(norm))
    dtype = draw(dtypes)
    ordinary = [draw(arrays(s, dtype, magnitudes=["ordinary"])) for s in (scales, scales, shape)]
    return draw(shifted(shape, dtype)), *ordinary, axes, draw(epsilons)


# --- exact arithmetic ----------------------------------------------------------------------------------


class Exact:
    """The populations of x: mean, biased variance, std = √(var + eps) and x̂, each of x's shape, in float64."""

    def __init__(self, x, axes, eps):
        self.mean, self.var, self.largest = (np.empty(x.shape) for _ in range(3))
        for where in populations(x.shape, axes):
            values = x[where].ravel().tolist()
            self.mean[where], self.var[where] = statistics.mean(values), statistics.pvariance(values)
            self.largest[where] = max(map(abs, values))
        self.std = np.sqrt(self.var + eps)
        self.x_hat = (x - self.mean) / self.std
        self.ratio = 1 + self.largest / self.std
        self.uncertain = (1 + abs(self.x_hat)) * self.ratio  # roundings of x̂


@every_norm
@given(data=st.data())
def test_values_agree_with_exact_arithmetic(norm, data):
    x, gamma, beta, _, axes, eps = data.draw(inputs(norm))
    exact = Exact(x, axes, eps)
    with left_alone(x, gamma, beta):
        y = norm.function(*map(leaf, (x, gamma, beta)), eps=eps)
    assert y.dtype == x.dtype
    assert_near(y, gamma * exact.x_hat + beta, abs(gamma) * exact.uncertain + abs(beta))


@every_norm
@given(data=st.data())
def test_gradients_agree_with_exact_arithmetic(norm, data):
    """With m values, ∂x̂ᵢ/∂xⱼ = (δᵢⱼ − 1/m − x̂ᵢ·x̂ⱼ/m) / std."""
    x, gamma, beta, gy, axes, eps = data.draw(inputs(norm))
    exact, g = Exact(x, axes, eps), np.asarray(gamma, "float64") * gy
    expected, largest = np.empty(x.shape), np.empty(x.shape)
    for where in populations(x.shape, axes):
        h = exact.x_hat[where].ravel()
        jacobian = np.eye(h.size) - (1 + np.outer(h, h)) / h.size
        expected[where] = (g[where].ravel() @ jacobian).reshape(g[where].shape) / exact.std[where]
        largest[where] = abs(g[where]).max() / exact.std[where]
    over = tuple(range(x.ndim - gamma.ndim))
    for create_graph in (False, True):  # the fused formula, and the one made of ops
        xs = leaf(x), leaf(gamma), leaf(beta)
        with left_alone(x, gamma, beta, gy):
            gx, ggamma, gbeta = grad(norm.function(*xs, eps=eps), xs, [Tensor(gy)], create_graph=create_graph)
        assert_near(gx, expected, largest * exact.uncertain)
        assert_near(ggamma, (gy * exact.x_hat).sum(over), (abs(gy) * exact.uncertain).sum(over))
        assert_near(gbeta, gy.sum(over, "float64"), abs(gy).sum(over, "float64"))


@st.composite
def spread(draw, shape, axes):
    """Evenly spaced numbers of standard deviation 1, shuffled: finite differences must be small beside the spread."""
    shift, seed = draw(shifts), draw(st.integers(0, 2**32 - 1))
    x, rng = np.empty(shape), np.random.default_rng(seed)
    for where in populations(shape, axes):
        count = x[where].size
        numbers = np.arange(count) - (count - 1) / 2
        x[where] = shift + rng.permutation(numbers / numbers.std()).reshape(x[where].shape)
    return x


@st.composite
def spread_batches(draw):
    # Of two values, x̂ is ±1 whatever they are: only eps makes a slope, and a finite difference does not see it.
    shape, axes, scales = draw(shapes_of(batch, least=3))
    return draw(spread(shape, axes)), *(draw(arrays(scales, magnitudes=["ordinary"])) for _ in range(2))


@some
@given(spread_batches(), epsilons)
def test_training_has_the_gradients_of_finite_differences(arrays, eps):
    slopes_agree(partial(ops.batch_norm, training=True, eps=eps), *arrays)


# --- running statistics --------------------------------------------------------------------------------


@st.composite
def training_sets(draw):
    """Several batches of unlike sizes, and the running statistics to start from."""
    dtype = draw(dtypes)
    channels = draw(st.integers(1, 3))
    cases = shapes_of(batch).map(lambda case: (*case[0][:-1], channels))
    batches = [draw(shifted(shape, dtype)) for shape in draw(st.lists(cases, min_size=1, max_size=4))]
    mean, var = (draw(arrays((channels,), dtype, magnitudes=["ordinary"])) for _ in range(2))
    return batches, mean, abs(var)


def per_channel(statistic, x):
    return np.array([statistic(x[..., channel].ravel().tolist()) for channel in range(x.shape[-1])])


def moved(start, of_batches, momentum):
    """A running statistic after all batches: (1 − m)ᵏ · start + Σⱼ m · (1 − m)ᵏ⁻¹⁻ʲ · batchⱼ."""
    weights = [momentum * (1 - momentum) ** j for j in reversed(range(len(of_batches)))]
    kept = (1 - momentum) ** len(of_batches) * start.astype("float64")
    return kept + sum(weight * statistic for weight, statistic in zip(weights, of_batches, strict=True))


@given(training_sets(), momenta)
def test_running_statistics_are_weighted_means_of_the_means_and_unbiased_variances(training_set, momentum):
    batches, mean, var = training_set
    layer = nn.BatchNorm(mean.size, momentum=momentum).to(dtype=mean.dtype.name)
    layer.load_state_dict({**layer.state_dict(), "running_mean": mean, "running_var": var})
    for x in batches:
        with left_alone(x):
            layer(Tensor(x))
    means, variances = ([per_channel(f, x) for x in batches] for f in (statistics.mean, statistics.variance))
    largest = [per_channel(lambda values: max(map(abs, values)), x) for x in batches]
    off = TOLERANCES[mean.dtype.name]  # where a mean is off, the square of that is in its variance, up to twice
    uncertain = [v + 2 * off * m**2 for v, m in zip(variances, largest, strict=True)]
    assert_near(layer.running_mean, moved(mean, means, momentum), moved(abs(mean), largest, momentum))
    assert_near(layer.running_var, moved(var, variances, momentum), moved(var, uncertain, momentum))


# --- layers in their modes -----------------------------------------------------------------------------


@st.composite
def layers(draw, magnitudes=("ordinary", "tiny", "huge"), dtypes=dtypes):
    """A BatchNorm with drawn parameters and statistics, an input and an upstream gradient for it."""
    shape, _, scales = draw(shapes_of(batch))
    dtype, eps, momentum = draw(dtypes), draw(epsilons), draw(momenta)
    layer = nn.BatchNorm(*scales, eps=eps, momentum=momentum).to(dtype=dtype)
    state = {name: draw(arrays(scales, dtype, magnitudes=["ordinary"])) for name in layer.state_dict()}
    state["running_var"] = abs(state["running_var"])
    layer.load_state_dict(state)
    x, gy = draw(arrays(shape, dtype, magnitudes=magnitudes)), draw(arrays(shape, dtype, magnitudes=["ordinary"]))
    return layer, x, gy


def statistics_of(layer):
    return layer.running_mean.data.tobytes(), layer.running_var.data.tobytes()


@given(layers())
def test_evaluation_scales_by_the_running_statistics_and_leaves_them_alone(case):
    layer, x, gy = case
    layer.eval()
    before, xs = statistics_of(layer), (leaf(x), layer.gamma, layer.beta)
    y = layer(xs[0])
    gx, ggamma, gbeta = grad(y, xs, [Tensor(gy)])
    assert statistics_of(layer) == before
    gamma, beta, mean, var = (a.astype("float64") for a in layer.state_dict().values())
    std, over = np.sqrt(var + layer.eps), tuple(range(x.ndim - 1))
    x_hat, terms = (x - mean) / std, (abs(x) + abs(mean)) / std
    assert_near(y, gamma * x_hat + beta, abs(gamma) * terms + abs(beta))
    assert_near(gx, gy * gamma / std, abs(gy * gamma / std))
    assert_near(ggamma, (gy * x_hat).sum(over), (abs(gy) * terms).sum(over))
    assert_near(gbeta, gy.sum(over, "float64"), abs(gy).sum(over, "float64"))


@some
@given(layers(["ordinary"], st.just("float64")), shifts)
def test_evaluation_has_the_gradients_of_finite_differences(case, shift):
    layer, x, _ = case
    gamma, beta, mean, var = layer.state_dict().values()
    running = Tensor(mean + shift), Tensor(var)
    evaluated = partial(ops.batch_norm, training=False, eps=layer.eps)
    slopes_agree(lambda x, gamma, beta: evaluated(x, gamma, beta, *running), x + shift, gamma, beta)


@given(layers())
def test_frozen_buffers_stay_bit_for_bit_and_change_nothing_else(case):
    layer, x, gy = case
    frozen = leaf(x)
    before = statistics_of(layer)
    with layer.frozen_buffers():
        y = layer(frozen)
        (gx,) = grad(y, frozen, [Tensor(gy)])
    assert statistics_of(layer) == before
    free = leaf(x)
    expected = layer(free)
    (expected_gx,) = grad(expected, free, [Tensor(gy)])
    np.testing.assert_array_equal(y.data, expected.data)
    np.testing.assert_array_equal(gx.data, expected_gx.data)
