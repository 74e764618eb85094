"""rawgan diagnose"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from rawgan import __version__
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import waiting
from rawgan.cli.terminal.text import Terminal, say, telling
from rawgan.device import resolve
from rawgan.diagnosis import doctor
from rawgan.diagnosis.doctor import Finding
from rawgan.diagnosis.layer_plot import plot_layers
from rawgan.diagnosis.probe import Layer, probe
from rawgan.inference.subjects import patients_of
from rawgan.storage import RunFolder
from rawgan.storage.atomic import write_file

ALARM, NOT_YET = Text("ALARM", "bold red"), Text("NOT YET", "bold yellow")


@dataclass(frozen=True)
class DiagnoseConfig:
    """Find out what a run suffers from: mode collapse, a discriminator that wins, data out of range, batch norm that
    drifts, dead units, layers that explode or vanish, a saturated output; and whether its samples are like the
    data yet. Each with its figure, and what to change.

    Looks at the latest checkpoint and at the losses. Writes diagnosis.json, and diagnosis.png with the size of
    activations and gradients in every layer, into the run folder. The exit code is 1 for an alarm, and for a run that
    has ended with samples unlike the data; otherwise 0.
    """

    run: Annotated[Path, tyro.conf.Positional]
    """The run folder."""
    data: str | None = None
    """Where the images of the run are, if they are elsewhere than when it was trained."""
    targets: str | None = None
    """The same of those of --targets."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    seed: int = 0
    """Seed of the noise and of the choice of real images."""


def main(options: list[str]) -> int:
    """Examine, print the table, and write the files."""
    config = parse(DiagnoseConfig, "rawgan diagnose", options)
    with RunFolder.open(config.run).held() as folder:
        return _diagnose(config, folder)


def _diagnose(config: DiagnoseConfig, folder: RunFolder) -> int:
    """Examine a run."""
    device, console = resolve(config.device), Terminal.for_tables()
    with waiting(console, "reading"):
        asked, step, patients = patients_of(folder, config.seed, device, config.data, config.targets)
    records = [record for record in folder.read_metrics() if record.get("step", 0) <= step]
    count, findings, layers = len(patients[0].real), list[Finding](), list[Layer]()
    for patient in patients:
        with waiting(console, "examining"):
            seen = probe(patient.gan, patient.real, patient.latent, asked.loss_config(), patient.given)
            found = doctor.judge(seen, asked.loss_config(), records, asked.remedies)
        console.print(_table(f"{folder.path} after step {step:,}{patient.name}, {count} images", found))
        findings += found
        layers = layers or seen.layers
    out = [finding for finding in findings if finding.out]
    alarms = [finding for finding in out if finding.alarm]
    told = alarms or out  # what is wrong comes first: as long as it is, longer training may not help
    for disease in dict.fromkeys(finding.disease for finding in told):
        remedies = dict.fromkeys(finding.remedy for finding in told if finding.disease == disease)
        say(console, f"{disease}: {'; or '.join(remedies)}")
    examined, _ = folder.newest_checkpoint()  # the one that is whole
    warm, ended = doctor.is_warm(records), examined is not None and step >= examined.about.steps
    if not warm:
        say(console, f"too early for more: that begins at step {doctor.WARM_UP}")
    for alarm in folder.read_alarms():
        say(console, f"while training, from step {alarm.get('step')} on: {alarm.get('disease')}")
    figures, picture = folder.path / "diagnosis.json", folder.path / "diagnosis.png"
    said = {"rawgan": __version__, "step": step, "images": count, "seed": config.seed,
            "findings": [finding.to_dict() for finding in findings]}  # fmt: skip
    with folder.results():
        write_file(figures, f"{json.dumps(said, indent=2)}\n".encode())
        say(console, f"figures: {figures}")
        with telling(console):
            say(console, f"activations and gradients of every layer: {plot_layers(picture, layers)}")
    return 1 if alarms or (out and warm and ended) else 0


def _table(title: str, findings: list[Finding]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, collapse_padding=True)
    for heading in ("", "", "", "found", "healthy", ""):
        table.add_column(heading, justify="right" if heading == "found" else "left")
    before = ""
    for finding in findings:
        name = "" if finding.disease == before else finding.disease
        state = ALARM if finding.alarm else NOT_YET if finding.pending else "ok"
        table.add_row(name, finding.figure, finding.place, finding.shown, finding.healthy, state)
        before = finding.disease
    return table
