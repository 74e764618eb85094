"""Generative adversarial networks: the networks, the objectives, the training step."""

from rawgan.gan.conditional import CONDITIONALS, Labels, check_conditional
from rawgan.gan.describe import LayerCost, human_bytes, human_count, layer_costs, training_bytes
from rawgan.gan.graphed import GraphedStep
from rawgan.gan.models import MODELS, ImageKind, Kind, PointKind, makers_of, split_size
from rawgan.gan.networks import GAN, build
from rawgan.gan.objectives import OBJECTIVES, objective
from rawgan.gan.penalties import PENALTIES
from rawgan.gan.sampling import generate
from rawgan.gan.step import Outcome, Recipe, discriminator_step, generator_step, train_step

__all__ = [
    "CONDITIONALS",
    "GAN",
    "MODELS",
    "OBJECTIVES",
    "PENALTIES",
    "GraphedStep",
    "ImageKind",
    "Kind",
    "Labels",
    "LayerCost",
    "Outcome",
    "PointKind",
    "Recipe",
    "build",
    "check_conditional",
    "discriminator_step",
    "generate",
    "generator_step",
    "human_bytes",
    "human_count",
    "layer_costs",
    "makers_of",
    "objective",
    "split_size",
    "train_step",
    "training_bytes",
]
