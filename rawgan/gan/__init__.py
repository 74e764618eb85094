"""Generative adversarial networks: the networks, the objectives, the training step."""

from rawgan.gan.conditional import CONDITIONALS, Labels, check_conditional
from rawgan.gan.describe import LayerCost, human_bytes, human_count, layer_costs, training_bytes
from rawgan.gan.graphed import GraphedStep
from rawgan.gan.models import MODELS, ImageKind, split_size
from rawgan.gan.networks import GAN, build
from rawgan.gan.objectives import OBJECTIVES, objective
from rawgan.gan.penalties import PENALTIES
from rawgan.gan.step import Outcome, Recipe, discriminator_step, generator_step, train_step

__all__ = [
    "CONDITIONALS",
    "GAN",
    "MODELS",
    "OBJECTIVES",
    "PENALTIES",
    "GraphedStep",
    "ImageKind",
    "Labels",
    "LayerCost",
    "Outcome",
    "Recipe",
    "build",
    "check_conditional",
    "discriminator_step",
    "generator_step",
    "human_bytes",
    "human_count",
    "layer_costs",
    "objective",
    "split_size",
    "train_step",
    "training_bytes",
]
