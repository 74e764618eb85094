"""What can be asked of `rawgan train`: one frozen dataclass, from which come the flags, their help, and config.toml."""

import dataclasses
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import tyro

from rawgan.config.base import RunConfig
from rawgan.data import MIXTURES, Mixture
from rawgan.errors import ArgumentError, shown
from rawgan.files import expanded
from rawgan.gan import (
    MODELS,
    DataSpec,
    ImageSpec,
    Labels,
    PointSpec,
    check_batch,
    check_conditional,
    models_for,
    split_size,
)
from rawgan.metrics.classifier import DIGITS
from rawgan.metrics.mixtures import POINTS

POINT_STEPS = 8000
POINT_WEIGHT = 0.003

FOR_POINTS: dict[str, Any] = {
    "model": "mlp",
    "objective": "relativistic",
    "penalty": "r1+r2",
    "penalty_every": 8,
    "ema": 0.999,
    "half_life": 4000,
    "batch_size": 256,
    "noise_size": 2,
    "width": 128,
    "samples": 2500,
    "sample_every": 500,
    "checkpoint_every": 500,
}
"""Default values of options where the data is a mixture; `python -m bench mixtures` shows what they find."""


@dataclasses.dataclass(frozen=True)
class TrainConfig(RunConfig):
    """Train a GAN and leave pictures, losses and weights in a run folder.

    >>> TrainConfig(epochs=2).total_steps(per_epoch=900)
    1800
    """

    command: ClassVar[str] = "train"

    model: Literal["dcgan", "tutorial", "residual", "mlp"] = "dcgan"
    """dcgan: convolutional networks, the default for images; tutorial: the tutorial's networks with its constants;
    residual: residual networks without batch norm in the discriminator, for --penalty; mlp: linear layers, for points,
    and the default there."""
    conditional: Literal["none", "projection", "auxiliary"] = "none"
    """Make images of a given class, from data with labels, such as a folder with a sub-folder for each class: D scores
    images given their class (projection), or also classifies them (auxiliary)."""
    classes: int | None = None
    """Number of classes, with --conditional. Unset: as many as the data has."""
    class_names: Annotated[tuple[str, ...] | None, tyro.conf.Suppress] = None
    """Their names: what the data says, and nothing else; a run writes it down."""
    pack: int = 1
    """Number of images that D sees together, as channels of one: it then notices when all are alike."""
    d_steps: int = 1
    """Updates of D in a step, each on images of its own."""
    g_steps: int = 1
    """Updates of G in a step, each on noise of its own."""
    noise_size: int = 100
    """Dimensions of the noise that images or points are made of."""
    cuda_graph: bool = False
    """Send each training step to the GPU as one CUDA graph, instead of kernel by kernel; for --backend cuda."""

    @classmethod
    def suited(cls, **options: Any) -> Self:
        """These options, and for the others the default values that suit the data.

        >>> TrainConfig.suited(data="ring8").model
        'mlp'
        """
        suitable = FOR_POINTS if options.get("data") in MIXTURES else {}
        return cls(**suitable | options)

    def check(self) -> None:
        """Raise an ArgumentError for an option that makes no sense, before anything is read or built."""
        super().check()
        if self.cuda_graph and (self.device == "cpu" or self.backend != "cuda"):
            raise ArgumentError(
                f"cuda_graph is for --device cuda --backend cuda, not for device {self.device}, backend {self.backend}"
            )
        if self.cuda_graph and self.half_life:
            raise ArgumentError("cuda_graph is for learning rates that stay what they are; leave out half_life")
        self._check_players()
        self._check_kind()
        if self.image_size is not None:
            split_size(self.image_size)
        check_batch(self.model, self.spec, self.batch_size, self.pack, self.penalty)
        if not self.mixture:
            self.check_picture()

    def _check_kind(self) -> None:
        """Whether model and options are for what the data is."""
        spec, made = PointSpec if self.mixture else ImageSpec, MODELS[self.model].spec
        if made is not spec:
            raise ArgumentError(
                f"model {self.model} makes {made.name}, but {self.data} is {spec.name}\n  take --model "
                f"{' or '.join(models_for(spec))}"
                + ("" if self.mixture else f", or points: --data {' or '.join(MIXTURES)}")
            )
        for name in ("image_size", "channels", "white", "skip_broken", "evaluate_features") if self.mixture else ():
            if getattr(self, name):
                raise ArgumentError(f"{name} is about images, but {self.data} is points; leave it out")
        if self.mixture and self.conditional != "none":
            raise ArgumentError(f"conditional {self.conditional} is for labels, which {self.data} does not have")

    def _check_players(self) -> None:
        """What belongs together, and what does not."""
        check_conditional(self.conditional, self.pack)
        if self.conditional == "none" and self.classes is not None:
            raise ArgumentError(f"classes {self.classes} are for a conditional GAN, but conditional is none")
        names = self.class_names or ()
        if names and (len(names) != self.classes or len(set(names)) < len(names)):
            raise ArgumentError(f"class_names must name each of {self.classes} classes, but are {shown(names)}")
        if any(not name.strip(".") or re.search(r"[/\\\0\ud800-\udfff]", name) for name in names):
            raise ArgumentError(f"class_names must be names that files can have, but are {shown(names)}")
        if self.conditional != "none" and self.cuda_graph:
            raise ArgumentError(
                f"cuda_graph does the same in each step, but conditional {self.conditional} takes other labels\n"
                "  leave out one of the two"
            )
        if self.batch_size % self.pack:
            raise ArgumentError(f"batch_size {self.batch_size} must be a multiple of pack {self.pack}")
        judged = self.batch_size // self.pack
        if self.model == "residual" and judged > 4 and judged % 4:
            raise ArgumentError(
                f"batch_size {self.batch_size}: residual compares images by fours, so it takes a multiple of "
                f"{4 * self.pack}"
            )

    def usual_weight(self) -> float:
        """How much the penalty counts, unless an option says so."""
        return POINT_WEIGHT if self.mixture and self.penalty.startswith("r") else super().usual_weight()

    @property
    def usual(self) -> dict[str, Any]:
        """See the base class."""
        model = MODELS[self.model]
        rate = model.learning_rate if self.learning_rate is None else self.learning_rate
        own = {"learning_rate": model.learning_rate, "d_learning_rate": rate * model.d_rate}
        measured = {"evaluate_samples": POINTS} if self.mixture and self.evaluate_every is not None else {}
        return super().usual | own | measured

    @property
    def files(self) -> dict[str, Path]:
        """See the base class."""
        if self.mixture is not None or self.evaluate_every is None:
            return {}
        return {"evaluate_features": expanded(self.evaluate_features or DIGITS)}

    @property
    def network(self) -> str:
        """See the base class."""
        return self.model

    def use(self, run: Path) -> str:
        """See the base class."""
        return f"more {self.spec.name}: rawgan sample {run}"

    @property
    def mixture(self) -> Mixture | None:
        """The mixture that the data is; None for images."""
        return MIXTURES[self.data]() if self.data in MIXTURES else None

    def class_called(self, label: int) -> str:
        """The name of a class, or its number where classes have no names.

        >>> TrainConfig(class_names=("cat", "dog")).class_called(1), TrainConfig().class_called(1)
        ('dog', '1')
        """
        return self.class_names[label] if self.class_names else str(label)

    def titles(self, labels: Labels | None, columns: int | None) -> list[str]:
        """What the rows of a grid are called, each of images of a class that has a name; nothing if they have none."""
        if labels is None or not columns or not self.class_names:
            return []
        return [self.class_names[label] for label in labels[::columns]]

    @property
    def extent(self) -> float:
        """What networks know as 1, in units of the data: pixels are from −1 to 1 for both."""
        return self.mixture.extent if self.mixture else 1.0

    @property
    def spec(self) -> DataSpec:
        """What the networks make; images have one channel until the data was seen."""
        return PointSpec() if self.mixture else ImageSpec(self.size, self.channels or 1)

    @property
    def usual_steps(self) -> int:
        """See the base class."""
        return POINT_STEPS if self.mixture else super().usual_steps

    def total_steps(self, per_epoch: float) -> int:
        """How many steps to train, when an epoch has so many batches."""
        return super().total_steps(per_epoch / self.d_steps)
