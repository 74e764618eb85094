"""Modules: names, modes, saving; layers against their ops; initial weights; batch norm's running statistics."""

import numpy as np
import pytest

import rawgan_kernels as kernels
from rawgan import Tensor, grad, nn, ops, optim
from rawgan.errors import ConfigError, DTypeError
from rawgan.nn import init
from rawgan_kernels import Window


def rng(seed=0):
    return np.random.default_rng(seed)


def images(*shape, seed=1):
    return rng(seed).standard_normal(shape).astype("float32")


class Block(nn.Module):
    """Two convolutions, one of which is used twice, and a buffer."""

    def __init__(self, seed=0):
        self.entry = nn.Conv2d(1, 2, 3, padding=1, rng=rng(seed))
        self.shared = nn.Conv2d(2, 2, 3, padding=1, bias=False, rng=rng(seed + 1))
        self.again = self.shared
        self.norm = nn.BatchNorm(2)
        self.scale = nn.Parameter([1.5])
        self.counter = nn.Buffer([0.0])

    def forward(self, x):
        return self.norm(self.again(self.shared(self.entry(x)))) * self.scale


NAMES = ["scale", "entry.w", "entry.b", "shared.w", "norm.gamma", "norm.beta"]
BUFFERS = ["counter", "norm.running_mean", "norm.running_var"]

# --- what a module owns ----------------------------------------------------------------------------------


def test_names_follow_attributes_and_a_shared_parameter_is_named_once():
    block = Block()
    assert [name for name, _ in block.named_parameters()] == NAMES
    assert [name for name, _ in block.named_buffers()] == BUFFERS
    assert [id(p) for p in block.parameters()] == [id(p) for _, p in block.named_parameters()]
    assert [name for name, _ in block.modules()] == ["", "entry", "shared", "norm"]  # each once
    assert list(block.state_dict()) == NAMES + BUFFERS
    optim.SGD(block.parameters(), lr=0.1)  # refuses parameters that are listed twice


def test_names_inside_a_sequence_are_positions():
    network = nn.Sequential(Block(), nn.Tanh(), nn.Sequential(nn.Flatten(), nn.Linear(4, 2, rng=rng())))
    names = [f"0.{name}" for name in NAMES] + ["2.1.w", "2.1.b"]
    assert [name for name, _ in network.named_parameters()] == names
    assert len(network) == 3
    assert isinstance(network[1], nn.Tanh)


def test_parameters_want_gradients_and_buffers_do_not():
    block = Block()
    assert all(p.requires_grad for p in block.parameters())
    assert not any(b.requires_grad for _, b in block.named_buffers())


def test_a_module_without_forward_says_so():
    class Nothing(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"^Nothing has no forward$"):
        Nothing()(np.ones(1, "float32"))


# --- modes -----------------------------------------------------------------------------------------------


def test_modes_reach_every_module():
    network = nn.Sequential(Block(), nn.Dropout(rng=rng()))
    assert all(m.training for _, m in network.modules())
    assert network.eval() is network
    assert not any(m.training for _, m in network.modules())
    assert network.train() is network
    assert all(m.training for _, m in network.modules())
    network[0].eval()
    assert network.training
    assert not network[0].norm.training
    assert nn.BatchNorm(2).training  # one module's mode is not another's


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


def test_frozen_buffers_stay_and_thaw_again():
    block = Block()
    x = images(4, 3, 3, 1)
    before = {name: array for name, array in block.state_dict().items() if name in BUFFERS}
    with block.frozen_buffers():
        frozen = block(x)
        with block.norm.frozen_buffers():
            block(x)
        block(x)  # the inner block has not thawed the outer
        with pytest.raises(ZeroDivisionError), block.frozen_buffers():
            raise ZeroDivisionError
        block(x)
    for name, array in before.items():
        np.testing.assert_array_equal(block.state_dict()[name], array)
    np.testing.assert_array_equal(block(x).data, frozen.data)  # the batch's own statistics, frozen or not
    assert (block.state_dict()["norm.running_mean"] != before["norm.running_mean"]).all()


# --- saving ----------------------------------------------------------------------------------------------


