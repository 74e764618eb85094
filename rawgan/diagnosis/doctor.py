"""The doctor: is the training ill, of what, by which figure, and what is to be changed?

One function for each disease, from what `probe` has measured. Thresholds were chosen from healthy runs: dcgan at full
width and narrow, tutorial and residual narrow, by cross-entropy, the hinge, pairs, and with r1. Beside each stands what
those keep to from step 400 on; and so do translators with the options that they have by themselves. Only the data is
looked at earlier: G's first images are all the same grey, and running statistics have not yet arrived.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from rawgan.diagnosis.probe import Array, Layer, Probe, ends_in_tanh, probe
from rawgan.gan import GANState, LossConfig
from rawgan.gan.objectives import PairedObjective, objective
from rawgan.tensor import Tensor

WARM_UP = 400
"""Steps before which only the data is judged."""
RECENT = 100
"""Steps whose mean loss is looked at."""

LEAST_VARIETY = 0.1
"""Of generated images, by that of real ones. Healthy: 0.28 and more, later 0.8; stuck on a few images: 0."""
LEAST_D_LOSS = 0.1
"""Per cent of the loss of a D that guesses. Healthy: 1 and more, at the worst moment; a D that has won: below 0.01."""
LEAST_PULL = 2.0
"""Per cent of the slope of G's loss against a D that guesses. Only minimax goes flat: where D(fake) is below 1 %."""
MOST_SHIFT = 1.0
"""Standard deviations. Healthy: up to 0.2."""
MOST_STRETCH = 2.0
"""A factor. Healthy: up to 1.2."""
MOST_OFF = 50.0
"""Per cent. Healthy: up to 20."""
MOST_DEAD = 50.0
"""Per cent of a layer's channels. Healthy: 0, but for wide layers on few dimensions; see there."""
LEAST_ALIVE = 2
"""Units that have to be left in a layer without batch norm, for each dimension of what passes through it: 2 k units of
ReLU can pass on all of k dimensions, fewer cannot (Puthawala et al. 2022). A wide mlp on points, which have two, turns
off what it has no use for, and finds all modes: healthy runs of ring8 and grid25 keep 32 to 90 of 256 units."""
MOST_UNLIKE = 0.2
"""Energy distance from samples to the data, relative to the mean distance of two real images. Healthy: below 0.06 from
step 200 on, later below 0.01; first legible digits: 0.1; noise, or the mean of all digits: 0.3 to 1.5."""
CHANCE = 4.0
"""By as much, divided by the number of images, two sets of real ones may seem further from each other."""
MOST_GAIN = 300.0
"""Of a single layer, up or down. Healthy: from 0.02 to 9."""
LEAST_UPDATE = 1.0
"""A gradient's rms by Adam's ε: below 1, Adam no longer makes up for a gradient being small. Healthy: 1000 and more."""
SATURATED = 0.999
"""A pixel beyond ± this has come through a tanh whose slope is below 0.002."""
DARK = -0.1
"""Data that never goes below is in [0, 1], where a tanh has to spend half its range on nothing."""

UNLIKE = "not trained yet, or unlike the data"
"""The verdict on samples that training has not yet made what they should be."""

Remedies = Mapping[str, str | None]
"""What to change, by disease; None where it is no disease."""
NONE: Remedies = MappingProxyType({})
"""Those that are said here."""


@dataclass(frozen=True)
class Finding:
    """One figure of a disease, at the place where it is worst, and whether it is an alarm."""

    disease: str
    figure: str
    """What was measured."""
    place: str
    value: float
    unit: str
    least: float | None
    most: float | None
    """What is healthy; None: no bound."""
    remedy: str
    """What to change."""
    waits: bool = False
    """Whether training may yet bring the figure to where it should be: then it is no alarm."""

    @property
    def out(self) -> bool:
        """Whether the figure is out of what is healthy, or no number."""
        least = -np.inf if self.least is None else self.least
        most = np.inf if self.most is None else self.most
        return not least <= self.value <= most

    @property
    def alarm(self) -> bool:
        """Whether something is wrong."""
        return self.out and not self.waits

    @property
    def pending(self) -> bool:
        """Whether there is more to be trained, if the run has not ended."""
        return self.out and self.waits

    @property
    def healthy(self) -> str:
        """What the value should be, in words."""
        bounds = ("at least", self.least), ("at most", self.most)
        return " and ".join(f"{words} {bound:.3g}{self.unit}" for words, bound in bounds if bound is not None)

    @property
    def shown(self) -> str:
        """The value, with its unit."""
        return f"{self.value:.3g}{self.unit}"

    def __str__(self) -> str:
        return f"{self.disease}: {self.place}: {self.figure} {self.shown}, healthy {self.healthy}\n  {self.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with no more digits than mean something."""
        return asdict(self) | {"value": float(f"{self.value:.4g}"), "alarm": self.alarm, "pending": self.pending}


