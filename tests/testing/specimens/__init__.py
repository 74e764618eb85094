"""Specimens for the checks of `rawgan.testing`: wrong functions, layers and kernels, and right but awkward ones.

`test_specimens.py` runs every item; `python -m bench checker` prints the scores.
"""

from specimens import beyond, kernels, right_functions, right_layers, wrong_functions, wrong_layers, wrong_values
from specimens.items import BEYOND, RIGHT, WRONG, alarm

__all__ = [
    "BEYOND",
    "RIGHT",
    "WRONG",
    "alarm",
    "beyond",
    "kernels",
    "right_functions",
    "right_layers",
    "wrong_functions",
    "wrong_layers",
    "wrong_values",
]
