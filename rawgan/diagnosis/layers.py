"""Observing the layers of networks by their places."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rawgan.nn.hooks import around_calls
from rawgan.nn.module import Module
from rawgan.tensor import Tensor

Around = Callable[[str, Module, Callable[..., Tensor], tuple[Any, ...], dict[str, Any]], Tensor]
"""Called with place, module, forward, inputs and options: returns `forward(*inputs, **options)`."""


@contextmanager
def around_layers(networks: Mapping[str, Module], around: Around) -> Iterator[None]:
    """Inside, every call of a layer, at any depth of the networks, goes through `around`.

    >>> from rawgan import nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Tanh())
    >>> def tell(place, module, forward, inputs, options):
    ...     print(place)
    ...     return forward(*inputs, **options)
    >>> with around_layers({"generator": network}, tell):
    ...     _ = network(Tensor([[[1.0, 2.0]]]))
    generator, layer 0 Flatten()
    generator, layer 1 Tanh()
    """
    places = {
        id(module): f"{network}, layer {name} {type(module).__name__}({module.describe_options()})"
        for network, whole in networks.items()
        for name, module in whole.modules()
        if name
    }

    def hook(
        module: Module, forward: Callable[..., Tensor], inputs: tuple[Any, ...], options: dict[str, Any]
    ) -> Tensor:
        place = places.get(id(module))
        return forward(*inputs, **options) if place is None else around(place, module, forward, inputs, options)

    with around_calls(hook):
        yield
