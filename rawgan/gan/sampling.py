"""Images, or points, out of a generator."""

from typing import Any

import numpy as np

from rawgan.autograd import no_grad
from rawgan.data.image_set import Progress
from rawgan.errors import ArgumentError
from rawgan.gan.state import GAN
from rawgan.nn import Module, Truncation
from rawgan.tensor import Tensor


def truncate(gan: GAN, factor: float | None) -> None:
    """Let the sampler move vectors towards their average by a factor from 0 to 1; None leaves it as it is.

    Raises: ArgumentError for a model without a mapping network, whose results can be averaged

    >>> from rawgan.gan import ImageSpec, build
    >>> gan = build("style", ImageSpec(8), width=2)
    >>> truncate(gan, 0.7)
    >>> gan.sampler[5]
    Truncation(4, factor 0.7)
    """
    if factor is None:
        return
    found = [layer for _, layer in gan.sampler.modules() if isinstance(layer, Truncation)]
    if not found:
        raise ArgumentError(
            f"truncation {factor}: {gan.model} has no mapping network, such as that of style, whose vectors could be "
            "moved towards their average; leave it out"
        )
    for layer in found:
        layer.factor = factor


def generate(
    generator: Module,
    z: Tensor,
    batch_size: int = 256,
    on_progress: Progress = lambda done, total: None,
    extent: float = 1.0,
) -> np.ndarray[Any, Any]:
    """Images, or points, that a generator in evaluation mode makes from noise, a batch at a time.

    `on_progress(done, total)` counts them. The result is multiplied by `extent`, which is the
    value in the data that networks see as 1.

    Shapes: z (N, noise_size), or (N, noise_size + classes) from `GAN.latent` → (N, H, W, C) in [−1, 1], or (N, 2)

    >>> from rawgan.gan import ImageSpec, build
    >>> gan = build("dcgan", ImageSpec(8), width=4)
    >>> generate(gan.generator, gan.noise(0, "samples", 3)).shape
    (3, 8, 8, 1)
    """
    batches = []
    with no_grad(), generator.evaluating():
        for start in range(0, len(z), batch_size):
            batches.append(generator(z[start : start + batch_size]).numpy())
            on_progress(min(start + batch_size, len(z)), len(z))
    return np.concatenate(batches) * np.float32(extent)
