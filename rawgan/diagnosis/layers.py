"""Names of the layers of several networks, for reports about them."""

from collections.abc import Mapping

from rawgan.nn import Module


def layer_places(networks: Mapping[str, Module]) -> dict[Module, str]:
    """Network, position, type and options of every layer, at any depth of the networks.

    >>> from rawgan import nn
    >>> list(layer_places({"generator": nn.Sequential(nn.Flatten(), nn.Tanh())}).values())
    ['generator, layer 0 Flatten()', 'generator, layer 1 Tanh()']
    """
    return {
        module: f"{network}, layer {name} {type(module).__name__}({module.describe_options()})"
        for network, whole in networks.items()
        for name, module in whole.modules()
        if name
    }
