"""Norms by groups, by class and by style, by their formulas in NumPy."""

import numpy as np
import pytest

from rawgan import nn, ops
from rawgan.errors import ArgumentError, DTypeError, ShapeError

rng = np.random.default_rng(0)
X = 2 + 3 * rng.standard_normal((3, 4, 5, 6))
PLAIN = X[:, :, :, :2]


def drawn(layer, seed=1):
    """In float64, with random parameters."""
    layer.to(dtype="float64")
    for p in layer.parameters():
        p.data = np.random.default_rng(seed).standard_normal(p.shape)
    return layer


def normalized(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@pytest.mark.parametrize("x", [X, X[:, 0, 0], X[:, 0]], ids=["images", "vectors", "sequences"])
def test_a_group_norm_is_of_neighbouring_channels_of_one_image(x):
    layer = drawn(nn.GroupNorm(2, 6))
    inside = tuple(range(1, x.ndim))
    expected = np.concatenate([normalized(x[..., :3], inside), normalized(x[..., 3:], inside)], axis=-1)
    np.testing.assert_allclose(layer(x).data, expected * layer.gamma.data + layer.beta.data, rtol=1e-12, atol=1e-12)


def test_groups_of_one_channel_are_an_instance_norm_and_one_group_is_a_layer_norm():
    np.testing.assert_allclose(ops.group_norm(X, 6).data, ops.instance_norm(X).data, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ops.group_norm(X, 1).data, ops.layer_norm(X, axis=(1, 2, 3)).data, rtol=1e-12)


def test_scales_that_are_left_out_are_one_and_zero():
    gamma = np.random.default_rng(3).standard_normal(6)
    for norm in (ops.instance_norm, ops.layer_norm, lambda x, *s, **o: ops.group_norm(x, 3, *s, **o)):
        plain, one, zero = norm(X, np.ones(6), np.zeros(6)).data, np.ones(6), np.zeros(6)
        np.testing.assert_array_equal(norm(X, gamma).data, norm(X, gamma, zero).data)
        np.testing.assert_array_equal(norm(X, beta=gamma).data, norm(X, one, gamma).data)
        np.testing.assert_allclose(norm(X, gamma).data, plain * gamma, rtol=1e-12, atol=1e-12)
    assert ops.layer_norm(X.astype("float32"), axis=(2, 3)).dtype == np.float32


def test_a_norm_that_is_not_affine_has_no_parameters():
    for layer in (nn.BatchNorm(6, affine=False), nn.LayerNorm(6, affine=False), nn.GroupNorm(2, 6, affine=False)):
        assert layer.parameters() == []
    assert list(nn.BatchNorm(6, affine=False).state_dict()) == ["running_mean", "running_var"]
    layer = nn.BatchNorm(6, affine=False).to(dtype="float64")
    np.testing.assert_allclose(layer(X).data, normalized(X, (0, 1, 2)), rtol=1e-12, atol=1e-12)
    y = layer.eval()(X).data
    np.testing.assert_allclose(y, (X - layer.running_mean.data) / np.sqrt(layer.running_var.data + 1e-5), rtol=1e-12)


def test_a_conditional_batch_norm_shares_statistics_and_scales_by_class():
    layer, labels = drawn(nn.ConditionalBatchNorm(6, classes=3)), np.array([2, 0, 2])
    assert [*layer.state_dict()] == ["gamma", "beta", "running_mean", "running_var"]
    gamma, beta = (x.data[labels][:, None, None] for x in (layer.gamma, layer.beta))
    np.testing.assert_allclose(layer(X, labels).data, normalized(X, (0, 1, 2)) * gamma + beta, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.running_mean.data, 0.1 * X.mean((0, 1, 2)), rtol=1e-12)
    begins = nn.ConditionalBatchNorm(6, classes=3).to(dtype="float64")
    np.testing.assert_array_equal(begins(X, labels).data, nn.BatchNorm(6).to(dtype="float64")(X).data)


@pytest.mark.parametrize("labels", [[2, 0, 3], np.array([-1, 0, 0])])
def test_a_conditional_batch_norm_that_refuses_a_label_leaves_its_statistics(labels):
    layer = nn.ConditionalBatchNorm(6, classes=3).to(dtype="float64")
    with pytest.raises(ArgumentError, match=r"labels must lie in 0 … 2(.|\n)*in ConditionalBatchNorm"):
        layer(X, labels)
    assert not layer.running_mean.data.any()
    np.testing.assert_array_equal(layer(X, [2, 0, 2]).data, layer(X, np.array([2, 0, 2])).data)


def test_adain_is_scaled_and_shifted_by_the_style_of_each_image():
    layer = drawn(nn.AdaIN(6, style=2, rng=rng))
    style = np.random.default_rng(4).standard_normal((3, 2))
    made = (style @ layer.style.w.data + layer.style.b.data)[:, None, None]
    expected = normalized(X, (1, 2)) * (1 + made[..., :6]) + made[..., 6:]
    np.testing.assert_allclose(layer(X, style).data, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.GroupNorm(4, 6), ArgumentError, "GroupNorm: groups must divide channels, but channels is 6 and"),
        (lambda: nn.BatchNorm(6, affine=1), ArgumentError, "BatchNorm: affine must be True or False, but is 1"),
        (
            lambda: nn.ConditionalBatchNorm(6, 3).to(dtype="float64")(X, np.array([[0], [1], [2]])),
            ShapeError,
            r"ConditionalBatchNorm: each sample needs one label\n  x \(3, 4, 5, 6\)   labels \(3, 1\)",
        ),
        (
            lambda: nn.AdaIN(6, 2, rng=rng).to(dtype="float64")(X, np.ones((3, 3))),
            ShapeError,
            r"AdaIN: each sample needs a style of 2 numbers\n  x \(3, 4, 5, 6\)   style \(3, 3\)",
        ),
        (
            lambda: nn.ConditionalBatchNorm(6, 3)(X, [0.0, 1.0, 2.0]),
            DTypeError,
            r"ConditionalBatchNorm: labels must be integers, but are float32\n  x \(3, 4, 5, 6\)   labels \(3,\)",
        ),
        (
            lambda: nn.ConditionalBatchNorm(6, 3)(None, [0]),
            DTypeError,
            "ConditionalBatchNorm: x must be a Tensor of fl",
        ),
        (lambda: nn.AdaIN(6, 2, rng=0), ArgumentError, r"AdaIN: rng must be np.random.default_rng\(0\), say, but is 0"),
        (
            lambda: nn.AdaIN(6, 2, rng=rng)(X, np.array([1, 2, 0])),
            DTypeError,
            "AdaIN: style must be a Tensor of floats",
        ),
    ],
)
def test_what_norms_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()
