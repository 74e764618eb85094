"""Tests of the benchmarks' rival: run them with `pytest tests/with_tensorflow`; all others do without TensorFlow."""

import importlib.util

import pytest

if importlib.util.find_spec("tensorflow") is None:
    raise pytest.UsageError("these tests compare rawgan with TensorFlow: pip install -e '.[tensorflow]'")
