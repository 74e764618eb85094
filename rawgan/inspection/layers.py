"""Names of the layers of several networks, for reports about them."""

from collections.abc import Mapping

from rawgan.nn import Module


def layer_titles(networks: Mapping[str, Module]) -> dict[Module, tuple[str, str]]:
    """Network, and position, type and options, of every layer, at any depth of the networks.

    >>> from rawgan import nn
    >>> list(layer_titles({"generator": nn.Sequential(nn.Flatten(), nn.Tanh())}).values())
    [('generator', 'layer 0 Flatten()'), ('generator', 'layer 1 Tanh()')]
    """
    return {
        module: (network, f"layer {name} {type(module).__name__}({module.describe_options()})")
        for network, whole in networks.items()
        for name, module in whole.modules()
        if name
    }
