"""Weights of another run that training begins with: layers of the same name and shape take them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rawgan.config.run import RunConfig
from rawgan.errors import ArgumentError, ConfigError, RawganError, one_line, shown
from rawgan.gan import Trained
from rawgan.nn.base.loading import as_weights
from rawgan.storage.checkpoint import Checkpoint, checksum_of
from rawgan.tensor import Tensor
from rawgan.training.state import tensors_of

PARTS = ("generator", "discriminator", "average", "g_penalty")
"""Modules of a run whose weights another one begins with. Histories are images of other data."""
LISTED = 4
"""Most layers that an error names, where none fits."""

Arrays = Mapping[str, np.ndarray[Any, Any]]


class Taken(NamedTuple):
    """Layers of both networks that took their weights, and those that begin anew."""

    layers: int
    """Number of layers that took their weights."""
    anew: list[str]
    """Layers that did not, with their shapes."""

    def in_words(self, start: Checkpoint, place: str) -> str:
        """One line for people.

        >>> from rawgan.storage.checkpoint import About
        >>> start = Checkpoint(About(3000, 3000, {}), {})
        >>> Taken(7, ["generator.0 w (100, 784)"]).in_words(start, "runs/a")
        'weights of runs/a, step 3,000: 7 of 8 layers fit; new weights in generator.0 w (100, 784)'
        """
        line = (
            f"weights of {place}, step {start.about.step:,}: {self.layers} of {self.layers + len(self.anew)} layers fit"
        )
        return line + (f"; new weights in {'; '.join(self.anew)}" if self.anew else "")


def listed(names: list[str]) -> str:
    """The first few names, and the number of the others."""
    return "; ".join(names[:LISTED]) + (f"; and {len(names) - LISTED} more" if len(names) > LISTED else "")


def weights_of(checkpoint: Checkpoint) -> Checkpoint:
    """The weights, running statistics and averages of a checkpoint, without moments and histories."""
    arrays = {name: array for name, array in checkpoint.arrays.items() if _part(name) in PARTS}
    return Checkpoint(checkpoint.about, arrays)


def digest_of_weights(arrays: Arrays) -> str:
    """Digest of weights by name.

    >>> digest_of_weights({"generator.0.w": np.ones(3, np.float32)})
    '2dae8100cb851cf7'
    """
    return checksum_of("", arrays)[:16]


def check_start(config: RunConfig, start: Checkpoint) -> None:
    """Raise an ArgumentError for weights of another model, a ConfigError for weights that are not finite."""
    place, model = config.start.place, start.about.config.get("model")
    if model != config.model:
        raise ArgumentError(
            f"--init {place}: its networks are of model {_bare(model)}, but those of this run of model {config.model}\n"
            f"  take --model {_bare(model)}, or all options of that run: --config RUN"
        )
    for name, array in start.arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ConfigError(
                f"--init {place}: {one_line(name)} has numbers that are not finite; take another checkpoint"
            )


def take_weights(gan: Trained, start: Checkpoint, place: str) -> Taken:
    """Give networks the weights of a start, layer by layer: all arrays of a layer fit, or none is taken.

    An average that the start does not have begins as that of its generator. Optimisers stay as they are.

    Raises: ArgumentError if no layer fits

    >>> from rawgan.gan import ImageSpec, build
    >>> from rawgan.storage.checkpoint import About
    >>> from rawgan.training.state import arrays_of
    >>> grey, colour = (build("dcgan", ImageSpec(8, channels), width=2) for channels in (1, 3))
    >>> take_weights(colour, Checkpoint(About(1, 1, {}), arrays_of(grey)), "runs/grey").anew
    ['generator.4 w (4, 4, 3, 2), there (4, 4, 1, 2)', 'discriminator.0 w (4, 4, 3, 2), there (4, 4, 1, 2)']
    """
    layers = dict[str, dict[str, Tensor]]()
    for name, tensor in tensors_of(gan).items():
        if _part(name) in PARTS:
            layer, _, own = name.rpartition(".")
            layers.setdefault(layer, {})[own] = tensor
    new, taken, anew = list[tuple[Tensor, Any]](), 0, list[str]()
    for layer, tensors in layers.items():
        found = _weights_for(layer, tensors, start.arrays)
        if found is not None:
            new += [(tensor, found[own]) for own, tensor in tensors.items()]
        if _part(layer) in ("generator", "discriminator"):
            taken += found is not None
            anew += [] if found is not None else [_difference(layer, tensors, start.arrays)]
    if not taken:
        raise ArgumentError(
            f"--init {place}: none of its layers fits the networks of this run\n  {listed(anew)}\n"
            "  train with the options of that run, such as --width and --image-size: --config RUN has them all"
        )
    for tensor, array in new:
        tensor.take_over(array)
    return Taken(taken, anew)


def _part(name: str) -> str:
    """Module of a GAN that an array, or a layer, belongs to; of both directions of a cycle alike."""
    return name.partition(".")[0].removeprefix("back_")


def _weights_for(layer: str, tensors: Mapping[str, Tensor], arrays: Arrays) -> dict[str, Any] | None:
    """Arrays for all tensors of a layer; None if any is missing or does not fit."""
    names = [layer, layer.replace("average.", "generator.", 1)] if _part(layer) == "average" else [layer]
    for name in names:
        try:
            return {own: as_weights(arrays[f"{name}.{own}"], tensor) for own, tensor in tensors.items()}
        except (KeyError, RawganError):
            continue
    return None


def _difference(layer: str, tensors: Mapping[str, Tensor], arrays: Arrays) -> str:
    """A layer and the first of its arrays that does not fit, with the shape that it has in the other run."""
    for own, tensor in tensors.items():
        there = arrays.get(f"{layer}.{own}")
        if there is None or there.shape != tensor.shape:
            return f"{layer} {own} {tensor.shape}, there {'none' if there is None else there.shape}"
    return f"{layer}, whose numbers are no floats of its size"


def _bare(model: object) -> str:
    """Name of a model, as a file gives it."""
    return model if isinstance(model, str) and model.isidentifier() else shown(model)
