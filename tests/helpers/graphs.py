"""Leaves and ops to build graphs from."""

import numpy as np

from rawgan import Op, Tensor


def leaf(*numbers, dtype="float64"):
    """A leaf that requires a gradient. Shapes: → (len(numbers),)"""
    return Tensor(np.array(numbers, dtype), requires_grad=True)


class Faulty(Op):
    """y = x, with the backward pass that a test gives."""

    def __init__(self, gradients):
        self.gradients = gradients

    def forward(self, x):
        return x + 0

    def backward(self, gy):
        return self.gradients(gy)