def test_a_state_comes_back():
    trained, fresh = Block(0), Block(5)
    trained(images(4, 3, 3, 1))  # moves the running statistics
    state = trained.state_dict()
    x = images(2, 3, 3, 1, seed=2)
    fresh.load_state_dict(state)
    np.testing.assert_array_equal(fresh.eval()(x).data, trained.eval()(x).data)


def test_a_state_is_a_copy_in_both_directions():
    block = Block()
    state = block.state_dict()
    state["scale"][0] = 9.0
    assert block.scale.item() == 1.5
    block.load_state_dict(state)
    state["scale"][0] = 7.0
    assert block.scale.item() == 9.0


def test_loading_keeps_identity_and_dtype():
    block = Block()
    parameters = block.parameters()
    block.load_state_dict({name: array.astype("float64") + 1 for name, array in block.state_dict().items()})
    assert all(a is b for a, b in zip(block.parameters(), parameters, strict=True))
    assert {p.dtype for p in parameters} == {np.dtype("float32")}
    assert block.scale.item() == 2.5


def test_nothing_is_loaded_if_anything_does_not_fit():
    block = Block()
    before = block.state_dict()
    bad = {name: array + 1 for name, array in before.items() if name != "entry.b"}
    bad["norm.gamma"] = np.zeros(3)
    bad["extra"] = np.zeros((2, 2))
    with pytest.raises(ConfigError) as error:
        block.load_state_dict(bad)
    assert str(error.value) == (
        "Block: the weights do not fit this network\n"
        "  entry.b (2,) is missing\n"
        "  extra (2, 2) is unknown\n"
        "  norm.gamma (3,) should be (2,)"
    )
    for name, array in block.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_conversion_keeps_identity_and_values():
    block = Block()
    parameters, before = block.parameters(), block.state_dict()
    y = block(images(2, 3, 3, 1)).sum()
    assert block.to(dtype="float64") is block
    for name, array in block.state_dict().items():
        assert array.dtype == np.float64
        if "running" not in name:
            np.testing.assert_array_equal(array, before[name])
    assert all(a is b for a, b in zip(block.parameters(), parameters, strict=True))
    assert all(p.requires_grad and p.op is None for p in parameters)
    with pytest.raises(ValueError, match="was written to after the forward pass used it"):
        y.backward()
    assert block(images(2, 3, 3, 1).astype("float64")).dtype == np.float64


# --- looking at it -----------------------------------------------------------------------------------------


def test_repr_in_full():
    network = nn.Sequential(
        nn.Linear(4, 36, bias=False, rng=rng()),
        nn.Reshape(3, 3, 4),
        nn.BatchNorm(4),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2, rng=rng()),
        nn.InstanceNorm(6),
        nn.LeakyReLU(0.1),
        nn.Upsample(2, "bilinear"),
        nn.Sequential(nn.Conv2d(6, 8, (3, 5), padding="same", dilation=2, bias=False, rng=rng()), nn.PixelShuffle()),
        nn.MaxPool2d(),
        nn.AvgPool2d(3, 2),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.Dropout(0.3, rng=rng()),
        nn.Flatten(),
        nn.LayerNorm((8, 2)),
        nn.Embedding(10, 3, rng=rng()),
    )
    assert repr(network) == REPR
    assert repr(nn.Tanh()) == "Tanh()"


REPR = """\
Sequential()
  0: Linear(4 → 36, no bias)                                 w (4, 36)
  1: Reshape(3, 3, 4)
  2: BatchNorm(4)                                            gamma (4,)  beta (4,)
  3: ReLU()
  4: ConvTranspose2d(4 → 6, 4×4, stride 2, padding 1, groups 2) w (4, 4, 3, 4)  b (6,)
  5: InstanceNorm(6)                                         gamma (6,)  beta (6,)
  6: LeakyReLU(0.1)
  7: Upsample(×2, bilinear)
  8: Sequential()
    0: Conv2d(6 → 8, 3×5, padding same, dilation 2, no bias)   w (3, 5, 6, 8)
    1: PixelShuffle(×2)
  9: MaxPool2d(2, stride 2)
  10: AvgPool2d(3, stride 2)
  11: Tanh()
  12: Sigmoid()
  13: Dropout(0.3)
  14: Flatten()
  15: LayerNorm(8, 2)                                        gamma (8, 2)  beta (8, 2)
  16: Embedding(10 → 3)                                      w (10, 3)
1,144 parameters in 11 arrays"""

