"""Layers: their examples in every respect, their ops, and images by hand."""

import numpy as np
import pytest

import rawgan_kernels as kernels
from rawgan import Tensor, nn, ops
from rawgan.errors import ShapeError
from rawgan.nn.activation import Activation
from rawgan.nn.registry import EXAMPLES, LAYERS
from rawgan.testing import check_layer
from rawgan_kernels import Window


def rng(seed=0):
    return np.random.default_rng(seed)


def images(*shape, seed=1):
    return rng(seed).standard_normal(shape).astype("float32")


X4 = images(2, 4, 6, 4)
BY_OPS = [
    (nn.Linear(4, 3, rng=rng()), images(5, 4), lambda x, m: ops.linear(x, m.w, m.b)),
    (nn.Linear(4, 3, bias=False, rng=rng()), images(5, 4), lambda x, m: ops.linear(x, m.w)),
    (
        nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=((1, 0), 2), dilation=(1, 2), groups=2, rng=rng()),
        X4,
        lambda x, m: ops.conv2d(x, m.w, m.b, stride=(1, 2), padding=((1, 0), 2), dilation=(1, 2), groups=2),
    ),
    (nn.Conv2d(4, 2, 3, bias=False, rng=rng()), X4, lambda x, m: ops.conv2d(x, m.w)),
    (
        nn.ConvTranspose2d(4, 6, 3, stride=3, padding=1, output_padding=(0, 2), dilation=2, groups=2, rng=rng()),
        X4,
        lambda x, m: ops.conv_transpose2d(
            x, m.w, m.b, stride=3, padding=1, output_padding=(0, 2), dilation=2, groups=2
        ),
    ),
    (nn.ConvTranspose2d(4, 2, 3, bias=False, rng=rng()), X4, lambda x, m: ops.conv_transpose2d(x, m.w)),
    (nn.LeakyReLU(0.3), X4, lambda x, m: ops.leaky_relu(x, 0.3)),
    (nn.LeakyReLU(), X4, lambda x, m: ops.leaky_relu(x, 0.2)),
    (nn.Reshape(6, 16), X4, lambda x, m: ops.reshape(x, (2, 6, 16))),
    (nn.Flatten(), X4, lambda x, m: ops.reshape(x, (2, 96))),
    (nn.Flatten(), X4[:0], lambda x, m: ops.reshape(x, (0, 96))),
    (nn.Upsample(3), X4, lambda x, m: ops.upsample_nearest(x, 3)),
    (nn.Upsample(2, "bilinear"), X4, lambda x, m: ops.upsample_bilinear(x, 2)),
    (nn.PixelShuffle(2), X4, lambda x, m: ops.pixel_shuffle(x, 2)),
    (nn.ReflectionPad2d((1, 2)), X4, lambda x, m: ops.reflection_pad2d(x, (1, 2))),
    (nn.Identity(), X4, lambda x, m: x),
    (nn.AvgPool2d(), X4, lambda x, m: ops.avg_pool2d(x, 2)),
    (nn.AvgPool2d(3, 1, 1), X4, lambda x, m: ops.avg_pool2d(x, 3, 1, 1)),
    (nn.MaxPool2d(), X4, lambda x, m: ops.max_pool2d(x, 2)),
    (nn.MaxPool2d((2, 3), (1, 2), "same"), X4, lambda x, m: ops.max_pool2d(x, (2, 3), (1, 2), "same")),
    (nn.BatchNorm(4, eps=0.1), X4, lambda x, m: ops.batch_norm(x, m.gamma, m.beta, training=True, eps=0.1)),
    (nn.LayerNorm((6, 4), eps=0.1), X4, lambda x, m: ops.layer_norm(x, m.gamma, m.beta, eps=0.1)),
    (nn.LayerNorm(4), X4, lambda x, m: ops.layer_norm(x, m.gamma, m.beta)),
    (nn.InstanceNorm(4, eps=0.1), X4, lambda x, m: ops.instance_norm(x, m.gamma, m.beta, eps=0.1)),
    (
        nn.Conv1d(4, 6, 3, stride=2, padding=(1, 0), groups=2, rng=rng()),
        X4[:, 0],
        lambda x, m: ops.conv1d(x, m.w, m.b, stride=2, padding=(1, 0), groups=2),
    ),
    (
        nn.ConvTranspose1d(4, 6, 3, stride=3, output_padding=2, dilation=2, rng=rng()),
        X4[:, 0],
        lambda x, m: ops.conv_transpose1d(x, m.w, m.b, stride=3, output_padding=2, dilation=2),
    ),
    (nn.GELU("tanh"), X4, lambda x, m: ops.gelu(x, "tanh")),
    (nn.ELU(0.3), X4, lambda x, m: ops.elu(x, 0.3)),
    (nn.PReLU(4), X4, lambda x, m: ops.prelu(x, m.slope)),
    (nn.GlobalAvgPool(), X4, lambda x, m: ops.mean(x, (1, 2))),
    (nn.BatchNorm(4, affine=False), X4, lambda x, m: ops.batch_norm(x, training=True)),
    (nn.LayerNorm(4, affine=False), X4, lambda x, m: ops.layer_norm(x)),
    (nn.InstanceNorm(4, affine=False), X4, lambda x, m: ops.instance_norm(x)),
    (nn.GroupNorm(2, 4, eps=0.1), X4, lambda x, m: ops.group_norm(x, 2, m.gamma, m.beta, eps=0.1)),
    (nn.Embedding(5, 3, rng=rng()), np.array([[0, 4], [4, 2]]), lambda x, m: ops.take(m.w, x)),
]


