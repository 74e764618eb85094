"""rawgan enhance"""

from rawgan.cli.training import train
from rawgan.config.translation import EnhanceConfig
from rawgan.tasks.pairs import PairedTraining


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train(options, EnhanceConfig, PairedTraining)
