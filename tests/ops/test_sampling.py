"""Images sampled at places of a grid: by hand, and where places or pixels are odd."""

import numpy as np
import pytest

from rawgan import Tensor, grad, ops


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def sampled(x, x_place, y_place, *options):
    """One place of one image."""
    return ops.grid_sample(x, np.array([x_place, y_place], x.dtype).reshape(1, 1, 1, 2), *options).numpy()[0, 0, 0]


def test_the_identity_gives_the_image_back():
    x = draw(2, 5, 4, 3)
    theta = np.broadcast_to(np.eye(2, 3), (2, 2, 3)).copy()
    for aligned in (False, True):
        y = ops.grid_sample(x, ops.affine_grid(theta, x.shape, aligned), align_corners=aligned)
        np.testing.assert_allclose(y.numpy(), x, atol=1e-12)


def test_turning_by_a_right_angle_moves_pixels():
    x = draw(1, 4, 4, 2)
    theta = np.array([[[0.0, -1, 0], [1, 0, 0]]])  # what is at (x, y) comes from (−y, x)
    for mode in ("nearest", "bilinear", "bicubic"):
        y = ops.grid_sample(x, ops.affine_grid(theta, x.shape), mode)
        np.testing.assert_allclose(y.numpy(), np.rot90(x, axes=(1, 2)), atol=1e-12)


def test_horizontal_comes_first():
    x = np.arange(6.0).reshape(1, 2, 3, 1)
    assert sampled(x, 0.0, -0.5, "nearest") == 1
    assert sampled(x, 2 / 3, -0.5) == 2
    assert sampled(x, 2 / 3, 0.5) == 5


@pytest.mark.parametrize(
    ("padding_mode", "aligned", "expected"),
    [
        # Places in pixels 0 … 2, in steps of 1 from −4 to 6.
        ("zeros", False, [0, 0, 0, 0, 10, 20, 30, 0, 0, 0, 0]),
        ("border", False, [10, 10, 10, 10, 10, 20, 30, 30, 30, 30, 30]),
        ("reflection", False, [30, 30, 20, 10, 10, 20, 30, 30, 20, 10, 10]),
        ("reflection", True, [10, 20, 30, 20, 10, 20, 30, 20, 10, 20, 30]),
    ],
)
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_padding_by_hand(mode, padding_mode, aligned, expected):
    x, pixels = np.array([10.0, 20, 30]).reshape(1, 1, 3, 1), np.arange(-4.0, 7)
    places = pixels - 1 if aligned else (2 * pixels + 1) / 3 - 1
    grid = np.stack([places, np.zeros(11)], axis=-1).reshape(1, 1, 11, 2)
    y = ops.grid_sample(x, grid, mode, padding_mode, aligned).numpy()
    np.testing.assert_allclose(y[0, 0, :, 0], expected, atol=1e-12)


def test_an_image_of_one_pixel_is_seen_from_everywhere_in_its_mirrors():
    x = np.full((1, 1, 1, 1), 5.0)
    for place in (-7.3, 0.0, 2.0):
        assert sampled(x, place, 0.1, "bilinear", "reflection", True) == 5
        assert sampled(x, place, 0.1, "bilinear", "reflection", False) == 5
        assert sampled(x, place, 0.1, "bicubic", "border", False) == pytest.approx(5)


def test_infinite_pixels_reach_only_their_neighbours():
    x, gy = np.zeros((1, 1, 6, 1)), np.ones((1, 1, 2, 1))
    x[0, 0, 0] = np.inf
    grid = Tensor(np.array([[[[0.3, 0.0], [2.5, 0.0]]]]), requires_grad=True)  # one place lies outside
    y = ops.grid_sample(x, grid)
    np.testing.assert_array_equal(y.numpy(), np.zeros((1, 1, 2, 1)))
    (g,) = grad([y], [grid], [Tensor(gy)])
    assert np.isfinite(g.numpy()).all()


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_places_that_are_no_numbers_or_far_away(mode):
    x = draw(1, 3, 3, 2)
    np.testing.assert_array_equal(sampled(x, np.nan, 0.5, mode), sampled(x, -1.0, 0.5, mode))
    for far in (1e30, -1e30):
        np.testing.assert_array_equal(sampled(x, far, 0.0, mode), [0, 0])
        edge = sampled(x, np.sign(far) * 2 / 3, 0.0, mode, "border")
        np.testing.assert_allclose(sampled(x, far, 0.0, mode, "border"), edge, atol=1e-12)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("padding_mode", ["border", "reflection"])
def test_places_on_the_border_have_no_slope(padding_mode, aligned, create_graph):
    """As in PyTorch. The pixels beyond are no zeros, as they would be without padding."""
    x, end = draw(1, 4, 4, 1), 1.0 if aligned else 0.75
    grid = Tensor(np.array([[[[-end, 0.1], [end, 0.1]]]]), requires_grad=True)
    (g,) = grad(ops.sum(ops.grid_sample(x, grid, "bilinear", padding_mode, aligned)), [grid], create_graph=create_graph)
    np.testing.assert_array_equal(g.numpy()[..., 0], 0)
    assert (g.numpy()[..., 1] != 0).all()


def test_gradients_of_pixels_that_are_seen_twice_add_up():
    x = Tensor(draw(1, 2, 2, 1), requires_grad=True)
    grid = np.broadcast_to(np.array([-0.5, -0.5]), (1, 2, 3, 2)).copy()  # the first pixel, six times
    (g,) = grad([ops.sum(ops.grid_sample(x, grid))], [x])
    np.testing.assert_allclose(g.numpy()[0, ..., 0], [[6, 0], [0, 0]])


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(("n", "height", "channels"), [(0, 4, 3), (2, 0, 3), (2, 4, 0)])
def test_empty_batches_grids_and_images(n, height, channels, create_graph, each_backend):
    x = Tensor(np.ones((n, 2, 2, channels)), requires_grad=True)
    grid = Tensor(np.zeros((n, height, 5, 2)), requires_grad=True)
    y = ops.grid_sample(x, grid)
    assert y.shape == (n, height, 5, channels)
    for g, of in zip(grad([ops.sum(y * y)], [x, grid], create_graph=create_graph), (x, grid), strict=True):
        np.testing.assert_array_equal(g.numpy(), np.zeros(of.shape))
