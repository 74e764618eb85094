"""What can be asked of a training run: one frozen dataclass, from which come the flags, their help, and config.toml."""

import dataclasses
import re
import typing
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from rawgan.data import MIXTURES, Mixture
from rawgan.errors import ArgumentError, ConfigError, shown
from rawgan.gan import (
    MODELS,
    ImageKind,
    Kind,
    PointKind,
    Recipe,
    check_conditional,
    makers_of,
    objective,
    split_size,
)

DEFAULT_STEPS = 3000
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

NATIVE_SIZES = {"mnist": 28, "stacked-mnist": 28, "fashion-mnist": 28, "cifar10": 32}
"""Sizes, in pixels, of the known data sets' images; other data is brought to 64 unless --image-size says otherwise."""

RANGES = {
    "image_size": (8, 2**11),
    "channels": (1, 4),
    "steps": (1, 10**9),
    "batch_size": (2, 2**20),
    "noise_size": (1, 2**16),
    "width": (1, 2**12),
    "d_width": (1, 2**12),
    "classes": (2, 2**16),
    "sample_every": (1, 10**9),
    "samples": (1, 2**16),
    "checkpoint_every": (1, 10**9),
    "keep": (1, 10**6),
    "evaluate_every": (1, 10**9),
    "evaluate_samples": (2, 10**6),
    "penalty_every": (1, 10**6),
    "pack": (1, 64),
    "noise_steps": (1, 10**9),
    "half_life": (0, 10**9),
    "d_steps": (1, 100),
    "g_steps": (1, 100),
}
"""The least and the most that whole numbers may be: far beyond what any machine can take, and no further."""

MOST = {"epochs": 10**6, "learning_rate": 10, "d_learning_rate": 10, "penalty_weight": 10**6}
"""The most that numbers above 0 may be."""

LARGEST_PICTURE = 2**26
"""Pixels of all samples together: pictures much larger than that cannot be read again for the animation."""

OF_THE_CALL = ("config", "resume", "out", "dry_run")
"""Options that say how rawgan was called, not what the run is: they are not written into config.toml."""


