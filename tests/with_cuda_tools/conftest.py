"""Tests of compiled CUDA kernels: run them with `pytest tests/with_cuda_tools`; no GPU is needed, and none is used."""

import importlib.util

import pytest

if importlib.util.find_spec("numba_cuda") is None:
    raise pytest.UsageError(
        "these tests compile CUDA kernels, which needs NVIDIA's tools: pip install -e '.[cuda-tools]'"
    )
