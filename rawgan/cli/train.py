"""rawgan train"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rawgan.cli._progress import progress_of
from rawgan.cli._tables import human_bytes, layer_table
from rawgan.errors import RawganError
from rawgan.gan import training_bytes
from rawgan.runs import RunFolder, terminal_grid
from rawgan.runs.config import TrainConfig
from rawgan.runs.folder import read_toml
from rawgan.runs.training import Record, Training

LOG_SECONDS = 10.0
"""Time between log lines where there is no terminal to draw a progress bar in."""


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    config = tyro.cli(TrainConfig, prog="rawgan train", args=options, default=_defaults(options))
    console = Console()
    training = _prepare(console, config)
    if config.dry_run:
        return _dry_run(console, training)

    folder = RunFolder.create(config.out, f"{config.model}-{Path(config.data).name}")
    console.print(
        f"{config.model} on {len(training.images):,} images of {'×'.join(map(str, training.images.shape))}: "
        f"{training.steps:,} steps of {config.batch_size}, on {training.device} ({config.backend} kernels)",
        highlight=False,
    )
    console.print(f"run folder: {folder.path}", highlight=False, soft_wrap=True)
    display = _Bar(console, training) if console.is_terminal else _Log(console, training)
    with _stop_on_interrupt() as stop, display:
        reached = training.run(folder, display.step, display.sample, stop.is_set)
    console.print(
        f"pictures: {folder.samples_folder}\nanimation: {folder.animation_file}\nlosses: {folder.losses_file}",
        highlight=False,
        soft_wrap=True,
    )
    if reached < training.steps:
        console.print(f"stopped at step {reached:,} of {training.steps:,}; what was reached is kept", highlight=False)
        return 130
    console.print(f"more images: rawgan sample {folder.path}", highlight=False, soft_wrap=True)
    return 0


def _defaults(options: list[str]) -> TrainConfig:
    """The options' default values: those of the file that --config names, if there is one."""
    for position, option in enumerate(options):
        name, _, value = option.partition("=")
        if name == "--config" and (value or position + 1 < len(options)):
            path = Path(value or options[position + 1])
            return TrainConfig.from_dict(read_toml(path), str(path))
    return TrainConfig()


def _prepare(console: Console, config: TrainConfig) -> Training:
    """Load the data, with a progress bar if that takes long, and build the networks."""
    with progress_of(console, "reading images") as show:
        training = Training(config, show)
    for skipped in training.images.skipped:
        console.print(f"skipped {skipped}", highlight=False, markup=False, soft_wrap=True)
    return training


def _dry_run(console: Console, training: Training) -> int:
    """Show the networks, take one step, and account for the memory."""
    config, gan = training.config, training.gan
    for title, network, x in (
        ("generator", gan.generator, gan.noise(config.seed, "describe", config.batch_size)),
        ("discriminator", gan.discriminator, training.real(0)),
    ):
        console.print(layer_table(f"{config.model} {title}, batch {config.batch_size}", network, x))
    started = time.perf_counter()
    record = training.step(1)
    seconds = time.perf_counter() - started
    console.print(
        f"one step: {seconds:.2f} s, D loss {record.d_loss:.3f}, G loss {record.g_loss:.3f}; "
        f"the first is slower than the rest",
        highlight=False,
    )
    account = training_bytes(gan, config.batch_size)
    parts = ", ".join(f"{name} {human_bytes(size)}" for name, size in account.items())
    console.print(f"memory: about {human_bytes(sum(account.values()))} ({parts})", highlight=False)
    console.print(f"data: {human_bytes(training.images.images.nbytes)}; nothing was written", highlight=False)
    return 0


class _Log:
    """Progress as lines of text, for files and pipes."""

    def __init__(self, console: Console, training: Training) -> None:
        self.console, self.training = console, training
        self.started = self.logged = time.monotonic()

    def __enter__(self) -> "_Log":
        self.started = self.logged = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self, record: Record) -> None:
        """Print a line, unless the last one is recent."""
        now = time.monotonic()
        if now - self.logged < LOG_SECONDS and record.step not in (1, self.training.steps):
            return
        self.logged = now
        each = (now - self.started) / record.step
        self.console.print(
            f"step {record.step}/{self.training.steps}  epoch {record.epoch:.2f}  {_losses(record)}  "
            f"{self.training.config.batch_size / each:.0f} images/s  "
            f"{each * (self.training.steps - record.step):.0f} s left",
            highlight=False,
            soft_wrap=True,
        )

    def sample(self, step: int, images: np.ndarray[Any, Any]) -> None:
        """Pictures are files; a log shows none."""


class _Bar(_Log):
    """Progress as a bar, and the samples drawn above it."""

    COLUMNS, ROWS = 8, 2

    def __enter__(self) -> "_Bar":
        super().__enter__()
        self.progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[losses]}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
        )
        self.task = self.progress.add_task("training", total=self.training.steps, losses="", speed="")
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def step(self, record: Record) -> None:
        """Move the bar."""
        speed = record.step * self.training.config.batch_size / (time.monotonic() - self.started)
        self.progress.update(
            self.task,
            completed=record.step,
            losses=f"epoch {record.epoch:.2f}  {_losses(record)}",
            speed=f"{speed:.0f} images/s",
        )

    def sample(self, step: int, images: np.ndarray[Any, Any]) -> None:
        """Draw a few of the images."""
        few = images[: self.COLUMNS * self.ROWS]
        try:
            grid = terminal_grid(few, columns=self.COLUMNS, width=min(self.console.width, 100))
        except RawganError:
            return  # the terminal is too narrow for pictures, which are in the run folder anyway
        self.progress.console.print(f"step {step:,}", highlight=False)
        self.progress.console.print(grid)


def _losses(record: Record) -> str:
    return (
        f"D loss {record.d_loss:.3f}  G loss {record.g_loss:.3f}  "
        f"D(real) {record.d_real:.2f}  D(fake) {record.d_fake:.2f}"
    )


@contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a request to stop after the current step; a second one stops at once."""
    stop = threading.Event()

    def ask(signum: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
