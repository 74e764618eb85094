"""Training in rawgan and in PyTorch, from the same weights with the same noise and images: all numbers must agree.

In float64 that holds at any size. In float32, five steps with Adam are chaotic in large networks: some of the millions
of activations of a step lie within rounding of a ReLU's kink; one that falls on the other side changes a thousandth of
all gradients behind it; and as Adam's first step is lr · sign(gradient), a small gradient that changes its sign moves
its weight by 2 · lr. PyTorch's NCHW and channels_last then differ from each other as much as from rawgan. So float32 is
compared number by number in narrow networks, with seeds for which (in float64) no activation of any step comes closer
to a kink than 8e-6 standard deviations, and at real width up to the first update. For the gradients at real width,
rawgan's float32 has to be as near to float64 as PyTorch's, with tanh for activation: it has no kink, and no luck.
"""

from functools import cache

import numpy as np
import pytest
import torch

from bench.competitors import torch_networks
from bench.competitors.steps import converted
from rawgan import Tensor, grad, nn, ops
from rawgan.data import Batches, ImageSet, load
from rawgan.gan import GAN, ImageSpec, LossConfig, StepMetrics, build, train_step

STEPS = 5
TOLERANCES = {"float32": 1e-4, "float64": 1e-9}  # absolute
NETWORKS = ("generator", "discriminator")
SMALL, LARGE = ImageSpec(28, 1), ImageSpec(64, 3)

each_model = pytest.mark.parametrize("model", ["dcgan", "tutorial"])
each_objective = pytest.mark.parametrize("objective", ["non-saturating", "minimax"])


@each_objective
@each_model
@pytest.mark.parametrize(("spec", "batch_size"), [(SMALL, 16), (LARGE, 4)], ids=str)
def test_training_in_float64(model: str, spec: ImageSpec, batch_size: int, objective: str) -> None:
    ours = converted(build(model, spec, seed=1), "float64")
    theirs = twin(ours)
    train_both(ours, theirs, objective, batch_size, seed=1, steps=STEPS)
    check(weight_differences(ours, theirs), "float64")


@each_objective
@pytest.mark.parametrize(
    ("model", "spec", "batch_size", "width", "seed"),
    [
        ("dcgan", SMALL, 8, 4, 22),
        ("tutorial", SMALL, 8, 4, 6),
        ("dcgan", LARGE, 4, 2, 4),
        ("tutorial", LARGE, 4, 2, 8),
    ],
    ids=str,
)
def test_training_in_float32(
    model: str, spec: ImageSpec, batch_size: int, width: int, seed: int, objective: str
) -> None:
    ours = build(model, spec, seed=seed, width=width)
    theirs = twin(ours, width)
    train_both(ours, theirs, objective, batch_size, seed, STEPS)
    check(weight_differences(ours, theirs), "float32")


@each_objective
@each_model
@pytest.mark.parametrize(("spec", "batch_size"), [(SMALL, 128), (LARGE, 16)], ids=str)
def test_first_step_in_float32(model: str, spec: ImageSpec, batch_size: int, objective: str) -> None:
    """Numbers that precede the first update, at real width: D's loss and logits, the running statistics."""
    ours = build(model, spec, seed=1)
    theirs = twin(ours)
    train_both(ours, theirs, objective, batch_size, seed=1, steps=1, reported=("d_loss", "d_real", "d_fake"))
    differences = weight_differences(ours, theirs)
    statistics = {name: value for name, value in differences.items() if ".running_" in name}
    assert statistics
    check(statistics, "float32")


@each_model
@pytest.mark.parametrize("spec", [SMALL, LARGE], ids=str)
def test_gradients_in_float32_are_as_near_to_float64_as_pytorchs(
    model: str, spec: ImageSpec, each_backend: str
) -> None:
    """Of both losses, at real width. Each library adds up in its own order, which makes a factor of 0.7 to 1.7.

    The fast convolution of the cpu backend subtracts numbers of one size: with it the factor is up to 4.6.
    """
    ours, exact = build(model, spec, seed=1), converted(build(model, spec, seed=1), "float64")
    theirs = twin(ours)
    for gan in (ours, exact, theirs):
        without_kinks(gan)
    truth = gradients_of(exact)
    errors = [
        sum(float(((array - truth[name]) ** 2).sum()) for name, array in found.items()) ** 0.5
        for found in (gradients_of(ours), gradients_of_pytorch(theirs, exact))
    ]
    assert 0 < errors[0] <= {"reference": 3, "cpu": 6}[each_backend] * errors[1]


