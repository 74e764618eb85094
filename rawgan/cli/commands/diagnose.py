"""Runs: find the symptoms of a run, and what to change."""

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
from rawgan.config.options import Word
from rawgan.device import resolve
from rawgan.diagnosis import doctor
from rawgan.diagnosis.layer_plot import plot_layers
from rawgan.diagnosis.probe import Layer, probe
from rawgan.diagnosis.symptom import Symptom
from rawgan.inference.diagnosis_subjects import diagnosis_subjects
from rawgan.storage import RunFolder
from rawgan.storage.json_file import write_json
from rawgan.tasks import task_class

ALARM, NOT_YET = Text("ALARM", "bold red"), Text("NOT YET", "bold yellow")


@dataclass(frozen=True)
class DiagnoseConfig:
    """Find the symptoms of a run: mode collapse, a discriminator that wins or overfits, data out of range, batch norm
    that drifts, dead units, layers that explode or vanish, a saturated output, samples unlike the data. Each has its
    figure, and a remedy.

    Examines the latest checkpoint and the losses. Writes diagnosis.json, and diagnosis.png with the size of activations
    and gradients in every layer, into the run folder. The exit code is 1 for an alarm, and for a finished run whose
    samples are unlike the data; otherwise 0.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    data: Annotated[str | None, Word("DATA")] = None
    """New place of the run's images, if they have moved."""
    targets: Annotated[str | None, Word("DATA")] = None
    """New place of the run's --targets, if they have moved."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
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
        asked, step, subjects = diagnosis_subjects(folder, config.seed, device, config.data, config.targets)
    records = [record for record in folder.read_metrics() if record.get("step", 0) <= step]
    count, symptoms, layers = len(subjects[0].real), list[Symptom](), list[Layer]()
    for subject in subjects:
        with waiting(console, "examining"):
            seen = probe(subject.gan, subject.real, subject.latent, asked.loss_config(), subject.given)
            remedies = task_class(asked).remedies(asked)
            found = doctor.diagnose(seen, asked.loss_config(), records, remedies, subject.logits)
        console.print(_table(f"{folder.path} after step {step:,}{subject.name}, {count} images", found))
        symptoms += found
        layers = layers or seen.layers
    out = [symptom for symptom in symptoms if symptom.out]
    alarms = [symptom for symptom in out if symptom.alarm]
    told = alarms or out  # alarms come first: while there are some, longer training may not help
    for name in dict.fromkeys(symptom.name for symptom in told):
        remedies = dict.fromkeys(symptom.remedy for symptom in told if symptom.name == name)
        say(console, f"{name}: {'; or '.join(remedies)}")
    examined, _ = folder.newest_checkpoint()  # the latest that is not damaged
    ended = examined is not None and step >= examined.about.steps
    if (early := doctor.too_early(records)) is not None:
        say(console, early)
    for alarm in folder.read_alarms():
        say(console, f"while training, from step {alarm.get('step')} on: {alarm.get('symptom')}")
    figures, picture = folder.path / "diagnosis.json", folder.path / "diagnosis.png"
    said = {"rawgan": __version__, "step": step, "images": count, "seed": config.seed,
            "symptoms": [symptom.to_dict() for symptom in symptoms]}  # fmt: skip
    with folder.results():
        write_json(figures, said)
        say(console, f"figures: {figures}")
        with telling(console):
            say(console, f"activations and gradients of every layer: {plot_layers(picture, layers)}")
    return 1 if alarms or (out and ended and not early) else 0


def _table(title: str, symptoms: list[Symptom]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, collapse_padding=True)
    for heading in ("", "", "", "found", "healthy", ""):
        table.add_column(heading, justify="right" if heading == "found" else "left")
    before = ""
    for symptom in symptoms:
        name = "" if symptom.name == before else symptom.name
        state = ALARM if symptom.alarm else NOT_YET if symptom.pending else "ok"
        table.add_row(name, symptom.figure, symptom.place, symptom.shown, symptom.healthy, state)
        before = symptom.name
    return table
