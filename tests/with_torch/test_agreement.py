"""Training in rawgan and in PyTorch, from the same weights with the same noise and images: all numbers must agree.

In float64 that holds at any size. In float32, five steps with Adam are chaotic in large networks: some of the millions
of activations of a step lie within rounding of a ReLU's kink; one that falls on the other side changes a thousandth of
all gradients behind it; and as Adam's first step is lr · sign(gradient), a small gradient that changes its sign moves
its weight by 2 · lr. PyTorch's NCHW and channels_last then differ from each other as much as from rawgan. So float32 is
compared number by number in narrow networks, with seeds for which (in float64) no activation of any step comes closer
to a kink than 8e-6 standard deviations, and at real width up to the first update; after that, at real width, rawgan's
float32 has to be as near to float64 as PyTorch's.
"""

import dataclasses
from functools import cache

import numpy as np
import pytest
import torch

from bench import torch_networks
from rawgan import Tensor, nn, optim
from rawgan.data import Batches, ImageSet, load
from rawgan.gan import GAN, MODELS, OBJECTIVES, ImageKind, Outcome, build, train_step

STEPS = 5
TOLERANCES = {"float32": 1e-4, "float64": 1e-9}  # absolute
NETWORKS = ("generator", "discriminator")
SMALL, LARGE = ImageKind(28, 1), ImageKind(64, 3)

each_model = pytest.mark.parametrize("model", MODELS)
each_objective = pytest.mark.parametrize("objective", OBJECTIVES)


@each_objective
@each_model
@pytest.mark.parametrize(("kind", "batch_size"), [(SMALL, 16), (LARGE, 4)], ids=str)
def test_training_in_float64(model: str, kind: ImageKind, batch_size: int, objective: str) -> None:
    ours = converted(build(model, kind, seed=1), "float64")
    theirs = twin(ours)
    train_both(ours, theirs, objective, batch_size, seed=1, steps=STEPS)
    check(weight_differences(ours, theirs), "float64")


@each_objective
@pytest.mark.parametrize(
    ("model", "kind", "batch_size", "width", "seed"),
    [
        ("dcgan", SMALL, 8, 4, 6),
        ("tutorial", SMALL, 8, 4, 6),
        ("dcgan", LARGE, 4, 2, 20),
        ("tutorial", LARGE, 4, 2, 8),
    ],
    ids=str,
)
def test_training_in_float32(
    model: str, kind: ImageKind, batch_size: int, width: int, seed: int, objective: str
) -> None:
    ours = build(model, kind, seed=seed, width=width)
    theirs = twin(ours, width)
    train_both(ours, theirs, objective, batch_size, seed, STEPS)
    check(weight_differences(ours, theirs), "float32")


@each_objective
@each_model
@pytest.mark.parametrize(("kind", "batch_size"), [(SMALL, 128), (LARGE, 16)], ids=str)
def test_first_step_in_float32(model: str, kind: ImageKind, batch_size: int, objective: str) -> None:
    """What no update of a weight has touched yet, at real width: D's loss and judgement, the running statistics."""
    ours = build(model, kind, seed=1)
    theirs = twin(ours)
    train_both(ours, theirs, objective, batch_size, seed=1, steps=1, reported=("d_loss", "d_real", "d_fake"))
    differences = weight_differences(ours, theirs)
    statistics = {name: value for name, value in differences.items() if ".running_" in name}
    assert statistics
    check(statistics, "float32")


@each_model
@pytest.mark.parametrize("kind", [SMALL, LARGE], ids=str)
def test_float32_is_as_near_to_float64_as_pytorchs(model: str, kind: ImageKind) -> None:
    """At real width, where no two float32 programs agree for long: both are held against float64."""
    ours, exact = build(model, kind, seed=1), converted(build(model, kind, seed=1), "float64")
    theirs = twin(ours)
    batches = Batches(mnist(kind), 8, seed=1)
    for step in range(STEPS):
        for gan, dtype in ((ours, "float32"), (exact, "float64")):
            train_step(gan, Tensor(batches.batch(step, dtype)), gan.noise(1, "train", 8, step))
        images = torch_networks.images_from_rawgan(batches.batch(step, "float32"))
        noise = torch.from_numpy(ours.noise(1, "train", 8, step).numpy())
        torch_networks.train_step(theirs, images, noise, "non-saturating")
    deviation = {"rawgan": 0.0, "PyTorch": 0.0}
    for name in NETWORKS:
        views = torch_networks.rawgan_views(getattr(theirs, name))
        for key, truth in getattr(exact, name).state_dict().items():
            values = {"rawgan": getattr(ours, name).state_dict()[key], "PyTorch": views[key].numpy()}
            for who, value in values.items():
                deviation[who] += float(((value.reshape(truth.shape) - truth) ** 2).sum())
    # These are squares, so 4 is a factor of 2: the path through the kinks is a matter of luck.
    assert deviation["rawgan"] <= 4 * deviation["PyTorch"]


def test_a_difference_is_found() -> None:
    ours = build("dcgan", ImageKind(8))
    theirs = twin(ours)
    check(weight_differences(ours, theirs), "float64")
    ours.discriminator.parameters()[0].data[-1, -1, -1, -1] += 2e-4
    with pytest.raises(AssertionError, match=r"discriminator\.0\.w differs by 2\.00e-04"):
        check(weight_differences(ours, theirs), "float32")


def train_both(
    ours: GAN,
    theirs: torch_networks.TorchGAN,
    objective: str,
    batch_size: int,
    seed: int,
    steps: int,
    reported: tuple[str, ...] = Outcome._fields,
) -> None:
    """Train side by side, and compare what each step reports."""
    dtype = ours.generator.parameters()[0].dtype.name
    batches = Batches(mnist(ours.image), batch_size, seed)
    for step in range(steps):
        real, z = batches.batch(step, dtype), ours.noise(seed, "train", batch_size, step)
        found = train_step(ours, Tensor(real), z, objective)
        expected = torch_networks.train_step(
            theirs, torch_networks.images_from_rawgan(real), torch.from_numpy(z.numpy()), objective
        )
        for name in reported:
            difference = abs(getattr(found, name).item() - getattr(expected, name).item())
            check({f"step {step + 1}: {name}": difference}, dtype)


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


def twin(gan: GAN, width: int = 64) -> torch_networks.TorchGAN:
    """PyTorch's GAN of the same model, with the same weights."""
    dtype = getattr(torch, gan.generator.parameters()[0].dtype.name)
    theirs = torch_networks.build(gan.model, gan.image.size, gan.image.channels, width=width, dtype=dtype)
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
