"""Generative adversarial networks: the networks, the objectives, the training step."""

from rawgan.gan.conditional import CONDITIONALS, Labels, check_conditional
from rawgan.gan.describe import LayerCost, human_bytes, human_count, layer_costs, network_bytes, training_bytes
from rawgan.gan.graphed import GraphedStep
from rawgan.gan.models import MODELS, DataSpec, ImageSpec, PointSpec, models_for, split_size
from rawgan.gan.networks import GAN, GANState, build
from rawgan.gan.norms import check_batch
from rawgan.gan.objectives import OBJECTIVES, objective
from rawgan.gan.penalties import PENALTIES
from rawgan.gan.sampling import generate
from rawgan.gan.step import LossConfig, StepMetrics, discriminator_step, generator_step, train_step
from rawgan.gan.translating import (
    TRANSLATORS,
    Cycle,
    CycleWeights,
    History,
    PairWeights,
    TranslationSpec,
    Translator,
    build_translator,
    cycle_step,
    translation_step,
)
from rawgan.gan.translators import PATCHES, receptive_field

__all__ = [
    "CONDITIONALS",
    "GAN",
    "MODELS",
    "OBJECTIVES",
    "PATCHES",
    "PENALTIES",
    "TRANSLATORS",
    "Cycle",
    "CycleWeights",
    "DataSpec",
    "GANState",
    "GraphedStep",
    "History",
    "ImageSpec",
    "Labels",
    "LayerCost",
    "LossConfig",
    "PairWeights",
    "PointSpec",
    "StepMetrics",
    "TranslationSpec",
    "Translator",
    "build",
    "build_translator",
    "check_batch",
    "check_conditional",
    "cycle_step",
    "discriminator_step",
    "generate",
    "generator_step",
    "human_bytes",
    "human_count",
    "layer_costs",
    "models_for",
    "network_bytes",
    "objective",
    "receptive_field",
    "split_size",
    "train_step",
    "training_bytes",
    "translation_step",
]
