"""A training step in the terminal: a line for each array, with a small picture of it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from rawgan.inspection.events import Event, LayerGradient, LayerOutput, ParameterUpdate, PartBegins, Value
from rawgan.inspection.summary import kernels_first, maps_of, pictures_of_value, summary_of
from rawgan.pictures.terminal import layout_of, terminal_lines

Array = np.ndarray[Any, Any]

LINES = 6
"""Height of a picture in lines, of two pixels each."""
NAME, SHAPE = 40, 18
"""Widths of columns, in characters. A longer name has a line of its own."""


@dataclass
class StepPrinter:
    """Prints events as they happen: each part of the step has a heading, each network a line of its own."""

    console: Console
    pictures: int
    """Most pictures of an array; 0 prints none."""
    parts: frozenset[str]
    """Parts to print, such as "D3"; empty prints all."""
    _shown: bool = field(default=True, init=False)
    _heading: str = field(default="", init=False)

    def __call__(self, event: Event) -> None:
        """Print an event, if its part is to be printed."""
        if isinstance(event, PartBegins):
            part = event.part
            self._shown, self._heading = not self.parts or f"{part.network}{part.number}" in self.parts, ""
            if self._shown:
                self.console.print(Text(f"\n{part}", "bold"))
        elif not self._shown:
            return
        elif isinstance(event, Value):
            self._array(event.name, event.array)
            self._picture(pictures_of_value(event.name, event.array, self.pictures))
        elif isinstance(event, LayerOutput):
            self._head(f"{event.network}, forwards: what each layer makes")
            self._array(event.layer, event.array)
            self._picture(maps_of(event.array, self.pictures))
        elif isinstance(event, LayerGradient):
            self._head(f"{event.network}, backwards: gradient of the loss with respect to what each layer made")
            self._array(event.layer, event.array)
            self._picture(maps_of(event.array, self.pictures))
        else:
            self._update(event)

    def _update(self, event: ParameterUpdate) -> None:
        """Print a parameter's gradient, moments and step, and the parameter afterwards."""
        self._head(f"{event.network}, update by {event.optimizer}: {event.rule}")
        self.console.print(Text(f"    {event.parameter}"), soft_wrap=True)
        before = summary_of(event.before).rms
        for name, array in event.arrays.items():
            share = f"{100 * summary_of(array).rms / before:.2g} % of w" if name == "step" and before else ""
            self._array(f"  {name}", array, share)
        self._picture(maps_of(kernels_first(event.after), self.pictures))

    def _head(self, heading: str) -> None:
        if heading != self._heading:
            self._heading = heading
            self.console.print(Text(f"  {heading}", "italic"))

    def _array(self, name: str, array: Array, note: str = "") -> None:
        """Print the summary of an array; of a single number, the number."""
        if array.size == 1:
            self.console.print(Text(f"    {name:{NAME}} {array.item():.6g}"), soft_wrap=True)
            return
        if len(name) > NAME:
            self.console.print(Text(f"    {name}"), soft_wrap=True)
            name = ""
        found = summary_of(array)
        shape = " × ".join(map(str, found.shape))
        bad = f"{found.nonfinite:,} not finite" if found.nonfinite else ""
        numbers = f"{found.least:9.3g} to {found.greatest:<9.3g}  rms {found.rms:<9.3g} {found.bars}"
        line = f"    {name:{NAME}} {shape:{SHAPE}} {numbers}  {bad}{note}"
        self.console.print(Text(line.rstrip()), soft_wrap=True)

    def _picture(self, images: Array | None) -> None:
        if images is None or not len(images):
            return
        layout = layout_of(len(images), 1, images.shape[1:3], self.console.width - 4, LINES)
        if layout is None:
            return
        has_blocks = not self.console.no_color and self.console.encoding.startswith("utf")
        colours = self.console.color_system if has_blocks else None
        for line in terminal_lines(images.astype(np.float64), layout, colours):
            self.console.print(Text("    ").append_text(Text.from_ansi(line)), soft_wrap=True)
