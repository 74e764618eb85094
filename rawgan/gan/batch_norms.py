"""Batch norms of a network, which make the output for a sample depend on the others of its batch."""

from collections.abc import Iterator
from functools import cache

from rawgan import nn
from rawgan.errors import ArgumentError
from rawgan.gan.networks import MODELS, models_for
from rawgan.gan.specs import DataSpec, ImageSpec
from rawgan.random import make_rng

BUILT_SIZE = 256
"""Largest image size, in pixels, that networks are built for to inspect their layers: for larger images, `tutorial` has
millions of weights whatever its width."""


def batch_norms(network: nn.Sequential) -> dict[str, bool]:
    """Batch norms of a network by place; True for those of vectors (N, C).

    A batch norm of vectors has a single value per channel if N is 1, and a single value has no variance.

    >>> import numpy as np
    >>> linear = nn.Linear(8, 2, rng=np.random.default_rng(0))
    >>> batch_norms(nn.Sequential(nn.BatchNorm(2), nn.Flatten(), nn.Sequential(linear, nn.BatchNorm(2))))
    {'layer 0 BatchNorm': False, 'layer 2.1 BatchNorm': True}
    """
    return {f"layer {place} BatchNorm": vectors for place, vectors in _found(network)}


def check_batch(
    model: str, spec: DataSpec, batch_size: int, pack: int = 1, penalty: str = "none", g_penalty: str = "none"
) -> None:
    """Check that a model's batch norms allow a batch size and penalties on D and on G.

    A penalty is on the slope of D, or of G, for each image, and with batch norm that depends on the other images.

    Raises: ArgumentError naming the layer, and models that have no such layer

    >>> check_batch("dcgan", ImageSpec(28), batch_size=1)
    Traceback (most recent call last):
    rawgan.errors.ArgumentError: batch_size 1: dcgan's discriminator has batch norm in layer 6.branches.0.1 BatchNorm,
    which needs more than one value per channel
      take --batch-size 2 or more; or --model attention or residual or style
    """
    rows = batch_size // pack
    if rows > 1 and penalty == g_penalty == "none":
        return
    of_g, of_d = _norms(model, spec, pack)
    if penalty != "none" and of_d:
        free = [name for name in models_for(spec) if takes_penalties(name, spec, pack)]
        raise ArgumentError(
            f"penalty {penalty}: {model}'s discriminator has batch norm in {next(iter(of_d))}, so its slope at an "
            "image depends on the other images of the batch\n"
            f"  take --model {' or '.join(free)}, or leave the penalty out"
        )
    if g_penalty != "none" and of_g:
        free = [name for name in models_for(spec) if not _norms(name, spec, pack)[0]]
        raise ArgumentError(
            f"g_penalty {g_penalty}: {model}'s generator has batch norm in {next(iter(of_g))}, so its slope for an "
            "image depends on the other images of the batch\n"
            f"  take --model {' or '.join(free)}, or leave the penalty out"
        )
    for network, count, norms in (("generator", batch_size, of_g), ("discriminator", rows, of_d)):
        if count == 1 and any(norms.values()):
            free = [
                name
                for name in models_for(spec)
                if not any(vectors for each in _norms(name, spec, pack) for vectors in each.values())
            ]
            raise ArgumentError(
                f"batch_size {batch_size}: {model}'s {network} has batch norm in "
                f"{next(place for place, vectors in norms.items() if vectors)}, which needs more than one value per "
                f"channel\n  take --batch-size {2 * pack} or more; or --model {' or '.join(free)}"
            )


def takes_penalties(model: str, spec: DataSpec, pack: int = 1) -> bool:
    """True if a model's D has no batch norm, so that its slope at an image depends on that image alone.

    >>> takes_penalties("dcgan", ImageSpec(28)), takes_penalties("residual", ImageSpec(28))
    (False, True)
    """
    return not _norms(model, spec, pack)[1]


@cache
def _norms(model: str, spec: DataSpec, pack: int) -> tuple[dict[str, bool], dict[str, bool]]:
    """Batch norms of G and of D, found in networks that are as narrow as possible."""
    if isinstance(spec, ImageSpec):
        spec = ImageSpec(min(spec.size, BUILT_SIZE), spec.channels)
    generator, discriminator = MODELS[model].build(spec, pack, 1, 1, 1, make_rng(0, "batch norms"))
    return batch_norms(generator), batch_norms(discriminator)


def _found(network: nn.Module) -> Iterator[tuple[str, bool]]:
    """Batch norms in the order in which they are called: in all networks that rawgan builds, that of `modules`."""
    vectors = False
    for place, layer in network.modules():
        match layer:
            case nn.BatchNorm():
                yield place, vectors
            case nn.Linear() | nn.Flatten():
                vectors = True
            case nn.Reshape():
                vectors = len(layer.shape) == 1
