"""rawgan pix2pix"""

from rawgan.cli.training import train
from rawgan.config.translation import Pix2pixConfig
from rawgan.tasks.pairs import PairedTraining


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train(options, Pix2pixConfig, PairedTraining)
