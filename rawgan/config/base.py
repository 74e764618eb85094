"""What can be asked of every training run, whatever the networks make: options, their ranges, and config.toml."""

import dataclasses
import math
import re
import typing
from abc import ABC, abstractmethod
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from rawgan.data import KNOWN_SETS, MIXTURES, Mixture
from rawgan.errors import ArgumentError, ConfigError, shown
from rawgan.files import expanded
from rawgan.gan import DataSpec, LossConfig, losses_of

DEFAULT_STEPS = 3000

NATIVE_SIZES = {"mnist": 28, "stacked-mnist": 28, "fashion-mnist": 28, "cifar10": 32}
"""Sizes, in pixels, of the known data sets' images; other data is brought to 64 unless --image-size says otherwise."""

RANGES = {
    "image_size": (8, 2**11),
    "channels": (1, 4),
    "steps": (1, 10**9),
    "batch_size": (1, 2**20),
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

NAMES = tuple[str, ...]
"""Of options: a list of names in TOML."""

LARGEST_PICTURE = 2**26
"""Pixels of all samples together: pictures much larger than that cannot be read again for the animation."""

OF_THE_CALL = ("config", "resume", "out", "dry_run")
"""Options that say how rawgan was called, not what the run is: they are not written into config.toml."""

CHANGEABLE = (
    "steps", "epochs", "learning_rate", "d_learning_rate", "device", "backend", "cuda_graph", "checkpoint_every",
    "keep", "on_nonfinite",
)  # fmt: skip
"""Options that may be others when a run is resumed; the rest is what the run is."""

PLACES = ("data", "targets", "features", "evaluate_features")
"""Options that say where something is. That may be elsewhere when a run is resumed, if it is the same."""


@dataclasses.dataclass(frozen=True)
class RunConfig(ABC):
    """What runs of all kinds are asked for."""

    command: ClassVar[str]
    """The command that trains such networks."""
    data: str = "mnist"
    """mnist, stacked-mnist, fashion-mnist, cifar10, a folder of images or of IDX files, or an .npy or .npz file; or
    points of a mixture of Gaussians, ring8 or grid25, for which other options have other defaults."""
    image_size: int | None = None
    """Height and width of the images in pixels: 4, 5, 6 or 7 times a power of 2. Unset: 28 for MNIST, 32 for CIFAR-10,
    64 for your own images."""
    channels: int | None = None
    """1 for grey, 3 for colour, 2 and 4 for these with transparency. Unset: what the data has, with transparency laid
    on white."""
    white: float | None = None
    """What white is in images of 16 bits, 32 bits or floats, where black is 0. Unset: the least of 1, 3, 7, …,
    255, 1023, 4095, 16383, 65535, … that none of the data exceeds; a run writes it down."""
    skip_broken: bool = False
    """Go on without images that cannot be read, instead of stopping before training."""
    steps: int | None = None
    """Training steps; one step is one update of each network. Unset: 3000, for points 8000, unless --epochs is
    given."""
    epochs: float | None = None
    """Passes over the data, instead of --steps; of a mixture, which has no end, 100,000 points are one."""
    batch_size: int = 64
    """Images, or points, per step. 1 is refused by dcgan and tutorial, which have batch norm of vectors."""
    objective: Literal["non-saturating", "minimax", "least-squares", "hinge", "wasserstein", "relativistic"] = (
        "non-saturating"
    )
    """Objective of both networks: cross-entropy (minimax: with the tutorial's formula for G), squared distances from
    their targets, the hinge, the earth mover's distance, or pairs of a real and a generated image."""
    smooth_real: float = 0.0
    """One-sided label smoothing: D's target for real images is 1 − s. For objectives that have targets."""
    smooth_fake: float = 0.0
    """Label smoothing of generated images: D's target for them is s."""
    penalty: Literal["none", "r1", "r2", "r1+r2", "wgan-gp", "dragan"] = "none"
    """Gradient penalty on D: at real images (r1), at generated ones (r2), at both, between them (wgan-gp), or around
    real ones (dragan). For networks whose D has no batch norm: not for dcgan and tutorial."""
    penalty_weight: float | None = None
    """Weight of the gradient penalty. Unset: 10; for r1 and r2, 1, and for points 0.003, as D must be steep around
    narrow modes."""
    penalty_every: int = 1
    """Apply the penalty every N steps, weighted by N (lazy regularisation)."""
    spectral_norm: bool = False
    """Divide D's weights by their largest singular values."""
    instance_noise: float = 0.0
    """Standard deviation of the noise that is added to all images that D sees, in the first step."""
    noise_steps: int = DEFAULT_STEPS
    """Steps in which instance noise falls to 0."""
    ema: float = 0.998
    """Make images with a running average of G's weights; this is the share of the old average that each step keeps.
    0: with G's weights as they are."""
    learning_rate: float | None = None
    """Adam's learning rate for both networks. Unset: the model's own (dcgan 0.001, residual 0.0002, tutorial 0.0001,
    mlp 0.002)."""
    d_learning_rate: float | None = None
    """Learning rate of D. Unset: that of both networks; for mlp, twice as much."""
    half_life: int = 0
    """Steps in which the learning rates fall to half, smoothly and again and again. 0: they stay constant."""
    width: int = 64
    """Channels, or units, of the narrowest hidden layer; cost grows with the square."""
    d_width: int | None = None
    """Width of D. Unset: that of both networks."""
    seed: int = 0
    """Seed of weights, noise and the order of images: the same seed gives the same run."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    backend: Literal["auto", "cpu", "cuda", "reference"] = "auto"
    """Which kernels compute: reference is plain NumPy or CuPy; cpu and cuda are Numba's, cuda not yet run on a GPU.
    auto is cpu, and on a GPU reference."""
    sample_every: int = 200
    """Steps between pictures."""
    samples: int = 64
    """Images, or points, per picture."""
    checkpoint_every: int = 200
    """Steps between checkpoints, from which a run that was stopped or killed goes on."""
    keep: int = 3
    """Number of checkpoints to keep, the latest ones."""
    evaluate_every: int | None = None
    """Measure the images every N steps, as rawgan evaluate does; the best checkpoint is kept as best.safetensors.
    Unset: never."""
    evaluate_samples: int | None = None
    """Number of images to measure. Unset: 10,000, or as many as there are real images; of points, 2,500."""
    evaluate_features: str | None = None
    """Network that extracts the features to compare: a file of rawgan train-classifier, or an ONNX file. Unset: the
    classifier of digits that comes with rawgan, for mnist and stacked-mnist."""
    on_nonfinite: Literal["stop", "rollback"] = "stop"
    """When a loss is no longer finite: stop with the state before it, or go on from there with half the learning
    rate."""
    out: Path | None = None
    """The run folder, new or empty. Unset: runs/MODEL-DATA-DATE-TIME."""
    config: Path | None = None
    """A TOML file with any of these options, such as the config.toml of another run. Flags take precedence."""
    resume: Path | None = None
    """Run folder to continue from its latest checkpoint; with --steps or --epochs, for longer."""
    dry_run: bool = False
    """Build everything, take one step, print shapes and memory, write nothing."""

    @classmethod
    def suited(cls, **options: Any) -> Self:
        """These options, and for the others the default values that suit them."""
        return cls(**options)

    def check(self) -> None:
        """Raise an ArgumentError for an option that makes no sense, before anything is read or built."""
        for name, (least, most) in RANGES.items():
            if getattr(self, name, None) is not None:
                check_range(name, getattr(self, name), least, most)
        if self.white is not None and not 0 < self.white < math.inf:
            raise ArgumentError(f"white must be more than 0, and finite, but is {shown(self.white)}")
        for name, most in MOST.items():
            value = getattr(self, name, None)
            if value is not None and not 0 < value <= most:
                raise ArgumentError(f"{name} must be more than 0 and at most {most}, but is {shown(value)}")
        if self.steps is not None and self.epochs is not None:
            raise ArgumentError(
                f"steps {self.steps} and epochs {self.epochs} both say how long to train; give one of them"
            )
        if self.evaluate_every is None and (self.evaluate_samples is not None or self.evaluate_features is not None):
            raise ArgumentError("evaluate_samples and evaluate_features are about evaluate_every, which is unset")
        check_range("seed", self.seed, 0, 2**64 - 1)
        losses_of(self.objective, self.smooth_real, self.smooth_fake)
        if not 0 <= self.ema < 1:
            raise ArgumentError(f"ema must be at least 0 and less than 1, but is {shown(self.ema)}")
        if not 0 <= self.instance_noise <= 10:
            raise ArgumentError(f"instance_noise must lie in 0 ... 10, but is {shown(self.instance_noise)}")
        usual = self.suited(data=self.data).penalty_every
        if self.penalty == "none" and (self.penalty_weight is not None or self.penalty_every not in (1, usual)):
            raise ArgumentError("penalty_weight and penalty_every are about a penalty, but penalty is none")
        check_place("data", self.data)

    def check_picture(self) -> None:
        """Raise an ArgumentError for more samples than fit a picture."""
        if self.samples * self.size**2 > LARGEST_PICTURE:
            raise ArgumentError(
                f"samples {self.samples} of {self.size} × {self.size} pixels make a picture of more than "
                f"{LARGEST_PICTURE:,} pixels; take fewer samples"
            )

    def loss_config(self) -> LossConfig:
        """How the networks play."""
        return LossConfig(
            objective=self.objective,
            smooth_real=self.smooth_real,
            smooth_fake=self.smooth_fake,
            penalty=None if self.penalty == "none" else self.penalty,
            penalty_weight=self.usual_weight() if self.penalty_weight is None else self.penalty_weight,
            penalty_every=self.penalty_every,
            instance_noise=self.instance_noise,
            noise_steps=self.noise_steps,
            seed=self.seed,
        )

    def usual_weight(self) -> float:
        """How much the penalty counts, unless an option says so."""
        return 1.0 if self.penalty.startswith("r") else 10.0

    @property
    def mixture(self) -> Mixture | None:
        """The mixture that the data is; None for images."""
        return None

    @property
    @abstractmethod
    def spec(self) -> DataSpec:
        """What pictures are of."""

    @property
    @abstractmethod
    def network(self) -> str:
        """The model."""

    @abstractmethod
    def use(self, run: Path) -> str:
        """What to do with a run that has ended."""

    @property
    def usual_steps(self) -> int:
        """How many steps to train, unless an option says so."""
        return DEFAULT_STEPS

    @property
    def size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.image_size or NATIVE_SIZES.get(self.data, 64)

    def total_steps(self, per_epoch: float) -> int:
        """How many steps to train, when an epoch has so many."""
        if self.epochs is not None:
            return max(1, round(self.epochs * per_epoch))
        return self.steps or self.usual_steps

    def check_resumed(self, before: Self) -> None:
        """Raise an ArgumentError for an option by which this would be another run than the one that it goes on with."""
        now = self.resolved().to_dict()
        for name, value in before.resolved().to_dict().items():
            if name not in (*CHANGEABLE, *PLACES) and now[name] != value:
                flag = f"--{name.replace('_', '-')}"
                raise ArgumentError(
                    f"{flag} {now[name]}: the run to resume has {value}, and would become another run\n"
                    f"  leave {flag} out; or begin a new run with --config {self.resume} {flag} {now[name]}"
                )

    @property
    def usual(self) -> dict[str, Any]:
        """What options are that are unset, where this depends on other options, or on the version of rawgan."""
        return {
            "steps": None if self.epochs is not None else self.usual_steps,
            "d_width": self.width,
            "penalty_weight": None if self.penalty == "none" else self.usual_weight(),
        }

    @property
    def files(self) -> dict[str, Path]:
        """Files of networks that a run looks at images with, by the option that names them."""
        return {}

    def resolved(self) -> Self:
        """The same run, wherever and with whatever version it goes on: no option is left to a usual value, and paths
        begin at the root.

        >>> from rawgan.config.noise import TrainConfig
        >>> TrainConfig().resolved().learning_rate
        0.001
        """
        usual = {name: value for name, value in self.usual.items() if getattr(self, name) is None}
        places = {name: getattr(self, name, None) for name in PLACES}
        placed: dict[str, Any] = {name: absolute(place) for name, place in places.items() if place is not None}
        return dataclasses.replace(self, **usual | placed)

    def unresolved(self) -> Self:
        """The same run, with options unset that have their usual values: so these follow where others are changed.

        >>> from rawgan.config.noise import TrainConfig
        >>> TrainConfig().resolved().unresolved().learning_rate
        """
        unset: dict[str, Any] = {name: None for name, value in self.usual.items() if getattr(self, name) == value}
        return dataclasses.replace(self, **unset)

    def to_dict(self) -> dict[str, Any]:
        """What belongs into config.toml: first the command."""
        options = {name: value for name, value in dataclasses.asdict(self).items() if name not in OF_THE_CALL}
        return {"command": self.command, **options}

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str, checked: bool = True) -> Self:
        """The configuration that a TOML file holds, checked as a whole.

        Raises: ConfigError, naming the source, for an unknown option, a value of the wrong kind, or another command's

        >>> from rawgan.config.noise import TrainConfig
        >>> TrainConfig.from_dict({"steps": 10}, "my.toml").steps
        10
        """
        values = dict(values)
        if (command := values.pop("command", cls.command)) != cls.command:
            raise ConfigError(
                f"{source} is of rawgan {shown(command)}, not of rawgan {cls.command}\n  give it to that command"
            )
        hints = typing.get_type_hints(cls)
        kinds = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
        for name, value in values.items():
            if name not in kinds or name in OF_THE_CALL:
                near = get_close_matches(name, kinds.keys() - {*OF_THE_CALL}, n=1)
                raise ConfigError(
                    f"{source}: there is no option {shown(name)}{f'; did you mean {near[0]}?' if near else ''}\n"
                    f"  options: {', '.join(kind for kind in kinds if kind not in OF_THE_CALL)}"
                )
            if not _fits(value, kinds[name]):
                raise ConfigError(f"{source}: {name} = {shown(value)}, but it should be {_in_words(kinds[name])}")
        config = cls.suited(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
        try:
            if checked:
                config.check()
        except ArgumentError as error:
            raise ConfigError(f"{source}: {error}") from error
        return config


def absolute(place: str) -> str:
    """A path from the root on; names of known sets as they are.

    >>> absolute("mnist"), absolute("./mnist") == str(Path.cwd() / "mnist")
    ('mnist', True)
    """
    if place in KNOWN_SETS or place in MIXTURES:
        return place
    try:
        return str(expanded(place).absolute())
    except FileNotFoundError:  # the working directory has been deleted
        return place


def check_place(name: str, place: str | None) -> None:
    """Raise an ArgumentError for what can be neither the name of a set nor a path that can be written down."""
    if place is not None and (not place or re.search(r"[\0\ud800-\udfff]", place)):
        raise ArgumentError(f"{name} must be the name of a set or the path of a folder or file, but is {place!r}")


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
    if kind == NAMES:
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if typing.get_origin(kind) is Literal:
        return value in choices
    if choices:
        return any(_fits(value, choice) for choice in choices)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _in_words(kind: Any) -> str:
    choices = [choice for choice in typing.get_args(kind) if choice is not type(None)] or [kind]
    if NAMES in choices:
        return "a list of names"
    return " or ".join(choice.__name__ if isinstance(choice, type) else repr(choice) for choice in choices)
