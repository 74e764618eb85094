"""Observing the calls of modules, without touching the modules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from rawgan.tensor import Tensor

if TYPE_CHECKING:
    from rawgan.nn.module import Module

CallHook = Callable[["Module", Callable[..., Tensor], tuple[Any, ...], dict[str, Any]], Tensor]
"""Called with module, forward, inputs and options: returns `forward(*inputs, **options)`."""


class _State(threading.local):
    hook: CallHook | None = None


state = _State()


@contextmanager
def around_calls(hook: CallHook) -> Iterator[None]:
    """Inside, every call of a module in this thread goes through `hook`, the outer one of a module first.

    >>> from rawgan import nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Tanh())
    >>> def report(module, forward, inputs, options):
    ...     y = forward(*inputs, **options)
    ...     print(type(module).__name__, y.shape)
    ...     return y
    >>> with around_calls(report):
    ...     _ = network(Tensor([[[1.0, 2.0]]]))
    Flatten (1, 2)
    Tanh (1, 2)
    Sequential (1, 2)
    """
    outer = state.hook

    def both(
        module: Module, forward: Callable[..., Tensor], inputs: tuple[Any, ...], options: dict[str, Any]
    ) -> Tensor:
        if outer is not None:
            forward = partial(_through, outer, module, forward)
        return hook(module, forward, inputs, options)

    state.hook = both
    try:
        yield
    finally:
        state.hook = outer


def _through(hook: CallHook, module: Module, forward: Callable[..., Tensor], *inputs: Any, **options: Any) -> Tensor:
    return hook(module, forward, inputs, options)
