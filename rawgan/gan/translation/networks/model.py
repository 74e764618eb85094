"""The declaration of a generator that translates images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rawgan import nn
from rawgan.gan.specs import TranslationSpec


@dataclass(frozen=True)
class TranslationModel:
    """A generator that `--model` can choose, and Adam's constants for it.

    All are convolutions from end to end, so weights fit images of any size whose height and width are multiples of the
    stride.
    """

    name: str
    summary: str
    """One line for help texts."""
    build: Callable[[TranslationSpec, int, np.random.Generator], nn.Sequential]
    """(spec, channels next to the image, random numbers) → the generator."""
    stride: Callable[[TranslationSpec], int]
    """Height and width of source images, in pixels, must be multiples of this."""
    reach: Callable[[TranslationSpec], int | None]
    """Distance, in pixels of the source image, beyond which it does not affect an output pixel; None: unlimited."""
    enlarges: bool = False
    """True if it makes larger images of small ones, and nothing else."""
    learning_rate: float = 1e-3
    """Learning rate of both networks, if no option sets it. The source's 2e-4 is for one image a step, not for 64."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Source: Isola et al. 2017"""
