"""The mapping network of a generator, apart from the layers that make images of its vectors."""

from rawgan import nn


def with_mapping_apart(generator: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """The mapping network, its truncation included, and the rest. Both share their layers with the generator.

    A generator without one has an empty mapping, which returns its input.

    >>> from rawgan.gan import ImageSpec, build
    >>> [len(part.layers) for part in with_mapping_apart(build("style", ImageSpec(8), width=2).generator)]
    [6, 2]
    >>> [len(part.layers) for part in with_mapping_apart(build("dcgan", ImageSpec(8), width=2).generator)]
    [0, 6]
    """
    ends = [place + 1 for place, layer in enumerate(generator.layers) if isinstance(layer, nn.Truncation)]
    begin = ends[0] if ends else 0
    return nn.Sequential(*generator.layers[:begin]), nn.Sequential(*generator.layers[begin:])
