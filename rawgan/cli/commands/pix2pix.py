"""Training: train a translator of images with pairs."""

from rawgan.cli.training import train_command
from rawgan.config.translation import Pix2pixConfig


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train_command(options, Pix2pixConfig)
