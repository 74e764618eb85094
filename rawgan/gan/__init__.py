"""Generative adversarial networks: the networks, the objectives, the training step."""

from rawgan.gan.describe import LayerCost, layer_costs, training_bytes
from rawgan.gan.networks import GAN, MODELS, ImageKind, build, split_size
from rawgan.gan.step import OBJECTIVES, Outcome, discriminator_step, generator_step, train_step

__all__ = [
    "GAN",
    "MODELS",
    "OBJECTIVES",
    "ImageKind",
    "LayerCost",
    "Outcome",
    "build",
    "discriminator_step",
    "generator_step",
    "layer_costs",
    "split_size",
    "train_step",
    "training_bytes",
]
