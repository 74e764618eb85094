"""Configuration of `rawgan pix2pix`, `rawgan enhance` and `rawgan cyclegan`: translation of images."""

import dataclasses
from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar

from rawgan.config.data import DataOptions, EnhanceDataOptions
from rawgan.config.machine import MachineOptions
from rawgan.config.measuring import MeasuringOptions
from rawgan.config.networks import EnhancerNetworkOptions, TranslatorNetworkOptions
from rawgan.config.objective import CycleOptions, FidelityOptions, ObjectiveOptions
from rawgan.config.optimiser import OptimiserOptions
from rawgan.config.options import Range
from rawgan.config.output import OutputOptions
from rawgan.config.penalty import PenaltyOptions
from rawgan.config.run import RunConfig
from rawgan.config.start import StartOptions
from rawgan.config.targets import SIDE_BY_SIDE, OtherKindOptions, PairOptions
from rawgan.config.task import TaskOptions
from rawgan.data import KNOWN_SETS, MIXTURES, has_test_split, is_image_folder
from rawgan.data.pairs.degradations import Degradation
from rawgan.data.pairs.styles import STYLES
from rawgan.errors import ArgumentError
from rawgan.files import expanded
from rawgan.gan import TRANSLATORS, ImageSpec, TranslationSpec

MEASURED = 1000
"""Default number of images that --evaluate-every measures."""
PAIRED_STEPS = 1000
"""Default number of training steps with targets, which teach G more than D alone."""

CYCLE_STEPS = 3000
"""Default number of training steps without pairs."""
CYCLE_RATE = 0.0005
"""Default learning rate without targets."""


class TranslateConfig(RunConfig):
    """Configuration of a run that translates images."""

    networks: TranslatorNetworkOptions

    @property
    def derived(self) -> dict[str, Any]:
        rate = self.optimiser.learning_rate
        measured = {} if self.measuring.every is None else {"evaluate_samples": MEASURED}
        rates = {"learning_rate": self.default_rate, "d_learning_rate": self.default_rate if rate is None else rate}
        return super().derived | rates | measured

    @property
    def default_rate(self) -> float:
        """Learning rate of all networks, if no option sets it."""
        return TRANSLATORS[self.model].learning_rate

    def check(self) -> None:
        super().check()
        self.networks.check_size(self.data.size)
        if self.data.place in MIXTURES:
            raise ArgumentError(f"{self.data.place} is points, but {self.command} needs images; take another --data")
        self.output.check_size(self.data.size)

    @property
    def measured(self) -> int:
        """Number of images to measure, if there are as many."""
        return self.measuring.samples or MEASURED

    def use(self, run: Path) -> str:
        return f"images of your own: rawgan apply {run} IMAGES"

    @property
    def default_model(self) -> str:
        """Name of the generator, if no option sets it."""
        return "unet"

    @property
    def model(self) -> str:
        return self.networks.model or self.default_model

    @property
    @abstractmethod
    def translation(self) -> TranslationSpec:
        """Sizes and channels of source and target images. Before the data is read, both have one channel."""

    @property
    def degradation(self) -> Degradation | None:
        """The degradation that makes sources of targets; None where sources come from elsewhere."""
        return None

    @property
    def pairs(self) -> PairOptions | None:
        """Options of the pairs; None for a run that has no pairs."""
        return None

    @property
    def makes_sources(self) -> bool:
        """True if a file that shows a target is enough to get its source, too."""
        return False

    def white_of_sources(self, back: bool = False) -> float | None:
        """Value of white in source images; with `back`, in those of the way back."""
        return self.data.white

    @property
    def spec(self) -> ImageSpec:
        return ImageSpec(self.data.size, self.data.channels or 1)


class PairedConfig(TranslateConfig):
    """Configuration of a run that has a target for each image."""

    fidelity: FidelityOptions

    @property
    def files(self) -> dict[str, Path]:
        return self.fidelity.files

    @property
    def facts(self) -> dict[str, Any]:
        """Facts about the task and the hold-out set. Runs can be compared if theirs are the same. They include the seed
        where it chooses the hold-out set.
        """
        return {
            "command": self.command,
            "data": str(expanded(self.data.place).resolve()),
            "size": self.data.size,
            "channels": self.data.channels,
            "white": self.data.white,
            "fit": self.data.fit,
            "seed": None if has_test_split(self.data.place) else self.seed,
        }

    @property
    def default_steps(self) -> int:
        return PAIRED_STEPS


