"""rawgan train"""

from rawgan.cli.training import train
from rawgan.config.noise import TrainConfig
from rawgan.tasks.noise import Training


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train(options, TrainConfig, Training)
