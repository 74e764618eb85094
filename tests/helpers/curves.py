"""Runs without plots."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def without_curves() -> Iterator[None]:
    """Inside, runs write their losses as JSON instead of plotting them: matplotlib takes longer than small runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "rawgan.training.extensions.curves.plot_losses",
            lambda path, records: path.write_text(json.dumps(records)) and path,
        )
        yield