@dataclasses.dataclass(frozen=True)
class Pix2pixConfig(PairedConfig):
    """Train a translator with pairs of images, and leave pictures, losses and weights in a run folder.

    >>> Pix2pixConfig.of(data="mnist").targets.how
    'edges'
    """

    command: ClassVar[str] = "pix2pix"

    data: DataOptions = DataOptions()
    targets: PairOptions = PairOptions()
    networks: TranslatorNetworkOptions = TranslatorNetworkOptions()
    start: StartOptions = StartOptions()
    objective: ObjectiveOptions = ObjectiveOptions()
    fidelity: FidelityOptions = FidelityOptions()
    penalty: PenaltyOptions = PenaltyOptions()
    optimiser: OptimiserOptions = OptimiserOptions()
    output: OutputOptions = OutputOptions()
    measuring: MeasuringOptions = MeasuringOptions()
    machine: MachineOptions = MachineOptions()
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of weights, noise and the order of images: the same seed gives the same run."""

    @property
    def pairs(self) -> PairOptions:
        return self.targets

    @property
    def makes_sources(self) -> bool:
        return self.targets.are_made or self.targets.how == SIDE_BY_SIDE

    def white_of_sources(self, back: bool = False) -> float | None:
        return self.targets.white if self.targets.reverse and self.targets.place is not None else self.data.white

    @property
    def facts(self) -> dict[str, Any]:
        place = None if self.targets.place is None else str(expanded(self.targets.place).resolve())
        return super().facts | {
            "pairs": self.targets.how,
            "targets": place,
            "reverse": self.targets.reverse,
            "source channels": self.targets.source_channels,
        }

    @property
    def derived(self) -> dict[str, Any]:
        pairs = "edges" if self.data.place in KNOWN_SETS else "side-by-side"
        return super().derived | ({} if self.targets.place is not None else {"pairs": pairs})

    def check(self) -> None:
        super().check()
        self.targets.check_data(self.data.place)

    @property
    def translation(self) -> TranslationSpec:
        return TranslationSpec(self.data.size, self.targets.source_channels or 1, self.data.channels or 1)


@dataclasses.dataclass(frozen=True)
class EnhanceConfig(PairedConfig):
    """Train a super-resolution, denoising or inpainting model, and leave pictures, losses and weights in a run folder.

    Each source image is made of its target: shrunk, with noise added, or with a hole.

    >>> EnhanceConfig.of(task="inpaint").model
    'unet'
    """

    command: ClassVar[str] = "enhance"

    data: EnhanceDataOptions = EnhanceDataOptions()
    task: TaskOptions = TaskOptions()
    networks: EnhancerNetworkOptions = EnhancerNetworkOptions()
    start: StartOptions = StartOptions()
    objective: ObjectiveOptions = ObjectiveOptions()
    fidelity: FidelityOptions = FidelityOptions()
    penalty: PenaltyOptions = PenaltyOptions()
    optimiser: OptimiserOptions = OptimiserOptions()
    output: OutputOptions = OutputOptions()
    measuring: MeasuringOptions = MeasuringOptions()
    machine: MachineOptions = MachineOptions()
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of weights, noise and the order of images: the same seed gives the same run."""

    @property
    def derived(self) -> dict[str, Any]:
        return super().derived | {"model": self.default_model}

    @property
    def default_model(self) -> str:
        return "subpixel" if self.task.name == "super-resolution" else "unet"

    @property
    def degradation(self) -> Degradation:
        return self.task.degradation

    @property
    def makes_sources(self) -> bool:
        return True

    @property
    def in_squares(self) -> bool:
        """True if images are cut into squares, and not scaled."""
        return not self.data.whole and is_image_folder(self.data.place)

    @property
    def facts(self) -> dict[str, Any]:
        # the seed does not choose the squares of the hold-out set
        in_squares = {"seed": None} if self.in_squares else {}
        return super().facts | dataclasses.asdict(self.degradation) | {"whole": self.data.whole} | in_squares

    def check(self) -> None:
        super().check()
        task = self.task.name
        if (self.model == "subpixel") != (task == "super-resolution"):
            raise ArgumentError(f"model {self.model} is not for {task}; leave --model out to have one that is")
        self.task.check_size(self.data.size)

    @property
    def translation(self) -> TranslationSpec:
        """Sizes and channels that the networks take and make, once the data was seen."""
        channels, degradation = self.data.channels or 1, self.task.degradation
        return TranslationSpec(
            self.data.size, degradation.source_channels(channels), channels, degradation.scale,
            masked=self.task.name == "inpaint",
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class CycleConfig(TranslateConfig):
    """Train two translators, there and back, with images of two kinds without pairs, and leave pictures, losses and
    weights in a run folder.

    >>> CycleConfig.of().translation
    TranslationSpec(size=28, sources=1, channels=1, enlarged=1, masked=False)
    """

    command: ClassVar[str] = "cyclegan"

    data: DataOptions = DataOptions(batch_size=16)
    targets: OtherKindOptions = OtherKindOptions()
    networks: TranslatorNetworkOptions = TranslatorNetworkOptions(model="resnet", patch=16)
    start: StartOptions = StartOptions()
    objective: ObjectiveOptions = ObjectiveOptions(name="least-squares")
    cycle: CycleOptions = CycleOptions()
    penalty: PenaltyOptions = PenaltyOptions()
    optimiser: OptimiserOptions = OptimiserOptions()
    output: OutputOptions = OutputOptions()
    measuring: MeasuringOptions = MeasuringOptions()
    machine: MachineOptions = MachineOptions()
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of weights, noise and the order of images: the same seed gives the same run."""

    @property
    def derived(self) -> dict[str, Any]:
        return super().derived | ({} if self.targets.place is not None else {"style": ",".join(STYLES)})

    @property
    def default_steps(self) -> int:
        return CYCLE_STEPS

    @property
    def default_rate(self) -> float:
        return CYCLE_RATE

    def white_of_sources(self, back: bool = False) -> float | None:
        return self.targets.white if back and self.targets.place is not None else self.data.white

    @property
    def translation(self) -> TranslationSpec:
        return TranslationSpec(self.data.size, self.data.channels or 1, self.data.channels or 1)


KINDS: tuple[type[TranslateConfig], ...] = (Pix2pixConfig, EnhanceConfig, CycleConfig)
"""Configurations of runs that translate images."""
