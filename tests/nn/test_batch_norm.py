"""Batch norm by hand and its running statistics; the axes of every norm."""

import numpy as np

from rawgan import Tensor, grad, nn, ops


def rng(seed=0):
    return np.random.default_rng(seed)


def images(*shape, seed=1):
    return rng(seed).standard_normal(shape).astype("float32")


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
