"""Ceilings of the GPU, and the distance of each kernel from them, at the sizes of a training step."""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.competitors.kernel_calls import KernelCall
from bench.competitors.kernels import RawganKernel, error
from bench.competitors.roofline import roofline_seconds
from bench.competitors.step_calls import calls_of
from bench.gpu.clock import Clock, Sizes, reduced
from bench.gpu.observations import Observation, Observations, observed
from rawgan.device import to_device
from rawgan_kernels import KERNELS, chosen_precision
from rawgan_kernels.cuda.product import multiplied
from rawgan_kernels.cuda.run.cublas import product
from rawgan_kernels.cuda.run.factors import FORMATS

AGREEMENT = 1e-2
"""Largest ‖cuda − cupy‖ / ‖cupy‖, with room for kinks; bench/gpu/parity.py and precision.py compare more closely."""
WORST = 4
"""Number of kernels that the table names."""


def times(sizes: Sizes, observations: Observations) -> None:
    """Measure the GPU's ceilings, then each kernel beside plain CuPy and beside the roofline.

    At a reduced precision, only the kernels that are written for it are measured. Plain CuPy then rounds their factors,
    and multiplies in float32.
    """
    clock = Clock(sizes.copied_bytes)
    roofline = {"bytes_per_second": clock.bandwidth(), "flops_per_second": 0.0}
    observations.look("ceilings", lambda: _ceilings(sizes, clock, roofline))
    calls = calls_of(sizes.models, (sizes.large,), sizes.batches[0], sizes.width)
    rows: list[dict[str, Any]] = []
    for case, counts in calls.items():
        if not reduced() or ("cuda", chosen_precision()) in KERNELS[case.kernel].reduced:
            look = _one(case, dict(counts), clock, roofline, rows)
            observations.look(f"{case.kernel} {case.label}", look)
    observations.look("a step", lambda: _sums(rows))


def _ceilings(sizes: Sizes, clock: Clock, roofline: dict[str, float]) -> Observation:
    """Bandwidth, and the rate of a product whose factors are rounded already; also with rounding, and by CuPy."""
    n, rng, form = sizes.gemm, np.random.default_rng(0), FORMATS[chosen_precision()]
    factors = rng.random((2, n, n), np.float32)
    a, b = (to_device(x, "cuda") for x in factors)
    x, y, out = form.factor(a[None]), form.factor(b[None]), clock.cuda.empty((1, n, n), "float32")
    seconds = {
        "cuBLAS": clock.seconds(lambda: product(x, y, out, tf32=form.tf32))[0],
        "rawgan": clock.seconds(lambda: multiplied(a, b, form))[0],
        "CuPy": clock.seconds(lambda: clock.cuda.matmul(a, b))[0],
    }
    rates = {name: 2 * n**3 / taken for name, taken in seconds.items()}
    roofline["flops_per_second"] = rates["cuBLAS"]
    few = [to_device(x[:64].T[:64].T, "cuda") for x in factors]
    exact = np.matmul(*(np.float64(to_device(x, "cpu")) for x in few))
    rounding = error(to_device(multiplied(*few, form), "cpu"), exact)
    text = (
        f"copy {roofline['bytes_per_second'] / 1e9:.0f} GB/s (read and written); {n}³ in {form.name}: cuBLAS "
        f"{rates['cuBLAS'] / 1e12:.1f} TFLOP/s, rawgan, which rounds, {rates['rawgan'] / 1e12:.1f}, CuPy in float32 "
        f"{rates['CuPy'] / 1e12:.1f}; rounding error {rounding:.0e}"
    )
    return observed(text, None, text, **roofline, rates=rates, rounding=rounding, precision=form.name)


