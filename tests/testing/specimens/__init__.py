"""Functions, layers and kernels that the checks of `rawgan.testing` are proved on: wrong ones, and right, awkward ones.

`test_specimens.py` holds every item to what it is; `python -m bench checker` prints the scores.
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
