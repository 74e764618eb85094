"""losses.png: curves of the figures of every step, in the panels that their declarations name."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rawgan.gan.step_metrics import PANELS, STEP_METRICS, Panel, StepMetrics
from rawgan.pictures.plots import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 4000
"""Points of a curve: more than its picture has pixels."""
SMOOTHED = 50
"""Steps from which on a curve is smoothed."""

Records = Sequence[Mapping[str, Any]]


def plot_losses(path: str | Path, metrics: Records) -> Path:
    """Plot the figures of steps, a panel below another, and FID where it was measured; return the path.

    Each record is a line of metrics: ``step``, and figures that `rawgan.gan.step_metrics` declares. The thin line is
    the measurement, the thick one its running mean. A record without a figure is left out of its curve, one without a
    step out of all; what is no finite number is a gap.

    Raises: what :func:`rawgan.pictures.plots.plotting` raises

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     plot_losses(f"{folder}/losses.png", [{"step": 1, "d_loss": 0.7, "g_loss": 0.6}]).name
    'losses.png'
    """
    records = [record for record in metrics if 0 <= _number(record.get("step")) < 2**53]
    last = max((record["step"] for record in records), default=1)
    shown = {panel: _shown(panel, records) for panel in PANELS}
    panels = [panel for panel in PANELS if panel.always or shown[panel]]
    measured = [record for record in records if "fid" in record]
    count = len(panels) + bool(measured)
    with plotting(path, (9, 1.5 + 2.5 * count), dpi=150) as figure:
        from matplotlib.ticker import MaxNLocator, StrMethodFormatter

        every = figure.subplots(count, 1, sharex=True)
        for axes, panel in zip(every, panels, strict=False):
            _draw(axes, panel, shown[panel], records)
        if measured:
            _draw_fid(every[-1], measured)
        every[-1].set(xlabel="step", xlim=(0, max(last, 1) * 1.01))
        every[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        every[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        for axes in every:
            axes.grid(color="0.9")
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        if not records:
            every[0].set_yticks([])
            every[0].text(0.5, 0.5, "no steps yet", transform=every[0].transAxes, ha="center", color="0.4")
    return Path(path)


def _shown(panel: Panel, records: Records) -> list[str]:
    """Names of the figures of a panel that any record has, and of those that every step has."""
    own = [name for name, metric in STEP_METRICS.items() if metric.panel is panel]
    optional = StepMetrics._field_defaults
    return [name for name in own if name not in optional or any(name in record for record in records)]


def _draw(axes: "Axes", panel: Panel, names: list[str], records: Records) -> None:
    """Draw a panel: its curves, and its dashed line."""
    if panel.reference is not None:
        height, words = panel.reference
        axes.axhline(height, color="0.4", linewidth=1, linestyle="--", label=words)
    for name in names:
        _curve(axes, records, name, STEP_METRICS[name].legend, STEP_METRICS[name].colour)
    axes.set(ylabel=panel.axis)
    if panel.limits is not None:
        axes.set(ylim=panel.limits)
    if panel.by_powers:
        _scale_by_powers(axes)
    axes.set_title(panel.title, loc="left")


def _draw_fid(axes: "Axes", measured: Records) -> None:
    """Draw FID where it was measured, the best value marked."""
    best = min(measured, key=lambda record: _number(record["fid"]))
    steps, distances = zip(*((record["step"], _number(record["fid"])) for record in measured), strict=True)
    axes.plot(steps, distances, color="#56B4E9", marker=".", label="generated")
    axes.plot(best["step"], _number(best["fid"]), "o", color="#D55E00", label="best")
    axes.set(ylabel="FID")
    _scale_by_powers(axes)
    axes.set_title("Fréchet distance between generated and real images", loc="left")


def _curve(axes: "Axes", records: Records, key: str, label: str, colour: str) -> None:
    """Draw one figure of the records: the measurements thin, their running mean thick."""
    known = [record for record in records if record.get(key) is not None]
    if len(known) > MOST_POINTS:
        known = [known[n] for n in np.linspace(0, len(known) - 1, MOST_POINTS).round().astype(int)]
    steps = np.array([record["step"] for record in known], dtype=float)
    values = np.array([_number(record[key]) for record in known])
    few = len(values) < SMOOTHED
    if not few:
        axes.plot(steps, values, color=colour, alpha=0.3, linewidth=0.6, zorder=1)
        values = _running_mean(values, window=len(values) // 25)
    axes.plot(steps, values, color=colour, linewidth=1.8, label=label, marker="o" if few else "", markersize=3)


def _scale_by_powers(axes: "Axes") -> None:
    """Make an axis logarithmic if any of its values is positive: of a perfect 0 there is no logarithm."""
    if any((np.asarray(line.get_ydata(), float) > 0).any() for line in axes.lines):
        axes.set_yscale("log")


def _number(value: Any) -> float:
    """A value of metrics.jsonl, where anything may be, as a float; NaN if it is no number, or out of all bounds."""
    if not isinstance(value, int | float | np.integer | np.floating):
        return math.nan
    return float(value) if -1e300 < value < 1e300 else math.nan


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Means of the finite values among the ``window`` around each; NaN where that one is not finite."""
    finite = np.isfinite(values)
    ones = np.ones(window)
    total = np.convolve(np.where(finite, values, 0.0), ones, mode="same")
    number = np.convolve(finite, ones, mode="same")
    return np.divide(total, number, out=np.full_like(total, np.nan), where=finite)
