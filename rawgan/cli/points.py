"""rawgan evaluate, of a run that makes points."""

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from rawgan.data import Mixture
from rawgan.gan import GAN, generate
from rawgan.metrics import FIGURES, evaluate_points, floor_of

Figures = dict[str, Any]


def measured(gan: GAN, mixture: Mixture, count: int, seed: int) -> tuple[Any, Figures, Figures]:
    """Points of the generator, their figures, and those of as many of the mixture's own. Shapes: → (count, 2), …"""
    points = generate(gan.sampler, gan.noise(seed, "evaluate", count), extent=mixture.extent)
    return points, evaluate_points(points, mixture), floor_of(mixture, count, seed)


def print_figures(console: Console, title: str, generated: Figures, floor: Figures) -> None:
    """A table of the figures, and below it how many points each mode has."""
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    for heading in ("", "generated", "the mixture's own", ""):
        table.add_column(heading, justify="right" if heading else "left")
    both = generated, floor
    modes = len(floor["histogram"])
    table.add_row(f"modes of {modes}", *(str(figures["modes"]) for figures in both), "")
    for figure in (FIGURES["high_quality"], FIGURES["unmatched"]):
        table.add_row(figure.label, *(format(each[figure.name], figure.format) for each in both), figure.remark)
    for label, pick in (("of the rarest mode", min), ("of the commonest", max)):
        table.add_row(label, *(f"{pick(figures['histogram']):,}" for figures in both), "good points")
    console.print(table)
    counts = "  ".join(str(count) for count in generated["histogram"])
    console.print(f"points of each mode  {counts}", soft_wrap=True)
