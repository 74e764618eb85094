"""Tests against PyTorch: run them with `pytest tests/with_torch`; a plain `pytest` does without PyTorch."""

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # bench/, which is not installed, has the networks

if importlib.util.find_spec("torch") is None:
    raise pytest.UsageError(
        "these tests compare rawgan with PyTorch, which is not installed: pip install -e '.[torch]'"
    )
