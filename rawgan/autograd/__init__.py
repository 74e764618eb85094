"""Automatic differentiation: ops that record a graph, and the walk back through it."""

from rawgan.autograd.observers import Observer, observing
from rawgan.autograd.op import Gradients, Op
from rawgan.autograd.recording import is_recording, no_grad, recording
from rawgan.autograd.walk import backward, grad

__all__ = [
    "Gradients",
    "Observer",
    "Op",
    "backward",
    "grad",
    "is_recording",
    "no_grad",
    "observing",
    "recording",
]
