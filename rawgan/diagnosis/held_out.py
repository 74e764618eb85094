"""D's logits of images that it trains with, of others like them, and of generated ones, under the same conditions."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from rawgan.autograd import no_grad
from rawgan.diagnosis.probe import unchanged
from rawgan.gan import GANState, LossConfig, logits_as_trained
from rawgan.tensor import Tensor

Array = np.ndarray[Any, Any]


class LogitsOfD(NamedTuple):
    """D's logits by the kind of image. Shapes: (N,) each, with numbers N of their own"""

    training: Array
    """Of images that D trains with."""
    held_out: Array
    """Of real images that it does not train with."""
    generated: Array


def logits_of_d(
    gan: GANState, batches: Iterable[tuple[Tensor, Any]], loss_config: LossConfig, index: int
) -> Array:  # fmt: skip
    """D's logits for batches of images, each with its labels or None, as D sees them in step `index`.

    Nothing of the GAN changes. Batch k of each call is augmented by the same draws.

    Shapes: images (N, H, W, C), several times → all logits (M,)
    """
    with no_grad(), unchanged(gan):
        found = [
            logits_as_trained(gan, images, loss_config, index, draw, given).numpy().ravel()
            for draw, (images, given) in enumerate(batches)
        ]
    return np.concatenate(found)
