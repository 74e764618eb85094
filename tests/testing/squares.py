"""Squares for tests of `gradcheck`: one that is right, two with a fault, and arrays to call them with."""

import numpy as np

from rawgan import Op

X = np.array([0.5, -1.5, 2.0])


def normal(*shape, seed=0):
    """Normally distributed numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


class Square(Op):
    """y = x², done right."""

    def forward(self, x):
        return x * x

    def backward(self, gy):
        (x,) = self.inputs
        return (self.slope(x) * gy,)

    def slope(self, x):
        return 2 * x


class WrongFactor(Square):
    def slope(self, x):
        return 2.00001 * x


class WritesToInput(Square):
    def forward(self, x):
        x *= x
        return x + 0
