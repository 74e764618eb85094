"""Report on translated images: figures of the networks beside those of makers without a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from rawgan.cli.terminal.progress import progress_of
from rawgan.cli.terminal.text import say
from rawgan.config.translation import CycleConfig, PairedConfig, TranslateConfig
from rawgan.data import ImageSet
from rawgan.data.files.survey import counted
from rawgan.gan import Cycle, Translator
from rawgan.inference.comparison import Comparison, compare, compare_cycle, style_classifier
from rawgan.inference.moved_data import check_same_data
from rawgan.metrics import feature_extractor
from rawgan.storage.checkpoint import About
from rawgan.storage.provenance import digest_of
from rawgan.tasks.cycle import kinds_of
from rawgan.tasks.pairs import paired_task

COLUMNS = (
    ("psnr", "PSNR, dB", ".2f"),
    ("ssim", "SSIM", ".4f"),
    ("l1", "L1", ".4f"),
    ("fid", "FID", ".3f"),
    ("recognised", "class kept", ".4f"),
    ("style", "kind as intended", ".4f"),
    ("back", "L1 there and back", ".4f"),
)
"""Figures with their headings and formats."""


def measured_images(
    console: Console, asked: TranslateConfig, networks: Translator | Cycle, others: Mapping[str, Translator],
    samples: int | None, features: Path | None, trained_by: Mapping[str, About],
) -> dict[str, Any]:  # fmt: skip
    """Translate the hold-out set, measure the results, and print the table. Returns it, and figures of each image.

    `trained_by` has the facts of each run's checkpoint. A run that was trained with other images is named, as it may
    have seen some of those that are measured.
    """
    extractor = (
        feature_extractor(asked.data.place, features) if features is not None or asked.data.place == "mnist" else None
    )
    if isinstance(networks, Cycle):
        assert isinstance(asked, CycleConfig)
        with progress_of(console, "reading images") as show:
            kinds = kinds_of(asked, show)
        (a, a_held_out), (b, b_held_out) = kinds
        _check_images(console, asked, trained_by, a, a_held_out, b, b_held_out)
        parts = a_held_out.part(slice(samples)), b_held_out.part(slice(samples))
        with progress_of(console, "training a classifier of both kinds") as show:
            kind_of = style_classifier(asked, (a, b), parts, show)
        with progress_of(console, "translating") as show:
            found = compare_cycle(asked, networks, parts, kind_of, extractor, show)
        counts = " and ".join(f"{len(part):,}" for part in parts)
        return _shown(console, f"{counts} images of both kinds", found)
    assert isinstance(asked, PairedConfig)
    with progress_of(console, "reading images") as show:
        training, held_out = paired_task(asked).parts(asked, show)
    _check_images(console, asked, trained_by, training, held_out)
    part = held_out.part(slice(samples))
    with progress_of(console, "translating") as show:
        found = compare(asked, networks, training, part, extractor, show, others)
    count, photographs = len(part), len(np.unique(part.names_or_numbers))
    what = (
        counted(count)
        if count == photographs
        else f"{counted(count, 'square')} of {counted(photographs, 'photograph')}"
    )
    return _shown(console, what, found)


def _check_images(console: Console, asked: TranslateConfig, trained_by: Mapping[str, About], *images: ImageSet) -> None:
    """Name the runs that were trained with other images.

    Raises: ArgumentError for other images at another place
    """
    for run, about in trained_by.items():
        check_same_data(asked, about, digest_of(*images))
        if about.made_by.get("images") != digest_of(*images)["images"]:
            say(console, f"{run} was trained with other images, and may have seen some of these")


def _shown(console: Console, what: str, found: Comparison) -> dict[str, Any]:
    """Print the table. Returns its figures, and those of each image."""
    console.print(_table(f"{what} not trained with", found.figures))
    images = {
        network: [
            {"image": name, **dict(zip(each, row, strict=True))}
            for name, *row in zip(found.names[network].tolist(), *(v.tolist() for v in each.values()), strict=True)
        ]
        for network, each in found.each.items()
    }
    return {"figures": found.figures, "images": images}


def _table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    shown = [column for column in COLUMNS if any(column[0] in figures for figures in rows.values())]
    table.add_column("")
    for _, heading, _ in shown:
        table.add_column(heading, justify="right")
    for name, figures in rows.items():
        table.add_row(name, *(format(figures[key], form) if key in figures else "" for key, _, form in shown))
    return table
