"""Training: train a super-resolution, denoising or inpainting model."""

from rawgan.cli.training import train_command
from rawgan.config.translation import EnhanceConfig


def main(options: list[str]) -> int:
    """Train, and return the exit code."""
    return train_command(options, EnhanceConfig)
