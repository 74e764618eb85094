"""What can be asked of `rawgan pix2pix`, `rawgan enhance` and `rawgan cyclegan`: images out of images."""

import dataclasses
import math
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Literal

from rawgan.config.base import RunConfig, check_place, check_range
from rawgan.data import KNOWN_SETS, MIXTURES, has_test_split, is_image_folder, may_be_image_folder
from rawgan.data.pairs.degradations import Degradation
from rawgan.data.pairs.made_sources import MADE_SOURCES
from rawgan.data.pairs.styles import STYLES, checked_styles
from rawgan.errors import ArgumentError
from rawgan.files import expanded
from rawgan.gan import PATCHES, TRANSLATORS, ImageSpec, TranslationSpec
from rawgan.metrics.classifier import DIGITS

MEASURED = 1000
"""Images that --evaluate-every looks at."""
WEIGHTS = ("pixel_weight", "feature_weight", "adversarial_weight", "cycle_weight", "identity_weight")


@dataclasses.dataclass(frozen=True)
class TranslateConfig(RunConfig):
    """What all that make images out of images are asked for."""

    data: str = "mnist"
    """mnist, stacked-mnist, fashion-mnist, cifar10, a folder of images or of IDX files, or an .npy or .npz file."""
    image_size: int | None = None
    """Height and width of the images that networks are trained with, in pixels. Unset: 28 for MNIST, 32 for CIFAR-10,
    64 for your own images."""
    steps: int | None = None
    """Training steps; one step is one update of each network. Unset: 1000, of cyclegan 3000; or what --epochs says."""
    learning_rate: float | None = None
    """Adam's learning rate for all networks. Unset: 0.001."""
    width: int = 32
    """Channels of G's layers next to the image; cost grows with the square."""
    patch: int = 34
    """Height and width of the patches that D scores, in pixels: 16, 34, 70 or 142; for images of fewer than 48 pixels
    at most 70, of fewer than 24 at most 34."""
    evaluate_samples: int | None = None
    """Number of images to measure. Unset: 1000, or as many as there are."""

    def check(self) -> None:
        """Raise an ArgumentError for an option that makes no sense, before anything is read or built."""
        super().check()
        fitting = [patch for patch, halvings in PATCHES.items() if self.size >> halvings > 2]
        if self.patch not in fitting:  # instance norm needs more than one pixel
            raise ArgumentError(
                f"patch must be one of {', '.join(map(str, fitting))} for images of {self.size} pixels, "
                f"but is {self.patch}"
            )
        if self.evaluate_features is not None:
            raise ArgumentError("evaluate_features is for what is made of noise; leave it out: pixels are measured")
        if self.data in MIXTURES:
            raise ArgumentError(f"{self.data} is points, but {self.command} is about images; take another --data")
        for name in WEIGHTS:
            if not 0 <= getattr(self, name, 0) <= 10**6:
                raise ArgumentError(f"{name} must lie in 0 ... 1000000, but is {getattr(self, name)}")
        self.check_picture()

    @property
    def usual(self) -> dict[str, Any]:
        """See the base class."""
        default = TRANSLATORS[self.network].learning_rate
        rate = default if self.learning_rate is None else self.learning_rate
        measured = {} if self.evaluate_every is None else {"evaluate_samples": MEASURED}
        return super().usual | {"learning_rate": default, "d_learning_rate": rate} | measured

    @property
    def measured(self) -> int:
        """How many images --evaluate-every measures, if there are so many."""
        return self.evaluate_samples or MEASURED

    def use(self, run: Path) -> str:
        """See the base class."""
        return f"images of your own: rawgan apply {run} IMAGES"

    @property
    @abstractmethod
    def translation(self) -> TranslationSpec:
        """What the networks take and make, once the data was seen."""

    @property
    def spec(self) -> ImageSpec:
        """What pictures are of."""
        return ImageSpec(self.size, self.channels or 1)


@dataclasses.dataclass(frozen=True)
class PairedConfig(TranslateConfig):
    """What those are asked for that know what is to be made of each image."""

    pixel_weight: float = 100.0
    """Weight of the mean absolute difference of pixels, beside G's objective."""
    feature_weight: float = 0.0
    """Weight of the difference in a classifier's features; that of digits, or --features."""
    features: str | None = None
    """A file of rawgan train-classifier, for --feature-weight."""
    adversarial_weight: float = 1.0
    """Weight of G's objective; 0: pixels and features alone."""

    def check(self) -> None:
        """See the base class."""
        super().check()
        if not (self.pixel_weight or self.feature_weight or self.adversarial_weight):
            raise ArgumentError(
                "pixel_weight, feature_weight and adversarial_weight are all 0: nothing is to be learnt"
            )
        if self.features is not None and not self.feature_weight:
            raise ArgumentError("features is about feature_weight, which is 0; give both or none")

    @property
    def files(self) -> dict[str, Path]:
        """See the base class."""
        return {"features": expanded(self.features or DIGITS)} if self.feature_weight else {}

    @property
    def asked(self) -> dict[str, Any]:
        """What is made of what, and by which images that is measured, which the seed chooses of one's own: the same of
        runs that can stand beside each other."""
        return {
            "command": self.command,
            "data": str(expanded(self.data).resolve()),
            "size": self.size,
            "channels": self.channels,
            "white": self.white,
            "seed": None if has_test_split(self.data) else self.seed,
        }

    @property
    def usual_steps(self) -> int:
        """See the base class: targets say more of what is wanted than D alone could."""
        return 1000


