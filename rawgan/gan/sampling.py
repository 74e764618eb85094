"""Images, or points, out of a generator."""

from typing import Any

import numpy as np

from rawgan.autograd import no_grad
from rawgan.data.image_set import Progress
from rawgan.nn import Module
from rawgan.tensor import Tensor


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