def examine(
    gan: GANState,
    real: Tensor,
    latent: Tensor,
    loss_config: LossConfig,
    records: Sequence[Mapping[str, Any]],
    given: Any = None,
    remedies: Remedies = NONE,
) -> list[Finding]:
    """Every figure of every disease that can be told by now, healthy ones included. Nothing of the GAN changes.

    `records` are the lines of the metrics up to now, of which the last one says which step it is; `remedies` are as
    `judge` takes them.

    Shapes: real (N, …); latent, what G takes, and given, what D is told, as `probe` takes them

    >>> from rawgan.gan import ImageSpec, build
    >>> gan = build("dcgan", ImageSpec(8), width=4)
    >>> bright = Tensor(np.linspace(0, 1, 4 * 64, dtype="float32").reshape(4, 8, 8, 1))
    >>> print(*[f for f in examine(gan, bright, gan.noise(0, "z", 4), LossConfig(), []) if f.alarm])
    data out of range: data: smallest number 0, healthy at most -0.1
      scale it to [−1, 1]: x / 127.5 − 1 for bytes, 2 · x − 1 for what is in [0, 1]
    """
    if not is_warm(records):
        return data_out_of_range(real.numpy(), ends_in_tanh(gan))
    return judge(probe(gan, real, latent, loss_config, given), loss_config, records, remedies)


