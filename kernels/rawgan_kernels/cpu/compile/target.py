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
    return {
        "compiled for": _target()[1],
        "compiled for features": " ".join(sorted(features())),
        "optimisation": " ".join(str(getattr(config, name, None)) for name in OPTIMISATION),
    }


def features() -> frozenset[str]:
    """The features of the processor, in LLVM's words."""
    return frozenset(flag[1:] for flag in _target()[2].split(",") if flag.startswith("+"))  # "+avx,-avx512f"


def _target() -> tuple[str, str, str]:
    """Kind of processor, its name, and LLVM's list of features."""
    kind, name, flags = cpu_target.target_context.codegen().magic_tuple()
    return kind, name, flags
