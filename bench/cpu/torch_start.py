"""A first training step in PyTorch as a process of its own, which `bench startup` times beside `rawgan train`."""

import sys

import numpy as np
import torch

from bench.competitors import torch_networks


def main(model: str, size: int, channels: int, batch_size: int) -> None:
    """Build the networks, take one step, and print a line about it."""
    gan = torch_networks.build(model, size, channels, fused_adam=True)
    rng = np.random.default_rng(0)
    real = torch.from_numpy(rng.uniform(-1, 1, (batch_size, channels, size, size)).astype(np.float32))
    z = torch.from_numpy(rng.standard_normal((batch_size, 100)).astype(np.float32))
    metrics = torch_networks.train_step(gan, real, z, freeze=True)
    print(f"step 1/1  D loss {metrics.d_loss.item():.3f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