def is_warm(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there were steps enough to judge more than the data."""
    return bool(records) and records[-1].get("step", 0) >= WARM_UP


def judge(
    seen: Probe, loss_config: LossConfig, records: Sequence[Mapping[str, Any]], remedies: Remedies = NONE
) -> list[Finding]:
    """What `examine` finds, of what was measured already. `remedies` say what to change instead of what is said here,
    or, with None, that this is no disease of such a training."""
    found = [*data_out_of_range(seen.real, seen.tanh), *unlike_data(seen)]
    if not is_warm(records):
        return found
    found += [
        *mode_collapse(seen),
        *d_is_winning(seen, loss_config, records[-RECENT:]),
        *batch_norm_drift(seen),
        *dead_units(seen),
        *exploding_layers(seen),
        *vanishing_layers(seen),
        *saturated_output(seen),
    ]
    told = ((finding, remedies.get(finding.disease, finding.remedy)) for finding in found)
    return [replace(finding, remedy=remedy) for finding, remedy in told if remedy is not None]


# --- the diseases, one by one ----------------------------------------------------------------------------------------


def data_out_of_range(real: Array, tanh: bool) -> list[Finding]:
    """Real images that a tanh cannot make, that leave out half of what it can, or that are all one image."""
    name, scale = "data out of range", "scale it to [−1, 1]: x / 127.5 − 1 for bytes, 2 · x − 1 for what is in [0, 1]"
    found = []
    if tanh:
        found = [
            Finding(name, "largest size of a number", "data", float(np.abs(real).max()), "", None, 1.001, scale),
            Finding(name, "smallest number", "data", float(real.min()), "", None, DARK, scale),
        ]
    if len(real) < 2:  # of a single image nobody can say whether others are like it
        return found
    deviation = float(real.std(0, dtype=np.float64).max())
    return [
        *found,
        Finding(name, "deviation among images", "data", deviation, "", 0.01, None,
                "the images are all the same: look at --data, and at how it was made"),
    ]  # fmt: skip


def unlike_data(seen: Probe) -> list[Finding]:
    """Samples that are not like the data: those of the first steps, and of what is trained too little or not at all.

    By the energy distance of Székely and Rizzo, 2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖, which is 0 for two sets of one
    distribution, whatever it is, and needs no network that knows such data.
    """
    if len(seen.real) < 2:
        return []
    among, _ = _distances(seen.real)
    if not among:  # nothing to measure by; `data_out_of_range` tells
        return []
    value = (2 * float(_apart(seen.real, seen.samples).mean()) - among - _distances(seen.samples)[0]) / among
    figure, most = "energy distance to the data, relative to distances in it", MOST_UNLIKE + CHANCE / len(seen.real)
    remedy = (
        "train for longer, by --resume and more --steps; where the figure no longer falls, "
        "another --learning-rate, --objective or --model"
    )
    return [Finding(UNLIKE, figure, "samples", value, "", None, most, remedy, waits=True)]


def mode_collapse(seen: Probe) -> list[Finding]:
    """Few images for much noise. All of one kind: they are close together. Of a few: each has a twin."""
    remedy = "--penalty r1+r2 --objective relativistic --model residual, or --pack 2; a lower --learning-rate"
    found = list[Finding]()
    if len(seen.real) < 2:
        return found
    for figure, of_fake, of_real in zip(
        ("distance between images, by that of real ones", "distance to the most alike, by that of real ones"),
        _distances(seen.fake), _distances(seen.real), strict=True,
    ):  # fmt: skip
        if of_real > 0:  # data with twins of its own says nothing about G's
            found.append(
                Finding("mode collapse", figure, "generator", of_fake / of_real, "", LEAST_VARIETY, None, remedy)
            )
    return found


def d_is_winning(seen: Probe, loss_config: LossConfig, recent: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """A D that is always right, from which G learns no more which way to go.

    Not of a critic, whose loss has no lowest value: the better it is, the better for G.
    """
    name, found = "D is winning", []
    remedy = "--d-learning-rate, a quarter of G's; --instance-noise 0.2; or a --penalty, with --model residual"
    if loss_config.objective == "minimax":
        remedy = f"--objective non-saturating; {remedy}"
    if loss_config.objective != "wasserstein":
        best, guessing = _bounds(loss_config.objective, loss_config.smooth_real, loss_config.smooth_fake)
        keys = "d_loss", "d_real", "d_fake"
        loss, real, fake = (float(np.mean([record.get(key, np.nan) for record in recent])) for key in keys)
        place = f"discriminator, D(real) {real:.3f}, D(fake) {fake:.3f}"
        figure = f"its loss in {len(recent)} steps, by that of guessing"
        if guessing - best > 1e-6:  # targets smoothed to one half leave nothing to win
            share = 100 * (loss - best) / (guessing - best)
            found.append(Finding(name, figure, place, share, " %", LEAST_D_LOSS, None, remedy))
    figure = "slope of G's loss, by that where D guesses"
    return [*found, Finding(name, figure, "generator", 100 * seen.pull, " %", LEAST_PULL, None, remedy)]


def batch_norm_drift(seen: Probe) -> list[Finding]:
    """Running statistics that are not those of the batches: then G's samples are not the images that it is trained by.

    Of G alone, as D judges with the batch's statistics only.
    """
    layers = _having(seen, "shift", "generator")
    if not layers:
        return []
    name, remedy = "batch norm drift", "BatchNorm(…, momentum=0.1), a lower --learning-rate, or a larger --batch-size"
    off = 100 * float(np.sqrt(np.square(seen.evaluated - seen.fake).mean(dtype=np.float64)) / (seen.real.std() or 1))
    return [
        *_worst(name, "running mean to the batch's", layers, "shift", " deviations", MOST_SHIFT, remedy),
        *_worst(name, "running deviation to the batch's", layers, "stretch", " times", MOST_STRETCH, remedy),
        Finding(name, "samples to images in training, by the data's deviation", "generator", off, " %", None, MOST_OFF,
                remedy),
    ]  # fmt: skip


def dead_units(seen: Probe) -> list[Finding]:
    """Channels behind a ReLU that no image wakes: no gradient goes through them any more.

    Behind batch norm, which moves each channel about 0, they are half of them at most; elsewhere, they may be as many
    as leave enough for what has to pass.
    """
    remedy = "a lower --learning-rate; LeakyReLU for ReLU, or batch norm in front of it"

    def most(layer: Layer) -> float:
        normed, enough = layer.shift is not None, LEAST_ALIVE * seen.dimensions
        return MOST_DEAD if normed else max(MOST_DEAD, 100 * (1 - enough / layer.channels))

    return _worst("dead units", "channels that never change", _having(seen, "dead"), "dead", " %", most, remedy)


def exploding_layers(seen: Probe) -> list[Finding]:
    """Layers that make what goes through them, or the gradients on the way back, larger by far than others do."""
    remedy = "a lower --learning-rate, --spectral-norm, batch norm, or smaller weights to begin with (nn.init)"
    found = []
    for key, figure in GAINS.items():
        found += _worst("exploding layers", figure, _having(seen, key), key, " times", MOST_GAIN, remedy)
    return found


def vanishing_layers(seen: Probe) -> list[Finding]:
    """Layers behind which next to nothing is left, of what goes through them or of the gradients on the way back."""
    name, found = "vanishing layers", []
    remedy = "batch norm, larger weights to begin with (nn.init), or no layer that saturates, such as Sigmoid"
    for key, figure in GAINS.items():
        found += _worst(name, figure, _having(seen, key), key, " times", 1 / MOST_GAIN, remedy, lowest=True)
    if seen.eps:
        place, smallest = min(seen.updates.items(), key=lambda each: each[1])
        ratio, figure = smallest / seen.eps, "gradient by a weight, by Adam's ε"
        found.append(Finding(name, figure, place, ratio, "", LEAST_UPDATE, None, remedy))
    return found


def saturated_output(seen: Probe) -> list[Finding]:
    """A tanh that is at its ends for nearly all pixels, far beyond what the data asks for: no gradient gets through."""
    if not seen.tanh:
        return []
    fake, real = (100 * float((np.abs(images) > SATURATED).mean()) for images in (seen.fake, seen.real))
    figure, most = f"pixels beyond ±{SATURATED}, of the data {real:.3g} %", max(real + 0.75 * (100 - real), 50.0)
    remedy = "a lower --learning-rate; smaller weights in G's last layer"
    return [Finding("saturated output", figure, "generator", fake, " %", None, most, remedy)]


GAINS = {"gain": "size of what comes out, by what goes in", "gradient_gain": "size of the gradient, going back"}
"""Of a layer: by the name that the probe has for it."""


def _having(seen: Probe, key: str, network: str = "") -> list[Layer]:
    """The layers that have such a figure, of one network or both."""
    return [layer for layer in seen.layers if getattr(layer, key) is not None and layer.place.startswith(network)]


def _worst(
    disease: str,
    figure: str,
    layers: list[Layer],
    key: str,
    unit: str,
    bound: float | Callable[[Layer], float],
    remedy: str,
    lowest: bool = False,
) -> list[Finding]:
    """The layer where the figure is furthest out of its bound, and how many others are, too; nothing where there are no
    layers."""
    found = []
    for layer in layers:
        limit, place = bound if isinstance(bound, float) else bound(layer), layer.place.partition("(")[0]
        low, high = (limit, None) if lowest else (None, limit)
        found.append(Finding(disease, figure, place, getattr(layer, key), unit, low, high, remedy))
    found.sort(key=lambda each: each.value - (each.least or 0) if lowest else (each.most or 0) - each.value)
    found.sort(key=lambda each: not np.isnan(each.value))
    others = sum(each.alarm for each in found[1:])
    return [replace(found[0], place=f"{found[0].place} and {others} more") if others else each for each in found[:1]]


def _distances(images: Array) -> tuple[float, float]:
    """Between images, by pixels: the mean of all pairs, and the median from each image to the one nearest to it."""
    apart = _apart(images, images)
    others = apart[~np.eye(len(apart), dtype=bool)].reshape(len(apart), -1)
    return float(others.mean()), float(np.median(others.min(1)))


def _apart(a: Array, b: Array) -> Array:
    """Distances from each image of one set to each of another, by pixels. Shapes: a (N, …), b (M, …) → (N, M)"""
    x, y = (images.reshape(len(images), -1).astype(np.float64) for images in (a, b))
    x, y = x - x.mean(0), y - x.mean(0)  # or rounding would be all that is seen of images that differ little
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)
    return np.sqrt(np.maximum(squares - 2 * x @ y.T, 0))  # (N, P) @ (P, M) → (N, M)


@cache
def _bounds(name: str, smooth_real: float, smooth_fake: float) -> tuple[float, float]:
    """D's loss where it is always right, and where it guesses: the lowest that it reaches by logits that may, or may
    not, depend on the image."""
    play, grid = objective(name, smooth_real, smooth_fake), np.linspace(-30, 30, 601)
    if isinstance(play, PairedObjective):
        pairs = play.discriminator
        return pairs(Tensor([30.0]), Tensor([-30.0])).item(), pairs(Tensor([0.0]), Tensor([0.0])).item()
    real, fake = (np.array([loss(Tensor([x])).item() for x in grid]) for loss in (play.real, play.fake))
    return float(real.min() + fake.min()), float((real + fake).min())