def without_kinks(gan: GAN | torch_networks.TorchGAN) -> None:
    """Put tanh in the place of every LeakyReLU and ReLU."""
    for network in (gan.generator, gan.discriminator):
        if isinstance(network, torch.nn.Module):
            for name, layer in network.named_children():
                if isinstance(layer, torch.nn.LeakyReLU | torch.nn.ReLU):
                    setattr(network, name, torch.nn.Tanh())
        else:
            layers = (nn.Tanh() if isinstance(layer, nn.LeakyReLU | nn.ReLU) else layer for layer in network.layers)
            network.layers = tuple(layers)


def gradients_of(gan: GAN) -> dict[tuple[str, str], np.ndarray]:
    """The gradients of D's loss by D, and of G's loss by G, for one batch."""
    real, z = first_batch(gan)
    fake = gan.generator(Tensor(z))
    d_loss = ops.bce_with_logits(gan.discriminator(Tensor(real)), 1.0)
    d_loss = d_loss + ops.bce_with_logits(gan.discriminator(fake.detach()), 0.0)
    losses = {"discriminator": d_loss, "generator": ops.bce_with_logits(gan.discriminator(fake), 1.0)}
    return {
        (name, key): g.data
        for name, loss in losses.items()
        for (key, _), g in zip(
            getattr(gan, name).named_parameters(), grad(loss, getattr(gan, name).parameters()), strict=True
        )
    }


def gradients_of_pytorch(theirs: torch_networks.TorchGAN, like: GAN) -> dict[tuple[str, str], np.ndarray]:
    """The same of PyTorch's float32 GAN, under rawgan's names and in its layouts."""
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    real, z = first_batch(like)
    fake = theirs.generator(torch.from_numpy(z.astype("float32")))
    judged = theirs.discriminator(torch_networks.images_from_rawgan(real.astype("float32")))
    refused, accepted = theirs.discriminator(fake.detach()), theirs.discriminator(fake)
    losses = {
        "discriminator": bce(judged, torch.ones_like(judged)) + bce(refused, torch.zeros_like(refused)),
        "generator": bce(accepted, torch.ones_like(accepted)),
    }
    taken = {
        name: torch.autograd.grad(loss, list(getattr(theirs, name).parameters()), retain_graph=True)
        for name, loss in losses.items()
    }
    found = {}
    for name, gradients in taken.items():
        network = getattr(theirs, name)
        for parameter, g in zip(network.parameters(), gradients, strict=True):
            parameter.data = g  # so that the views, which are of weights, show them
        views = torch_networks.rawgan_views(network)
        found |= {(name, key): views[key].numpy().reshape(p.shape) for key, p in getattr(like, name).named_parameters()}
    return found


def first_batch(gan: GAN) -> tuple[np.ndarray, np.ndarray]:
    """Eight images and the noise for eight, in the GAN's dtype: numbers that float32 has, too."""
    dtype = gan.generator.parameters()[0].dtype.name
    real, z = Batches(mnist(gan.spec), 8, seed=1).batch(0, "float32"), gan.noise(1, "train", 8, 0).numpy()
    return real.astype(dtype), z.astype("float32").astype(dtype)


def test_a_difference_is_found() -> None:
    ours = build("dcgan", ImageSpec(8))
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
    reported: tuple[str, ...] = StepMetrics._fields[:4],
) -> None:
    """Train side by side, and compare what each step reports."""
    dtype = ours.generator.parameters()[0].dtype.name
    batches = Batches(mnist(ours.spec), batch_size, seed)
    for step in range(steps):
        real, z = batches.batch(step, dtype), ours.noise(seed, "train", batch_size, step)
        found = train_step(ours, Tensor(real), z, LossConfig(objective))
        expected = torch_networks.train_step(
            theirs, torch_networks.images_from_rawgan(real), torch.from_numpy(z.numpy()), objective
        )
        for name in reported:
            difference = abs(getattr(found, name).item() - getattr(expected, name).item())
            check({f"step {step + 1}: {name}": difference}, dtype)


def twin(gan: GAN, width: int = 64) -> torch_networks.TorchGAN:
    """PyTorch's GAN of the same model, with the same weights."""
    dtype = getattr(torch, gan.generator.parameters()[0].dtype.name)
    theirs = torch_networks.build(gan.model, gan.spec.size, gan.spec.channels, width=width, dtype=dtype)
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
def mnist(spec: ImageSpec) -> ImageSet:
    """MNIST's test images, in the size and colours of the spec."""
    return load("mnist", image_size=spec.size, channels=spec.channels, split="test")