# --- layers against their ops ---------------------------------------------------------------------------------

X4 = images(2, 4, 6, 4)
LAYERS = [
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
    (nn.ReLU(), X4, lambda x, m: ops.relu(x)),
    (nn.Tanh(), X4, lambda x, m: ops.tanh(x)),
    (nn.Sigmoid(), X4, lambda x, m: ops.sigmoid(x)),
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
    (nn.Embedding(5, 3, rng=rng()), np.array([[0, 4], [4, 2]]), lambda x, m: ops.take(m.w, x)),
]


@pytest.mark.parametrize(("layer", "x", "op"), LAYERS, ids=lambda p: type(p).__name__)
def test_layers_are_their_ops(layer, x, op):
    for p in layer.parameters():
        p.data = rng(3).standard_normal(p.shape).astype("float32")  # a bias of zeros would not be missed
    expected = op(x if x.dtype.kind == "i" else Tensor(x), layer)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    assert layer(x).dtype == np.float32
    if x.dtype.kind == "f":
        assert layer(Tensor(x)).shape == expected.shape


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

# --- batch norm ------------------------------------------------------------------------------------------------


def test_batch_norm_by_hand_and_its_running_statistics():
    layer = nn.BatchNorm(2, momentum=0.25, eps=0.5)
    layer.gamma.data = np.array([2.0, -1.0], "float32")
    layer.beta.data = np.array([0.5, 3.0], "float32")
    x = 5 + 3 * images(4, 2, 3, 2)
    mean, var = x.astype("float64").mean((0, 1, 2)), x.astype("float64").var((0, 1, 2))
    expected = [2.0, -1.0] * (x - mean) / np.sqrt(var + 0.5) + [0.5, 3.0]
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-5, atol=1e-5)
    unbiased = var * 24 / 23
    np.testing.assert_allclose(layer.running_mean.data, 0.25 * mean, rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.data, 0.75 + 0.25 * unbiased, rtol=1e-6)
    layer(x)
    np.testing.assert_allclose(layer.running_mean.data, (0.25 + 0.75 * 0.25) * mean, rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.data, 0.5625 + (0.25 + 0.75 * 0.25) * unbiased, rtol=1e-6)


def test_batch_norm_in_evaluation_uses_and_keeps_the_running_statistics():
    layer = nn.BatchNorm(2, eps=0.5).eval()
    layer.load_state_dict(
        {
            "gamma": np.array([2.0, -1.0]),
            "beta": np.array([0.5, 3.0]),
            "running_mean": np.array([1.0, 2.0]),
            "running_var": np.array([0.5, 3.5]),
        }
    )
    y = layer(np.array([[3.0, 0.0]], "float32"))  # one sample is enough
    np.testing.assert_allclose(y.data, [[4.5, 4.0]], rtol=1e-6)
    assert layer.running_mean.data.tolist() == [1, 2]
    assert layer.running_var.data.tolist() == [0.5, 3.5]


def test_evaluation_after_long_training_is_nearly_training():
    layer, x = nn.BatchNorm(3), 2 + images(500, 3)
    for _ in range(100):
        y = layer(x)
    np.testing.assert_allclose(layer.eval()(x).data, y.data, rtol=2e-3, atol=2e-3)  # biased and unbiased: 1/500


def test_running_statistics_can_be_kept_one_at_a_time_by_the_op():
    x, one, zero = Tensor(images(4, 2)), Tensor(np.ones(2, "float32")), Tensor(np.zeros(2, "float32"))
    mean, var = Tensor(np.zeros(2, "float32")), Tensor(np.ones(2, "float32"))
    ops.batch_norm(x, one, zero, mean, training=True, momentum=1.0)
    np.testing.assert_allclose(mean.data, x.data.mean(0), rtol=1e-6)
    ops.batch_norm(x, one, zero, None, var, training=True, momentum=1.0)
    np.testing.assert_allclose(var.data, x.data.var(0, ddof=1), rtol=1e-5)


