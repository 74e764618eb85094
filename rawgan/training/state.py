"""Arrays of a GAN by name, for its checkpoints, and back."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan.data.memory_limits import machine_bytes
from rawgan.device import device_of, free_bytes, to_device
from rawgan.errors import ArgumentError, ConfigError, one_line
from rawgan.gan import Trained, human_bytes
from rawgan.paper import on_paper
from rawgan.storage.checkpoint import Checkpoint
from rawgan.tensor import Tensor

SHOWN = 8
"""Faults that an error lists at most."""


def tensors_of(gan: Trained) -> dict[str, Tensor]:
    """Every tensor that a checkpoint keeps, by name: weights, running statistics, averages, histories."""
    return {f"{name}.{key}": x for name, module in gan.kept.items() for key, x in module.state_tensors().items()}


def moments_of(gan: Trained) -> dict[str, Any]:
    """The arrays of the optimisers by name."""
    return {
        f"{name}.{moment}.{index}": array
        for name, optimizer in gan.optimizers.items()
        for moment, arrays in optimizer.state.items()
        for index, array in enumerate(arrays)
    }


def arrays_of(gan: Trained) -> dict[str, np.ndarray[Any, Any]]:
    """A NumPy copy of every weight, running statistic and moment, by name.

    >>> from rawgan.gan import ImageSpec, build
    >>> sorted(arrays_of(build("tutorial", ImageSpec(8), width=2)))[-2:]
    ['generator.4.b', 'generator.4.w']
    """
    return {name: to_device(array, "cpu").copy() for name, array in _own(gan).items()}


def check_on_paper(build: Callable[[], Trained], checkpoint: Checkpoint | None, device_name: str) -> None:
    """See what networks would be before they are built: whether a checkpoint fits them, or memory holds them.

    Raises: ConfigError naming what of the checkpoint does not fit; ArgumentError if there is none, and they are larger
        than the memory
    """
    with on_paper():
        gan = build()
    if checkpoint is not None:
        _check_fit(gan, checkpoint)
        return
    size, free = sum(array.nbytes for array in _own(gan).values()), free_bytes(device_name)
    if size > (machine_bytes() if free is None else free):
        raise ArgumentError(
            f"these networks take {human_bytes(size)} with what their optimisers keep, more memory than there is\n"
            "  take a smaller --width, --image-size or --noise-size"
        )


def _own(gan: Trained) -> dict[str, Any]:
    """Every weight, running statistic and moment by name, where it is."""
    return {name: x._array for name, x in tensors_of(gan).items()} | moments_of(gan)


def restore_gan(gan: Trained, checkpoint: Checkpoint) -> None:
    """Make networks and optimisers what they were; nothing is changed if anything does not fit.

    Raises: ConfigError naming what does not fit
    """
    _check_fit(gan, checkpoint)
    arrays, about = checkpoint.arrays, checkpoint.about
    new = {
        name: to_device(arrays[name].astype(array.dtype, order="C"), device_of(array))
        for name, array in _own(gan).items()
    }
    for name, x in tensors_of(gan).items():
        x.take_over(new[name])
    for name, optimizer in gan.optimizers.items():
        for moment, of_parameters in optimizer.state.items():
            of_parameters[:] = [new[f"{name}.{moment}.{index}"] for index in range(len(of_parameters))]
        optimizer.counts, optimizer.lr = list(about.counts[name]), about.rates[name]


def _check_fit(gan: Trained, checkpoint: Checkpoint) -> None:
    """Raise a ConfigError for a checkpoint of other networks, naming what does not fit."""
    arrays, about, own, optimizers = checkpoint.arrays, checkpoint.about, _own(gan), gan.optimizers
    faults = [f"  {name} {own[name].shape} is missing" for name in own.keys() - arrays.keys()]
    faults += [f"  {one_line(name)} {arrays[name].shape} is unknown" for name in arrays.keys() - own.keys()]
    faults += [
        f"  {name} {arrays[name].shape} {arrays[name].dtype} should be {own[name].shape}, of floats"
        for name in own.keys() & arrays.keys()
        if arrays[name].shape != own[name].shape or arrays[name].dtype.kind != "f"
    ]
    faults += [
        f"  it does not say how many steps {name} has taken"
        for name, optimizer in optimizers.items()
        if len(about.counts.get(name, ())) != len(optimizer.parameters) or name not in about.rates
    ]
    if faults:
        more = [f"  … and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise ConfigError(
            "\n".join([f"the checkpoint of step {about.step} is of other networks", *sorted(faults)[:SHOWN], *more])
        )