@pytest.mark.parametrize(("layer", "x", "op"), BY_OPS, ids=lambda p: type(p).__name__)
def test_layers_are_their_ops(layer, x, op):
    for p in layer.parameters():
        p.data = rng(3).standard_normal(p.shape).astype("float32")  # a bias of zeros would not be missed
    expected = op(x if x.dtype.kind == "i" else Tensor(x), layer)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    assert layer(x).dtype == np.float32
    if x.dtype.kind == "f":
        assert layer(Tensor(x)).shape == expected.shape


@pytest.mark.parametrize("name", [name for name, each in LAYERS.items() if issubclass(each, Activation)])
def test_an_activation_is_its_function(name):
    activation = LAYERS[name]
    np.testing.assert_array_equal(activation()(X4).data, activation.function(X4).data)
    assert activation()(Tensor(X4)).dtype == np.float32


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_example_passes_the_check_of_layers(example):
    """Gradients of inputs and parameters at orders 1 and 2, in both modes, and every promise of a Module."""
    layer = example.make()
    report = check_layer(layer, *example.arrays())
    assert max(report.error(1), report.error(2)) < 1e-6
    own = [f"{parameter} ({mode})" for mode in ("train", "eval") for parameter, _ in layer.named_parameters()]
    assert set(own) <= {row.input for row in report.rows if row.order == 1 and not row.flat}


def test_a_bias_is_added_to_each_output_channel():
    b = Tensor(np.array([1.0, -2.0, 4.0], "float32"))
    for op, x, w in (
        (ops.linear, images(5, 4), images(4, 3)),
        (ops.conv2d, X4, images(3, 2, 4, 3)),
        (ops.conv_transpose2d, X4, images(3, 2, 3, 4)),
    ):
        without, with_bias = op(Tensor(x), Tensor(w)).data, op(Tensor(x), Tensor(w), b).data
        np.testing.assert_array_equal(with_bias, without + b.data)


def test_options_of_convolutions_make_the_window_that_they_say():
    options = {"stride": (2, 3), "padding": ((1, 0), (0, 2)), "dilation": (1, 2), "groups": 2}
    window = Window((5, 7), (3, 2), **options)
    x, w = images(1, 5, 7, 4), images(3, 2, 2, 4)
    y = kernels.conv2d(x, w, window)
    np.testing.assert_array_equal(ops.conv2d(x, w, **options).data, y)
    gx = ops.conv_transpose2d(y, w, output_padding=(1, 0), **options)
    np.testing.assert_array_equal(gx.data, kernels.conv2d_input_grad(y, w, window))
    options["padding"] = "same"
    window = Window((4, 9), (3, 2), (2, 3), ((0, 1), (0, 0)), (1, 2), 2)
    np.testing.assert_array_equal(ops.conv_transpose2d(y, w, **options).data, kernels.conv2d_input_grad(y, w, window))
    x = images(1, 4, 9, 4)
    np.testing.assert_array_equal(ops.conv2d(x, w, **options).data, kernels.conv2d(x, w, window))