def _one(
    case: KernelCall, counts: dict[str, int], clock: Clock, roofline: dict[str, float], rows: list[dict[str, Any]]
) -> Callable[[], Observation]:
    """Make a function that times a call on the GPU."""

    def look() -> Observation:
        ours, values = RawganKernel("cuda", 0), case.values()
        results = _results(ours, case, values)
        operations, size = KERNELS[case.kernel].cost(*values.values())
        difference, plain, note = _plain(case, values, results, clock)  # before ours runs again, perhaps in place
        seconds, ahead = clock.seconds(ours.call)
        row = {
            "kernel": case.kernel, "shape": case.label, "calls": counts, "flops": operations, "bytes": size,
            "seconds": seconds, "cupy_seconds": plain, "without_gaps": ahead, "difference": difference,
        }  # fmt: skip
        row["roofline"] = roofline_seconds(row, roofline) / seconds if roofline["flops_per_second"] else None
        rows.append(row)
        text = (
            f"{1e6 * seconds:.0f} µs, {operations / seconds / 1e12:.2f} TFLOP/s, {size / seconds / 1e9:.0f} GB/s, "
            f"{row['roofline'] or 0:.0%} of the roofline; plain CuPy {1e6 * plain:.0f} µs"
            + ("" if ahead else " (with gaps: the CPU was behind)") + note
        )  # fmt: skip
        return observed(text, False if note else None, **row)

    return look


def _plain(
    case: KernelCall, values: dict[str, Any], results: tuple[Any, ...], clock: Clock
) -> tuple[float | None, float, str]:
    """Difference from plain CuPy's results, its seconds, and a note on what is wrong. A failure of plain CuPy is noted,
    and our kernel is timed all the same."""
    theirs = RawganKernel("cupy", 0)
    try:
        expected = _results(theirs, case, values)
        difference = max(_difference(x, y) for x, y in zip(results, expected, strict=True))
        seconds, _ = clock.seconds(theirs.call)
    except Exception as error:
        return None, math.nan, f"; plain CuPy FAILED: {type(error).__name__}: {error}"
    return difference, seconds, "" if difference <= AGREEMENT else f"; DIFFERS from plain CuPy by {difference:.0e}"


def _results(competitor: RawganKernel, case: KernelCall, values: dict[str, Any]) -> tuple[Any, ...]:
    """Results of a call, on the device.

    Raises: RuntimeError if the backend has no such kernel
    """
    results = competitor.begin(case, values)
    if isinstance(results, str):
        raise RuntimeError(results)
    return results


def _difference(x: Any, y: Any) -> float:
    """‖x − y‖ / ‖y‖, computed on the device."""
    x, y = x.astype("float64"), y.astype("float64")
    return float(((x - y) ** 2).sum()) ** 0.5 / (float((y**2).sum()) ** 0.5 or 1.0)


def _sums(rows: list[dict[str, Any]]) -> Observation:
    """Total time of the kernels in a step, and the kernels that lose most relative to the roofline."""
    networks = sorted({network for row in rows for network in row["calls"]})
    totals: dict[str, dict[str, float]] = {}
    for network in networks:
        sums: dict[str, float] = defaultdict(float)
        for row in rows:
            count = row["calls"].get(network, 0)
            sums["cuda"] += count * row["seconds"]
            sums["cupy"] += count * row["cupy_seconds"]
            sums["roofline"] += count * row["seconds"] * (row["roofline"] or 0)
        totals[network] = dict(sums)
    lost = {
        f"{row['kernel']} {row['shape']}": sum(row["calls"].values()) * row["seconds"] * (1 - (row["roofline"] or 0))
        for row in rows
    }
    worst = sorted(lost, key=lambda name: -lost[name])[:WORST]
    sums_text = "; ".join(
        f"{network}: {1e3 * sums['cuda']:.2f} ms in {'products' if reduced() else 'kernels'}, plain CuPy "
        f"{1e3 * sums['cupy']:.2f}, the roofline allows {1e3 * sums['roofline']:.2f}"
        for network, sums in totals.items()
    )
    lost_text = ", ".join(f"{name} {1e3 * lost[name]:.2f} ms" for name in worst)
    text = f"{sums_text}\n    most time above the roofline, of {len(rows)} cases: {lost_text}"
    return observed(text, None, text, totals=totals, lost={name: lost[name] for name in worst})
