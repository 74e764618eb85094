"""Observers: objects that look on while ops, layers and optimisers work, to measure, count, check or show.

An observer changes nothing, and where there is none, looking for one costs a few nanoseconds. Kernels have observers of
their own, in `rawgan_kernels`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from rawgan.tensor import Node, Tensor


class Observer:
    """Base class of observers. Each method is called at one kind of event; override those of interest.

    An error that a method raises ends the call, or the walk, that is observed.

    >>> from rawgan import Tensor, nn
    >>> class Names(Observer):
    ...     def after_forward(self, op, array):
    ...         print("forward", op.name, array)
    ...
    ...     def after_backward(self, op, gradients):
    ...         print("backward", op.name, gradients)
    ...
    ...     def before_layer(self, layer, inputs, options):
    ...         print("layer", layer)
    >>> x = Tensor([2.0], requires_grad=True)
    >>> with observing(Names()):
    ...     nn.Flatten()(x[None] * x).sum().backward()
    forward Slice [[2.]]
    forward Mul [[4.]]
    layer Flatten()
    forward Reshape [[4.]]
    forward Sum 4.0
    backward Sum [array([[1.]], dtype=float32)]
    backward Reshape [array([[1.]], dtype=float32)]
    backward Mul [array([[2.]], dtype=float32), array([2.], dtype=float32)]
    backward Slice [array([2.], dtype=float32)]
    """

    def after_forward(self, op: Node, array: Any) -> None:
        """An op was called and recorded, and made this array. Without a graph, nothing is recorded."""

    def after_backward(self, op: Node, gradients: Sequence[Any]) -> None:
        """The walk back passed an op, which made these arrays: a gradient for each input, None for one not wanted."""

    def before_layer(self, layer: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        """A Module is about to run `forward(*inputs, **options)`."""

    def after_layer(self, layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], result: Tensor | None) -> None:
        """A Module's `forward` returned this result, or raised an error: then the result is None."""

    def before_update(self, optimizer: Any, gradients: Sequence[Tensor | None]) -> None:
        """An Optimizer is about to update its parameters with these gradients, one for each."""

    def after_update(self, optimizer: Any, gradients: Sequence[Tensor | None]) -> None:
        """An Optimizer has updated its parameters."""

    def before_part(self, part: Any) -> None:
        """A numbered part of a training step begins: see `rawgan.gan.parts`."""

    def after_value(self, name: str, value: Tensor) -> None:
        """A training step has made something that has a name, such as noise, generated images or a loss."""


class _Active(threading.local):
    observers: tuple[Observer, ...] = ()


active = _Active()
"""The observers of each thread, from the outermost to the innermost."""


class observing(AbstractContextManager[None]):  # a class: Ctrl-C inside a generator's `with` could leave it there
    """Inside, an observer looks on at the work of this thread."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._before: tuple[Observer, ...] = ()

    def __enter__(self) -> None:
        self._before = active.observers
        active.observers = (*self._before, self._observer)

    def __exit__(self, *error: object) -> None:
        active.observers = self._before
