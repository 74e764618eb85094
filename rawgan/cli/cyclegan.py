"""rawgan cyclegan"""

from rawgan.cli._training import train
from rawgan.runs.cycling import CycleTraining
from rawgan.runs.translate_config import CycleConfig


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train(options, CycleConfig, CycleTraining)
