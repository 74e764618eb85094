"""Pictures of reports: colours, style, headings."""

from pathlib import Path
from typing import Any

from bench.common.experiment import Draw
from bench.common.files import read
from rawgan.pictures.plots import plotting

# Colours that people of all kinds of colour vision can tell apart. Source: Okabe and Ito 2008
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY = "#767676"
STYLE = {
    "font.size": 10, "axes.titlesize": 12, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True, "grid.color": "#e4e4e4", "legend.frameon": False,
    "savefig.bbox": "tight",
}  # fmt: skip
SIZE, DPI = (6.4, 4.8), 120
SECOND_LINE = {"fontsize": 8.5, "color": GREY}


def draw_report(path: Path, draw: Draw | None) -> list[Path]:
    """Draw the picture of a report beside its file. Returns the pictures: none if `draw` is None."""
    if draw is None:
        return []
    report = read(path)
    with plotting(path.with_suffix(".png"), SIZE, DPI, STYLE) as figure:
        draw(figure, report)
    return [path.with_suffix(".png")]


def title(axes: Any, report: dict[str, Any], heading: str, more: str) -> None:
    """Write a heading, and below it, smaller, the machine, the precision and `more` about the report."""
    where, precision = report["machine"], report["settings"].get("precision", "float32")
    axes.set_title(heading, pad=30)
    threads = report["settings"].get("threads")
    used = f", {threads} of {where['cores']} cores" if threads else f", {where['cores']} cores"
    axes.annotate(f"{more}\n{where['cpu']}{used}, {precision}", (0, 1), (0, 5), xycoords="axes fraction",
                  textcoords="offset points", va="bottom", **SECOND_LINE)  # fmt: skip
