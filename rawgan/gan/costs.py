"""Cost of a network, layer by layer: parameters, floating-point operations, memory."""

import math
from dataclasses import dataclass

from rawgan import nn
from rawgan.gan.state import GAN, GANState
from rawgan.ops.attention import Attention
from rawgan.ops.conv import Conv2d, ConvTranspose2d
from rawgan.ops.linear import MatMul
from rawgan.ops.normalisation import Normalize
from rawgan.tensor import Node, Tensor
from rawgan_kernels import array_module


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer's forward pass over one batch."""

    layer: str
    output: tuple[int, ...]
    parameters: int
    flops: int
    """Floating-point operations; a multiplication and an addition are two."""
    activation_bytes: int
    """Bytes of the results that are kept for the backward pass."""


def layer_costs(network: nn.Sequential, x: Tensor) -> list[LayerCost]:
    """Costs of all layers of a network, counted while a batch passes through it.

    Shapes: x (N, …), an input of the network

    >>> from rawgan.gan import build, ImageSpec
    >>> gan = build("dcgan", ImageSpec(8), width=4)
    >>> layer_costs(gan.generator, gan.noise(0, "describe", 2))[0]
    LayerCost(layer='Linear(100 → 64, no bias)', output=(2, 64), parameters=6400, flops=25600, activation_bytes=512)
    """
    rows: list[LayerCost] = []
    with network.frozen_buffers():
        for layer in network.layers:
            x = _through(layer, x, 0, rows)
    return rows


def _through(layer: nn.Module, x: Tensor, depth: int, rows: list[LayerCost]) -> Tensor:
    """Output of a layer. Adds the rows of the layers inside it and, if it joins their outputs, a row of its own."""
    if isinstance(layer, nn.Sequential):
        for each in layer.layers:
            x = _through(each, x, depth, rows)
        return x
    if isinstance(layer, nn.Branches | nn.Residual):
        inner = layer.branches if isinstance(layer, nn.Branches) else (layer.main, layer.shortcut or nn.Identity())
        made = [_leaf(_through(each, x, depth + 1, rows)) for each in inner]
        return _counted(type(layer).__name__, layer.joined(made), 0, depth, rows)
    title = f"{type(layer).__name__}({layer.describe_options()})"
    return _counted(title, layer(_leaf(x)), sum(p.size for p in layer.parameters()), depth, rows)


def _leaf(x: Tensor) -> Tensor:
    """The same numbers as a leaf, so that the graph behind a result is that of one layer only."""
    return Tensor(x.data, requires_grad=True)


def _counted(title: str, y: Tensor, parameters: int, depth: int, rows: list[LayerCost]) -> Tensor:
    """Add a row for the layer that made y."""
    made = _ops_behind(y)
    rows.append(
        LayerCost(
            "  " * depth + title,
            y.shape,
            parameters,
            sum(flops for flops, _ in made),
            sum(size for _, size in made) * y.dtype.itemsize,
        )
    )
    return y


def training_bytes(gan: GAN, batch_size: int) -> dict[str, int]:
    """Memory that a training step holds, in bytes: counted, not measured.

    Activations are those of G and of D, each for one batch, as the halves of D's loss are walked back one after the
    other. Gradients in flight and scratch space of the kernels come on top.

    >>> from rawgan.gan import build, ImageSpec
    >>> list(training_bytes(build("dcgan", ImageSpec(8), width=4), batch_size=2))
    ['weights', 'gradients', 'optimizer', 'activations']
    """
    z = gan.latent(gan.noise(0, "describe", 2), gan.cyclic_labels(2))
    real = Tensor(array_module(z.data).zeros((2, *gan.spec.shape), z.dtype))
    return network_bytes(gan, z, real, batch_size)


def network_bytes(gan: GANState, latent: Tensor, seen: Tensor, batch_size: int) -> dict[str, int]:
    """Memory that a training step holds, in bytes, from a few inputs of G and of D.

    Shapes: latent (n, …), inputs of G; seen (n, …), inputs of D
    """
    networks = gan.generator, gan.discriminator
    weights = sum(x._array.nbytes for network in networks for x in network.state_tensors().values())
    gradients = max(sum(p._array.nbytes for p in network.parameters()) for network in networks)
    moments = sum(
        array.nbytes
        for optimizer in (gan.g_optimizer, gan.d_optimizer)
        for arrays in optimizer.state.values()
        for array in arrays
    )
    of_few = sum(
        row.activation_bytes
        for network, x in ((gan.generator, latent), (gan.discriminator, seen))
        for row in layer_costs(network, x)
    )
    return {
        "weights": weights,
        "gradients": gradients,
        "optimizer": moments,
        "activations": of_few * batch_size // len(latent),
    }


def human_count(number: int) -> str:
    """A count with a decimal prefix.

    >>> human_count(1_640_000_000)
    '1.64 G'
    """
    return _scaled(number, 1000, ("", "k", "M", "G", "T", "P"))


def human_bytes(number: int) -> str:
    """A size with a binary prefix.

    >>> human_bytes(3 * 2**20)
    '3.00 MiB'
    """
    return _scaled(number, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))


def _ops_behind(y: Tensor) -> list[tuple[int, int]]:
    """(flops, elements of the result) of every op between y and the leaves."""
    made = []
    pending = [y]
    while pending:
        x = pending.pop()
        if x.op is not None:
            inputs = x.op.recorded_inputs
            is_view = any(x.shares_memory(source) for source in inputs)
            made.append((0, 0) if is_view else (_flops(x.op, x), x.size))
            pending.extend(inputs)
    return made


def _flops(op: Node, y: Tensor) -> int:
    """Floating-point operations of an op, as its kernel's docstring counts them; one per element for all other ops."""
    first, *others = op.shapes
    match op:
        case Conv2d():  # 2 · N·I·J · A·B·C/G · K
            return 2 * y.size * math.prod(others[0][:3])
        case ConvTranspose2d():  # the same, with x in y's place
            return 2 * math.prod(first) * math.prod(others[0][:3])
        case MatMul():  # 2 · M·N · K
            return 2 * y.size * first[-1]
        case Attention():  # 2 · N·L · S · (D + E)
            return 2 * math.prod(first[:-1]) * others[0][-2] * (first[-1] + y.shape[-1])
        case Normalize():
            return 8 * y.size
        case _:
            return y.size


def _scaled(number: float, base: int, prefixes: tuple[str, ...]) -> str:
    position = 0
    while number >= base and position < len(prefixes) - 1:
        number, position = number / base, position + 1
    return f"{number:.{0 if position == 0 else 2}f} {prefixes[position]}".strip()