def test_running_statistics_take_a_tenth_of_each_batch_unless_told_otherwise():
    x, layer, by_op = images(4, 2), nn.BatchNorm(2), nn.BatchNorm(2)
    layer(x)
    ops.batch_norm(x, *by_op.state_tensors().values(), training=True)
    np.testing.assert_allclose(layer.running_mean.data, 0.1 * x.mean(0), rtol=1e-6)
    np.testing.assert_array_equal(by_op.running_mean.data, layer.running_mean.data)


def test_frozen_buffers_are_still_what_evaluation_uses():
    layer, x = nn.BatchNorm(2), images(4, 2)
    layer(x)
    expected = layer.eval()(x)
    with layer.frozen_buffers():
        np.testing.assert_array_equal(layer(x).data, expected.data)


def test_running_statistics_do_not_stand_in_the_way_of_the_gradient():
    """They are written to in the forward pass; the graph does not use them."""
    layer = nn.BatchNorm(2)
    y = layer(layer(images(4, 2)))
    grad((y * y * y).sum(), layer.parameters())


def test_every_norm_normalizes_over_its_own_axes():
    x = 3 + 2 * images(6, 5, 4, 3)
    for layer, axes in (
        (nn.BatchNorm(3), (0, 1, 2)),
        (nn.InstanceNorm(3), (1, 2)),
        (nn.LayerNorm((5, 4, 3)), (1, 2, 3)),
        (nn.LayerNorm(3, eps=0.0), (3,)),
    ):
        y = layer(x).data
        np.testing.assert_allclose(y.mean(axes), np.zeros_like(y.mean(axes)), atol=1e-5)
        np.testing.assert_allclose(y.std(axes), np.ones_like(y.std(axes)), rtol=1e-4)
        assert abs(y[0, 0, :, 0].mean()) > 1e-3  # and over no others


# --- initial weights --------------------------------------------------------------------------------------------


def test_glorot_uniform_fills_its_range_evenly():
    w = init.glorot_uniform((200, 100), 200, 100, rng())
    limit = np.sqrt(6 / 300)
    assert -limit <= w.min() < -0.99 * limit
    assert 0.99 * limit < w.max() <= limit
    np.testing.assert_allclose(w.std(), limit / np.sqrt(3), rtol=0.02)
    assert abs(w.mean()) < 0.02 * limit


@pytest.mark.parametrize(
    ("initializer", "std"), [(init.he_normal, np.sqrt(2 / 200)), (init.normal(0.05), 0.05), (init.normal(), 0.02)]
)
def test_normal_initial_weights(initializer, std):
    w = initializer((200, 100), 200, 100, rng())
    np.testing.assert_allclose(w.std(), std, rtol=0.02)
    assert abs(w.mean()) < 0.03 * std
    np.testing.assert_allclose((np.abs(w) < std).mean(), 0.6827, atol=0.01)  # normal, not merely as wide


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4, 5), (2, 1, 1, 5)])
def test_orthogonal_initial_weights(shape):
    w = init.orthogonal(shape, 1, 1, rng())
    assert w.shape == shape
    matrix = w.reshape(-1, shape[-1])
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(product, np.eye(min(rows, columns)), atol=1e-12)


def test_orthogonal_initial_weights_favour_no_sign():
    signs = [np.sign(init.orthogonal((3, 3), 3, 3, rng(seed))[0, 0]) for seed in range(200)]
    assert abs(sum(signs)) < 50  # without the sign of R's diagonal, QR gives nearly always the same


def fans(layer):
    """What the initialiser of a layer is told: (shape, fan_in, fan_out)."""
    seen = []

    def spy(shape, fan_in, fan_out, generator):
        seen.append((shape, fan_in, fan_out))
        return np.zeros(shape)

    layer(spy)
    return seen


def test_layers_tell_the_initialiser_their_fans():
    assert fans(lambda init: nn.Linear(3, 5, rng=rng(), init=init)) == [((3, 5), 3, 5)]
    assert fans(lambda init: nn.Conv2d(4, 6, (3, 2), groups=2, rng=rng(), init=init)) == [((3, 2, 2, 6), 12, 18)]
    assert fans(lambda init: nn.ConvTranspose2d(4, 6, 3, groups=2, rng=rng(), init=init)) == [((3, 3, 3, 4), 18, 27)]
    assert fans(lambda init: nn.Embedding(7, 2, rng=rng(), init=init)) == [((7, 2), 7, 2)]


