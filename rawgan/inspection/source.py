"""The code of layers, as it stands in the source: always the code that runs."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

from rawgan.inspection.layers import layer_titles
from rawgan.nn import Module


@dataclass(frozen=True)
class LayerSource:
    """A layer, and the code that it runs."""

    network: str
    layer: str
    """Position and type, as in events."""
    parameters: dict[str, tuple[int, ...]]
    """Shapes of its own parameters, by name."""
    has_layers: bool
    """True if it is made of other layers."""
    purpose: str
    """First paragraph of its docstring."""
    code: str
    """Source of its class, and of the one that it has `forward` from; empty where there is none, as for a class that
    was typed in."""


def sources_of(networks: Mapping[str, Module]) -> list[LayerSource]:
    """Every layer of networks, at any depth, in order.

    >>> from rawgan import nn
    >>> (found,) = sources_of({"generator": nn.Sequential(nn.Tanh())})
    >>> found.layer, found.purpose
    ('layer 0 Tanh()', 'Hyperbolic tangent. Shapes: any → the same.')
    >>> found.code.startswith("@layer") and "def forward" in found.code
    True
    """
    return [
        LayerSource(
            network,
            title,
            {name: parameter.shape for name, parameter in layer.named_parameters() if "." not in name},
            any(True for _ in layer.children()),
            (inspect.getdoc(type(layer)) or "").partition("\n\n")[0].replace("\n", " "),
            "\n\n".join(map(code_of, _with_forward(type(layer)))),
        )
        for layer, (network, title) in layer_titles(networks).items()
    ]


def _with_forward(kind: type) -> list[type]:
    """A class, and the one that it has `forward` from."""
    owner = next(each for each in kind.__mro__ if "forward" in vars(each))
    return list(dict.fromkeys((kind, owner)))


def code_of(kind: type) -> str:
    """Source of a class; empty where there is none.

    >>> from rawgan.ops.activation import Tanh
    >>> "def backward(self, gy" in code_of(Tanh)
    True
    """
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return ""