@dataclasses.dataclass(frozen=True)
class Pix2pixConfig(PairedConfig):
    """Train a translator by pairs of images, and leave pictures, losses and weights in a run folder.

    >>> Pix2pixConfig(data="mnist").how
    'edges'
    """

    command: ClassVar[str] = "pix2pix"

    model: Literal["unet", "resnet"] = "unet"
    """unet: with skips, for what stays where it is; resnet: residual blocks on a smaller image."""
    pairs: Literal["side-by-side", "edges", "grey", "regions"] | None = None
    """Where pairs come from: images of --data that are two side by side, the source on the left; or images of which the
    source is made: their edges, their brightness, or a map of regions alike in brightness. Unset: edges of known sets,
    side by side in folders."""
    targets: str | None = None
    """A folder with images of the same names as those of --data: what is to be made of them."""
    reverse: bool = False
    """Make the left image, or that of --data, out of the other one."""
    targets_white: float | None = None
    """What white is in images of --targets of more than a byte for each number; as --white."""
    source_channels: int | None = None
    """Channels of the source images; a run writes down what the data has."""

    @property
    def network(self) -> str:
        """See the base class."""
        return self.model

    @property
    def asked(self) -> dict[str, Any]:
        """See the base class."""
        targets = None if self.targets is None else str(expanded(self.targets).resolve())
        own = {"pairs": self.how, "targets": targets, "reverse": self.reverse, "source channels": self.source_channels}
        return super().asked | own

    @property
    def usual(self) -> dict[str, Any]:
        """See the base class."""
        return super().usual | ({} if self.targets is not None else {"pairs": self.usual_pairs})

    @property
    def usual_pairs(self) -> str:
        """Where pairs come from, unless an option says so."""
        return "edges" if self.data in KNOWN_SETS else "side-by-side"

    @property
    def how(self) -> str:
        """Where pairs come from: what --pairs says, or two folders."""
        if self.targets is not None:
            return "two folders"
        return self.pairs or self.usual_pairs

    def check(self) -> None:
        """See the base class."""
        super().check()
        if self.targets is not None and self.pairs is not None:
            raise ArgumentError(f"targets and pairs {self.pairs} both say where pairs come from; give one of them")
        check_place("targets", self.targets)
        if self.reverse and self.how in MADE_SOURCES:
            raise ArgumentError(f"reverse is for pairs in files, but these are {self.how}; leave it out")
        if self.targets is not None and self.data in KNOWN_SETS:
            raise ArgumentError(f"targets is for two folders, but data is {self.data}")
        if self.how == "side-by-side" and self.data in KNOWN_SETS:
            raise ArgumentError(
                f"pairs {self.how}: {self.data} has single images; make pairs of them, by "
                f"--pairs {', '.join(MADE_SOURCES)}, or say ./{self.data} for a folder of that name"
            )
        if self.source_channels not in (None, 1, 2, 3, 4):
            raise ArgumentError(f"source_channels must lie in 1 ... 4, but is {self.source_channels}; leave it out")
        check_targets_white(self.targets_white, self.targets)

    @property
    def translation(self) -> TranslationSpec:
        """See the base class."""
        return TranslationSpec(self.size, self.source_channels or 1, self.channels or 1)


