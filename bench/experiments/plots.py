"""python -m bench plots: the pictures of saved reports, drawn again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from bench.common.errors import BenchError
from bench.common.experiment import Experiment, experiment, experiments
from bench.common.files import FOLDER, read
from bench.common.pictures import draw_report
from rawgan.cli.parsing import parse


@dataclass(frozen=True)
class PlotsConfig:
    """Draw the pictures of saved reports again, each beside its JSON file."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """JSON files that an experiment wrote. Unset: all in bench/results."""


def main(options: list[str]) -> None:
    """Draw, and print the names of the pictures.

    Raises: BenchError for a file that is no report
    """
    config = parse(PlotsConfig, "python -m bench plots", options)
    files = config.files or tuple(sorted(FOLDER.glob("*.json")))
    if not files:
        raise BenchError(f"there are no reports in {FOLDER}; run an experiment first")
    for file in files:
        for picture in draw_again(file):
            print(f"written: {picture}")


def draw_again(path: Path) -> list[Path]:
    """Draw the picture of a report beside it. Returns the pictures: none if its experiment draws none."""
    name = read(path)["benchmark"]
    return draw_report(path, experiment(name).draw if name in experiments() else None)


EXPERIMENT = Experiment("draw the pictures of saved reports again", minutes=0.1, main=main)
