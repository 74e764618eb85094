"""Image-to-image translation: networks that translate images, and a training step for pairs and for cycles.

D scores patches. Objectives, penalties and instance noise are those of `rawgan.gan.step`.
"""

from rawgan.gan.translation.cycle import Cycle, CycleWeights, Trained, cycle_step
from rawgan.gan.translation.history import History
from rawgan.gan.translation.networks import PATCHES, TRANSLATORS, TranslationModel, receptive_field
from rawgan.gan.translation.pairs import FeatureMap, PairWeights, translation_step
from rawgan.gan.translation.translator import Translator, build_translator

__all__ = [
    "PATCHES",
    "TRANSLATORS",
    "Cycle",
    "CycleWeights",
    "FeatureMap",
    "History",
    "PairWeights",
    "Trained",
    "TranslationModel",
    "Translator",
    "build_translator",
    "cycle_step",
    "receptive_field",
    "translation_step",
]
