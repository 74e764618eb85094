"""Training: train translators between two kinds of images, without pairs."""

from rawgan.cli.training import train_command
from rawgan.config.translation import CycleConfig


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train_command(options, CycleConfig)
