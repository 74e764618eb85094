"""Images, or points, out of a generator."""

from dataclasses import replace
from typing import Any

import numpy as np

from rawgan.autograd import no_grad
from rawgan.data.image_set import Progress
from rawgan.gan.state import GAN
from rawgan.nn import Module, Truncation
from rawgan.tensor import Tensor


def truncate(gan: GAN, factor: float | None) -> GAN:
    """The GAN with latent vectors closer to their average, by a factor from 0 to 1; None leaves it as it is.

    A model with a mapping network moves the mapped vectors of its sampler towards the average of those of training. In
    other models the average is that of noise, 0: `GAN.latent` multiplies noise by the factor. Images are then more
    typical and more alike; a factor of 0 makes one image, or one of each class.

    Source: Karras et al. 2019 (mapped vectors). Brock, Donahue, Simonyan 2019 draw noise again until it is small;
        scaling it keeps an image recognisable from factor to factor.

    >>> from rawgan.gan import ImageSpec, build
    >>> truncate(build("style", ImageSpec(8), width=2), 0.7).sampler[5]
    Truncation(4, factor 0.7)
    >>> gan = truncate(build("dcgan", ImageSpec(8), width=2, noise_size=3), 0.5)
    >>> gan.latent(Tensor([[2.0, 0.0, -1.0]]), None)
    Tensor([[ 1. ,  0. , -0.5]], float32)
    """
    if factor is None:
        return gan
    found = [layer for _, layer in gan.sampler.modules() if isinstance(layer, Truncation)]
    for layer in found:
        layer.factor = factor
    return gan if found else replace(gan, truncation=factor)


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
