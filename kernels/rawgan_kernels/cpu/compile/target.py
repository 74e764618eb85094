"""The processor that kernels are compiled for."""

from numba import config
from numba.core.registry import cpu_target

OPTIMISATION = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE")
"""Numba's settings that change the compiled code."""


def compiled_for() -> dict[str, str]:
    """Name and features of the processor, and Numba's settings: with others, results may differ in their last bits,
    because sums may be taken in another order.

    >>> sorted(compiled_for())
    ['compiled for', 'compiled for features', 'optimisation']
    """
    _, name, features = cpu_target.target_context.codegen().magic_tuple()
    return {
        "compiled for": name,
        "compiled for features": _features(features),
        "optimisation": " ".join(str(getattr(config, name, None)) for name in OPTIMISATION),
    }


def _features(flags: str) -> str:
    """The features that are present in LLVM's list, such as "+avx,-avx512f"."""
    return " ".join(sorted(flag[1:] for flag in flags.split(",") if flag.startswith("+")))
