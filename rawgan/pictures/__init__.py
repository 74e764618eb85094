"""Pictures for people to look at: grids, plots, animations, and small ones for a terminal."""

from rawgan.pictures.curves import plot_losses
from rawgan.pictures.images import (
    animate_folder,
    save_animation,
    save_grid,
    save_images,
    tile,
)
from rawgan.pictures.terminal import terminal_grid

__all__ = [
    "animate_folder",
    "plot_losses",
    "save_animation",
    "save_grid",
    "save_images",
    "terminal_grid",
    "tile",
]
