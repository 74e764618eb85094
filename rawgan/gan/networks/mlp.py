"""Linear layers, for points in the plane."""

import numpy as np

from rawgan import nn
from rawgan.gan.networks.model import Model, Networks
from rawgan.gan.specs import PointSpec
from rawgan.paper import is_on_paper


def mlp(points: PointSpec, pack: int, noise_size: int, width: int, d_width: int, rng: np.random.Generator) -> Networks:
    """Three hidden layers in each network, without batch norm.

    D has `d_width` units in each. G has 2 · `width`, as its task is harder: to spread noise over distant modes, and
    leave nothing between them. Its output has no bounds.

    D's first layer ends in tanh: the bends of a ReLU are too blunt for modes that are a hundredth as wide as the plane.
    Each unit of a first layer gets a random bias, so that units change at different places. Without biases, all would
    change at 0, where there is no data.

    Shapes: generator (N, noise_size) → (N, dimensions); discriminator (N, dimensions) → (N, 1) logits
    """
    he = nn.init.he_normal

    def network(first: nn.Linear, layers: list[nn.Module]) -> nn.Sequential:
        assert first.b is not None
        if not is_on_paper():
            first.b[:] = -(first.w._array * rng.uniform(-1, 1, first.w.shape)).sum(axis=0)
        return nn.Sequential(first, *layers)

    wide = 2 * width
    generator = network(
        nn.Linear(noise_size, wide, rng=rng, init=he),
        [
            nn.ReLU(), nn.Linear(wide, wide, rng=rng, init=he),
            nn.ReLU(), nn.Linear(wide, wide, rng=rng, init=he),
            nn.ReLU(), nn.Linear(wide, points.dimensions, rng=rng),
        ],
    )  # fmt: skip
    discriminator = network(
        nn.Linear(points.dimensions * pack, d_width, rng=rng, init=nn.init.normal(6.0)),
        [
            nn.Tanh(), nn.Linear(d_width, d_width, rng=rng, init=he),
            nn.LeakyReLU(0.2), nn.Linear(d_width, d_width, rng=rng, init=he),
            nn.LeakyReLU(0.2), nn.Linear(d_width, 1, rng=rng),
        ],
    )  # fmt: skip
    return generator, discriminator


MLP = Model(
    name="mlp",
    summary="linear layers, for points, and the default there",
    build=mlp,
    learning_rate=2e-3,
    betas=(0.0, 0.99),
    spec=PointSpec,
    d_rate=2.0,
)
