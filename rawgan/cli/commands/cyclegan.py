"""rawgan cyclegan"""

from rawgan.cli.training import train
from rawgan.config.translation import CycleConfig
from rawgan.tasks.cycle import CycleTraining


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train(options, CycleConfig, CycleTraining)
