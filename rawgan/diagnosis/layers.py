"""Places of layers, as alarms and errors name them."""

from collections.abc import Mapping

from rawgan.inspection.layers import layer_titles
from rawgan.nn import Module


def layer_places(networks: Mapping[str, Module]) -> dict[Module, str]:
    """Network, position, type and options of every layer, at any depth of the networks.

    >>> from rawgan import nn
    >>> list(layer_places({"generator": nn.Sequential(nn.Flatten(), nn.Tanh())}).values())
    ['generator, layer 0 Flatten()', 'generator, layer 1 Tanh()']
    """
    return {layer: ", ".join(title) for layer, title in layer_titles(networks).items()}
