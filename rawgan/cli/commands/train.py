"""Training: train a GAN; without options, on the MNIST that comes with rawgan."""

from rawgan.cli.training import train_command
from rawgan.config.noise import TrainConfig


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train_command(options, TrainConfig)
