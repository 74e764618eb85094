"""Configuration of `rawgan pix2pix`, `rawgan enhance` and `rawgan cyclegan`: images out of images."""

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
from rawgan.config.targets import OtherKindOptions, PairOptions
from rawgan.config.task import TaskOptions
from rawgan.data import KNOWN_SETS, MIXTURES, has_test_split, is_image_folder
from rawgan.data.pairs.styles import STYLES
from rawgan.errors import ArgumentError
from rawgan.files import expanded
from rawgan.gan import TRANSLATORS, ImageSpec, TranslationSpec

MEASURED = 1000
"""Images that --evaluate-every measures."""
PAIRED_STEPS = 1000
"""Training steps of networks that know their targets, which say more of what is wanted than D alone could."""

CYCLE_RATE = 0.0005
"""Learning rate of networks that learn without targets."""


class TranslateConfig(RunConfig):
    """Configuration of a run that makes images out of images."""

    networks: TranslatorNetworkOptions

    @property
    def usual(self) -> dict[str, Any]:
        """Defaults of options that follow from others."""
        rate = self.optimiser.learning_rate
        measured = {} if self.measuring.every is None else {"evaluate_samples": MEASURED}
        rates = {"learning_rate": self.usual_rate, "d_learning_rate": self.usual_rate if rate is None else rate}
        return super().usual | rates | measured

    @property
    def usual_rate(self) -> float:
        """Learning rate of all networks, unless an option says so."""
        return TRANSLATORS[self.model].learning_rate

    @property
    def usual_width(self) -> int:
        """Width of D, unless an option says so."""
        return self.networks.width

    def check(self) -> None:
        """Raise an ArgumentError for an option that makes no sense, before anything is read or built."""
        super().check()
        self.networks.check_patch(self.data.size)
        if self.data.place in MIXTURES:
            raise ArgumentError(f"{self.data.place} is points, but {self.command} is about images; take another --data")
        self.output.check_picture(self.data.size)

    @property
    def measured(self) -> int:
        """Number of images that --evaluate-every measures, if there are so many."""
        return self.measuring.samples or MEASURED

    def use(self, run: Path) -> str:
        """Sentence that says what a finished run can be used for."""
        return f"images of your own: rawgan apply {run} IMAGES"

    @property
    def model(self) -> str:
        """Name of the generator."""
        return self.networks.model or "unet"

    @property
    @abstractmethod
    def translation(self) -> TranslationSpec:
        """Sizes and channels that the networks take and make, once the data was seen."""

    @property
    def spec(self) -> ImageSpec:
        """DataSpec of data that pictures show."""
        return ImageSpec(self.data.size, self.data.channels or 1)


class PairedConfig(TranslateConfig):
    """Configuration of a run that knows the target of each image."""

    fidelity: FidelityOptions

    @property
    def files(self) -> dict[str, Path]:
        """Files of networks that a run looks at images with, by the option that names them."""
        return self.fidelity.files

    @property
    def asked(self) -> dict[str, Any]:
        """Facts about the task and the images that are measured. Runs in which they are the same can be compared; of
        images without a split of their own, the seed chooses those that are measured.
        """
        return {
            "command": self.command,
            "data": str(expanded(self.data.place).resolve()),
            "size": self.data.size,
            "channels": self.data.channels,
            "white": self.data.white,
            "seed": None if has_test_split(self.data.place) else self.seed,
        }

    @property
    def usual_steps(self) -> int:
        """Number of training steps, unless an option says so."""
        return PAIRED_STEPS


