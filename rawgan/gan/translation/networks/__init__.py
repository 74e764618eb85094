"""Generators that translate images, one a file, and the discriminator that scores their patches.

To add a generator, add a file that defines a
:class:`~rawgan.gan.translation.networks.model.TranslationModel`.
"""

from rawgan.gan.translation.networks.model import TranslationModel
from rawgan.gan.translation.networks.patchgan import PATCHES, patchgan, receptive_field
from rawgan.registry import Registry, collect

TRANSLATORS: Registry[TranslationModel] = collect(__name__, __path__, TranslationModel, "translator")
"""Generators by name."""

__all__ = ["PATCHES", "TRANSLATORS", "TranslationModel", "patchgan", "receptive_field"]
