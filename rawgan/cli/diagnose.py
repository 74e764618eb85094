"""rawgan diagnose"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rawgan import __version__
from rawgan.cli._progress import progress_of
from rawgan.cli._text import say
from rawgan.data import Batches, PointBatches
from rawgan.device import resolve
from rawgan.gan import Labels
from rawgan.runs import RunFolder, doctor
from rawgan.runs._files import replacing
from rawgan.runs.config import TrainConfig
from rawgan.runs.doctor import Finding
from rawgan.runs.layer_plot import plot_layers
from rawgan.runs.probe import probe
from rawgan.runs.restoring import config_of, images_of, restore
from rawgan.tensor import Tensor

IMAGES = 256
"""Examined, or as many as whole batches of the run make of them."""
PIPE_WIDTH = 160
"""Characters of a line where there is no terminal to say how many fit."""


@dataclass(frozen=True)
class DiagnoseConfig:
    """Find out what a run suffers from: mode collapse, a discriminator that wins, data out of range, batch norm that
    drifts, dead units, layers that explode or vanish, a saturated output. Each with its figure, and what to change.

    Looks at the latest checkpoint and at the losses. Writes diagnosis.json, and diagnosis.png with the size of
    activations and gradients in every layer, into the run folder. The exit code is 0 for a healthy run, 1 otherwise.
    """

    run: Annotated[Path, tyro.conf.Positional]
    """The run folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    seed: int = 0
    """Of the noise, and of the choice of real images."""


def main(options: list[str]) -> int:
    """Examine, print the table, and write the files."""
    config = tyro.cli(DiagnoseConfig, prog="rawgan diagnose", args=options)
    folder, device, console = RunFolder.open(config.run), resolve(config.device), Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    asked = config_of(folder)
    gan, step = restore(folder, device)
    records = [record for record in folder.read_metrics() if record.get("step", 0) <= step]
    real, labels = _batch(console, asked, config.seed, device)
    count = len(real)
    z = gan.noise(config.seed, "diagnose", count)
    with console.status("examining"):
        seen = probe(gan, real, z, asked.recipe(), labels)
        findings = doctor.judge(seen, asked.recipe(), records)

    console.print(_table(f"{folder.path} after step {step:,}, {count} images", findings))
    alarms = [finding for finding in findings if finding.alarm]
    for disease in dict.fromkeys(finding.disease for finding in alarms):
        remedies = dict.fromkeys(finding.remedy for finding in alarms if finding.disease == disease)
        say(console, f"{disease}: {'; or '.join(remedies)}")
    if not doctor.is_warm(records):
        say(console, f"too early for more: that begins at step {doctor.WARM_UP}")
    for alarm in folder.read_alarms():
        say(console, f"while training, from step {alarm.get('step')} on: {alarm.get('disease')}")
    figures, picture = folder.path / "diagnosis.json", folder.path / "diagnosis.png"
    said = {"rawgan": __version__, "step": step, "images": count, "seed": config.seed,
            "findings": [finding.to_dict() for finding in findings]}  # fmt: skip
    with replacing(figures) as temporary:
        temporary.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    plot_layers(picture, seen.layers)
    say(console, f"figures: {figures}", f"activations and gradients of every layer: {picture}")
    return 1 if alarms else 0


def _batch(console: Console, asked: TrainConfig, seed: int, device: str) -> tuple[Tensor, Labels | None]:
    """Real images, or points, as many as can be looked at in whole batches, and the classes if they matter."""
    if asked.mixture is not None:
        count = max(asked.batch_size, IMAGES // asked.batch_size * asked.batch_size)
        return Tensor(PointBatches(asked.mixture, count, seed, device).batch(0)), None
    with progress_of(console, "reading images") as show:
        images = images_of(asked, show)
    count = max(asked.batch_size, min(IMAGES, len(images)) // asked.batch_size * asked.batch_size)
    batches = Batches(images, count, seed, device)
    return Tensor(batches.batch(0)), None if asked.conditional == "none" else batches.labels(0)


def _table(title: str, findings: list[Finding]) -> Table:
    table = Table(title=escape(title), title_justify="left", box=SIMPLE, pad_edge=False, collapse_padding=True)
    for heading in ("", "", "", "found", "healthy", ""):
        table.add_column(heading, justify="right" if heading == "found" else "left")
    before = ""
    for finding in findings:
        name = "" if finding.disease == before else finding.disease
        state = "[bold red]ALARM[/]" if finding.alarm else "ok"
        table.add_row(name, finding.figure, escape(finding.place), finding.shown, finding.healthy, state)
        before = finding.disease
    return table
