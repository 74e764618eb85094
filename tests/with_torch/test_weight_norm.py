"""Weight norm and spectral norm over any axis of any layer's weights agree with PyTorch's.

Only in first derivatives: PyTorch takes the vectors of a spectral norm as constants, and the second derivative of its
weight norm fails its own `gradgradcheck`. Ours are compared with finite differences, as those of all layers.
"""

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from rawgan import grad, nn

ORDER = {"Linear": (1, 0), "Conv2d": (3, 2, 0, 1), "ConvTranspose2d": (3, 2, 0, 1), "Embedding": (0, 1)}
"""Axes of our weights in PyTorch's order."""

CASES = [
    ("Linear", -1, (3, 2), (4, 3)),
    ("Linear", 0, (3, 2), (4, 3)),
    ("Conv2d", -1, (2, 3, 2), (2, 3, 3, 2)),
    ("ConvTranspose2d", -2, (2, 3, 2), (2, 3, 3, 2)),
    ("Embedding", 0, (5, 3), None),
]


def pair(kind, options, seed=0):
    """Our layer and PyTorch's, with the same random weights, in float64."""
    rng = np.random.default_rng(seed)
    ours = getattr(nn, kind)(*options, rng=rng).to(dtype="float64")
    theirs = getattr(torch.nn, kind)(*options, dtype=torch.float64)
    for name, p in ours.named_parameters():
        p.data = rng.normal(size=p.shape)
        there = p.data.transpose(ORDER[kind]) if name == "w" else p.data
        getattr(theirs, {"w": "weight", "b": "bias"}[name]).data = torch.tensor(there.copy())
    return ours, theirs


def agree(ours, theirs, shape, kind, mine, other):
    """Compare results and gradients."""
    rng = np.random.default_rng(1)
    x = np.array([[3, 0], [3, 4]]) if shape is None else rng.normal(size=shape)
    y = ours(x)
    z = theirs(torch.tensor(x.transpose(0, 3, 1, 2) if x.ndim == 4 else x))
    z = z.permute(0, 2, 3, 1) if x.ndim == 4 else z
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-9)
    gy = rng.normal(size=y.shape)
    for g, h in zip(
        grad((y**3 * gy).sum(), mine), torch.autograd.grad((z**3 * torch.tensor(gy)).sum(), other), strict=True
    ):
        expected = h.numpy().transpose(np.argsort(ORDER[kind])) if g.ndim > 1 else h.numpy().ravel()
        np.testing.assert_allclose(g.data, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("kind", "axis", "options", "shape"), CASES, ids=lambda x: str(x))
def test_weight_norm(kind, axis, options, shape):
    ours, theirs = pair(kind, options)
    ours = nn.WeightNorm(ours, axis=axis)
    theirs = weight_norm(theirs, dim=ORDER[kind].index(ours.axis))
    own = theirs.parametrizations.weight
    np.testing.assert_allclose(ours.g.data, own.original0.detach().numpy().ravel(), rtol=1e-12)
    agree(ours, theirs, shape, kind, [ours.g, ours.parameter], [own.original0, own.original1])


@pytest.mark.parametrize(("kind", "axis", "options", "shape"), CASES, ids=lambda x: str(x))
def test_spectral_norm(kind, axis, options, shape):
    ours, theirs = pair(kind, options)
    ours = nn.SpectralNorm(ours, axis=axis, rng=np.random.default_rng(2)).to(dtype="float64")
    theirs = spectral_norm(theirs, dim=ORDER[kind].index(ours.axis), n_power_iterations=400).eval()
    ours(np.zeros(shape) if shape else np.array([0]))
    for _ in range(400):
        ours.weight()
    agree(ours.eval(), theirs, shape, kind, [ours.parameter], [theirs.parametrizations.weight.original])