CHANGEABLE = (
    "steps", "epochs", "learning_rate", "d_learning_rate", "device", "backend", "cuda_graph", "checkpoint_every",
    "keep", "on_nonfinite",
)  # fmt: skip
"""Options that may be others when a run is resumed; the rest is what the run is."""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Train a GAN and leave pictures, losses and weights in a run folder.

    >>> TrainConfig(epochs=2).total_steps(per_epoch=900)
    1800
    """

    model: Literal["dcgan", "tutorial", "residual", "mlp"] = "dcgan"
    """dcgan: convolutional networks, the default for images; tutorial: the tutorial's networks with its constants;
    residual: residual networks without batch norm in the discriminator, for --penalty; mlp: linear layers, for points,
    and the default there."""
    data: str = "mnist"
    """mnist, stacked-mnist, fashion-mnist, cifar10, a folder of images or of IDX files, or an .npy or .npz file; or
    points of a mixture of Gaussians, ring8 or grid25, for which other options have other defaults."""
    image_size: int | None = None
    """Height and width of the images in pixels: 4, 5, 6 or 7 times 2, 4, 8, …. Unset: 28 for MNIST,
    32 for CIFAR-10, 64 for your own images."""
    channels: int | None = None
    """1 for grey, 3 for colour. Unset: what the data has."""
    skip_broken: bool = False
    """Go on without images that cannot be read, instead of stopping before training."""

    steps: int | None = None
    """Training steps; one step is one update of each network. Unset: 3000, for points 8000, unless --epochs is
    given."""
    epochs: float | None = None
    """Passes over the data, instead of --steps; of a mixture, which has no end, 100,000 points are one."""
    batch_size: int = 64
    """Images, or points, per step."""
    objective: Literal["non-saturating", "minimax", "least-squares", "hinge", "wasserstein", "relativistic"] = (
        "non-saturating"
    )
    """What the networks play for: cross-entropy (minimax: with the tutorial's formula for G), squared distances from
    their targets, the hinge, the earth mover's distance, or pairs of a real and a generated image."""
    smooth_real: float = 0.0
    """D's target for real images is so much below 1, for objectives that have targets."""
    smooth_fake: float = 0.0
    """D's target for generated images is so much above 0."""
    penalty: Literal["none", "r1", "r2", "r1+r2", "wgan-gp", "dragan"] = "none"
    """What D pays for its slope: at real images, at generated ones, at both, between them, or around real ones."""
    penalty_weight: float | None = None
    """How much it pays. Unset: 10; for r1 and r2, 1, and of points 0.003, as D must be steep around narrow modes."""
    penalty_every: int = 1
    """Steps from one penalty to the next, which then counts as many times as much."""
    spectral_norm: bool = False
    """Divide D's weights by their largest singular values."""
    conditional: Literal["none", "projection", "auxiliary"] = "none"
    """Make images of a class that is asked for, from data with labels: D judges images as ones of their class
    (projection), or names the class as well (auxiliary)."""
    classes: int | None = None
    """How many classes there are, if --conditional. Unset: as many as the data has."""
    pack: int = 1
    """How many images D judges at a time, as channels of one: it then sees when all are alike."""
    instance_noise: float = 0.0
    """Standard deviation of the noise on all that D sees, at the beginning."""
    noise_steps: int = DEFAULT_STEPS
    """Steps in which instance noise fades away."""
    ema: float = 0.998
    """Make images by a running average of G's weights, which keeps this share of the old ones in a step. 0: by G's
    weights as they are."""
    d_steps: int = 1
    """Updates of D in a step, each on images of its own."""
    g_steps: int = 1
    """Updates of G in a step, each on noise of its own."""
    learning_rate: float | None = None
    """Adam's learning rate for both networks. Unset: the model's own (dcgan 0.001, residual 0.0002, tutorial 0.0001,
    mlp 0.002)."""
    d_learning_rate: float | None = None
    """D's own learning rate. Unset: that of both; of mlp, twice as much."""
    half_life: int = 0
    """Steps in which the learning rates fall to half, little by little, again and again. 0: they stay what they are."""
    noise_size: int = 100
    """Dimensions of the noise that images or points are made of."""
    width: int = 64
    """Channels, or units, of the narrowest hidden layer; cost grows with the square."""
    d_width: int | None = None
    """D's own width. Unset: that of both."""
    seed: int = 0
    """Same seed, same run: weights, noise and the order of images all come from it."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    backend: Literal["auto", "cpu", "cuda", "reference"] = "auto"
    """Which kernels compute: reference is plain NumPy or CuPy; cpu and cuda are Numba's, cuda not yet run on a GPU.
    auto is cpu, and on a GPU reference."""
    cuda_graph: bool = False
    """Send each training step to the GPU as one CUDA graph, instead of kernel by kernel; for --backend cuda."""

    sample_every: int = 200
    """Steps between pictures."""
    samples: int = 64
    """Images, or points, per picture."""
    checkpoint_every: int = 200
    """Steps between checkpoints, from which a run that was stopped or killed goes on."""
    keep: int = 3
    """How many checkpoints are kept, the latest ones."""
    evaluate_every: int | None = None
    """Steps between measurements of how good the images are, as by rawgan evaluate; the best checkpoint is kept as
    best.safetensors. Unset: none."""
    evaluate_samples: int | None = None
    """How many images are measured. Unset: 10,000, or as many as there are real images; of points, 2,500."""
    evaluate_features: str | None = None
    """What looks at the images: a file of rawgan train-classifier, or an ONNX file. Unset: the classifier of digits
    that comes with rawgan, for mnist and stacked-mnist."""
    on_nonfinite: Literal["stop", "rollback"] = "stop"
    """What to do when a loss is no longer finite: stop with the state before it, or go on from there with half the
    learning rate."""
    out: Path | None = None
    """The run folder, new or empty. Unset: runs/MODEL-DATA-DATE-TIME."""
    config: Path | None = None
    """A TOML file with any of these options, such as the config.toml of another run; flags have the last word."""
    resume: Path | None = None
    """A run folder: go on with that run from its latest checkpoint. With --steps or --epochs, for longer."""
    dry_run: bool = False
    """Build everything, take one step, print shapes and memory, write nothing."""

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
        for name, (least, most) in RANGES.items():
            if getattr(self, name) is not None:
                check_range(name, getattr(self, name), least, most)
        for name, most in MOST.items():
            value = getattr(self, name)
            if value is not None and not 0 < value <= most:
                raise ArgumentError(f"{name} must be more than 0 and at most {most}, but is {shown(value)}")
        if self.steps is not None and self.epochs is not None:
            raise ArgumentError(
                f"steps {self.steps} and epochs {self.epochs} both say how long to train; give one of them"
            )
        if self.cuda_graph and (self.device == "cpu" or self.backend != "cuda"):
            raise ArgumentError(
                f"cuda_graph is for --device cuda --backend cuda, not for device {self.device}, backend {self.backend}"
            )
        if self.evaluate_every is None and (self.evaluate_samples is not None or self.evaluate_features is not None):
            raise ArgumentError("evaluate_samples and evaluate_features are about evaluate_every, which is unset")
        if self.cuda_graph and self.half_life:
            raise ArgumentError("cuda_graph is for learning rates that stay what they are; leave out half_life")
        check_range("seed", self.seed, 0, 2**64 - 1)
        self._check_recipe()
        if not self.data or re.search(r"[\0\ud800-\udfff]", self.data):  # no file's name, or not to be written down
            raise ArgumentError(f"data must be the name of a set or the path of a folder or file, but is {self.data!r}")
        self._check_kind()
        if self.image_size is not None:
            split_size(self.image_size)
        if not self.mixture and self.samples * self.size**2 > LARGEST_PICTURE:
            raise ArgumentError(
                f"samples {self.samples} of {self.size} × {self.size} pixels make a picture of more than "
                f"{LARGEST_PICTURE:,} pixels; take fewer samples"
            )

    def _check_kind(self) -> None:
        """Whether model and options are for what the data is."""
        kind, made = PointKind if self.mixture else ImageKind, MODELS[self.model].kind
        if made is not kind:
            raise ArgumentError(
                f"model {self.model} makes {made.name}, but {self.data} is {kind.name}\n  take --model "
                f"{' or '.join(makers_of(kind))}"
                + ("" if self.mixture else f", or points: --data {' or '.join(MIXTURES)}")
            )
        for name in ("image_size", "channels", "skip_broken", "evaluate_features") if self.mixture else ():
            if getattr(self, name):
                raise ArgumentError(f"{name} is about images, but {self.data} is points; leave it out")
        if self.mixture and self.conditional != "none":
            raise ArgumentError(f"conditional {self.conditional} is for labels, which {self.data} does not have")

    def _check_recipe(self) -> None:
        """What belongs together, and what does not."""
        objective(self.objective, self.smooth_real, self.smooth_fake)
        if not 0 <= self.ema < 1:
            raise ArgumentError(f"ema must be at least 0 and less than 1, but is {shown(self.ema)}")
        if not 0 <= self.instance_noise <= 10:
            raise ArgumentError(f"instance_noise must lie in 0 ... 10, but is {shown(self.instance_noise)}")
        usual = FOR_POINTS["penalty_every"] if self.mixture else 1
        if self.penalty == "none" and (self.penalty_weight is not None or self.penalty_every not in (1, usual)):
            raise ArgumentError("penalty_weight and penalty_every are about a penalty, but penalty is none")
        check_conditional(self.conditional, self.pack)
        if self.conditional == "none" and self.classes is not None:
            raise ArgumentError(f"classes {self.classes} are for a conditional GAN, but conditional is none")
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

    def recipe(self) -> Recipe:
        """How the networks play."""
        weight = self.penalty_weight
        if weight is None:
            weight = 10.0 if not self.penalty.startswith("r") else POINT_WEIGHT if self.mixture else 1.0
        return Recipe(
            objective=self.objective,
            smooth_real=self.smooth_real,
            smooth_fake=self.smooth_fake,
            penalty=None if self.penalty == "none" else self.penalty,
            penalty_weight=weight,
            penalty_every=self.penalty_every,
            instance_noise=self.instance_noise,
            noise_steps=self.noise_steps,
            seed=self.seed,
        )

    @property
    def mixture(self) -> Mixture | None:
        """The mixture that the data is; None for images."""
        return MIXTURES[self.data]() if self.data in MIXTURES else None

    @property
    def extent(self) -> float:
        """What networks know as 1, in units of the data: pixels are from −1 to 1 for both."""
        return self.mixture.extent if self.mixture else 1.0

    @property
    def kind(self) -> Kind:
        """What the networks make; images have one channel until the data was seen."""
        return PointKind() if self.mixture else ImageKind(self.size, self.channels or 1)

    @property
    def size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.image_size or NATIVE_SIZES.get(self.data, 64)

    def total_steps(self, per_epoch: int) -> int:
        """How many steps to train, when an epoch has so many."""
        if self.epochs is not None:
            return max(1, round(self.epochs * per_epoch / self.d_steps))
        return self.steps or (POINT_STEPS if self.mixture else DEFAULT_STEPS)

    def check_resumed(self, before: Self) -> None:
        """Raise an ArgumentError for an option by which this would be another run than the one that it goes on with."""
        for name, value in before.to_dict().items():
            if name not in CHANGEABLE and getattr(self, name) != value:
                flag = f"--{name.replace('_', '-')}"
                raise ArgumentError(
                    f"{flag} {getattr(self, name)}: the run to resume has {value}, and would become another run\n"
                    f"  leave {flag} out; or begin a new run with --config {self.resume} {flag} {getattr(self, name)}"
                )

    def to_dict(self) -> dict[str, Any]:
        """What belongs into config.toml."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in OF_THE_CALL}

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str) -> Self:
        """The configuration that a TOML file holds.

        Raises: ConfigError, naming the source, for an unknown option or a value of the wrong kind

        >>> TrainConfig.from_dict({"steps": 10}, "my.toml").steps
        10
        """
        kinds = typing.get_type_hints(cls)
        for name, value in values.items():
            if name not in kinds or name in OF_THE_CALL:
                near = get_close_matches(name, kinds.keys() - {*OF_THE_CALL}, n=1)
                raise ConfigError(
                    f"{source}: there is no option {shown(name)}{f'; did you mean {near[0]}?' if near else ''}\n"
                    f"  options: {', '.join(kind for kind in kinds if kind not in OF_THE_CALL)}"
                )
            if not _fits(value, kinds[name]):
                raise ConfigError(f"{source}: {name} = {shown(value)}, but it should be {_in_words(kinds[name])}")
        config = cls.suited(**values)
        try:
            config.check()
        except ArgumentError as error:
            raise ConfigError(f"{source}: {error}") from error
        return config


def check_range(name: str, value: int, least: int, most: int) -> None:
    """Raise an ArgumentError for an option that is not from `least` to `most`.

    >>> check_range("count", 0, 1, 99)
    Traceback (most recent call last):
    rawgan.errors.ArgumentError: count must lie in 1 ... 99, but is 0
    """
    if not least <= value <= most:
        raise ArgumentError(f"{name} must lie in {least} ... {most}, but is {shown(value)}")


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value read from TOML is of the kind that an annotation asks for."""
    choices = typing.get_args(kind)
    if typing.get_origin(kind) is Literal:
        return value in choices
    if choices:
        return any(_fits(value, choice) for choice in choices)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _in_words(kind: Any) -> str:
    choices = [choice for choice in typing.get_args(kind) if choice is not type(None)] or [kind]
    return " or ".join(choice.__name__ if isinstance(choice, type) else repr(choice) for choice in choices)
