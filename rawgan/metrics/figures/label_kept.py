"""Share of images that are of the class that the generator was given."""

import numpy as np
from numpy.typing import NDArray

from rawgan.metrics.figures.metric import Figure, Labelled, Metric


def label_share(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of images whose most probable class is their label.

    Shapes: probabilities (N, classes), labels (N,)

    >>> label_share(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]))
    0.5
    """
    return float((probabilities.argmax(axis=1) == labels).mean())


LABEL_KEPT = Metric(
    name="label_kept",
    summary="share of images of the class that was asked for",
    takes=Labelled,
    figures=(Figure("label_kept", "of the class asked for", ".4f", "1 if all are", "labels kept"),),
    compute=lambda sample: {"label_kept": label_share(sample.probabilities, sample.labels)},
)
