"""Class-conditional GANs: G is asked for an image of a class, D is told which class was asked for.

G reads the class behind its noise, as a vector with a single 1. Its first layer, in every model a Linear, adds the row
of its weights that meets the 1: these rows are the learned table, an embedding as wide as the layer, and no model needs
another layer for it. It is no more than a 1: with √noise_size, as long a vector as the noise is, each step moves what
the layer makes of the class ten times as far as with 1, and the noise soon counts for nothing beside it.

D gets a second layer beside its last one, which gives the same features φ(x) a score for each class. What the scores
are there for is the kind of conditional GAN:

- `projection`: the logit is ψ(φ(x)) + ⟨embed(y), φ(x)⟩, the second term being the score of class y. Images that are
  real, but of another class, are to be told from those of class y: so G has to make what it was asked for.
- `auxiliary`: the logit is that of any image. The scores name its class, for their softmax cross-entropy, which both D
  and G minimise beside what they play for.

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
    """What D says of a batch."""

    logits: Tensor
    """How real each image is, or, by projection, how real as one of its class. (N, 1)"""
    class_loss: Tensor | None = None
    """Of an auxiliary D: the mean cross-entropy of the classes that it names, in nats. A guess costs log(classes)."""


class LatentGrid(NamedTuple):
    """What G makes a picture of."""

    latent: Tensor
    """G's input. (N, noise_size), or with classes behind the noise"""
    labels: Labels | None
    """The class of each image; None for a GAN that knows no classes."""
    columns: int | None
    """Images in a row, where a row is a class."""


def check_conditional(kind: str, pack: int) -> None:
    """Raise an ArgumentError for a kind that there is not, or one that does not go with packing."""
    if kind not in CONDITIONALS:
        raise ArgumentError(f"there is no conditional GAN {kind!r}; choose one of: {', '.join(CONDITIONALS)}")
    if kind != "none" and pack > 1:
        raise ArgumentError(
            f"pack {pack}: D would judge images of several classes as one, but conditional {kind} asks it about one "
            "class\n  leave out one of the two"
        )


def with_scores(discriminator: nn.Sequential, kind: str, classes: int, rng: np.random.Generator) -> nn.Sequential:
    """The same layers, but that the last one has another beside it, which gives classes their scores.

    Shapes: (N, H, W, C) → (N, 1 + classes)
    Raises: ArgumentError for a network that does not end in a Linear
    """
    *body, last = discriminator.layers
    if not isinstance(last, nn.Linear):
        raise ArgumentError(f"conditional {kind}: D must end in a Linear, whose input are the features, not in {last}")
    features = last.w.shape[0]
    return nn.Sequential(*body, nn.Branches(last, nn.Linear(features, classes, bias=kind == "auxiliary", rng=rng)))


def with_classes(z: Tensor, labels: Labels, classes: int) -> Tensor:
    """Noise, and behind it the class that is asked for.

    Shapes: z (N, noise_size), labels (N,) → (N, noise_size + classes)
    Raises: ArgumentError for labels that number no classes, or are not one for each row

    >>> with_classes(Tensor([[1.0, -1.0, 0.5, 2.0]]), np.array([2]), 3)
    Tensor([[ 1. , -1. ,  0.5,  2. ,  0. ,  0. ,  1. ]], float32)
    """
    return ops.concatenate([z, one_hot(labels, classes, z)], axis=1)


def verdict(kind: str, output: Tensor, labels: Labels | None) -> DiscriminatorOutput:
    """What D's output says of images, of which `labels` are the classes, or those that they should be of.

    Shapes: output (N, 1 + classes), or (N, 1) if the kind is "none"; labels (N,)
    Raises: ArgumentError for labels that number no classes, or are not one for each row

    >>> verdict("projection", Tensor([[0.5, 1.0, 2.0, 3.0]]), np.array([1])).logits
    Tensor([[2.5]], float32)
    """
    if kind == "none":
        return DiscriminatorOutput(output)
    logits, scores = output[:, :1], output[:, 1:]
    chosen = one_hot(labels, scores.shape[1], scores)
    if kind == "projection":
        return DiscriminatorOutput(logits + ops.sum(scores * chosen, axis=1, keepdims=True))
    return DiscriminatorOutput(logits, ops.softmax_cross_entropy(scores, labels))


def one_hot(labels: Any, classes: int, like: Tensor) -> Tensor:
    """For each row of a Tensor a vector that is 1 at its label and 0 elsewhere, of the same dtype and device.

    Shapes: labels (N,), like (N, …) → (N, classes)
    Raises: ArgumentError for labels that number no classes, or are not one for each row
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
