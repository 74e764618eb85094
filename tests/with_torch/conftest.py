"""Tests against PyTorch: run them with `pytest tests/with_torch`; a plain `pytest` does without PyTorch."""

import importlib.util
import os

import pytest

# One thread each, set before NumPy or PyTorch is loaded: where cores are shared with other work, the threads of NumPy's
# BLAS and PyTorch's OpenMP spin while they wait for each other, and half a minute becomes five.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

if importlib.util.find_spec("torch") is None:
    raise pytest.UsageError(
        "these tests compare rawgan with PyTorch, which is not installed: pip install -e '.[torch]'"
    )
