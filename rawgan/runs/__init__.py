"""What a training run leaves behind: its folder, and pictures for people to look at."""

from rawgan.runs.folder import RunFolder
from rawgan.runs.interpolation import slerp
from rawgan.runs.pictures import (
    animate_folder,
    plot_losses,
    save_animation,
    save_grid,
    save_images,
    tile,
)
from rawgan.runs.terminal import terminal_grid

__all__ = [
    "RunFolder",
    "animate_folder",
    "plot_losses",
    "save_animation",
    "save_grid",
    "save_images",
    "slerp",
    "terminal_grid",
    "tile",
]
