"""Gradients clipped by their norm and by value."""

from math import inf, nan

import numpy as np
import pytest

from rawgan import Tensor, grad, nn
from rawgan.errors import DivergedError, GraphError
from rawgan.optim import clip_grad_norm, clip_grad_value


def gradients(dtype="float64"):
    rng = np.random.default_rng(0)
    return [Tensor(rng.standard_normal(shape).astype(dtype)) for shape in ((3, 2), (4,), (), (0, 2))]


@pytest.mark.parametrize("p", [0.5, 1, 2, 3.5, inf])
def test_the_norm_is_that_of_all_gradients_together(p):
    gs = gradients()
    flat = np.concatenate([g.numpy().ravel() for g in gs])
    norm = np.abs(flat).max() if p == inf else (np.abs(flat) ** p).sum() ** (1 / p)
    found = clip_grad_norm([*gs, None], norm / 3, norm_type=p)
    assert found.item() == pytest.approx(norm, rel=1e-14)
    np.testing.assert_allclose(np.concatenate([g.numpy().ravel() for g in gs]), flat / 3, rtol=1e-14)


def test_a_norm_within_the_limit_changes_no_bit():
    gs, before = gradients("float32"), gradients("float32")
    norm = clip_grad_norm(gs, inf)
    assert norm.dtype == np.float32
    clip_grad_norm(gs, norm.item() * 1.0001)
    for g, b in zip(gs, before, strict=True):
        np.testing.assert_array_equal(g.numpy(), b.numpy())


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e38), ("float32", 1e-44), ("float64", 1e300)])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_squares_that_the_dtype_lacks(dtype, size, p):
    g = Tensor(np.array([size, size], dtype))
    exact = 2 ** (1 / p) * float(g.numpy()[0])
    assert clip_grad_norm(g, inf, norm_type=p).item() == pytest.approx(exact, rel=1e-6 if size > 1 else 0.5)
    clip_grad_norm(g, 1e-3, norm_type=p)
    if size > 1:
        np.testing.assert_allclose(g.numpy(), 1e-3 / 2 ** (1 / p), rtol=1e-6)


def test_zeros_stay_zeros_and_nothing_is_nothing():
    g = Tensor([0.0, 0.0])
    assert clip_grad_norm(g, 1.0).item() == 0
    assert g.data.tolist() == [0, 0]
    assert clip_grad_norm([], 1.0).item() == clip_grad_norm([None], 1.0).item() == 0


def test_a_norm_that_is_not_finite():
    for bad in (nan, inf):
        g = Tensor([bad, 1.0])
        with pytest.raises(DivergedError, match=rf"the norm of the gradients is {bad}; they are left as they are"):
            clip_grad_norm(g, 1.0, error_if_nonfinite=True)
        np.testing.assert_array_equal(g.data, np.float32([bad, 1]))
        assert not np.isfinite(clip_grad_norm(g, 1.0).item())
        assert np.isnan(g.data[0])


def test_values_are_clipped_and_nan_stays():
    g, h = Tensor([-3.0, 0.5, nan, inf]), Tensor(2.0)
    clip_grad_value([g, None, h], 1.0)
    np.testing.assert_array_equal(g.data, np.float32([-1, 0.5, nan, 1]))
    assert h.item() == 1


def test_parameters_stand_for_their_gradients():
    w, frozen, idle = nn.Parameter([3.0, 4.0]), Tensor([1.0]), nn.Parameter([9.0])
    (w * w).sum().backward()
    clip_grad_norm([w, idle], 5.0)
    np.testing.assert_allclose(w.grad.data, [3, 4], rtol=1e-6)
    assert w.data.tolist() == [3, 4]
    assert clip_grad_norm([w, w], 4.5).item() == pytest.approx(5)  # once, though it is listed twice
    np.testing.assert_allclose(w.grad.data, [2.7, 3.6], rtol=1e-6)
    clip_grad_value([w, frozen], 0.5)
    assert w.grad.data.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("clip", [clip_grad_norm, clip_grad_value])
def test_a_graph_that_holds_the_gradient_is_outdated(clip):
    w = nn.Parameter([3.0, 4.0])
    (g,) = grad((w * w).sum(), [w])
    y = (w * g).sum()
    clip([g], 1.0)
    with pytest.raises(GraphError, match="was written to after the forward pass used it"):
        y.backward()
