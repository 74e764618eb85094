"""Figures of a training step. Each is declared once, here, with all that is needed to write, print and plot it.

A step returns `StepMetrics`: a Tensor for each figure that it has, None for the others. `by_name()` leaves out the
others. `STEP_METRICS[name]` is the declaration of a figure, in the order of the fields:

- log and terminal: f"{metric.label} {value:{metric.format}}", if `metric.in_log`;
- metrics.jsonl: `STEP_METRICS` has the keys that hold a number or null;
- plot: for each panel of `PANELS`, the figures with `metric.panel is panel`, as a curve of `metric.legend` and
  `metric.colour`. A panel without any figure is left out, unless `panel.always`. `panel.reference` is a dashed line;
- legend: `units(config)` and `guesses(config)` say in which unit a figure is, and its value if D guesses.

To add a figure, add a field to `StepMetrics` and have a step return it. `d_held_out` comes from an extension instead,
which looks at D now and then.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple, get_type_hints

from rawgan.gan.loss_config import LossConfig
from rawgan.gan.objectives import OBJECTIVES, guess_losses
from rawgan.tensor import Tensor


@dataclass(frozen=True)
class Panel:
    """One plot in losses.png."""

    title: str
    axis: str
    """Label of the y axis."""
    limits: tuple[float, float] | None = None
    """Range of the y axis; None: that of the data."""
    by_powers: bool = False
    """True if the y axis is scaled by powers of ten where figures span several."""
    always: bool = False
    """True if it is drawn even while there are no figures for it."""
    reference: tuple[float, str] | None = None
    """Height and legend of a dashed line."""


LOSSES = Panel("Losses", "loss", always=True)
PROBABILITIES = Panel(
    "Discriminator's probabilities", "probability of being real", limits=(-0.02, 1.02), always=True,
    reference=(0.5, "undecided (0.5)"),
)  # fmt: skip
AUGMENTATION = Panel("Adaptive augmentation", "probability p, and r_t", limits=(-1.02, 1.02))
PENALTY = Panel("Penalties", "added to the loss", by_powers=True)
DIFFERENCES = Panel("Difference from the images wanted", "mean absolute difference", by_powers=True)
PANELS = (LOSSES, PROBABILITIES, AUGMENTATION, PENALTY, DIFFERENCES)
"""Panels of losses.png that show figures of steps, from top to bottom."""

BLUE, VERMILION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
"""Colours that colour-blind people can tell apart. Source: Okabe and Ito 2008"""


@dataclass(frozen=True)
class StepMetric:
    """Declaration of one figure."""

    label: str
    """Words in logs and terminals."""
    meaning: str
    """One sentence for legends and documentation, without a full stop."""
    panel: Panel
    legend: str
    """Words in the plot."""
    colour: str
    format: str = ".3f"
    unit: str = ""
    """Unit; of a loss that depends on the objective, the unit of those that are cross-entropies."""
    by_objective: bool = False
    """True if `unit` holds only for objectives that are in nats."""
    guess: Callable[[LossConfig, int], float] | None = None
    """(configuration, number of classes) → the value if D guesses; None if there is no such value."""
    in_log: bool = True
    """True if logs and terminals show it."""

    @property
    def is_difference(self) -> bool:
        """True for a mean absolute difference between images, or between their features."""
        return self.panel is DIFFERENCES


def _difference(label: str, meaning: str, legend: str, colour: str) -> StepMetric:
    return StepMetric(f"{label} difference", meaning, DIFFERENCES, legend, colour, unit="pixels from −1 to 1")


class StepMetrics(NamedTuple):
    """Figures of one training step, each a single number that is still on its device."""

    d_loss: Annotated[Tensor, StepMetric(
        "D loss", "D's loss, without penalty and class losses", LOSSES, "discriminator", BLUE,
        unit="nats", by_objective=True, guess=lambda config, classes: guess_losses(config.losses)[0],
    )]  # fmt: skip
    g_loss: Annotated[Tensor, StepMetric(
        "G loss", "G's loss, without class loss and differences", LOSSES, "generator", VERMILION,
        unit="nats", by_objective=True, guess=lambda config, classes: guess_losses(config.losses)[1],
    )]  # fmt: skip
    d_real: Annotated[Tensor, StepMetric(
        "D(real)", "D's mean probability that real images are real", PROBABILITIES, "D(real)", GREEN,
        format=".2f", unit="probability", guess=lambda config, classes: 0.5,
    )]  # fmt: skip
    d_fake: Annotated[Tensor, StepMetric(
        "D(fake)", "D's mean probability, before its update, that generated images are real", PROBABILITIES, "D(fake)",
        PURPLE, format=".2f", unit="probability", guess=lambda config, classes: 0.5,
    )]  # fmt: skip
    d_held_out: Annotated[Tensor | None, StepMetric(
        "D(held out)", "D's mean probability that images that it does not train with are real; of some steps",
        PROBABILITIES, "D(held out)", ORANGE, format=".2f", unit="probability", guess=lambda config, classes: 0.5,
    )] = None  # fmt: skip
    augment_p: Annotated[Tensor | None, StepMetric(
        "p", "probability of each transformation of an adaptive augmentation", AUGMENTATION, "p", BLUE, format=".3f",
        unit="probability",
    )] = None  # fmt: skip
    r_t: Annotated[Tensor | None, StepMetric(
        "r_t", "share of the training images that D calls real, minus the share of the others", AUGMENTATION, "r_t",
        VERMILION, format=".2f",
    )] = None  # fmt: skip
    class_real: Annotated[Tensor | None, StepMetric(
        "class loss (real)", "cross-entropy of the classes that an auxiliary D names in real images", LOSSES,
        "classes of real", GREEN, unit="nats", guess=lambda config, classes: math.log(classes), in_log=False,
    )] = None  # fmt: skip
    class_fake: Annotated[Tensor | None, StepMetric(
        "class loss (fake)", "the same in generated images, before D's update", LOSSES,
        "of generated", PURPLE, unit="nats", guess=lambda config, classes: math.log(classes), in_log=False,
    )] = None  # fmt: skip
    penalty: Annotated[Tensor | None, StepMetric(
        "penalty", "gradient penalty times its weight, as added to D's loss; only of steps that apply it", PENALTY,
        "gradient penalty", BLUE, format=".3g",
    )] = None  # fmt: skip
    g_penalty: Annotated[Tensor | None, StepMetric(
        "G penalty", "penalty on G times its weight, as added to G's loss; only of steps that apply it", PENALTY,
        "penalty on G", VERMILION, format=".3g",
    )] = None  # fmt: skip
    pixel: Annotated[Tensor | None, _difference(
        "pixel", "mean absolute difference between G's images and their targets", "pixels", BLUE
    )] = None  # fmt: skip
    feature: Annotated[Tensor | None, _difference(
        "feature", "mean absolute difference between the features of both", "features", ORANGE
    )] = None  # fmt: skip
    cycle: Annotated[Tensor | None, _difference(
        "cycle", "mean absolute difference between images and their round trips, both directions added",
        "there and back", BLUE,
    )] = None  # fmt: skip
    identity: Annotated[Tensor | None, _difference(
        "identity", "mean absolute change of images that are already of the wanted kind, both directions added",
        "left alone", ORANGE,
    )] = None  # fmt: skip

    def by_name(self) -> dict[str, Tensor]:
        """Figures that the step has."""
        return {name: value for name, value in self._asdict().items() if value is not None}


STEP_METRICS: dict[str, StepMetric] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(StepMetrics, include_extras=True).items()
}
"""Declarations by name, in the order in which they are shown."""


def units(config: LossConfig) -> dict[str, str]:
    """Units by name; "" for a figure without one.

    >>> units(LossConfig("hinge"))["d_loss"], units(LossConfig())["d_loss"]
    ('', 'nats')
    """
    in_nats = OBJECTIVES.find(config.objective).in_nats
    return {name: metric.unit if in_nats or not metric.by_objective else "" for name, metric in STEP_METRICS.items()}


def guesses(config: LossConfig, classes: int = 1) -> dict[str, float]:
    """Values by name if D guesses: the lines that curves are compared with.

    >>> {name: round(value, 3) for name, value in guesses(LossConfig()).items()}
    {'d_loss': 1.386, 'g_loss': 0.693, 'd_real': 0.5, 'd_fake': 0.5, 'd_held_out': 0.5, 'class_real': 0.0,
     'class_fake': 0.0}
    """
    return {name: metric.guess(config, classes) for name, metric in STEP_METRICS.items() if metric.guess is not None}
