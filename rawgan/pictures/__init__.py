"""Pictures for people to look at: grids, plots, animations, and small ones for a terminal."""

from rawgan.pictures.animation import animate_folder, save_animation
from rawgan.pictures.curves import plot_losses
from rawgan.pictures.grids import save_grid, tile
from rawgan.pictures.png import save_images
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
