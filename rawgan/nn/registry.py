"""Registration of layers: `@layer(...)` above a class makes it public and gives examples to check it by.

    @layer(example("with a bias", normal(5, 4), inputs=4, outputs=3))
    class Linear(Module): ...

That is all a layer needs in order to be `rawgan.nn.Linear` and to have its gradients, modes and promises checked by the
tests.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from rawgan.nn.base.module import Module
from rawgan.ops.registry import Array, Draw

Class = TypeVar("Class", bound=type[Module])


@dataclass(frozen=True)
class Example:
    """A layer with options, and inputs that it takes."""

    layer: str
    what: str
    """The special feature of this example."""
    make: Callable[[], Module]
    draws: tuple[Draw, ...]

    def __str__(self) -> str:
        return f"{self.layer}-{self.what}".replace(" ", "-")

    def arrays(self) -> list[Array]:
        """The inputs, the same at every call: float64, or integers."""
        rng = np.random.default_rng(sum(map(ord, str(self))))
        return [draw(rng) for draw in self.draws]


LAYERS: dict[str, type[Module]] = {}
"""Every layer by its name."""

EXAMPLES: list[Example] = []
"""The examples of all layers, in the order of definition."""

ExampleOf = Callable[[type[Module]], Example]
"""An example that still has to be told its layer."""


def layer(*examples: ExampleOf) -> Callable[[Class], Class]:
    """Register a Module as a layer, with examples of it."""

    def register(cls: Class) -> Class:
        LAYERS[cls.__name__] = cls
        EXAMPLES.extend(each(cls) for each in examples)
        # `from module import *` in the package's face then exports it, and nothing else of the module.
        vars(sys.modules[cls.__module__]).setdefault("__all__", []).append(cls.__name__)
        return cls

    return register


def example(
    what: str, *draws: Draw, make: Callable[[np.random.Generator], Module] | None = None, **options: Any
) -> ExampleOf:
    """The layer with these options, called with these arrays; made by `make(rng)` if that is given."""

    def of(cls: type[Module]) -> Example:
        def made() -> Module:
            rng = np.random.default_rng(0)
            if make is not None:
                return make(rng)
            return cls(**options, rng=rng) if "rng" in inspect.signature(cls).parameters else cls(**options)

        return Example(cls.__name__, what, made, draws)

    return of
