"""Layers whose weight is computed anew in each call: any layer can be inside, and it stays as it is."""

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops
from rawgan.errors import ArgumentError, ShapeError
from rawgan.nn.reparametrization import Reparametrized
from rawgan.nn.spectral_norm import OverSigma
from rawgan.paper import on_paper

X = np.array([[1.0, -2.0, 3.0]], "float32")


def rng():
    return np.random.default_rng(0)


class Doubled(Reparametrized):
    def weight(self):
        return 2 * self.parameter


class Counting(nn.Module):
    """A layer with its own forward, another name of its weight, two inputs and an option, that counts its calls."""

    def __init__(self):
        self.kernel = nn.Parameter(np.ones((3, 2), "float32"))
        self.count = 0

    def forward(self, x, y, *, shift=0.0):
        self.count += 1
        return x @ self.kernel + y + shift


def test_any_forward_that_reads_the_parameter_computes_with_the_weight():
    layer = Doubled(Counting(), name="kernel")
    before = layer.layer.kernel
    np.testing.assert_array_equal(layer(X, X[:, :2], shift=1.0).data, [[4 + 1 + 1, 4 - 2 + 1]])
    assert layer.layer.kernel is before
    assert layer.layer.count == 1  # what forward assigns stays
    assert list(layer.state_dict()) == ["layer.kernel"]
    (g,) = grad(layer(X, X[:, :2]).sum(), [before])
    np.testing.assert_array_equal(g.data, 2 * np.repeat(X.T, 2, axis=1))


def test_layers_inside_layers_of_this_kind():
    """The outer one computes another g for the inner one."""
    inner = nn.WeightNorm(nn.Linear(3, 2, bias=False, rng=rng()))
    np.testing.assert_allclose(Doubled(inner, name="g")(X).data, 2 * inner(X).data, rtol=1e-6)


def test_an_activation_that_follows_is_applied_once():
    for kind, inside in ((nn.WeightNorm, nn.Linear(3, 2, rng=rng())), (nn.WeightNorm, nn.Conv2d(3, 2, 1, rng=rng()))):
        layer, x = kind(inside), X if isinstance(inside, nn.Linear) else X[None, None]
        expected = ops.leaky_relu(layer(x), 0.2).data
        np.testing.assert_array_equal(nn.Sequential(layer, nn.LeakyReLU(0.2))(x).data, expected)


def test_a_weight_norm_begins_as_the_layer_and_g_is_its_length():
    plain = nn.Linear(3, 2, rng=rng())
    layer = nn.WeightNorm(nn.Linear(3, 2, rng=rng()))
    np.testing.assert_allclose(layer(X).data, plain(X).data, rtol=1e-6)
    layer.g.data = np.array([3.0, 0.0], "float32")
    np.testing.assert_allclose(np.linalg.norm(layer.weight().data, axis=0), [3, 0], rtol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e30])
def test_a_weight_norm_of_any_size_is_finite(scale):
    """Squares of the weights would overflow, or vanish."""
    v = (np.array([[1.0, 0.0], [2.0, 0.0], [-2.0, 0.0]]) * scale).astype("float32")
    layer = nn.WeightNorm(nn.Linear(3, 2, bias=False, rng=rng()))
    layer.parameter.data, layer.g.data = v, np.ones(2, "float32")
    w = layer.weight()
    expected = np.array([1, 2, -2]) / 3 if scale else np.zeros(3)
    np.testing.assert_allclose(w.data, np.stack([expected, np.zeros(3)], axis=1), rtol=1e-6)
    assert all(np.isfinite(g.data).all() for g in grad((w * w * w).sum(), [layer.g, layer.parameter]))
    nn.WeightNorm(layer.layer)  # begins without a warning


def test_a_weight_norm_on_paper_has_its_shapes():
    with on_paper():
        layer = nn.WeightNorm(nn.Linear(3, 2, rng=rng()))
    assert [x.shape for x in layer.parameters()] == [(2,), (3, 2), (2,)]


def test_a_weight_of_two_axes_counts_either_as_outputs():
    layer = nn.SpectralNorm(nn.Conv2d(2, 3, 2, rng=rng()), axis=2, rng=rng())
    for _ in range(100):
        w = layer.weight().data
    np.testing.assert_allclose(np.linalg.norm(w.transpose(0, 1, 3, 2).reshape(-1, 2), 2), 1, rtol=1e-5)


def bound():
    layer = nn.Linear(3, 2, rng=rng())
    layer.run = layer.forward
    return layer


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.WeightNorm(nn.ReLU()), ArgumentError, r"^WeightNorm: ReLU has no Parameter 'w'\n  put WeightNorm"),
        (
            lambda: nn.SpectralNorm(Counting(), rng=rng()),
            ArgumentError,
            r"it has kernel: SpectralNorm\(…, name='kernel'",
        ),
        (lambda: nn.WeightNorm(nn.Linear(3, 2, rng=rng()), name=3), ArgumentError, "has no Parameter 3"),
        (lambda: nn.WeightNorm(np.ones(3)), ArgumentError, "layer must be a Module, but is ndarray"),
        (
            lambda: nn.WeightNorm(nn.Linear(3, 2, rng=rng()), axis=2),
            ShapeError,
            r"axis must be one of the 2 axes of w\n  w \(3, 2\)   axis 2",
        ),
        (lambda: nn.WeightNorm(bound())(X), ArgumentError, r"^Linear.run is bound to this one layer"),
        (
            lambda: Reparametrized(nn.Linear(3, 2, rng=rng()))(X),
            NotImplementedError,
            r"Reparametrized has no weight\(\)",
        ),
    ],
)
def test_what_cannot_be_inside(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_printed_with_the_layer_inside():
    layer = nn.WeightNorm(nn.Linear(3, 2, rng=rng()))
    assert repr(layer).splitlines()[0].startswith("WeightNorm(Linear(3 → 2))")
    assert isinstance(layer(Tensor(X)), Tensor)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 3), (1, 4), (6, 1), (2, 2, 3, 4)])
def test_a_spectral_norm_all_at_once_is_that_of_its_parts(shape, dtype):
    """To the last bit: so runs are the same whether anything records or not."""
    rng = np.random.default_rng(0)
    m = Tensor(rng.standard_normal((int(np.prod(shape[:-1])), shape[-1])).astype(dtype), requires_grad=True)
    column = rng.standard_normal((shape[-1], 1)).astype(dtype)
    gy = Tensor(rng.standard_normal(m.shape).astype(dtype))
    step = OverSigma(column, np.zeros((), dtype))
    y, parts = step(m), step.by_parts(m)
    assert y.data.tobytes() == parts.data.tobytes()
    assert grad(y, m, gy)[0].data.tobytes() == grad(parts, m, gy)[0].data.tobytes()
