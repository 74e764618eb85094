"""rawgan train"""

from rawgan.cli._training import train
from rawgan.runs.config import TrainConfig
from rawgan.runs.training import Training


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train(options, TrainConfig, Training)
