"""Faults of pictures."""

from fault import Fault

FAULTS = [
    Fault(
        "terminal: images are enlarged at the cost of others",
        "layout_of",
        "score = min(across, wide), shown, across",
        "score = across, shown, across",
        "test_view.py -k small_images_are_enlarged",
    ),
    Fault(
        "terminal: a colour that changes below keeps the one above",
        "_line",
        'parts.append(f"\\x1b[48;{codes[under]}m▀")',
        'parts.append("▀")',
        "test_view.py -k pixels_that_the_grid_has",
    ),
    Fault(
        "plots: drawn with the user's settings",
        "plotting",
        "settings = _defaults(matplotlib.rcParamsDefault) |",
        "settings =",
        "test_plots.py -k change_no_bit",
    ),
    Fault(
        "plots: matplotlibrc in the current folder is read",
        "_without_settings",
        "exists(path) and not _has_settings(str(path))",
        "exists(path)",
        "test_plots.py -k imported_without_settings",
    ),
    Fault(
        "plots: the backend of a notebook is used",
        "_without_settings",
        '("MPLBACKEND", "MATPLOTLIBRC")',
        '("MATPLOTLIBRC",)',
        "test_plots.py -k imported_without_settings",
    ),
]
