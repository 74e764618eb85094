"""Engine: show every layer of a model: shapes, parameters, FLOPs, memory."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal, TypeVar

import numpy as np
import tyro

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.tables import layer_table
from rawgan.cli.terminal.text import Terminal
from rawgan.config.noise import TrainConfig
from rawgan.config.options import OneOf, Range
from rawgan.config.translation import EnhanceConfig, PairedConfig, Pix2pixConfig
from rawgan.data import MIXTURES
from rawgan.errors import ArgumentError
from rawgan.gan import (
    MODELS,
    TRANSLATORS,
    DataSpec,
    GANState,
    ImageSpec,
    PointSpec,
    TranslationSpec,
    build,
    build_translator,
    check_batch,
    human_bytes,
    network_bytes,
    receptive_field,
    training_bytes,
)
from rawgan.tensor import Tensor
from rawgan.training.state import check_on_paper

Networks = TypeVar("Networks", bound=GANState)


@dataclass(frozen=True)
class DescribeConfig:
    """Show every layer of a model's two networks: output shape, parameters, and FLOPs and activation bytes forwards."""

    model: Annotated[str, tyro.conf.Positional, OneOf((*MODELS, *TRANSLATORS))] = TrainConfig.networks.model
    """Model of rawgan train or, the last three, of rawgan pix2pix, enhance and cyclegan."""
    image_size: Annotated[int, Range(8, 2**11)] = 28
    """Height and width of the images, in pixels. Points, which mlp makes, have none."""
    channels: Annotated[int, Range(1, 4)] = 1
    """1 for grey, 3 for colour."""
    batch_size: Annotated[int | None, Range(1, 2**20)] = None
    """Images, or points, in the batch. Unset: as in training."""
    noise_size: Annotated[int | None, Range(1, 2**16)] = None
    """Dimensions of the noise. Unset: as in training."""
    width: Annotated[int | None, Range(1, 2**12)] = None
    """Channels, or units, of the narrowest hidden layer. Unset: as in training."""
    d_width: Annotated[int | None, Range(1, 2**12)] = None
    """Width of D. Unset: as --width."""
    conditional: Literal["none", "projection", "auxiliary"] = "none"
    """Kind of conditional GAN; see rawgan train --help."""
    classes: Annotated[int, Range(2, 2**16)] = 10
    """Number of classes, with --conditional."""
    patch: int = Pix2pixConfig.networks.patch
    """Height and width of the patches that D scores, in pixels: 16, 34, 70 or 142. For unet, resnet and subpixel."""
    factor: int = EnhanceConfig.task.factor
    """Factor by which subpixel enlarges images: 2, 4 or 8."""

    def check(self) -> None:
        """Raise an ArgumentError for options that have no effect on the model."""
        others = ("noise_size", "conditional", "classes") if self.model in TRANSLATORS else ("patch", "factor")
        if self.model in ("unet", "resnet"):
            others = (*others, "factor")
        elif self.model in MODELS and MODELS[self.model].spec is PointSpec:
            others = (*others, "image_size", "channels")
        for name in others:
            if getattr(self, name) != getattr(type(self), name):
                raise ArgumentError(f"{name} has no effect on {self.model}; leave it out")


def main(options: list[str]) -> int:
    """Print the tables."""
    config = parse(DescribeConfig, "rawgan describe", options)
    config.check()
    if config.model in TRANSLATORS:
        return _of_translator(config)
    points = MODELS[config.model].spec is PointSpec
    of_train = TrainConfig.of(data=next(iter(MIXTURES)) if points else None, model=config.model).options
    batch_size, noise_size, width = (
        of_train[name] if getattr(config, name) is None else getattr(config, name)
        for name in ("batch_size", "noise_size", "width")
    )
    d_width = width if config.d_width is None else config.d_width
    spec: DataSpec = PointSpec() if points else ImageSpec(config.image_size, config.channels)
    check_batch(config.model, spec, batch_size)
    classes = 0 if config.conditional == "none" else config.classes
    gan = _checked(partial(
        build, config.model, spec, noise_size=noise_size, width=width, d_width=d_width,
        conditional=config.conditional, classes=classes,
    ))  # fmt: skip
    real = Tensor(np.zeros((batch_size, *spec.shape), np.float32))
    latent = gan.latent(gan.noise(0, "describe", batch_size), gan.cyclic_labels(batch_size))
    console = Terminal()
    console.print(layer_table(f"{config.model} generator, batch {batch_size}", gan.generator, latent))
    console.print(layer_table(f"{config.model} discriminator, batch {batch_size}", gan.discriminator, real))
    memory = sum(training_bytes(gan, batch_size).values())
    console.print(f"training holds about {human_bytes(memory)}, and scratch space on top")
    return 0


def _checked(build: Callable[[], Networks]) -> Networks:
    """The networks that `build` makes. Raises: ArgumentError if they are larger than memory"""
    check_on_paper(build, None, "cpu")
    return build()


def _of_translator(config: DescribeConfig) -> int:
    """Print the tables of a translator, with as many channels in its source images as in its target images."""
    names = "image_size", "channels", "batch_size", "width", "d_width", "patch"
    asked = {name: value for name in names if (value := getattr(config, name)) is not None}
    as_trained: PairedConfig = (
        EnhanceConfig.of(**asked, factor=config.factor)
        if config.model == "subpixel"
        else Pix2pixConfig.of(**asked, model=config.model)
    )
    as_trained.check()
    batch_size, width = as_trained.data.batch_size, as_trained.networks.width
    enlarged = config.factor if config.model == "subpixel" else 1
    spec = TranslationSpec(config.image_size, config.channels, config.channels, enlarged)
    gan = _checked(
        partial(build_translator, config.model, spec, width=width, d_width=config.d_width, patch=config.patch)
    )
    source = Tensor(np.zeros((batch_size, *spec.source_shape), np.float32))
    seen = gan.discriminator_input(
        Tensor(np.zeros((batch_size, spec.size, spec.size, spec.channels), np.float32)), source
    )
    console = Terminal()
    console.print(layer_table(f"{config.model} generator, batch {batch_size}", gan.generator, source))
    console.print(layer_table(f"its discriminator, batch {batch_size}", gan.discriminator, seen))
    field = receptive_field(gan.discriminator)
    console.print(f"D's receptive field: each logit scores {field} × {field} pixels")
    memory = sum(network_bytes(gan, source[:2], seen[:2], batch_size).values())
    console.print(f"training holds about {human_bytes(memory)}, and scratch space on top")
    return 0
