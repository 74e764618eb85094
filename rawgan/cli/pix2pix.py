"""rawgan pix2pix"""

from rawgan.cli._training import train
from rawgan.runs.translate_config import Pix2pixConfig
from rawgan.runs.translating import PairedTraining


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train(options, Pix2pixConfig, PairedTraining)
