"""Registration of optimisers: `@optimizer(...)` above a class makes it public and gives options to check it with.

@optimizer({"lr": 0.1}, {"lr": 0.05, "momentum": 0.9})
class SGD(Optimizer): ...
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from rawgan.optim.optimizer import Optimizer

Class = TypeVar("Class", bound=type[Optimizer])

OPTIMIZERS: dict[str, type[Optimizer]] = {}
"""Every optimiser by its name."""

EXAMPLES: list[tuple[type[Optimizer], dict[str, Any]]] = []
"""Every optimiser with every set of its options."""


def optimizer(*options: dict[str, Any]) -> Callable[[Class], Class]:
    """Register an optimiser, with sets of options that the tests make it with."""

    def register(cls: Class) -> Class:
        OPTIMIZERS[cls.__name__] = cls
        EXAMPLES.extend((cls, each) for each in options)
        # `from module import *` in the package's face then exports it, and nothing else of the module.
        vars(sys.modules[cls.__module__]).setdefault("__all__", []).append(cls.__name__)
        return cls

    return register
