"""Augmentations, one a file: random transformations of all images that D sees, real and generated ones.

With few images, D soon knows each of them, and G learns nothing from it any more. Of images that are transformed anew
in each step, D sees no two alike. Transformations of the training images alone would teach G to make transformed
images, so D sees G's images through the same transformations, and G's gradient is led back through them: they are made
of differentiable ops.

To add an augmentation, add a file that defines an :class:`~rawgan.gan.augmentations.augmentation.Augmentation`.
"""

from rawgan.gan.augmentations.augmentation import Augmentation
from rawgan.registry import Registry, collect

AUGMENTATIONS: Registry[Augmentation] = collect(__name__, __path__, Augmentation, "augmentation")
"""Augmentations by name."""

__all__ = ["AUGMENTATIONS", "Augmentation"]
