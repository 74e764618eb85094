"""python -m bench framing: three pictures, framed in each way that `--fit` names."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tyro

from bench.common.experiment import Experiment
from bench.common.files import FOLDER
from bench.common.terminal import make_console, print_lines
from rawgan.cli.parsing import parse
from rawgan.data.pixels import FITS, square, with_channels
from rawgan.pictures.sheets import save_sheet, thumbnail

if TYPE_CHECKING:
    from PIL import Image

SIZE = 64
"""Height and width of the squares, in pixels."""
SKY, MEADOW, HOUSE, SUN = (120, 180, 240, 255), (70, 150, 70, 255), (180, 70, 50, 255), (250, 210, 60, 255)


@dataclass(frozen=True)
class FramingConfig:
    """Draw a wide, a high and a transparent picture, as they are and in each framing, with 3 channels and with 4."""

    results: Annotated[Path, tyro.conf.arg(help_behavior_hint="(default: bench/results)")] = FOLDER
    """Folder to write framing.png into."""


def main(options: list[str]) -> None:
    """Draw, and say where the picture is."""
    config = parse(FramingConfig, "python -m bench framing", options)
    rows = [
        [thumbnail(np.asarray(picture)), *(thumbnail(square(picture, SIZE, channels, fit)) for fit in FITS)]
        for picture, channels in ((scene(160, 80), 3), (scene(80, 120), 3), (sticker(), 3), (sticker(), 4))
    ]
    config.results.mkdir(parents=True, exist_ok=True)
    titles = ["3 channels", "3 channels", "3 channels", "4 channels"]
    path = save_sheet(config.results / "framing.png", rows, ["image", *FITS], titles)
    print_lines(make_console(), [f"written: {path}"])


def scene(width: int, height: int) -> "Image.Image":
    """A landscape with a house and the sun."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGBA", (width, height), SKY)
    draw, unit = ImageDraw.Draw(picture), min(width, height) // 8
    draw.rectangle((0, height - 3 * unit, width, height), MEADOW)
    draw.ellipse((unit, unit, 3 * unit, 3 * unit), SUN)
    left, top = width - 4 * unit, height - 5 * unit
    draw.rectangle((left, top, left + 3 * unit, top + 3 * unit), HOUSE)
    draw.polygon([(left - unit // 2, top), (left + 3 * unit // 2, top - 2 * unit), (left + 7 * unit // 2, top)], HOUSE)
    return with_channels(picture, 3)


def sticker() -> "Image.Image":
    """A disc and a bar on a transparent ground."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGBA", (120, 72))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((6, 6, 65, 65), SUN)
    draw.rectangle((66, 28, 113, 43), HOUSE)
    return picture


EXPERIMENT = Experiment("three pictures in each framing of --fit", minutes=0.1, main=main)
