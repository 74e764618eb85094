"""The room "now": samples as they grow, figures, the doctor's verdict, time left."""

import base64
import time
from typing import Any

from nicegui import ui

from rawgan.errors import FileError
from rawgan.gan.step_metrics import PANELS, STEP_METRICS, Panel
from rawgan.lab.room import Keys, Lab, Room
from rawgan.lab.texts import Texts
from rawgan.lab.watching import thinned
from rawgan.pictures.png import is_whole_png
from rawgan.storage.numbered_files import step_in_name
from rawgan.units import duration

POINTS = 300
"""Most points of a curve."""
MARKED = 30
"""Points of a curve below which each is marked."""
LOOK_SECONDS = 2.0
"""Time between two looks at the run."""
DRAW_SECONDS = 10.0
"""Time between two drawings of the charts, which cost a browser as much as everything else together."""


def build(lab: Lab, text: Texts) -> Keys:
    """Put the room onto the page."""
    ui.label(text("now.about")).classes("text-sm opacity-70")
    state = ui.label().classes("text-lg state")
    bar = ui.linear_progress(value=0, show_value=False).props("rounded instant-feedback")
    with ui.row().classes("w-full items-start gap-6"):
        with ui.column().classes("gap-1"):
            caption = ui.label().classes("text-sm caption")
            picture = ui.image().classes("w-96 max-w-full pixelated").props("no-spinner no-transition")
            slider = ui.slider(min=0, max=1, value=1).classes("w-96 max-w-full")
        with ui.column().classes("grow min-w-80 gap-2"):
            verdict = ui.column().classes("w-full gap-1")
            charts = ui.column().classes("w-full gap-2")
    plots: dict[str, ui.echart] = {}
    shown: dict[str, Any] = {"alarms": None, "picture": None, "count": 0, "drawn": -DRAW_SECONDS}

    def show_picture() -> None:
        paths = lab.watch.pictures()
        if not paths:
            caption.text = text("now.no_samples")
            return
        newest = slider.value >= shown["count"] - 1 or not shown["count"]
        if len(paths) != shown["count"]:
            shown["count"] = len(paths)
            slider.props(f"max={len(paths) - 1}")
            if newest:
                slider.value = len(paths) - 1
        path = paths[min(int(slider.value), len(paths) - 1)]
        if path == shown["picture"]:
            return
        try:
            if not is_whole_png(path):
                return
            data = path.read_bytes()
        except (FileError, OSError):
            return  # deleted by a run that went back
        shown["picture"] = path
        picture.set_source("data:image/png;base64," + base64.b64encode(data).decode())
        caption.text = text("now.samples", step=f"{step_in_name(path):,}")

    def show_verdict() -> None:
        if shown["alarms"] == (alarms := [*lab.watch.alarms]):
            return
        shown["alarms"] = alarms
        verdict.clear()
        with verdict:
            if not alarms:
                ui.label(text("now.healthy")).classes("text-sm")
            for alarm in alarms:
                fields = {"name": "symptom", "figure": "figure", "value": "value"}
                told = {name: alarm.get(key, "") for name, key in fields.items()}
                bounds = " … ".join(str(alarm[key]) for key in ("least", "most") if alarm.get(key) is not None)
                line = text("now.alarm", step=f"{alarm['step']:,}", healthy=bounds, **told)
                ui.label(line).classes("text-sm font-bold alarm")
                ui.label(text("now.remedy", remedy=alarm.get("remedy", ""))).classes("text-sm")

    def show_figures() -> None:
        for panel in PANELS:
            curves = _curves(panel, lab.watch.lines)
            if not curves:
                continue
            if panel.title not in plots:
                with charts:
                    plots[panel.title] = ui.echart(_options(panel)).classes("w-full h-56")
            plots[panel.title].options["series"] = curves
            plots[panel.title].update()

    def look() -> None:
        before, lab_watch = shown.get("reached"), lab.watch
        lab_watch.look()
        state.text = _state(lab, text)
        bar.value = lab_watch.reached / lab_watch.steps if lab_watch.steps else 0.0
        show_picture()
        show_verdict()
        now = time.monotonic()
        ended = before is not None and not lab_watch.is_running
        if lab_watch.reached != before and (ended or now - shown["drawn"] >= DRAW_SECONDS):
            shown["reached"], shown["drawn"] = lab_watch.reached, now
            show_figures()

    slider.on_value_change(show_picture)
    ui.timer(LOOK_SECONDS, look)
    look()
    return {}


def _state(lab: Lab, text: Texts) -> str:
    """Progress, state and time left, in words."""
    watch = lab.watch
    ended = watch.steps is not None and watch.reached >= watch.steps
    state = text("now.running" if watch.is_running else "now.finished" if ended else "now.interrupted")
    steps = "?" if watch.steps is None else f"{watch.steps:,}"
    parts = [text("now.progress", step=f"{watch.reached:,}", steps=steps), state]
    if watch.seconds_left is not None and watch.seconds_per_step is not None:
        pace = f"{1000 * watch.seconds_per_step:.0f} ms"
        parts.append(text("now.left", time=duration(watch.seconds_left), pace=pace))
    if watch.lines:
        parts += [
            f"{metric.label} {watch.lines[-1][name]:{metric.format}}"
            for name, metric in STEP_METRICS.items()
            if metric.in_log and name in watch.lines[-1]
        ]
    return " · ".join(parts)


def _curves(panel: Panel, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Curves of a panel for the chart."""
    found = []
    for name, metric in STEP_METRICS.items():
        data = thinned([[line["step"], line[name]] for line in lines if name in line], POINTS)
        if metric.panel is panel and data:
            is_sparse = len(data) < MARKED  # its points are told apart
            found.append({"type": "line", "name": metric.label, "color": metric.colour, "data": data,
                          "showSymbol": is_sparse, "lineStyle": {"width": 1.5}})  # fmt: skip
    return found


def _options(panel: Panel) -> dict[str, Any]:
    """The chart of a panel, without its curves."""
    low, high = panel.limits or (None, None)
    return {
        "animation": False,
        "title": {"text": panel.title, "left": 0, "textStyle": {"fontSize": 13}},
        "legend": {"top": 0, "right": 0},
        "grid": {"top": 36, "bottom": 28, "left": 48, "right": 16},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "value", "min": "dataMin", "max": "dataMax"},
        "yAxis": {"type": "value", "scale": True, "min": low, "max": high},
        "dataZoom": [{"type": "inside"}],
        "series": [],
    }


NOW = Room("now", "a run as it grows: samples, figures, alarms, time left", "1", build)
