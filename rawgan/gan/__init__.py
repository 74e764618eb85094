"""Generative adversarial networks: networks, losses, augmentations, the training step; image-to-image translation."""

from rawgan.gan.augmentations import AUGMENTATIONS
from rawgan.gan.batch_norms import check_batch, takes_penalties
from rawgan.gan.build import build
from rawgan.gan.conditional import CONDITIONALS, Labels, check_conditional
from rawgan.gan.costs import LayerCost, human_bytes, human_count, layer_costs, network_bytes, training_bytes
from rawgan.gan.cuda_graph import GraphedStep
from rawgan.gan.loss_config import LossConfig
from rawgan.gan.networks import MODELS, Model, models_for, split_size
from rawgan.gan.objectives import OBJECTIVES, losses_of
from rawgan.gan.penalties import GENERATOR_PENALTIES, PENALTIES
from rawgan.gan.sampling import generate, truncate
from rawgan.gan.specs import DataSpec, ImageSpec, PointSpec, TranslationSpec
from rawgan.gan.state import GAN, GANState
from rawgan.gan.step import discriminator_step, generator_step, logits_as_trained, train_step
from rawgan.gan.step_metrics import PANELS, STEP_METRICS, StepMetric, StepMetrics
from rawgan.gan.translation import (
    PATCHES,
    TRANSLATORS,
    Cycle,
    CycleWeights,
    History,
    PairWeights,
    Trained,
    Translator,
    build_translator,
    cycle_step,
    receptive_field,
    translation_step,
)

__all__ = [
    "AUGMENTATIONS",
    "CONDITIONALS",
    "GAN",
    "GENERATOR_PENALTIES",
    "MODELS",
    "OBJECTIVES",
    "PANELS",
    "PATCHES",
    "PENALTIES",
    "STEP_METRICS",
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
    "Model",
    "PairWeights",
    "PointSpec",
    "StepMetric",
    "StepMetrics",
    "Trained",
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
    "logits_as_trained",
    "losses_of",
    "models_for",
    "network_bytes",
    "receptive_field",
    "split_size",
    "takes_penalties",
    "train_step",
    "training_bytes",
    "translation_step",
    "truncate",
]
