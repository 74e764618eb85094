"""The processor that kernels are compiled for."""

from numba import config
from numba.core.registry import cpu_target

OPTIMISATION = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE")
"""Numba's settings that change what is compiled."""


def compiled_for() -> dict[str, str]:
    """What machine code depends on, by name: the processor and its features, and Numba's settings. With others, sums
    may be taken in another order, so results may have other bits.

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
    """Those that are there, of LLVM's list "+avx,-avx512f"."""
    return " ".join(sorted(flag[1:] for flag in flags.split(",") if flag.startswith("+")))
