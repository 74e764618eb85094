"""How good images are, for people to read."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """A line of the table."""

    figure: str
    label: str
    form: str
    remark: str
    """How to read it, in terms of what `Reference.expected` says."""
    word: str = ""
    """A short label, for those that are said during training."""


ROWS = (
    Row("fid", "FID", ".3f", "best: 0", "FID"),
    Row("kid", "KID", ".5f", "best: 0, give or take"),
    Row("precision", "precision", ".3f", "1: all are realistic", "precision"),
    Row("density", "density", ".3f", "the same, about 1"),
    Row("recall", "recall", ".3f", "1: nothing is missing", "recall"),
    Row("coverage", "coverage", ".3f", "the same, stricter"),
    Row("classifier_score", "classifier score", ".3f", "at most {classes}"),
    Row("modes", "modes of {classes}", ",", "stuck on one: {collapsed_modes:.1f}", "modes"),
    Row(
        "modes_of_least_count",
        "those of {least_count} samples or more",
        ",",
        "stuck on one: {collapsed_modes_of_least_count:.1f}",
    ),
    Row("high_quality", "high quality", ".3f", "within 3 σ", "high quality"),
    Row("unmatched", "bad or too many", ".3f", "0: as the mixture", "unmatched"),
    Row("reverse_kl", "reverse KL", ".4f", "perfect: {perfect_kl:.4f}", "reverse KL"),
    Row("label_kept", "asked label kept", ".4f", "1: all are what was asked for", "labels kept"),
    Row("psnr", "PSNR, dB", ".2f", "the more, the nearer", "PSNR"),
    Row("l1", "L1", ".4f", "0: the same", "L1"),
    Row("nearest", "nearest training image", ".1f", "far less: copies"),
)


def in_words(figures: Mapping[str, Any]) -> str:
    """The main ones on a line.

    >>> in_words({"fid": 2.5, "precision": 0.7, "histogram": [1, 2]})
    'FID 2.500  precision 0.700'
    """
    said = [row for row in ROWS if row.word and row.figure in figures]
    return "  ".join(f"{row.word} {figures[row.figure]:{row.form}}" for row in said)
