"""Sequential lets a layer apply the LeakyReLU that follows it, in the same pass over memory.

Results and first and second derivatives stay the same, infinities and NaN included. Only layers that say that they can
are asked to.
"""

from functools import wraps

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops
from rawgan.autograd import Observer, observing

ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 1e-30, 3e38, -3e38, 2.0, -2.0]
"""NaN, infinities, zeros of both signs, subnormal numbers of float32, huge ones, and ordinary ones."""

SLOPES = [0.0, 1e-50, 0.2, 1.0]
"""float32 makes 0 of the second one."""


def rng():
    return np.random.default_rng(0)


def spread(shape, dtype="float32"):
    """Random numbers, with one odd number in each image, or in each channel of vectors."""
    x = rng().standard_normal(shape).astype(dtype)
    if len(shape) == 4:
        x[:, 1, 1, 0] = np.resize(np.array(ODD, dtype), len(x))
        return x
    x[0] = np.resize(np.array(ODD, dtype), shape[1])
    return x


def norm(**odd):
    layer = nn.BatchNorm(len(ODD))
    for name, values in odd.items():
        getattr(layer, name).data[...] = values
    return layer


IMAGES, VECTORS, PIXELS = (len(ODD), 4, 4, 16), (6, len(ODD)), (2, 3, 3, len(ODD))
DOWN, UP = {"kernel": 4, "stride": 2, "padding": 1}, {"kernel": 4, "stride": 2, "padding": 1}
LAYERS = {
    "Conv2d 1x1": (lambda: nn.Conv2d(16, 3, 1, rng=rng()), IMAGES),
    "Conv2d 1x1, no bias": (lambda: nn.Conv2d(16, 3, 1, bias=False, rng=rng()), IMAGES),
    "Conv2d 3x3, groups": (lambda: nn.Conv2d(16, 6, 3, groups=2, rng=rng()), IMAGES),
    "Conv2d 4x4, by tiles": (lambda: nn.Conv2d(16, 16, **DOWN, rng=rng()), IMAGES),
    "ConvTranspose2d 3x3": (lambda: nn.ConvTranspose2d(16, 3, 3, stride=2, rng=rng()), IMAGES),
    "ConvTranspose2d 4x4, by tiles": (lambda: nn.ConvTranspose2d(16, 16, **UP, rng=rng()), IMAGES),
    "BatchNorm of vectors": (norm, VECTORS),
    "BatchNorm of images": (norm, PIXELS),
    "BatchNorm of vectors, odd beta": (lambda: norm(beta=ODD), VECTORS),
    "BatchNorm of images, odd gamma": (lambda: norm(gamma=ODD), PIXELS),
    "BatchNorm in evaluation": (lambda: norm(gamma=ODD).eval(), PIXELS),
    "SpectralNorm of Linear": (lambda: nn.SpectralNorm(nn.Linear(len(ODD), 3, rng=rng()), rng=rng()), VECTORS),
    "SpectralNorm of Conv2d": (lambda: nn.SpectralNorm(nn.Conv2d(16, 3, 3, rng=rng()), rng=rng()), IMAGES),
    "SpectralNorm of ConvTranspose2d": (
        lambda: nn.SpectralNorm(nn.ConvTranspose2d(16, 3, 3, rng=rng()), rng=rng()),
        IMAGES,
    ),
}


def results(network, x, upstream):
    """y; the gradients; the gradients of their sum, weighted at random."""
    x = Tensor(x, requires_grad=True)
    xs = [x, *network.parameters()]
    with np.errstate(all="ignore"):
        y = network(x)
        gy = upstream(y.shape).astype(y.dtype)
        plain = grad(network(x), xs, Tensor(gy), unconnected="zero")
        recorded = grad(y, xs, Tensor(gy, requires_grad=True), create_graph=True, unconnected="zero")
        weights = [Tensor(rng().standard_normal(g.shape).astype(g.dtype)) for g in recorded]
        total = sum(
            ((g * w).sum() for g, w in zip(recorded, weights, strict=True)), start=Tensor(np.zeros((), y.dtype))
        )
        second = grad(total, xs, unconnected="zero")
    return [each.data for each in (y, *plain, *recorded, *second)]


def ordinary(shape):
    return rng().standard_normal(shape)


def odd(shape):
    gy = rng().standard_normal(shape)
    gy.reshape(-1)[: len(ODD)] = ODD
    return gy


def same(got, expected):
    """The same numbers, in all but the last digits; the same infinities, NaN and zeros, with their signs."""
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(expected)[numbers])


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("case", LAYERS)
def test_fused_and_apart_agree_whatever_the_numbers(case, slope, each_backend):
    make, shape = LAYERS[case]
    for dtype in ("float32", "float64"):
        for upstream in (ordinary, odd):
            layer, activation = make().to(dtype=dtype), nn.LeakyReLU(slope)
            state = layer.state_dict()
            fused = results(nn.Sequential(layer, activation), spread(shape, dtype), upstream)
            layer.load_state_dict(state)
            apart = results(nn.Sequential(layer, nn.Identity(), activation), spread(shape, dtype), upstream)
            for got, expected in zip(fused, apart, strict=True):
                same(got, expected)


