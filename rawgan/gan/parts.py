"""Parts of a training step, numbered as the tutorial numbers them: five of G, four of D.

The step says which part begins, and shows what it has made. Observers (`rawgan.autograd.observers`) are told of both;
without one, this costs a few nanoseconds.
"""

from typing import NamedTuple

from rawgan.autograd.observers import active
from rawgan.tensor import Tensor


class Part(NamedTuple):
    """A part of a training step."""

    network: str
    """Network that learns by it: G or D."""
    number: int
    """Number, counted from 1."""
    title: str

    def __str__(self) -> str:
        return f"{self.network} {self.number}: {self.title}"


G1 = Part("G", 1, "take noise, or the images to translate")
G2 = Part("G", 2, "generate images")
G3 = Part("G", 3, "discriminate them again, as D has just changed")
G4 = Part("G", 4, "compute G's loss: how far D is from taking them for real")
G_PENALTY = Part("G", 4, "add the penalty on G, with images of its own")
G5 = Part("G", 5, "update G: gradients of its loss, layer by layer, then its optimiser's step")
D1 = Part("D", 1, "take images")
D2 = Part("D", 2, "discriminate them")
D3 = Part("D", 3, "compute D's loss: how far its answers are from the truth")
D_PENALTY = Part("D", 3, "add the penalty on D's slope at images, a gradient that is differentiated again")
D4 = Part("D", 4, "update D: gradients of its loss, layer by layer, then its optimiser's step")


def begin(part: Part) -> None:
    """Say that a part begins.

    >>> from rawgan.autograd import Observer, observing
    >>> class Titles(Observer):
    ...     def before_part(self, part):
    ...         print(part)
    >>> with observing(Titles()):
    ...     begin(G1)
    G 1: take noise, or the images to translate
    """
    for observer in active.observers:
        observer.before_part(part)


def show(**values: Tensor) -> None:
    """Show what a part has made, by name.

    >>> from rawgan.autograd import Observer, observing
    >>> class Names(Observer):
    ...     def after_value(self, name, value):
    ...         print(name, value)
    >>> with observing(Names()):
    ...     show(d_loss=Tensor(0.5))
    d_loss Tensor(0.5, float32)
    """
    for observer in active.observers:
        for name, value in values.items():
            observer.after_value(name, value)
