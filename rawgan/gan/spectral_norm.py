"""Spectral normalisation of a whole network."""

import numpy as np

from rawgan import nn


def spectrally_normed(network: nn.Sequential, rng: np.random.Generator) -> nn.Sequential:
    """The same layers, with every layer that has weights inside a SpectralNorm.

    Source: Miyato et al. 2018
    """

    def normed(layer: nn.Module) -> nn.Module:
        if isinstance(layer, nn.EqualizedLinear | nn.EqualizedConv2d):
            layer.scale = 1.0  # 1 / σ takes its place
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            return nn.SpectralNorm(layer, rng=rng)
        if isinstance(layer, nn.Sequential):
            return spectrally_normed(layer, rng)
        if isinstance(layer, nn.SelfAttention):
            for name in ("query", "key", "value"):
                setattr(layer, name, normed(getattr(layer, name)))
        if isinstance(layer, nn.Branches):
            return nn.Branches(*map(normed, layer.branches))
        if isinstance(layer, nn.Residual):
            shortcut = None if layer.shortcut is None else spectrally_normed(layer.shortcut, rng)
            return nn.Residual(spectrally_normed(layer.main, rng), shortcut)
        return layer

    return nn.Sequential(*map(normed, network.layers))
