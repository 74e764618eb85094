"""Runs: take one training step apart, array by array."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import waiting
from rawgan.cli.terminal.step_printer import StepPrinter
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Range, Word
from rawgan.device import resolve
from rawgan.inference.next_step import trainer_of
from rawgan.inspection.tracer import trace
from rawgan.storage import RunFolder


@dataclass(frozen=True)
class StepConfig:
    """Show the next training step of a run whole: five parts of G, four of D, numbered as in the tutorial.

    Of every array that the step makes, there is a line with its shape, range, root mean square and histogram, and a
    picture of what has height and width: what each layer makes, forwards; the losses; the gradients that go back from
    layer to layer; what the optimiser makes of them. The step begins at the latest checkpoint, and is the very one
    that training takes there. The run stays as it is.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    parts: Annotated[tuple[Literal["G1", "G2", "G3", "G4", "G5", "D1", "D2", "D3", "D4"], ...], Word("PARTS...")] = ()
    """Print these parts only, instead of all."""
    pictures: Annotated[int, Range(0, 64)] = 6
    """Most pictures of an array: images of a batch, feature maps of the first image, kernels of the first channel."""
    data: Annotated[str | None, Word("DATA")] = None
    """New place of the run's images, if they have moved."""
    targets: Annotated[str | None, Word("DATA")] = None
    """New place of the run's --targets, if they have moved."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""


def main(options: list[str]) -> int:
    """Take the step, and print it."""
    config = parse(StepConfig, "rawgan step", options)
    device, console = resolve(config.device), Terminal.for_tables()
    with RunFolder.open(config.run).held() as folder:
        with waiting(console, "reading"):
            trainer = trainer_of(folder, device, config.data, config.targets)
        say(console, f"{folder.path}: step {trainer.reached + 1:,}, a batch of {trainer.config.data.batch_size}")
        printer = StepPrinter(console, config.pictures, frozenset(config.parts))
        trace(lambda: trainer.take(kernel_by_kernel=True), trainer.gan.networks, printer)
    return 0
