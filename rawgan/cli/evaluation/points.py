"""Report on generated points: figures beside those of the mixture's own points."""

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from rawgan.cli.evaluation.report import write_report
from rawgan.cli.terminal.text import say, telling
from rawgan.data import Mixture
from rawgan.gan import GAN, generate
from rawgan.metrics import FIGURES, evaluate_points, floor_of
from rawgan.pictures.scatter import save_scatter
from rawgan.storage import RunFolder

Figures = dict[str, Any]


def report_on_points(
    console: Console, folder: RunFolder, mixture: Mixture, gan: GAN, step: int, count: int, seed: int
) -> None:
    """Measure points of the generator, print the table, and write evaluation.json and points.png."""
    points, generated, floor = measure_points(gan, mixture, count, seed)
    _print_figures(console, f"{count:,} points of step {step:,}", generated, floor)
    with folder.results():
        write_report(console, folder, step, samples=count, seed=seed, generated=generated, floor=floor)
        with telling(console):
            say(console, f"points: {save_scatter(folder.path / 'points.png', points, mixture, f'step {step:,}')}")


def measure_points(gan: GAN, mixture: Mixture, count: int, seed: int) -> tuple[Any, Figures, Figures]:
    """Points of the generator (count, 2), their figures, and those of as many points of the mixture."""
    points = generate(gan.sampler, gan.noise(seed, "evaluate", count), extent=mixture.extent)
    return points, evaluate_points(points, mixture), floor_of(mixture, count, seed)


def _print_figures(console: Console, title: str, generated: Figures, floor: Figures) -> None:
    """Print the table of figures, and below it the number of points of each mode."""
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