@dataclasses.dataclass(frozen=True)
class Pix2pixConfig(PairedConfig):
    """Train a translator by pairs of images, and leave pictures, losses and weights in a run folder.

    >>> Pix2pixConfig.of(data="mnist").targets.how
    'edges'
    """

    command: ClassVar[str] = "pix2pix"

    data: DataOptions = DataOptions()
    targets: PairOptions = PairOptions()
    networks: TranslatorNetworkOptions = TranslatorNetworkOptions()
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
    def asked(self) -> dict[str, Any]:
        """Facts about the task and the images that are measured."""
        place = None if self.targets.place is None else str(expanded(self.targets.place).resolve())
        return super().asked | {
            "pairs": self.targets.how,
            "targets": place,
            "reverse": self.targets.reverse,
            "source channels": self.targets.source_channels,
        }

    @property
    def usual(self) -> dict[str, Any]:
        """Defaults of options that follow from others."""
        pairs = "edges" if self.data.place in KNOWN_SETS else "side-by-side"
        return super().usual | ({} if self.targets.place is not None else {"pairs": pairs})

    def check(self) -> None:
        """Raise an ArgumentError for an option that makes no sense, before anything is read or built."""
        super().check()
        self.targets.check_beside(self.data.place)

    @property
    def translation(self) -> TranslationSpec:
        """Sizes and channels that the networks take and make, once the data was seen."""
        return TranslationSpec(self.data.size, self.targets.source_channels or 1, self.data.channels or 1)


@dataclasses.dataclass(frozen=True)
class EnhanceConfig(PairedConfig):
    """Train an enhancer of images, by images and what is left of them, and leave pictures, losses and weights in a run
    folder.

    >>> EnhanceConfig.of(task="inpaint").model
    'unet'
    """

    command: ClassVar[str] = "enhance"

    data: EnhanceDataOptions = EnhanceDataOptions()
    task: TaskOptions = TaskOptions()
    networks: EnhancerNetworkOptions = EnhancerNetworkOptions()
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
    def usual(self) -> dict[str, Any]:
        """Defaults of options that follow from others."""
        return super().usual | {"model": "subpixel" if self.task.name == "super-resolution" else "unet"}

    @property
    def in_squares(self) -> bool:
        """True if images are cut into squares."""
        return not self.data.whole and is_image_folder(self.data.place)

    @property
    def asked(self) -> dict[str, Any]:
        """Facts about the task and the images that are measured. No seed chooses the squares that are measured."""
        in_squares = {"seed": None} if self.in_squares else {}
        return super().asked | dataclasses.asdict(self.task.degradation) | {"whole": self.data.whole} | in_squares

    def check(self) -> None:
        """Raise an ArgumentError for an option that makes no sense, before anything is read or built."""
        super().check()
        task = self.task.name
        if (self.model == "subpixel") != (task == "super-resolution"):
            raise ArgumentError(f"model {self.model} is not for {task}; leave --model out to have one that is")
        self.task.check_beside(self.data.size)

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
    """Train two translators, there and back, by images of two kinds that do not belong together, and leave pictures,
    losses and weights in a run folder.

    >>> CycleConfig.of().translation
    TranslationSpec(size=28, sources=1, channels=1, enlarged=1, masked=False)
    """

    command: ClassVar[str] = "cyclegan"

    data: DataOptions = DataOptions(batch_size=16)
    targets: OtherKindOptions = OtherKindOptions()
    networks: TranslatorNetworkOptions = TranslatorNetworkOptions(model="resnet", patch=16)
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
    def usual(self) -> dict[str, Any]:
        """Defaults of options that follow from others."""
        return super().usual | ({} if self.targets.place is not None else {"style": ",".join(STYLES)})

    @property
    def usual_rate(self) -> float:
        """Learning rate of all networks, unless an option says so."""
        return CYCLE_RATE

    @property
    def translation(self) -> TranslationSpec:
        """Sizes and channels that the networks take and make, once the data was seen."""
        return TranslationSpec(self.data.size, self.data.channels or 1, self.data.channels or 1)


KINDS: tuple[type[TranslateConfig], ...] = (Pix2pixConfig, EnhanceConfig, CycleConfig)
"""Configurations of runs that make images out of images."""
