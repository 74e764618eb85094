"""Fixture of the tests of bounded memory."""

import tracemalloc

import pytest


@pytest.fixture
def little():
    """A function: the most bytes that were allocated at a time since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
