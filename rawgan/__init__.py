"""rawgan: GANs from bare arrays. Every forward and backward pass is written by hand, and meant to be read.

Floors, each resting on those below it::

    rawgan.cli                                commands
    rawgan.inference  rawgan.tasks            use of trained networks; kinds of training
    rawgan.training  rawgan.config            the training loop and its extensions; configuration
    rawgan.diagnosis  rawgan.pictures  rawgan.storage
    rawgan.gan                                networks, objectives, the training step
    rawgan.nn   rawgan.optim   rawgan.data    layers that own parameters; optimisers; images
    rawgan.ops                                differentiable functions
    rawgan.tensor   rawgan.autograd           arrays that remember how they were made, and the walk back
    rawgan_kernels                            the arithmetic
"""

__version__ = "0.1.0"

from rawgan import nn, ops, optim
from rawgan.autograd import Op, grad, no_grad
from rawgan.tensor import Tensor

__all__ = ["Op", "Tensor", "grad", "nn", "no_grad", "ops", "optim"]