@dataclasses.dataclass(frozen=True)
class EnhanceConfig(PairedConfig):
    """Train an enhancer of images, by images and what is left of them, and leave pictures, losses and weights in a run
    folder.

    >>> EnhanceConfig(task="inpaint").network
    'unet'
    """

    command: ClassVar[str] = "enhance"

    task: Literal["super-resolution", "denoise", "inpaint"] = "super-resolution"
    """What images have lost: pixels, clarity, or a part."""
    factor: int = 4
    """Of super-resolution: pixels to make of one, in each direction: 2, 4 or 8."""
    noise: float = 0.5
    """Of denoising: the noise's standard deviation, where pixels are from −1 to 1."""
    hole: int = 10
    """Of inpainting: height and width of what is missing, in pixels."""
    whole: bool = False
    """Of a folder: make its images smaller, to --image-size, instead of cutting squares of that size from them."""
    model: Literal["unet", "resnet", "subpixel"] | None = None
    """The generator. Unset: subpixel for super-resolution, unet for the others."""

    @property
    def usual(self) -> dict[str, Any]:
        """See the base class."""
        return super().usual | {"model": self.usual_model}

    @property
    def usual_model(self) -> str:
        """The generator, unless an option says so."""
        return "subpixel" if self.task == "super-resolution" else "unet"

    @property
    def network(self) -> str:
        """See the base class."""
        return self.model or self.usual_model

    @property
    def asked(self) -> dict[str, Any]:
        """See the base class. Which squares of photographs are measured, no seed chooses."""
        in_squares = {} if self.whole or not is_image_folder(self.data) else {"seed": None}
        return super().asked | dataclasses.asdict(self.degradation) | {"whole": self.whole} | in_squares

    @property
    def degradation(self) -> Degradation:
        """What images lose."""
        return Degradation(self.task, self.factor, self.noise, self.hole)

    def check(self) -> None:
        """See the base class."""
        super().check()
        for name, task in (("factor", "super-resolution"), ("noise", "denoise"), ("hole", "inpaint")):
            if self.task != task and getattr(self, name) != getattr(type(self), name):
                raise ArgumentError(f"{name} is for --task {task}, not for {self.task}; leave it out")
        if self.whole and not may_be_image_folder(self.data):
            raise ArgumentError(f"whole is for folders of images, but data is {self.data}; leave it out")
        if (self.network == "subpixel") != (self.task == "super-resolution"):
            raise ArgumentError(f"model {self.network} is not for {self.task}; leave --model out to have one that is")
        if self.size % self.degradation.scale:
            raise ArgumentError(f"images of {self.size} pixels cannot be shrunk by {self.factor}; take a multiple")
        if self.task == "inpaint" and self.hole >= self.size:
            raise ArgumentError(f"hole {self.hole} leaves nothing of images of {self.size} pixels")

    @property
    def translation(self) -> TranslationSpec:
        """See the base class."""
        channels = self.channels or 1
        return TranslationSpec(
            self.size, self.degradation.source_channels(channels), channels, self.degradation.scale,
            masked=self.task == "inpaint",
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class CycleConfig(TranslateConfig):
    """Train two translators, there and back, by images of two kinds that do not belong together, and leave pictures,
    losses and weights in a run folder.

    >>> CycleConfig().translation
    TranslationSpec(size=28, sources=1, channels=1, enlarged=1, masked=False)
    """

    command: ClassVar[str] = "cyclegan"

    model: Literal["resnet", "unet"] = "resnet"
    """resnet: residual blocks on a smaller image; unet: with skips."""
    batch_size: int = 16
    """Images of each kind per step."""
    learning_rate: float | None = 0.0005
    """Adam's learning rate for all networks."""
    objective: Literal["non-saturating", "minimax", "least-squares", "hinge", "wasserstein", "relativistic"] = (
        "least-squares"
    )
    """Objective of the networks; see rawgan train --help."""
    patch: int = 16
    """Height and width of the patches that D scores, in pixels: 16, 34, 70 or 142."""
    targets: str | None = None
    """Images of the other kind, as --data. Unset: one half of --data in another style, to be made of the other half."""
    targets_white: float | None = None
    """What white is in images of --targets of more than a byte for each number; as --white."""
    style: str | None = None
    """That style: some of thick, slanted, inverted, with commas between them. Unset: all three."""
    cycle_weight: float = 10.0
    """Weight of the difference between an image and what comes back from there and back."""
    identity_weight: float = 5.0
    """Weight of the change that a translator makes to images of the kind that it makes."""
    history: int = 50
    """Number of earlier generated images of each kind from which D sees some again; 0: none."""

    @property
    def network(self) -> str:
        """See the base class."""
        return self.model

    @property
    def usual(self) -> dict[str, Any]:
        """See the base class."""
        return super().usual | ({} if self.targets is not None else {"style": ",".join(STYLES)})

    @property
    def styles(self) -> str | None:
        """The style of the other kind; None where it has images of its own."""
        return None if self.targets is not None else self.style or ",".join(STYLES)

    def check(self) -> None:
        """See the base class."""
        super().check()
        if self.targets is not None and self.style is not None:
            raise ArgumentError(f"targets and style {self.style} both say what the other kind is; give one of them")
        check_place("targets", self.targets)
        check_targets_white(self.targets_white, self.targets)
        if self.styles is not None:
            checked_styles(self.styles)
        check_range("history", self.history, 0, 10**5)

    @property
    def translation(self) -> TranslationSpec:
        """What the networks take and make, once the data was seen."""
        return TranslationSpec(self.size, self.channels or 1, self.channels or 1)


def check_targets_white(white: float | None, targets: str | None) -> None:
    """Raise an ArgumentError for a white of targets that is none, or where there are none."""
    if white is not None and (targets is None or not 0 < white < math.inf):
        raise ArgumentError(f"targets_white must be more than 0, of images of --targets, but is {white} of {targets}")


KINDS: tuple[type[TranslateConfig], ...] = (Pix2pixConfig, EnhanceConfig, CycleConfig)
"""By which runs are trained that make images out of images."""
