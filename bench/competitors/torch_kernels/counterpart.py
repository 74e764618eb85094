"""The computation of each kernel in PyTorch: the operator that its own autograd would call.

A counterpart takes rawgan's arguments by name, already as PyTorch's tensors (images NCHW, in the memory format that
competes; weights of convolutions (K, C, A, B) likewise). It returns a function without arguments, so that anything
PyTorch would keep from the forward pass is prepared before the clock starts.

A function with `@counterpart` in any file of this folder is found.
"""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

aten = torch.ops.aten
Run = Callable[[], Any]

_counterparts: dict[str, Callable[..., Run]] = {}


class NoCounterpart(Exception):
    """PyTorch has no single operator for this, or not with these options."""


def counterpart(prepare: Callable[..., Run]) -> Callable[..., Run]:
    """Register the counterpart of the kernel of that name."""
    _counterparts[prepare.__name__] = prepare
    return prepare


def counterparts() -> dict[str, Callable[..., Run]]:
    """All counterparts, by the names of their kernels."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        import_module(f"bench.competitors.torch_kernels.{module.name}")
    return _counterparts
