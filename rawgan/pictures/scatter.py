"""Scatter plots of generated points over real points of the mixture."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rawgan.data import Mixture
from rawgan.errors import ArgumentError
from rawgan.metrics import MixtureQuality, is_good, quality
from rawgan.pictures.plots import plotting
from rawgan.random import make_rng
from rawgan.storage.atomic import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 1.3
"""Largest coordinate that a picture shows, relative to the extent of the mixture. Points farther out are not seen."""
RASTER = 96
"""Height and width, in pixels, of a picture for the terminal."""


def quality_in_words(found: MixtureQuality) -> str:
    """Number of modes and share of high-quality points, the two figures that papers report.

    >>> quality_in_words(MixtureQuality(7, 0.954, np.ones(8, np.int64)))
    '7 of 8 modes, 95.4 % of high quality'
    """
    return f"{found.modes} of {len(found.counts)} modes, {100 * found.high_quality:.1f} % of high quality"


def save_scatter(path: str | Path, points: NDArray[np.float32], mixture: Mixture, of: str) -> Path:
    """Save a scatter plot of generated points over real ones as a PNG file, and return its path.

    `of`, such as "step 500", is part of the title.

    Shapes: points (N, 2)
    Raises: as `quality` and `plotting`
    """
    title = f"{mixture.name}, {of}: {quality_in_words(quality(points, mixture))}"
    with plotting(path, (5, 5.2), dpi=120) as figure:
        axes = figure.subplots()
        draw_points(axes, points, mixture)
        axes.set_title(title, fontsize=10, loc="left")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9, markerscale=2)
    return Path(path)


def draw_points(axes: "Axes", points: NDArray[np.float32], mixture: Mixture) -> None:
    """Draw generated points, high-quality ones in blue and others in orange, over real points in grey.

    Shapes: points (N, 2)
    """
    good, _ = is_good(points, mixture)
    limit = MARGIN * mixture.extent
    for shown, color, size, label in (
        (real_points(mixture, len(points)), "0.75", 10, "real"),
        (points[good], "#0072B2", 3, "generated"),
        (points[~good], "#D55E00", 3, "generated, of low quality"),
    ):
        axes.scatter(shown[:, 0], shown[:, 1], s=size, color=color, linewidth=0, label=label)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")


def save_points(path: Path, points: NDArray[np.float32], mixture: Mixture, of: str) -> Path:
    """Save points in the format of the suffix, and return the path: a .png picture, or an .npy or .csv file of numbers.

    Shapes: points (N, 2)
    Raises: ArgumentError for another suffix; as `save_scatter`
    """
    data = io.BytesIO()
    match path.suffix.lower():
        case ".png":
            return save_scatter(path, points, mixture, of)
        case ".npy":
            np.save(data, points)
        case ".csv":
            np.savetxt(data, points, "%.7g", delimiter=",", header="x,y", comments="")
        case _:
            raise ArgumentError(f"{path}: points go into a .png picture, or as numbers into an .npy or .csv file")
    return write_file(path, data.getvalue())


def real_points(mixture: Mixture, count: int) -> NDArray[np.float32]:
    """Real points for pictures, always the same. Shapes: → (count, 2)"""
    return mixture.sample(count, make_rng(0, "shown"))


def rasters(points: NDArray[np.float32], mixture: Mixture, size: int = RASTER) -> NDArray[np.uint8]:
    """Real and generated points as two small images, white where there are points.

    Shapes: points (N, 2) → (2, size, size, 1)

    >>> from rawgan.data import ring8
    >>> rasters(np.zeros((3, 2), np.float32), ring8()).shape
    (2, 96, 96, 1)
    """
    edges = np.linspace(-MARGIN, MARGIN, size + 1) * mixture.extent
    both = real_points(mixture, len(points)), points
    images = [np.histogram2d(-each[:, 1], each[:, 0], (edges, edges))[0] for each in both]
    return np.where(np.stack(images)[..., None] > 0, 255, 0).astype(np.uint8)
