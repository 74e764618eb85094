"""The GANs of `rawgan.gan` written a second time, in PyTorch: rival of the benchmarks and oracle of the tests.

They are written from the descriptions of the models, as a user of PyTorch would write them: images are NCHW, layers are
`torch.nn`'s own. Nothing is taken from rawgan's objects, so a fault there is not repeated here. Only `rawgan_views`
knows both sides: it shows the weights under rawgan's names, so that both can start from the same numbers.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class StepMetrics(NamedTuple):
    """Metrics of a step, as in rawgan: both losses, and D's mean probability for real and for generated images."""

    d_loss: Tensor
    g_loss: Tensor
    d_real: Tensor
    d_fake: Tensor


@dataclass(frozen=True)
class TorchGAN:
    """Both networks, and the optimiser of each."""

    generator: nn.Sequential
    discriminator: nn.Sequential
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer


class FlattenImage(nn.Flatten):
    """nn.Flatten that remembers the shape (C, H, W) it flattens, on which the order of the next weights depends."""

    def __init__(self, *image: int) -> None:
        super().__init__()
        self.image = image


class Branches(nn.Module):
    """Outputs of several layers on the same x, concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def tutorial(size: int, channels: int, noise_size: int, width: int) -> tuple[nn.Sequential, nn.Sequential]:
    """The tutorial's networks in Keras's defaults: ε 0.001, momentum 0.99 (here 0.01), slope 0.3.

    For 64×64×3: Dense 4·4·512, then transposed convolutions to 256, 128, 64 and 3 channels. For 28×28×1: 784 units,
    then 512, 256, 128, 64, 1.
    """
    base, doublings = _start(size)
    filters = [width * 2**k for k in range(doublings)][::-1]
    units = filters[0] * base * base
    generator = [
        nn.Linear(noise_size, units, bias=False),
        nn.BatchNorm1d(units, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3, inplace=True),
        nn.Unflatten(1, (filters[0], base, base)),
    ]
    for inputs, outputs in itertools.pairwise(filters):
        generator += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
            nn.LeakyReLU(0.3, inplace=True),
        ]
    generator += [nn.ConvTranspose2d(filters[-1], channels, 4, stride=2, padding=1), nn.Tanh()]

    discriminator: list[nn.Module] = [FlattenImage(channels, size, size)]
    inputs = channels * size * size
    for outputs in (8 * width, 4 * width, 2 * width, width):
        discriminator += [
            nn.Linear(inputs, outputs, bias=False),
            nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.01),
            nn.LeakyReLU(0.3, inplace=True),
        ]
        inputs = outputs
    discriminator += [nn.Linear(inputs, 1, bias=False)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def dcgan(size: int, channels: int, noise_size: int, width: int) -> tuple[nn.Sequential, nn.Sequential]:
    """A generator of transposed convolutions (4×4, stride 2, padding 1), and a discriminator that mirrors it, except
    that it ends in a layer of 2 · width units, half of them with batch norm, and one of 1 unit.

    `width` channels next to the image, twice as many in each further layer, up to 8 · width; batch norm everywhere but
    next to the image and in the linear layers; biases only where there is no batch norm.
    """
    base, doublings = _start(size)
    filters = [width * min(2**k, 8) for k in range(doublings)][::-1]
    units = filters[0] * base * base
    generator = [
        nn.Linear(noise_size, units, bias=False),
        nn.Unflatten(1, (filters[0], base, base)),
        nn.BatchNorm2d(filters[0]),
        nn.ReLU(inplace=True),
    ]
    for inputs, outputs in itertools.pairwise(filters):
        generator += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    generator += [nn.ConvTranspose2d(filters[-1], channels, 4, stride=2, padding=1), nn.Tanh()]

    discriminator = [
        nn.Conv2d(channels, filters[-1], 4, stride=2, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
    ]
    for inputs, outputs in itertools.pairwise(filters[::-1]):
        discriminator += [
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    discriminator += [
        FlattenImage(filters[0], base, base),
        Branches(
            nn.Sequential(nn.Linear(units, width, bias=False), nn.BatchNorm1d(width)),
            nn.Linear(units, width),
        ),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(2 * width, 1),
    ]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


MODELS = {"tutorial": tutorial, "dcgan": dcgan}
ADAM: dict[str, dict[str, Any]] = {  # each model's constants
    "tutorial": {"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-7},
    "dcgan": {"lr": 1e-3, "betas": (0.5, 0.999), "eps": 1e-8},
}


def build(
    model: str,
    size: int,
    channels: int,
    *,
    noise_size: int = 100,
    width: int = 64,
    learning_rate: float | None = None,
    dtype: torch.dtype = torch.float32,
    memory_format: torch.memory_format = torch.contiguous_format,
    fused_adam: bool = False,
    capturable_adam: bool = False,
    device: str = "cpu",
) -> TorchGAN:
    """Build both networks of a model, with an Adam for each. The weights are PyTorch's own until `load_rawgan`.

    `learning_rate` None is the model's own. `memory_format` is that of the weights; activations follow them. A CUDA
    graph needs `capturable_adam`.
    """
    networks = MODELS[model](size, channels, noise_size, width)
    for network in networks:
        network.to(device=device, dtype=dtype, memory_format=memory_format)
    constants = ADAM[model] | ({} if learning_rate is None else {"lr": learning_rate})
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), **constants, fused=fused_adam or None, capturable=capturable_adam)
        for network in networks
    )
    return TorchGAN(*networks, g_optimizer, d_optimizer)


def train_step(
    gan: TorchGAN,
    real: Tensor,
    z: Tensor,
    objective: str = "non-saturating",
    *,
    freeze: bool = False,
    forward: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> StepMetrics:
    """Update D, then G, as PyTorch's DCGAN example does: D on real and on generated images apart, G with the new D.

    As in rawgan, D's running statistics do not see the generated images a second time. `freeze` leaves out D's weight
    gradients in G's step, which are never used; the example computes them. `forward` makes the context of each forward
    pass and its loss, such as torch.autocast.

    Shapes: real (N, C, H, W) in [−1, 1], z (N, noise_size)
    """
    with forward():
        fake = gan.generator(z)
    ones, zeros = torch.ones_like(z[:, :1]), torch.zeros_like(z[:, :1])

    gan.d_optimizer.zero_grad()
    with forward():
        real_logits = gan.discriminator(real)
        real_loss = binary_cross_entropy_with_logits(real_logits, ones)
    real_loss.backward()
    with forward():
        fake_logits = gan.discriminator(fake.detach())
        fake_loss = binary_cross_entropy_with_logits(fake_logits, zeros)
    fake_loss.backward()
    gan.d_optimizer.step()

    gan.g_optimizer.zero_grad()
    with _statistics_kept(gan.discriminator), forward():
        gan.discriminator.requires_grad_(not freeze)
        logits = gan.discriminator(fake)
        gan.discriminator.requires_grad_(True)
        if objective == "minimax":
            g_loss = -binary_cross_entropy_with_logits(logits, zeros)
        else:
            g_loss = binary_cross_entropy_with_logits(logits, ones)
    g_loss.backward()
    gan.g_optimizer.step()
    with torch.no_grad():
        return StepMetrics(
            (real_loss + fake_loss).detach(),
            g_loss.detach(),
            real_logits.to(z.dtype).sigmoid().mean(),
            fake_logits.to(z.dtype).sigmoid().mean(),
        )


def images_from_rawgan(images: np.ndarray, memory_format: torch.memory_format = torch.contiguous_format) -> Tensor:
    """Convert rawgan's images. Shapes: (N, H, W, C) → (N, C, H, W)"""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)


