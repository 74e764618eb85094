"""Class-conditional GANs: G makes an image of a given class, and D is told the class.

The class is appended to G's noise as a one-hot vector. G's first layer, in every model a Linear, adds the row of its
weights that meets the 1: these rows are a learned embedding as wide as the layer, so no model needs another layer for
it. The entry is 1 and no more: with √noise_size, as long as the noise vector, each step would move the class's part of
the layer ten times as far, and the noise would soon be negligible beside it.

D gets a second layer beside its last one. It takes the same features φ(x) and scores each class. The kind of
conditional GAN says how the scores are used:

- `projection`: the logit is ψ(φ(x)) + ⟨embed(y), φ(x)⟩, the second term being the score of class y. D must tell images
  of class y from real images of other classes, so G must make the class that it was given.
- `auxiliary`: the logit ignores the class. The scores classify the image, and both D and G minimise their softmax
  cross-entropy in addition to the objective.

Source: Miyato and Koyama 2018 (projection); Odena, Olah, Shlens 2017 (AC-GAN, auxiliary)
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawgan import nn, ops
from rawgan.arrays import plain
from rawgan.device import to_device
from rawgan.errors import ArgumentError, shapes
from rawgan.tensor import Tensor

CONDITIONALS = ("none", "projection", "auxiliary")

Labels = NDArray[np.int64]
"""Class numbers (N,), on the CPU."""


class DiscriminatorOutput(NamedTuple):
    """D's output for a batch."""

    logits: Tensor
    """Scores of how real each image is; by projection, how real as an image of its class. (N, 1)"""
    class_loss: Tensor | None = None
    """Mean cross-entropy of the classes that an auxiliary D names, in nats. A guess costs log(classes)."""


class LatentGrid(NamedTuple):
    """G's input for a picture."""

    latent: Tensor
    """(N, noise_size), or with one-hot classes behind the noise."""
    labels: Labels | None
    """The class of each image; None for a GAN without classes."""
    columns: int | None
    """Images in a row, if each row is a class."""


def check_conditional(kind: str, pack: int) -> None:
    """Check the kind of conditional GAN.

    Raises: ArgumentError for an unknown kind, or one that does not go with packing
    """
    if kind not in CONDITIONALS:
        raise ArgumentError(f"there is no conditional GAN {kind!r}; choose one of: {', '.join(CONDITIONALS)}")
    if kind != "none" and pack > 1:
        raise ArgumentError(
            f"pack {pack}: D would see images of several classes as one, but conditional {kind} scores a single class\n"
            "  leave out one of the two"
        )


def with_scores(discriminator: nn.Sequential, kind: str, classes: int, rng: np.random.Generator) -> nn.Sequential:
    """The same layers, with a second layer beside the last one that scores classes.

    Shapes: (N, H, W, C) → (N, 1 + classes)
    Raises: ArgumentError for a network that does not end in a Linear
    """
    *body, last = discriminator.layers
    if not isinstance(last, nn.Linear):
        raise ArgumentError(f"conditional {kind}: D must end in a Linear, whose inputs are the features, not in {last}")
    features = last.w.shape[0]
    return nn.Sequential(*body, nn.Branches(last, nn.Linear(features, classes, bias=kind == "auxiliary", rng=rng)))


def with_classes(z: Tensor, labels: Labels, classes: int) -> Tensor:
    """Append the class to the noise as a one-hot vector.

    Shapes: z (N, noise_size), labels (N,) → (N, noise_size + classes)
    Raises: ArgumentError for labels outside 0 … classes − 1, or not one for each row

    >>> with_classes(Tensor([[1.0, -1.0, 0.5, 2.0]]), np.array([2]), 3)
    Tensor([[ 1. , -1. ,  0.5,  2. ,  0. ,  0. ,  1. ]], float32)
    """
    return ops.concatenate([z, one_hot(labels, classes, z)], axis=1)


def discriminator_output(kind: str, output: Tensor, labels: Labels | None) -> DiscriminatorOutput:
    """Logits and class loss from the output of D's last layers, for images of the given (or intended) classes.

    Shapes: output (N, 1 + classes), or (N, 1) if the kind is "none"; labels (N,)
    Raises: ArgumentError for labels outside 0 … classes − 1, or not one for each row

    >>> discriminator_output("projection", Tensor([[0.5, 1.0, 2.0, 3.0]]), np.array([1])).logits
    Tensor([[2.5]], float32)
    """
    if kind == "none":
        return DiscriminatorOutput(output)
    logits, scores = output[:, :1], output[:, 1:]
    chosen = one_hot(labels, scores.shape[1], scores)
    if kind == "projection":
        return DiscriminatorOutput(logits + ops.sum(scores * chosen, axis=1, keepdims=True))
    return DiscriminatorOutput(logits, ops.cross_entropy(scores, labels))


def one_hot(labels: Any, classes: int, like: Tensor) -> Tensor:
    """A vector for each label: 1 at the label, 0 elsewhere. Dtype and device are those of `like`.

    Shapes: labels (N,), like (N, …) → (N, classes)
    Raises: ArgumentError for labels outside 0 … classes − 1, or not one for each row
    """
    labels = plain(labels, "labels")
    if labels.dtype.kind not in "iu" or labels.shape != like.shape[:1]:
        raise ArgumentError(
            f"labels must be whole numbers, one for each image, but are {labels.dtype}\n{shapes(labels=labels, x=like)}"
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ArgumentError(
            f"labels must lie in 0 … {classes - 1}, but go from {labels.min()} to {labels.max()}\n"
            "  the classes are those of the data that the networks are for"
        )
    rows = np.zeros((len(labels), classes), like.dtype)
    rows[np.arange(len(labels)), labels] = 1
    return Tensor(to_device(rows, like.device))