@pytest.mark.parametrize("op", [ops.avg_pool2d, ops.max_pool2d, ops.upsample_nearest, ops.upsample_bilinear])
def test_neither_images_nor_channels_mix(op):
    y = op(X4).data
    for n, c in np.ndindex(X4.shape[0], X4.shape[3]):
        alone = op(X4[n : n + 1, :, :, c : c + 1]).data
        np.testing.assert_allclose(y[n : n + 1, :, :, c : c + 1], alone, rtol=1e-6, atol=1e-6)


def test_ops_on_images_by_hand():
    x = np.arange(12.0).reshape(1, 2, 3, 2)
    twice = ops.upsample_nearest(x, 2).data
    np.testing.assert_array_equal(twice, x.repeat(2, axis=1).repeat(2, axis=2))
    wide = ops.upsample_bilinear(np.array([0.0, 4.0]).reshape(1, 1, 2, 1), 4).data
    np.testing.assert_allclose(wide[0, :, :, 0], [[0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]] * 4)
    shuffled = ops.pixel_shuffle(np.arange(8.0).reshape(1, 1, 1, 8), 2).data
    np.testing.assert_array_equal(shuffled[0, :, :, 0], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(shuffled[0, :, :, 1], [[4, 5], [6, 7]])
    np.testing.assert_array_equal(ops.pixel_unshuffle(shuffled, 2).data.ravel(), np.arange(8.0))
    mirrored = ops.reflection_pad2d(x, ((1, 0), (2, 1))).data
    np.testing.assert_array_equal(mirrored, np.pad(x, ((0, 0), (1, 0), (2, 1), (0, 0)), mode="reflect"))
    y = np.arange(9.0).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(ops.max_pool2d(-y, 2, 1, 1).data[0, :, :, 0], MAXIMA)
    np.testing.assert_allclose(ops.avg_pool2d(y, 2, 2, 1).data[0, :, :, 0], [[0, 0.75], [2.25, 6]])
    # Height and width are not mixed up:
    np.testing.assert_array_equal(ops.max_pool2d(y, (1, 2), (2, 1)).data[0, :, :, 0], [[1, 2], [7, 8]])
    np.testing.assert_allclose(ops.avg_pool2d(y, (1, 2), (2, 1)).data[0, :, :, 0], [[0.5, 1.5], [6.5, 7.5]])
    np.testing.assert_array_equal(ops.pad(y[0, :1, :2, 0], ((0, 1), (2, 0)), 9.0).data, [[9, 9, 0, 1], [9, 9, 9, 9]])


MAXIMA = [[0, 0, -1, -2], [0, 0, -1, -2], [-3, -3, -4, -5], [-6, -6, -7, -8]]


def test_convolutions_of_sequences_by_hand():
    x = np.array([1.0, 2.0, 4.0]).reshape(1, 3, 1)
    w = np.array([1.0, 10.0]).reshape(2, 1, 1)
    np.testing.assert_array_equal(ops.conv1d(x, w, padding=(1, 0)).data.ravel(), [10, 21, 42])  # causal
    np.testing.assert_array_equal(ops.conv1d(x, w, padding="same").data.ravel(), [21, 42, 4])
    y = ops.conv_transpose1d(x, w, stride=2, padding=(0, 1), output_padding=1).data.ravel()
    np.testing.assert_array_equal(y, [1, 10, 2, 20, 4, 40])


def test_dropout_of_channels_drops_all_pixels_of_a_channel():
    x = np.ones((60, 3, 2, 50), "float32")
    y = nn.Dropout2d(0.25, rng=rng())(x).data
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.75], rtol=1e-6)
    assert abs((y[:, 0, 0] == 0).mean() - 0.25) < 0.03
    assert len(np.unique(y[:, 0, 0], axis=0)) > 50  # each image loses others
    with pytest.raises(ShapeError, match="GlobalAvgPool: x must be"):
        nn.GlobalAvgPool()(x[0, 0])


def test_dropout_acts_in_training_alone():
    x = np.ones((50, 40), "float32")
    layer = nn.Dropout(0.25, rng=rng())
    first, second = layer(x).data, layer(x).data
    assert set(np.unique(first)) == {0, np.float32(1 / 0.75)}
    assert abs((first == 0).mean() - 0.25) < 0.03
    assert abs(first.mean() - 1) < 0.05
    assert (first != second).any()
    np.testing.assert_array_equal(nn.Dropout(0.25, rng=rng())(x).data, first)
    np.testing.assert_array_equal(layer.eval()(x).data, x)
