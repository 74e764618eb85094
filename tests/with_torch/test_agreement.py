"""Five steps of training, in rawgan and in PyTorch: every loss, weight and running statistic must agree."""

import dataclasses
from functools import cache

import numpy as np
import pytest
import torch
from bench import torch_networks
from numpy.typing import NDArray

from rawgan import Tensor, nn, optim
from rawgan.data import Batches, ImageSet, load
from rawgan.gan import GAN, MODELS, OBJECTIVES, ImageKind, build, train_step

STEPS = 5
TOLERANCES = {"float32": 1e-4, "float64": 1e-9}  # absolute
NETWORKS = ("generator", "discriminator")


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("kind", "dtype", "batch_size"),
    [
        (ImageKind(28, 1), "float32", 128),
        (ImageKind(28, 1), "float64", 32),
        (ImageKind(64, 3), "float32", 8),
        (ImageKind(64, 3), "float64", 8),
    ],
    ids=lambda value: f"{value.size}x{value.size}x{value.channels}" if isinstance(value, ImageKind) else str(value),
)
def test_training(model: str, kind: ImageKind, dtype: str, batch_size: int, objective: str) -> None:
    ours = converted(build(model, kind, seed=1), dtype)
    theirs = twin(ours)
    batches = Batches(mnist(kind), batch_size, seed=2)
    for step in range(STEPS):
        real, z = batches.batch(step, dtype), ours.noise(3, "train", batch_size, step)
        outcome = train_step(ours, Tensor(real), z, objective)
        expected = torch_networks.train_step(
            theirs, torch_networks.images_from_rawgan(real), torch.from_numpy(z.numpy()), objective
        )
        differences = {
            f"step {step + 1}: {name}": abs(value.item() - expected_value.item())
            for name, value, expected_value in zip(outcome._fields, outcome, expected, strict=True)
        }
        check(differences, dtype)
    check(weight_differences(ours, theirs), dtype)


def converted(gan: GAN, dtype: str) -> GAN:
    """The GAN in another dtype: the optimisers are made anew, as their moments are of their parameters' dtype."""

    def adam(network: nn.Module, like: optim.Optimizer) -> optim.Adam:
        assert isinstance(like, optim.Adam)
        return optim.Adam(network.to(dtype=dtype).parameters(), like.lr, like.betas, like.eps)

    return dataclasses.replace(
        gan,
        g_optimizer=adam(gan.generator, gan.g_optimizer),
        d_optimizer=adam(gan.discriminator, gan.d_optimizer),
    )


def twin(gan: GAN) -> torch_networks.TorchGAN:
    """PyTorch's GAN of the same model, with the same weights."""
    dtype = getattr(torch, gan.generator.parameters()[0].dtype.name)
    theirs = torch_networks.build(gan.model, gan.image.size, gan.image.channels, dtype=dtype)
    for name in NETWORKS:
        torch_networks.load_rawgan(getattr(theirs, name), getattr(gan, name).state_dict())
    return theirs


def weight_differences(ours: GAN, theirs: torch_networks.TorchGAN) -> dict[str, float]:
    """The largest difference in each array of each network; an array that only one of both has is an error."""
    differences = {}
    for name in NETWORKS:
        state, views = getattr(ours, name).state_dict(), torch_networks.rawgan_views(getattr(theirs, name))
        assert state.keys() == views.keys()
        for key, array in state.items():
            view = views[key].numpy()
            assert array.size == view.size
            assert array.dtype == view.dtype
            differences[f"{name}.{key}"] = float(np.abs(array.reshape(view.shape) - view).max())
    return differences


def check(differences: dict[str, float], dtype: str) -> None:
    """Nothing may differ by more than the dtype's tolerance; NaN differs from everything."""
    tolerance = TOLERANCES[dtype]
    excess = {name: value for name, value in differences.items() if not value <= tolerance}
    assert not excess, "\n".join(f"{name} differs by {value:.2e}" for name, value in excess.items())


@cache
def mnist(kind: ImageKind) -> ImageSet:
    """MNIST's test images, in the size and colours of the kind."""
    return load("mnist", image_size=kind.size, channels=kind.channels, split="test")


def test_a_difference_is_found() -> None:
    ours = build("dcgan", ImageKind(8))
    theirs = twin(ours)
    check(weight_differences(ours, theirs), "float64")
    weights: NDArray[np.float32] = ours.discriminator.parameters()[0].data
    weights[-1, -1, -1, -1] += 2e-4
    with pytest.raises(AssertionError, match=r"discriminator\.0\.w differs by 2\.00e-04"):
        check(weight_differences(ours, theirs), "float32")
