"""A picture of every layer of both networks: how large activations and gradients are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rawgan.diagnosis.probe import Layer
from rawgan.pictures.plots import plotting


def plot_layers(path: str | Path, layers: Sequence[Layer]) -> Path:
    """Plot the rms of activations and gradients, layer by layer, G above and D below; return the path.

    Sizes that are 0 or not finite are gaps.

    Raises: what :func:`rawgan.pictures.plots.plotting` raises.

    >>> from tempfile import TemporaryDirectory
    >>> layers = [Layer("generator, layer 0 Tanh()", 0.5, 0.1, None, None, None, 4, None, None)]
    >>> with TemporaryDirectory() as folder:
    ...     plot_layers(f"{folder}/diagnosis.png", layers).name
    'diagnosis.png'
    """
    networks = ("generator", "discriminator")
    of_each = [[layer for layer in layers if layer.place.startswith(name)] for name in networks]
    tall = [max(len(of_one), 3) for of_one in of_each]
    with plotting(path, (9, 1.5 + 0.28 * sum(tall)), dpi=150) as figure:
        for axes, name, of_one in zip(figure.subplots(2, 1, height_ratios=tall), networks, of_each, strict=True):
            rows = np.arange(len(of_one))
            for key, color in (("activation", "#0072B2"), ("gradient", "#D55E00")):
                values = np.array([getattr(layer, key) for layer in of_one])
                drawn = np.isfinite(values) & (values > 0)
                axes.plot(np.where(drawn, values, np.nan), rows, color=color, marker="o", markersize=4, label=key)
                if drawn.any():
                    axes.set_xscale("log")
            axes.set_yticks(rows, [layer.place.partition("layer ")[2] for layer in of_one], fontsize=8)
            axes.invert_yaxis()
            axes.set_title(name.capitalize(), loc="left")
            axes.grid(color="0.9")
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel("root of the mean square; the gradient's is that of one image's loss")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return Path(path)
