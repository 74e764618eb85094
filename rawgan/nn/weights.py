"""Weights and biases of a layer that is being made."""

import inspect
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.nn.base.module import Module, Parameter
from rawgan.nn.init import Initializer
from rawgan.ops.arguments import checked_generator
from rawgan.paper import blank, is_on_paper
from rawgan.tensor import Tensor


def initial_weight(
    layer: str, shape: tuple[int, ...], fan_in: int, fan_out: int, init: Initializer, rng: np.random.Generator
) -> Parameter:
    """A weight drawn by the initialiser, in float32; on paper, its shape alone.

    Raises: ArgumentError unless `init` is an initialiser and `rng` a generator, ShapeError for a wrong shape
    """
    if not _takes(init, 4):
        raise ArgumentError(
            f"{layer}: init must be a function (shape, fan_in, fan_out, rng) → array, nn.init.he_normal or "
            f"nn.init.normal(0.02), say, but is {described(init)}"
        )
    if is_on_paper():
        return Parameter(blank(shape))
    array = np.asarray(init(shape, fan_in, fan_out, checked_generator(layer, rng)))
    if array.shape != shape:
        raise ShapeError(f"{layer}: init made an array of another shape\n{shapes(wanted=shape, made=array)}")
    return Parameter(array.astype(np.float32))


def initial_bias(length: int) -> Parameter:
    """A bias of zeros."""
    return Parameter(blank((length,)))


def bias_note(b: Tensor | None) -> str:
    """Remark for `describe_options` if there is no bias."""
    return ", no bias" if b is None else ""


def _takes(function: Any, count: int) -> bool:
    """True if it can be called with so many arguments, as far as its signature says."""
    if not callable(function) or isinstance(function, type | Module):
        return False
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # compiled functions need not say
        pass
    return True
