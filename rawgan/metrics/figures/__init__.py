"""Metrics, one a file: the declaration with its figures, and the computation, as a function of plain arrays.

To add a metric, add a file that defines a :class:`~rawgan.metrics.figures.metric.Metric`. `rawgan evaluate` then
computes it, and tables, logs and evaluation.json have its figures.
"""

from collections.abc import Mapping
from typing import Any

from rawgan.metrics.figures.metric import INPUTS, Figure, Metric
from rawgan.registry import Registry, collect

METRICS: Registry[Metric] = collect(__name__, __path__, Metric, "metric")
"""Metrics by name."""


def metrics_of(kind: type) -> list[Metric]:
    """Metrics that take one kind of input, in the order of tables.

    >>> from rawgan.metrics.figures.metric import Features
    >>> metrics_of(Features)[0].name
    'fid'
    """
    return sorted((metric for metric in METRICS.values() if metric.takes is kind), key=lambda metric: metric.position)


FIGURES: dict[str, Figure] = {
    figure.name: figure for kind in INPUTS for metric in metrics_of(kind) for figure in metric.figures
}
"""Figures by name, in the order of tables."""


def compute(inputs: Any) -> dict[str, Any]:
    """Values of all metrics that take such input, by name."""
    return {name: value for metric in metrics_of(type(inputs)) for name, value in metric.compute(inputs).items()}


def in_words(values: Mapping[str, Any], by: str = "") -> str:
    """The main figures on a line, and the network by whose features they are, if `by` is its title.

    >>> in_words({"fid": 2.5, "precision": 0.7, "histogram": [1, 2]}, "a random network")
    'FID 2.500  precision 0.700  by features of a random network'
    """
    shown = [figure for figure in FIGURES.values() if figure.word and figure.name in values]
    figures = [f"{figure.word} {values[figure.name]:{figure.format}}" for figure in shown]
    return "  ".join([*figures, f"by features of {by}"] if by else figures)


__all__ = ["FIGURES", "METRICS", "Figure", "Metric", "compute", "in_words", "metrics_of"]