def rawgan_views(network: nn.Sequential) -> dict[str, Tensor]:
    """Views of every weight and running statistic, by their names in rawgan and with axes in rawgan's order.

    Where rawgan has one axis for the pixels and channels of a flattened image, the view has three: H, W, C.
    """
    image = next((layer.unflattened_size for layer in network if isinstance(layer, nn.Unflatten)), None)
    views: dict[str, Tensor] = {}
    found: dict[str, Tensor | None]
    for name, layer, previous in _placed(network):
        match layer:
            case nn.Linear():
                w = layer.weight.T  # (in, out)
                if isinstance(previous, FlattenImage):
                    w = w.unflatten(0, previous.image).permute(1, 2, 0, 3)  # (H, W, C, out)
                elif image:
                    w = w.unflatten(1, image).permute(0, 2, 3, 1)  # (in, H, W, C)
                found = {"w": w, "b": layer.bias}
            case nn.Conv2d() | nn.ConvTranspose2d():  # (out, in, A, B) → (A, B, in, out); transposed, (in, out, A, B)
                found = {"w": layer.weight.permute(2, 3, 1, 0), "b": layer.bias}
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                found = {
                    "gamma": layer.weight,
                    "beta": layer.bias,
                    "running_mean": layer.running_mean,
                    "running_var": layer.running_var,
                }
                if image and isinstance(layer, nn.BatchNorm1d):
                    found = {name: x.unflatten(0, image).permute(1, 2, 0) for name, x in found.items()}  # (H, W, C)
            case _:
                continue
        views.update((f"{name}.{own}", x.detach()) for own, x in found.items() if x is not None)
    return views


def _placed(
    network: nn.Sequential, prefix: str = "", previous: nn.Module | None = None
) -> Iterator[tuple[str, nn.Module, nn.Module | None]]:
    """Every layer, with its name in rawgan and the layer before it: in branches, the one before the branches."""
    for position, layer in enumerate(network):
        name = f"{prefix}{position}"
        if isinstance(layer, Branches):
            for number, branch in enumerate(layer.branches):
                place = f"{name}.branches.{number}"
                if isinstance(branch, nn.Sequential):
                    yield from _placed(branch, f"{place}.", previous)
                else:
                    yield place, branch, previous
        else:
            yield name, layer, previous
        previous = layer


def load_rawgan(network: nn.Sequential, state: Mapping[str, np.ndarray]) -> None:
    """Copy every weight and running statistic from the `state_dict()` of rawgan's network."""
    views = rawgan_views(network)
    if views.keys() != state.keys():
        raise KeyError(f"PyTorch's network and rawgan's differ in {sorted(views.keys() ^ state.keys())}")
    for name, view in views.items():
        view.copy_(torch.from_numpy(state[name]).reshape(view.shape))


def _start(size: int) -> tuple[int, int]:
    """Size of the generator's first image, 4 to 7 pixels, and number of doublings up to `size`."""
    doublings = 0
    while size > 7:
        size, doublings = size // 2, doublings + 1
    return size, doublings


@contextmanager
def _statistics_kept(network: nn.Sequential) -> Iterator[None]:
    """Inside, batch norms still normalise with the batch, but leave their running statistics alone."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.track_running_stats = False
    yield
    for norm in norms:
        norm.track_running_stats = True
