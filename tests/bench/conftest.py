"""Fixture of the tests of reports."""

import pytest

from bench.common.rounds import Spread


@pytest.fixture
def spread():
    """A function: the spread, as in a report, of three times around a median."""
    return lambda median: Spread.of([0.9 * median, median, 1.1 * median]).as_dict()
