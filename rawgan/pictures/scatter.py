"""Pictures of points: beside those of the mixture that they should be like."""

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
"""What a picture shows, in extents of the mixture; a point farther out is not seen."""
RASTER = 96
"""Pixels that a picture for the terminal has on each side, at most."""


def quality_in_words(found: MixtureQuality) -> str:
    """The two figures that are published.

    >>> quality_in_words(MixtureQuality(7, 0.954, np.ones(8, np.int64)))
    '7 of 8 modes, 95.4 % of high quality'
    """
    return f"{found.modes} of {len(found.counts)} modes, {100 * found.high_quality:.1f} % of high quality"


def save_scatter(path: str | Path, points: NDArray[np.float32], mixture: Mixture, of: str) -> Path:
    """Save a PNG file of generated points over real ones, titled with what they are of, and return its path.

    Shapes: points (N, 2)
    Raises: what `quality` and `plotting` raise
    """
    title = f"{mixture.name}, {of}: {quality_in_words(quality(points, mixture))}"
    with plotting(path, (5, 5.2), dpi=120) as figure:
        axes = figure.subplots()
        draw_points(axes, points, mixture)
        axes.set_title(title, fontsize=10, loc="left")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9, markerscale=2)
    return Path(path)


def draw_points(axes: "Axes", points: NDArray[np.float32], mixture: Mixture) -> None:
    """Draw generated points, those of high quality blue and others orange, over real ones in grey.

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
    """Save points as what the path ends in: numbers in an .npy or .csv file, a .png picture; and return the path.

    Shapes: points (N, 2)
    Raises: ArgumentError for another ending; what `save_scatter` raises
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
    """The points that pictures show: always the same. Shapes: → (count, 2)"""
    return mixture.sample(count, make_rng(0, "shown"))


def rasters(points: NDArray[np.float32], mixture: Mixture, size: int = RASTER) -> NDArray[np.uint8]:
    """Real points, and generated ones, as two small images: white where there are any.

    Shapes: points (N, 2) → (2, size, size, 1)

    >>> from rawgan.data import ring8
    >>> rasters(np.zeros((3, 2), np.float32), ring8()).shape
    (2, 96, 96, 1)
    """
    edges = np.linspace(-MARGIN, MARGIN, size + 1) * mixture.extent
    both = real_points(mixture, len(points)), points
    images = [np.histogram2d(-each[:, 1], each[:, 0], (edges, edges))[0] for each in both]
    return np.where(np.stack(images)[..., None] > 0, 255, 0).astype(np.uint8)
