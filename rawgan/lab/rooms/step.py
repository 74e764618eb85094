"""The room "step": one training step, done part by part, with every array that it makes."""

import base64
import re
from itertools import groupby

from nicegui import ui

from rawgan.gan.step_metrics import STEP_METRICS
from rawgan.lab.room import Keys, Lab, Room
from rawgan.lab.texts import Texts
from rawgan.lab.workbench import PartSeen, Seen, Workbench

LOOK_SECONDS = 0.2
"""Time between two looks at the workbench."""
KINDS = {"value": "#E69F00", "output": "#0072B2", "gradient": "#CC79A7", "update": "#009E73"}
"""Kinds of arrays, and their colours, which colour-blind people can tell apart."""


def build(lab: Lab, text: Texts) -> Keys:
    """Put the room onto the page."""
    StepRoom(lab.bench, text)
    return {"n": lab.bench.next_part, "e": lab.bench.whole_step}


class StepRoom:
    """The room on one page. Several pages see the same step."""

    def __init__(self, bench: Workbench, text: Texts) -> None:
        self.bench, self.text = bench, text
        self.chosen: int | None = None
        """Number of the part that is looked at; None follows the step."""
        self.version = -1
        """Version of the workbench that the page shows."""
        ui.label(text("step.about")).classes("text-sm opacity-70")
        with ui.row().classes("items-center gap-3"):
            self.next = ui.button(on_click=bench.next_part).props("no-caps").classes("next")
            self.whole = ui.button(text("step.whole"), on_click=bench.whole_step).props("no-caps outline")
            self.state = ui.label().classes("text-sm step-state")
        self.networks = ui.column().classes("w-full gap-2")
        with ui.row().classes("w-full items-start gap-6 sm:flex-nowrap"):
            self.list = ui.column().classes("gap-0 shrink-0")
            self.arrays = ui.column().classes("grow gap-1 overflow-x-auto")
        with ui.dialog() as self.dialog, ui.card().classes("w-full max-w-4xl"):
            self.code = ui.column().classes("w-full gap-2")
        ui.timer(LOOK_SECONDS, self.look)
        self.look()

    def look(self) -> None:
        """Show what is new."""
        if self.bench.version != self.version:
            self.version = self.bench.version
            self._show_state()
            self._show_parts()

    # --- state and parts ---------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        bench, text = self.bench, self.text
        latest = bench.ended or bench.ready
        begins = not bench.parts or bench.ended is not None
        step = "" if latest is None else f"{latest.step + 1:,}"
        self.next.text = text("step.begin", step=step) if begins else text("step.next")
        for button in (self.next, self.whole):
            button.set_enabled(bench.is_waiting)
        if bench.failure is not None:
            self.state.text = text("step.failed", why=bench.failure)
        elif bench.ready is None:
            self.state.text = text("step.loading")
        elif bench.ended is not None:
            figures = [(metric, bench.ended.figures.get(name)) for name, metric in STEP_METRICS.items()]
            told = " · ".join(
                f"{metric.label} {value:{metric.format}}" for metric, value in figures if value is not None
            )
            self.state.text = text("step.ended", step=f"{bench.ended.step:,}", figures=told)
        elif not bench.parts:
            self.state.text = text("step.intro")
        else:
            self.state.text = "" if bench.is_waiting else text("step.working")

    def _show_parts(self) -> None:
        """The list of parts so far, and the one that is looked at."""
        parts = [*self.bench.parts]
        if self.chosen is not None and self.chosen >= len(parts):
            self.chosen = None  # another step has begun
        at = len(parts) - 1 if self.chosen is None else self.chosen
        self.list.clear()
        with self.list:
            for number, seen in enumerate(parts):
                title = f"{seen.part.network}{seen.part.number}  {self._subject(seen)}"
                button = ui.button(title, on_click=lambda number=number: self._choose(number))
                button.props(f"flat no-caps dense align=left {'' if number == at else 'color=grey'}").classes("part")
        self._show_networks(parts[at].arrays if parts else [])
        self.arrays.clear()
        with self.arrays:
            if parts:
                self._show_arrays(parts[at])

    def _choose(self, number: int) -> None:
        self.chosen = None if number == len(self.bench.parts) - 1 else number
        self._show_parts()

    def _subject(self, seen: PartSeen) -> str:
        """The subject of a part: the values that it shows, or the kind of work done."""
        values = [each.name for each in seen.arrays if each.kind == "value"]
        kinds = [self.text(f"kinds.{each.kind}") for each in seen.arrays]
        return ", ".join(values or dict.fromkeys(kinds))

    # --- networks ----------------------------------------------------------------------------------------------------

    def _show_networks(self, arrays: list[Seen]) -> None:
        """Both networks, layer by layer. Those that have a part in the arrays are coloured."""
        self.networks.clear()
        if self.bench.ready is None:
            return
        colours = _colours(arrays)
        with self.networks:
            for network, layers in groupby(self.bench.ready.layers, lambda layer: layer.network):
                with ui.row().classes("items-center gap-1"):
                    ui.label(self._name_of(network)).classes("w-28 text-sm font-bold")
                    for layer in layers:
                        place, kind = layer.layer.split(" ", 2)[1:]
                        if "." in place:
                            continue  # within another one
                        colour = colours.get((network, place))
                        box = ui.label(f"{place} {kind.partition('(')[0]}")
                        box.classes("text-xs px-2 py-1 rounded cursor-pointer layer")
                        box.style(f"background: {colour}; color: white" if colour else "background: #8883")
                        box.on("click", lambda layer=layer: self._show_code(layer.network, layer.layer))
            self._show_legend()

    def _show_legend(self) -> None:
        with ui.row().classes("gap-x-4 gap-y-1 text-xs"):
            for kind, colour in KINDS.items():
                with ui.row().classes("items-center gap-1"):
                    ui.element("div").classes("w-3 h-3 rounded").style(f"background: {colour}")
                    ui.label(self.text(f"step.{kind}"))
            ui.label(self.text("step.legend"))
            ui.label(self.text("step.layer"))

    def _name_of(self, network: str) -> str:
        return self.text(f"step.{network}") if network in ("generator", "discriminator") else network

    # --- arrays ------------------------------------------------------------------------------------------------------

    def _show_arrays(self, seen: PartSeen) -> None:
        """Every array of a part, below headings."""
        title = self.text(f"parts.{seen.part.network}{seen.part.number}")
        ui.label(f"{seen.part.network} {seen.part.number}: {title}").classes("text-lg part-title")
        for (kind, network), arrays in groupby(seen.arrays, lambda each: (each.kind, each.network)):
            heading = self.text(f"step.{kind}")
            label = ui.label(f"{self._name_of(network)}, {heading}" if network else heading)
            label.classes("text-sm font-bold mt-2").style(f"color: {KINDS[kind]}")
            for each in arrays:
                self._show_array(each)

    def _show_array(self, seen: Seen) -> None:
        """A row: name, shape, range, histogram, picture."""
        found = seen.summary
        with ui.row().classes("items-center gap-4 no-wrap text-xs array"):
            name = ui.label(f"{seen.name} {seen.what}".strip()).classes("w-72 shrink-0 break-words")
            if seen.kind in ("output", "gradient"):
                name.classes("cursor-pointer underline decoration-dotted")
                name.on("click", lambda: self._show_code(seen.network, seen.name))
            ui.label(" × ".join(map(str, found.shape))).classes("w-32 shrink-0")
            if seen.number is not None:
                ui.label(f"{seen.number:.6g}").classes("w-56 shrink-0 number")
            else:
                numbers = {name: f"{getattr(found, name):.3g}" for name in ("least", "greatest", "rms")}
                ui.label(self.text("step.range", **numbers)).classes("w-56 shrink-0 range")
                bars = ui.label(found.bars).classes("font-mono w-28 shrink-0 whitespace-pre")
                bars.style(f"color: {KINDS[seen.kind]}")
            if found.nonfinite:
                ui.label(self.text("step.nonfinite", count=f"{found.nonfinite:,}")).classes("font-bold")
            if seen.picture is not None:
                source = "data:image/png;base64," + base64.b64encode(seen.picture).decode()
                ui.html(
                    f'<img src="{source}" alt="{found.bars}" class="pixelated" style="height: 4rem">', sanitize=False
                )

    # --- code --------------------------------------------------------------------------------------------------------

    def _show_code(self, network: str, title: str) -> None:
        """Show the code of a layer, and of the ops that it has called so far."""
        assert self.bench.ready is not None
        layer = next(
            each for each in self.bench.ready.layers if each.network == network and title.startswith(each.layer)
        )
        called = (
            each.ops
            for part in self.bench.parts
            for each in part.arrays
            if each.network == network and each.name.startswith(layer.layer)
        )
        ops = dict.fromkeys(next(filter(None, called), ()))
        self.code.clear()
        with self.code:
            ui.label(f"{self._name_of(network)}, {title}").classes("text-lg code-title")
            ui.label(layer.purpose).classes("text-sm")
            if layer.parameters:
                shapes = ", ".join(f"{name} {shape}" for name, shape in layer.parameters.items())
                ui.label(self.text("step.parameters", shapes=shapes)).classes("text-sm")
            ui.code(layer.code or self.text("step.no_code"), language="python").classes("w-full text-xs")
            if ops:
                ui.label(self.text("step.ops")).classes("text-sm font-bold")
            for name in ops:
                ui.code(self.bench.ops[name], language="python").classes("w-full text-xs op")
        self.dialog.open()


def _colours(arrays: list[Seen]) -> dict[tuple[str, str], str]:
    """Colour of each outermost layer that arrays belong to, by network and position; the latest kind counts.

    A layer that applies the activation behind it in the same pass colours that one, too.
    """
    found = {}
    for each in arrays:
        if each.network:
            place = each.name.removeprefix("layer ").split(" ")[0]
            outer = place.split(".")[0]
            found[each.network, outer] = KINDS[each.kind]
            if place.isdecimal() and re.search(r"\), (Leaky)?ReLU\([\d.]*\)$", each.name):
                found[each.network, str(int(place) + 1)] = KINDS[each.kind]
    return found


STEP = Room("step", "a training step, done part by part, array by array", "2", build)
