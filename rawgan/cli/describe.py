"""rawgan describe"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import tyro
from rich.console import Console

from rawgan.cli._tables import layer_table
from rawgan.gan import ImageKind, build, human_bytes, training_bytes
from rawgan.runs.config import RANGES, check_range
from rawgan.tensor import Tensor


@dataclass(frozen=True)
class DescribeConfig:
    """Show every layer of a model's two networks: output shape, parameters, FLOPs and activation bytes, forwards."""

    model: Annotated[Literal["dcgan", "tutorial"], tyro.conf.Positional] = "dcgan"
    """The model."""
    image_size: int = 28
    """Height and width of the images in pixels."""
    channels: int = 1
    """1 for grey, 3 for colour."""
    batch_size: int = 64
    """Images in the batch that is counted."""
    noise_size: int = 100
    """Dimensions of the noise."""
    width: int = 64
    """Channels of the narrowest hidden layer."""
    conditional: Literal["none", "projection", "auxiliary"] = "none"
    """How the networks know classes, if they do."""
    classes: int = 10
    """How many classes, if so."""


def main(options: list[str]) -> int:
    """Print the tables."""
    config = tyro.cli(DescribeConfig, prog="rawgan describe", args=options)
    for name in ("image_size", "channels", "batch_size", "noise_size", "width", "classes"):
        check_range(name, getattr(config, name), *RANGES[name])
    image = ImageKind(config.image_size, config.channels)
    classes = 0 if config.conditional == "none" else config.classes
    gan = build(
        config.model, image, noise_size=config.noise_size, width=config.width, conditional=config.conditional,
        classes=classes,
    )  # fmt: skip
    images = Tensor(np.zeros((config.batch_size, *image.shape), np.float32))
    latent = gan.asked(gan.noise(0, "describe", config.batch_size), gan.in_turn(config.batch_size))
    console = Console()
    console.print(layer_table(f"{config.model} generator, batch {config.batch_size}", gan.generator, latent))
    console.print(layer_table(f"{config.model} discriminator, batch {config.batch_size}", gan.discriminator, images))
    memory = sum(training_bytes(gan, config.batch_size).values())
    console.print(f"training holds about {human_bytes(memory)}, and scratch space on top", highlight=False)
    return 0
