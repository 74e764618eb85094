"""Spectral norm where PyTorch's is sound: weights that are not near 0, and iterations that have come to their end."""

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrizations import spectral_norm

from rawgan import grad, nn, ops

rng = np.random.default_rng(0)
FULL = rng.normal(size=(5, 3))
WEIGHTS = {
    "full": FULL,
    "zero rows": FULL * [[1], [0], [1], [0], [1]],
    "zero columns": FULL * [1, 0, 1],
    "rank 1": np.outer(FULL[:, 0], FULL[0]),
}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("name", WEIGHTS)
def test_values_and_gradients_agree(name, scale):
    w = WEIGHTS[name] * scale
    layer = nn.SpectralNorm(nn.Linear(5, 3, bias=False, rng=rng), rng=rng).to(dtype="float64")
    layer.layer.w.data = w.copy()
    theirs = torch.nn.Linear(5, 3, bias=False, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(w.T))
    theirs = spectral_norm(theirs)
    x = rng.normal(size=(4, 5))
    for _ in range(500):
        layer(x)
        theirs(torch.tensor(x))
    layer.eval(), theirs.eval()
    y, expected = layer(x), theirs(torch.tensor(x))
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    (g,) = grad(ops.sum(y**3), [layer.layer.w])
    (expected**3).sum().backward()
    np.testing.assert_allclose(
        g.data, theirs.parametrizations.weight.original.grad.numpy().T, rtol=1e-6, atol=1e-8 / scale
    )


@pytest.mark.parametrize("name", ["full", "rank 1"])
def test_weights_that_pytorch_makes_nan_of_stay_finite(name):
    """Why it is not PyTorch's formula: for these, that has 0 / 0."""
    for w in (0 * WEIGHTS[name], 1e-30 * WEIGHTS[name]):
        theirs = torch.nn.Linear(5, 3, bias=False, dtype=torch.float64)
        with torch.no_grad():
            theirs.weight.copy_(torch.tensor(w.T))
        x = rng.normal(size=(4, 5))
        assert not torch.isfinite(spectral_norm(theirs)(torch.tensor(x))).all()
        layer = nn.SpectralNorm(nn.Linear(5, 3, bias=False, rng=rng), rng=rng).to(dtype="float64")
        layer.layer.w.data = w.copy()
        np.testing.assert_array_equal(layer(x).data, x @ w)
