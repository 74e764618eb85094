"""Modules made of modules."""

from rawgan import ops
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.nn.base.module import Module, check_modules
from rawgan.nn.linear import Linear
from rawgan.nn.registry import example, layer
from rawgan.nn.sequential import Sequential
from rawgan.nn.shape import Identity
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(
    example(
        "shortcut",
        normal(3, 4),
        make=lambda rng: Residual(Sequential(Linear(4, 2, rng=rng)), Sequential(Linear(4, 2, rng=rng))),
    ),
)
class Residual(Module):
    """y = main(x) + shortcut(x); without a shortcut, x itself.

    Shapes: main(x) and shortcut(x) have one shape
    Source: He et al. 2016

    >>> import numpy as np
    >>> from rawgan import nn
    >>> Residual(nn.Sequential(nn.ReLU()))(np.array([[-1.0, 2.0]]))
    Tensor([[-1., 4.]], float64)
    """

    def __init__(self, main: Sequential, shortcut: Sequential | None = None) -> None:
        check_modules("Residual", "layer", [main] if shortcut is None else [main, shortcut])
        self.main, self.shortcut = main, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.joined([self.main(x), x if self.shortcut is None else self.shortcut(x)])

    def joined(self, made: list[Tensor]) -> Tensor:
        """Sum of the two results. Raises: ShapeError if their shapes differ."""
        main, shortcut = made
        if main.shape != shortcut.shape:
            listing = shapes(main=main, shortcut=shortcut)
            raise ShapeError(f"Residual: main and shortcut must have results of the same shape\n{listing}")
        return main + shortcut


@layer(example("two", normal(3, 4), make=lambda rng: Branches(Linear(4, 2, rng=rng), Identity())))
class Branches(Module):
    """Results of several layers for the same x, side by side along the last axis.

    Shapes: x, as the layers take it → (N, …, sum of the layers' channels)

    >>> import numpy as np
    >>> from rawgan import nn
    >>> Branches(nn.ReLU(), nn.LeakyReLU(0.5))(np.array([[1.0, -2.0]]))
    Tensor([[ 1.,  0.,  1., -1.]], float64)
    """

    def __init__(self, *branches: Module) -> None:
        check_modules("Branches", "layer", branches)
        if not branches:
            raise ArgumentError("Branches: there are no layers; give at least one")
        self.branches = branches

    def forward(self, x: Tensor) -> Tensor:
        return self.joined([branch(x) for branch in self.branches])

    def joined(self, made: list[Tensor]) -> Tensor:
        """The results side by side."""
        return ops.concatenate(made, axis=made[0].ndim - 1)

    def describe_options(self) -> str:
        return ", ".join(f"{type(each).__name__}({each.describe_options()})" for each in self.branches)