def is_fused(*layers, x=None):
    """True if the second of two layers is left to the first, which then makes the result by itself."""
    x = np.array([[[[-1.0]], [[2.0]]]], "float32") if x is None else x
    first, activation = layers
    calls = Calls()
    with observing(calls):
        y = nn.Sequential(*layers)(x)
    np.testing.assert_array_equal(y.data, activation(first(x)).data)
    return activation not in [layer for layer, _ in calls.seen]


class Calls(Observer):
    """Keeps the layers that are called, and the options."""

    def __init__(self):
        self.seen = []

    def before_layer(self, layer, inputs, options):
        self.seen.append((layer, options))


def conv(kind=nn.Conv2d):
    return kind(1, 2, 1, rng=rng())


@pytest.mark.parametrize("case", LAYERS)
def test_every_layer_compared_above_was_fused(case):
    make, shape = LAYERS[case]
    with np.errstate(all="ignore"):
        assert is_fused(make().eval(), nn.LeakyReLU(0.2), x=spread(shape))


def test_an_activation_that_does_nothing_and_one_behind_another_layer_are_called():
    assert is_fused(conv(), nn.ReLU())
    assert not is_fused(conv(), nn.LeakyReLU(1.0))
    assert not is_fused(nn.Flatten(), nn.ReLU())


class Gain(nn.Module):
    """y = slope · x, by a name of its author's own."""

    def forward(self, x, slope=3.0):
        return x * slope


class Shifted(nn.Conv2d):
    def forward(self, x, slope=1.0):
        return super().forward(x, slope) + 1


class Anything(nn.Conv2d):
    def forward(self, *inputs, **options):
        return super().forward(*inputs, **options) - 1


class Called(nn.Conv2d):
    """Its forward is that of Conv2d, but a call gives something else."""

    def __call__(self, x, **options):
        return super().__call__(x, **options) + 1


class ShiftedNorm(nn.BatchNorm):
    def forward(self, x, slope=1.0):
        return super().forward(x, slope) + 1


class ShiftedSpectralNorm(nn.SpectralNorm):
    def forward(self, x, slope=1.0):
        return super().forward(x, slope) + 1


class Own(nn.Module):
    """A layer that says that it can, and does."""

    applies_slope = True

    def forward(self, x, slope=1.0):
        return ops.leaky_relu(x - 1, slope)


class Derived(Own):
    def forward(self, x, slope=1.0):
        return super().forward(x, slope) - 1


class Refuses(Own):
    applies_slope = False


@pytest.mark.parametrize(
    "layer",
    [
        Gain(), conv(Shifted), conv(Anything), conv(Called), ShiftedNorm(1).eval(), Derived(), Refuses(),
        ShiftedSpectralNorm(conv(), rng=rng()).eval(),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_a_layer_that_did_not_say_so_itself_is_not_asked_to_apply_an_activation(layer):
    assert not is_fused(layer, nn.LeakyReLU(0.2))
    assert not is_fused(layer, nn.ReLU())


def test_a_layer_of_ones_own_may_say_so():
    assert is_fused(Own(), nn.LeakyReLU(0.2))


class Loud(nn.ReLU):
    def forward(self, x):
        return super().forward(x) * 10


def test_an_activation_of_ones_own_is_called():
    assert not is_fused(conv(), Loud())


def test_a_layer_or_an_activation_whose_forward_was_replaced_is_called():
    def replaced(module):
        forward = module.forward

        @wraps(forward)
        def shifted(*inputs, **options):
            return forward(*inputs, **options) + 1

        vars(module)["forward"] = shifted
        return module

    x = np.array([[[[-1.0]], [[2.0]]]], "float32")
    for layer, activation in [(replaced(conv()), nn.ReLU()), (conv(), replaced(nn.LeakyReLU(0.5)))]:
        np.testing.assert_array_equal(nn.Sequential(layer, activation)(x).data, activation(layer(x)).data)


def test_an_observer_sees_that_the_layer_applies_the_activation():
    calls = Calls()
    with observing(calls):
        nn.Sequential(conv(), nn.LeakyReLU(0.2))(np.zeros((1, 2, 2, 1), "float32"))
    assert [(type(layer).__name__, options) for layer, options in calls.seen] == [
        ("Sequential", {}),
        ("Conv2d", {"slope": 0.2}),
    ]


def test_spectral_norm_calls_a_forward_of_ones_own():
    norm, x = nn.SpectralNorm(conv(Shifted), rng=rng()), np.ones((1, 2, 2, 1), "float32")
    plain = nn.SpectralNorm(conv(), rng=rng())
    np.testing.assert_array_equal(norm(x).data, plain(x).data + 1)
    np.testing.assert_array_equal(nn.Sequential(norm, nn.ReLU())(x).data, ops.relu(plain(x) + 1).data)


class Preset(nn.Linear):
    """A layer with other options that computes the same as Linear."""

    def __init__(self):
        super().__init__(3, 2, rng=rng())


def test_spectral_norm_takes_a_layer_that_only_has_other_options():
    x = rng().standard_normal((4, 3)).astype("float32")
    preset, plain = (nn.SpectralNorm(layer, rng=rng()) for layer in (Preset(), nn.Linear(3, 2, rng=rng())))
    np.testing.assert_array_equal(preset(x).data, plain(x).data)