def test_layers_start_with_glorot_weights_and_no_bias_and_depend_on_the_generator_alone():
    a, b, other = nn.Conv2d(3, 8, 3, rng=rng(1)), nn.Conv2d(3, 8, 3, rng=rng(1)), nn.Conv2d(3, 8, 3, rng=rng(2))
    np.testing.assert_array_equal(a.w.data, b.w.data)
    assert (a.w.data != other.w.data).any()
    np.testing.assert_array_equal(a.b.data, np.zeros(8))
    expected = init.glorot_uniform((3, 3, 3, 8), 27, 72, rng(1)).astype("float32")
    np.testing.assert_array_equal(a.w.data, expected)
    assert (nn.BatchNorm(2).gamma.data == 1).all()
    assert (nn.BatchNorm(2).beta.data == 0).all()


def test_modules_and_parameters_in_lists_are_found():
    class Blocks(nn.Module):
        def __init__(self):
            rng = np.random.default_rng(0)
            self.blocks = [nn.Linear(2, 2, bias=False, rng=rng), "no module", nn.Linear(2, 2, bias=False, rng=rng)]
            self.scales = (nn.Parameter([1.0]), nn.Parameter([2.0]))

    network = Blocks()
    assert list(network.state_dict()) == ["scales.0", "scales.1", "blocks.0.w", "blocks.2.w"]
    network.eval()
    assert not network.blocks[2].training


def test_a_tensor_of_one_number_has_a_truth_value():
    assert Tensor([1.0])
    assert not Tensor([0.0])


def test_moving_a_module_drops_gradients_and_outdates_its_optimizer():
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    adam = optim.Adam(layer.parameters(), 0.1)
    layer(np.ones((3, 2), "float32")).sum().backward()
    layer.to(dtype="float64")
    assert [p.grad for p in layer.parameters()] == [None, None]
    layer(np.ones((3, 2))).sum().backward()
    with pytest.raises(DTypeError) as caught:
        adam.step()
    assert str(caught.value) == (
        "Adam.step: parameter 0 was moved after the optimiser was made\n"
        "  parameter (2, 1) float64 cpu   m float32 cpu\n"
        "  call Module.to() first, then make the optimiser"
    )


def test_a_module_may_take_several_inputs_and_options():
    class Scaled(nn.Module):
        def forward(self, x, y, *, factor):
            return (x + y) * factor

    found = Scaled()(np.ones(2, "float32"), Tensor([1.0, 2.0]), factor=3)
    np.testing.assert_array_equal(found.data, [6, 9])


def test_integers_pass_through_a_sequential_to_its_embedding():
    network = nn.Sequential(nn.Embedding(5, 3, rng=rng()), nn.ReLU())
    assert network(np.array([1, 4])).shape == (2, 3)


def test_a_sequential_keeps_what_a_subclass_adds():
    class WithHead(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(2, 2, bias=False, rng=rng()))
            self.head = nn.Linear(2, 1, bias=False, rng=rng())

    assert list(WithHead().state_dict()) == ["0.w", "head.w"]


def test_modules_in_dicts_and_nested_lists_are_found():
    module = nn.Module()
    module.towers = {"left": [nn.Linear(1, 1, bias=False, rng=rng())], "right": nn.Parameter([1.0])}
    assert sorted(module.state_dict()) == ["towers.left.0.w", "towers.right"]


def test_a_parameter_owns_its_array():
    array = np.ones(2, "float32")
    nn.Parameter(array).data += 1
    np.testing.assert_array_equal(array, [1, 1])


def test_evaluating_gives_each_module_its_own_mode_back():
    network = nn.Sequential(nn.ReLU(), nn.ReLU())
    network[1].eval()
    with network.evaluating():
        assert [module.training for _, module in network.modules()] == [False, False, False]
    assert [module.training for _, module in network.modules()] == [True, True, False]


# --- activations that the layer before applies -----------------------------------------------------------
