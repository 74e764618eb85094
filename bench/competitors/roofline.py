"""The roofline: the least time that a machine's two ceilings, of arithmetic and of memory, leave a kernel.

The ceiling of arithmetic is that of the products at the precision of a report: in float32, or of the matrix units.
"""

from typing import Any


def roofline_seconds(row: dict[str, Any], roofline: dict[str, float]) -> float:
    """Seconds that a call of `flops` operations and `bytes` bytes takes at least.

    >>> roofline_seconds({"flops": 100, "bytes": 30}, {"flops_per_second": 50, "bytes_per_second": 10})
    3.0
    """
    return max(row["flops"] / roofline["flops_per_second"], row["bytes"] / roofline["bytes_per_second"])
