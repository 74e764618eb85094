"""Subjects by which `--help` groups the options of all commands, and the words that it has for their values."""

from collections.abc import Iterable

SUBJECTS = {
    "data": (
        "data", "targets", "pairs", "reverse", "source_channels", "style", "task", "factor", "noise", "hole", "whole",
        "image_size", "channels", "white", "targets_white", "batch_size", "skip_broken", "with_targets", "back",
    ),
    "networks": (
        "model", "width", "d_width", "noise_size", "patch", "conditional", "classes", "pack", "spectral_norm", "ema",
        "best",
    ),
    "objective": (
        "objective", "smooth_real", "smooth_fake", "penalty", "penalty_weight", "penalty_every", "instance_noise",
        "noise_steps", "pixel_weight", "feature_weight", "features", "adversarial_weight", "cycle_weight",
        "identity_weight", "history",
    ),
    "optimiser": (
        "steps", "epochs", "learning_rate", "d_learning_rate", "half_life", "d_steps", "g_steps", "on_nonfinite",
    ),
    "output": (
        "out", "sample_every", "samples", "checkpoint_every", "keep", "count", "frames", "walks", "label", "columns",
        "single",
    ),
    "measuring": (
        "evaluate_every", "evaluate_samples", "evaluate_features", "beside", "input", "order",
    ),
    "run": ("config", "resume", "dry_run", "seed"),
    "machine": ("device", "backend", "cuda_graph"),
}  # fmt: skip
"""Options by subject, both in the order in which they are listed. What is in none of them is "other"."""

ELSEWHERE = {
    "rawgan evaluate": {"samples": "measuring", "features": "measuring", "seed": "measuring"},
    "rawgan diagnose": {"seed": "measuring"},
    "rawgan gradcheck": {"seed": "measuring"},
}
"""Options that are about another subject in one command."""

WORDS = {
    "data": "DATA", "targets": "DATA", "style": "STYLES", "out": "FOLDER", "resume": "FOLDER", "config": "FILE",
    "evaluate_features": "FILE", "features": "FILE", "run": "RUN", "folder": "FOLDER", "images": "IMAGES...",
    "beside": "RUN...", "target": "TARGET...", "input": "SHAPE", "label": "CLASS",
}  # fmt: skip
"""What stands for the value of an option that is neither a number nor a choice."""

WORDS_OF = {
    "rawgan pix2pix": {"targets": "FOLDER"},
    "rawgan sample": {"out": "PATH"},
    "rawgan interpolate": {"out": "FILE"},
    "rawgan train-classifier": {"out": "FILE"},
}
"""The same where it is something else in one command."""


def subject_of(command: str, option: str) -> str:
    """Subject of an option.

    >>> subject_of("rawgan train", "batch_size"), subject_of("rawgan evaluate", "samples")
    ('data', 'measuring')
    """
    usual = next((subject for subject, options in SUBJECTS.items() if option in options), "other")
    return ELSEWHERE.get(command, {}).get(option, usual)


def in_order(options: Iterable[str]) -> list[str]:
    """Options as `SUBJECTS` lists them, those that it does not list at the end.

    >>> in_order(["seed", "unheard_of", "epochs", "steps"])
    ['steps', 'epochs', 'seed', 'unheard_of']
    """
    listed = [option for options in SUBJECTS.values() for option in options]
    return sorted(options, key=lambda option: listed.index(option) if option in listed else len(listed))


def word_of(command: str, option: str) -> str | None:
    """Word for the value of an option; None for a number or a choice.

    >>> word_of("rawgan train", "out"), word_of("rawgan interpolate", "out")
    ('FOLDER', 'FILE')
    """
    return WORDS_OF.get(command, {}).get(option, WORDS.get(option))
