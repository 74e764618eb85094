"""Steps of optimisers that PyTorch's own samples lack: float32, the defaults, and other betas, rho and eps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from rawgan import Tensor, optim

TOLERANCES = {"float32": 1e-6, "float64": 1e-13}
STEPS = 10

PAIRS: dict[str, tuple[Callable[..., optim.Optimizer], Callable[..., torch.optim.Optimizer]]] = {
    "SGD": (lambda p: optim.SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "SGD momentum": (
        lambda p: optim.SGD(p, 0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    ),
    "SGD Nesterov": (
        lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    ),
    "RMSprop": (
        lambda p: optim.RMSprop(p, 0.01, rho=0.95, eps=1e-6),
        lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.95, eps=1e-6),
    ),
    "Adam": (
        lambda p: optim.Adam(p, 0.01, betas=(0.5, 0.99), eps=1e-6),
        lambda p: torch.optim.Adam(p, 0.01, betas=(0.5, 0.99), eps=1e-6),
    ),
    "AdamW": (
        lambda p: optim.AdamW(p, 0.01, betas=(0.8, 0.9), weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, 0.01, betas=(0.8, 0.9), weight_decay=0.3),
    ),
}
DEFAULTS = {
    "Adam": (optim.Adam, torch.optim.Adam),
    "AdamW": (optim.AdamW, torch.optim.AdamW),
    "RMSprop": (lambda p: optim.RMSprop(p, 0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
}
PAIRS |= {f"{name} as it comes": pair for name, pair in DEFAULTS.items()}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", PAIRS)
def test_optimizer(name: str, dtype: str) -> None:
    """Parameters of two shapes, and gradients of very different size: each element has its own history."""
    rng = np.random.default_rng(3)
    starts = [rng.standard_normal(shape).astype(dtype) for shape in ((3, 4), (5,))]
    ws = [Tensor(start.copy(), requires_grad=True) for start in starts]
    ts = [torch.from_numpy(start.copy()).requires_grad_() for start in starts]
    make_ours, make_theirs = PAIRS[name]
    ours: Any = make_ours(ws)
    theirs = make_theirs(ts)
    for _ in range(STEPS):
        gradients = [(rng.standard_normal(w.shape) * 10.0 ** rng.integers(-4, 2, w.shape)).astype(dtype) for w in ws]
        ours.step([Tensor(g) for g in gradients])
        for t, g in zip(ts, gradients, strict=True):
            t.grad = torch.from_numpy(g)
        theirs.step()
        for w, t in zip(ws, ts, strict=True):
            assert w.dtype == dtype
            expected = t.detach().numpy()
            atol = TOLERANCES[dtype] * max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(w.numpy(), expected, rtol=0, atol=atol)
