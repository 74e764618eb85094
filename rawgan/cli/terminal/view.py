"""Views of a training run: lines of a log, or samples and figures that stay in their place in a terminal."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import ControlType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from rawgan.cli.terminal.progress import repeating
from rawgan.cli.terminal.text import say
from rawgan.gan import AUGMENTATIONS
from rawgan.gan.step_metrics import (
    AUGMENTATION,
    DIFFERENCES,
    LOSSES,
    PENALTY,
    PROBABILITIES,
    STEP_METRICS,
    Panel,
    guesses,
    units,
)
from rawgan.metrics import in_words, quality
from rawgan.pictures.scatter import RASTER, quality_in_words, rasters
from rawgan.pictures.terminal import layout_of, terminal_lines
from rawgan.training import Extension, Run, Trainer
from rawgan.units import duration

LOG_SECONDS = 5.0
"""Time between the lines of a log."""
SILENT_SECONDS = 9.0
"""The longest time without any line, however long a step takes, or what follows the last one."""
REFRESH_SECONDS = 2.0
"""Time between refreshes of the figures in a terminal, however long a step takes."""
REDRAW_SECONDS = 4.0
"""Time between pictures in a terminal."""
SHARE = 100
"""Pictures are drawn at intervals of as many times what drawing takes, so that they cost 1 % of the time at most."""
WINDOW = 50
"""Latest steps by which the speed is measured."""
LEAST_ACROSS = 4
"""Pixels of an image below which nothing is to be seen."""


class Log(Extension):
    """Progress as lines of text: for files, pipes, and terminals that cannot move the cursor."""

    def __init__(self, console: Console, trainer: Trainer) -> None:
        self.console, self.trainer = console, trainer
        self.times: deque[tuple[int, float]] = deque(maxlen=WINDOW)
        self.logged = -LOG_SECONDS
        self.record: dict[str, Any] = {}
        self.stack = ExitStack()

    def __enter__(self) -> "Log":
        self.entered = time.monotonic()
        self._print(*self.legend())
        self.stack.enter_context(repeating(SILENT_SECONDS / 3, self._live_sign))
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def _print(self, *lines: str) -> None:
        say(self.console, *lines)
        self.printed = time.monotonic()

    def _live_sign(self) -> None:
        """Print a line if there was none for long."""
        now, reached, steps = time.monotonic(), self.trainer.reached, self.trainer.steps
        if now - self.printed < SILENT_SECONDS * 2 / 3:
            return
        since = duration(now - (self.times[-1][1] if self.times else self.entered))
        self._print(f"step {reached}/{steps}; since then: {since}")

    def legend(self) -> Iterator[str]:
        """The meaning of the figures, a line for each panel that the run has figures of."""
        yield from (f"{names}: {meaning}" for _, names, meaning in self._notes())

    def _notes(self) -> Iterator[tuple[Panel, str, str]]:
        """Panels of figures, with the names of these and their meaning."""
        config = self.trainer.config.loss_config()
        value, unit = guesses(config), f"{units(config)['d_loss']}; ".removeprefix("; ")
        yield LOSSES, "D loss and G loss", f"{unit}{value['d_loss']:.3f} and {value['g_loss']:.3f} if D guesses"
        yield PROBABILITIES, "D(real) and D(fake)", "probability of being real, by D; 0.5 if D guesses"
        if config.augment is not None and AUGMENTATIONS[config.augment].adaptive:
            meaning = (
                f"p rises while r_t, the mean sign of D's logits of real images, is above {config.augment_target:g}"
            )
            yield AUGMENTATION, "p and r_t", meaning
        if config.penalty is not None:
            yield PENALTY, "penalty", STEP_METRICS["penalty"].meaning
        if config.g_penalty is not None:
            yield PENALTY, "G penalty", STEP_METRICS["g_penalty"].meaning
        if self.trainer.config.command != "train":
            yield DIFFERENCES, "differences", "mean absolute; pixels are from -1 to 1"

    def seconds_per_step(self) -> float:
        """Mean of the latest steps; 0 as long as there is only one."""
        if len(self.times) < 2:
            return 0.0
        (first, began), (last, ended) = self.times[0], self.times[-1]
        return max((ended - began) / max(last - first, 1), 1e-9)

    def pace(self, step: int, since: float = 0.0) -> str:
        """Speed, and the time that is left, of which some has passed since that step."""
        each = self.seconds_per_step()
        if not each:
            return ""
        config, left = self.trainer.config, each * (self.trainer.steps - step) - since
        speed = f"{1 / each:.3g} steps/s" if each < 1 else f"{each:.3g} s/step"
        images = config.data.batch_size / each
        pace = f"{images:.0f}" if images >= 10 else f"{images:.2g}"
        return f"{speed}  {pace} {config.spec.name}/s  ETA {duration(max(left, 0.0))}"

    def step(self, run: Run, record: Mapping[str, Any]) -> None:
        """Print a line, unless the last one is recent."""
        now = time.monotonic()
        self.times.append((record["step"], now))
        self.record = {**self.record, **record}  # a penalty may be applied every so many steps only
        if record["step"] not in (1, self.trainer.steps) and now - self.logged < LOG_SECONDS:
            return
        self.logged = self.printed = now
        parts = (
            f"step {record['step']}/{self.trainer.steps}",
            f"epoch {record['epoch']:.2f}",
            *_figures(self.record),
            self.pace(record["step"]),
        )
        say(self.console, "  ".join(filter(None, parts)))

    def samples(self, run: Run, samples: np.ndarray[Any, Any]) -> None:
        """Print how well points cover their mixture. Images are in files, and a log shows none."""
        if self.trainer.config.data.mixture is not None:
            found = quality_in_words(quality(samples, self.trainer.config.data.mixture))
            self._print(f"step {run.reached:,}: {found}")

    def measured(self, run: Run, figures: Mapping[str, Any]) -> None:
        """Print figures of quality."""
        self._print(f"step {run.reached:,}  {in_words(figures, run.task.measured_by)}")

    def tell(self, message: str) -> None:
        """Print a message for a person."""
        self._print(*message.splitlines())


class View(Log):
    """Samples as large as the terminal allows, a bar, and every figure with its name, which stay in their place."""

    def __enter__(self) -> "View":
        self.picture: list[str] = []
        self.size = self.console.size  # that the picture was made for
        self.caption = ""
        self.drawn, self.cost = 0.0, 0.0
        self.live = Live(self, console=self.console, refresh_per_second=1 / REFRESH_SECONDS, vertical_overflow="crop")
        self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.live.stop()

    def step(self, run: Run, record: Mapping[str, Any]) -> None:
        """Keep the figures for the next refresh; draw new samples unless the last picture is recent."""
        self.record = {**self.record, **record}  # a penalty may be applied every so many steps only
        self.times.append((record["step"], time.monotonic()))
        if time.monotonic() - self.drawn >= max(REDRAW_SECONDS, SHARE * self.cost):
            self.show(self.trainer.reached, None)

    def samples(self, run: Run, samples: np.ndarray[Any, Any]) -> None:
        """Draw samples that were made for a picture."""
        self.show(run.reached, samples)

    def show(self, step: int, samples: np.ndarray[Any, Any] | None) -> None:
        """Draw samples, new ones if None are given."""
        began = time.monotonic()
        try:
            self._draw(step, self.trainer.task.sample() if samples is None else samples)
        except Exception as error:  # whatever it is: the run is worth more than its picture
            self.picture, self.caption = [], f"step {step:,}: no picture: {str(error) or type(error).__name__}"
        self.live.refresh()
        self.drawn = time.monotonic()
        self.cost = self.drawn - began

    def _draw(self, step: int, samples: np.ndarray[Any, Any]) -> None:
        """Make the picture that the next refresh shows."""
        mixture, ema = self.trainer.config.data.mixture, self.trainer.config.networks.ema
        self.size = self.console.size
        width, height = self.size.width, self.size.height - len(self._status()) - 2
        of = ", by the average of G's weights" if ema else ""
        self.caption = f"samples of step {step:,}{of}"
        if mixture is None:
            images, group = self.trainer.task.shown(samples)
            layout = layout_of(len(images), group, images.shape[1:3], width, height)
        else:
            self.caption = f"step {step:,}: real points, and {quality_in_words(quality(samples, mixture))}"
            layout = layout_of(2, 2, (RASTER, RASTER), width, height)
            images = rasters(samples, mixture, layout.across if layout else RASTER)
        fits = layout is not None and layout.across >= LEAST_ACROSS
        self.picture = terminal_lines(images, layout, self._colors()) if layout is not None and fits else []

    def _colors(self) -> str | None:
        """Colour system of the terminal; None if it cannot show half blocks of two colours."""
        has_blocks = not self.console.no_color and self.console.encoding.startswith("utf")
        return self.console.color_system if has_blocks else None

    def _status(self) -> list[RenderableType]:
        """The lines below the picture."""
        trainer, record = self.trainer, self.record
        step = record["step"] if record else trainer.reached
        since = time.monotonic() - self.times[-1][1] if self.times else 0.0
        first = [f"step {step}/{trainer.steps}"]
        rest = [""] * 2
        if record:
            first.append(f"epoch {record['epoch']:.2f}")
            rest = [f"{'  '.join(_figures(record, panel))}  ({meaning})" for panel, _, meaning in self._notes()]
        first.append(self.pace(step, since))
        if since > REDRAW_SECONDS and step < trainer.steps:
            first.append(f"this step: {duration(since)}")
        texts = [Text(line, no_wrap=True, overflow="ellipsis") for line in ("  ".join(filter(None, first)), *rest)]
        return [texts[0], ProgressBar(total=trainer.steps, completed=step), *texts[1:]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lines of the picture, as they are, and the others."""
        if console.size == self.size and self.picture:
            for drawn in self.picture:
                yield Segment(drawn, None, [(ControlType.CARRIAGE_RETURN,)])  # no text of which rich counts the width
                yield Segment.line()
        if self.caption:
            yield Text(self.caption, no_wrap=True, overflow="ellipsis")
        for line in self._status():
            yield line
            if isinstance(line, ProgressBar):
                yield Segment.line()


def _figures(record: Mapping[str, Any], panel: Panel | None = None) -> list[str]:
    """The figures of a step, of one panel or of all, each with its name."""
    return [
        f"{metric.label} {record[name]:{metric.format}}"
        for name, metric in STEP_METRICS.items()
        if metric.in_log and name in record and panel in (None, metric.panel)
    ]
