"""Being there whenever a layer of a network is called."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from rawgan.nn.module import Module, Observed
from rawgan.tensor import Tensor

Around = Callable[[str, Module, Callable[..., Tensor], tuple[Any, ...], dict[str, Any]], Tensor]
"""Of place, module, forward, inputs and options: calls `forward(*inputs, **options)`, and returns what that returns."""


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

    found = [
        (module, f"{network}, layer {name} {type(module).__name__}({module.describe_options()})")
        for network, whole in networks.items()
        for name, module in whole.modules()
        if name
    ]
    for module, place in found:
        vars(module)["forward"] = Observed(module.forward, partial(around, place, module))
    try:
        yield
    finally:
        for module, _ in found:
            vars(module).pop("forward", None)
