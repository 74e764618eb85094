"""Products on the GPU against the specification of their precision: the reference, with factors rounded alike."""

from typing import Any

import numpy as np

from bench.competitors.kernel_calls import KernelCall
from bench.competitors.kernels import RawganKernel, error
from bench.competitors.step_calls import calls_of
from bench.gpu.clock import Sizes, wait
from bench.gpu.observations import Observation, Observations, observed
from rawgan.device import to_device
from rawgan_kernels import FLOAT32, KERNELS, PRECISIONS, Backend, precision
from rawgan_kernels.dispatch import gains

SUMS = 5e-5
"""Largest ‖found − expected‖ / ‖expected‖. Only sums may differ: those of tensor cores cut off bits of small terms
beside large ones. Factors that are rounded to TF32 and should not be, or should be and are not, or are cut off instead,
change random products by 3e-4 or more."""


def precisions(sizes: Sizes, observations: Observations) -> None:
    """Compare each product of a training step at each precision; then single factors, bit for bit."""
    calls = calls_of(sizes.models, (sizes.small, sizes.large), sizes.few, sizes.width)
    for name in PRECISIONS:
        for kernel, declared in KERNELS.items():
            if declared.factors:
                cases = [case for case in calls if case.kernel == kernel]
                observations.look(f"{kernel} in {name}", lambda name=name, cases=cases: _agrees(name, cases))
        if name != FLOAT32:
            observations.look(f"factors in {name}", lambda name=name: _factors(name))


def expected_of(name: str, case: KernelCall) -> tuple[Any, ...]:
    """Results that the reference specifies: of rounded factors, multiplied and summed in float64."""
    kernel, args = KERNELS[case.kernel], tuple(case.values().values())
    if name != FLOAT32:
        args = kernel.rounded(name, "reference", args)
    found = kernel.on("reference")(*(x.astype("float64") if isinstance(x, np.ndarray) else x for x in args))
    return found if isinstance(found, tuple) else (found,)


def _agrees(name: str, cases: list[KernelCall]) -> Observation:
    """Compare calls at a precision. What plain float32 would have given is told, too."""
    worst, moved, faults = 0.0, 0.0, []
    for case in cases:
        expected, exact = expected_of(name, case), expected_of(FLOAT32, case)
        with precision(name):
            found = RawganKernel("cuda", 0).begin(case, case.values())
        if isinstance(found, str):
            raise RuntimeError(found)
        wait()
        off = max(error(to_device(x, "cpu"), y) for x, y in zip(found, expected, strict=True))
        moved = max(moved, *(error(x, y) for x, y in zip(expected, exact, strict=True)))
        worst = max(worst, off)
        if not off <= SUMS:
            faults.append(f"{case.label}: {off:.0e}, allowed {SUMS:.0e}")
    if faults or not cases:
        text = f"{len(faults)} of {len(cases)} calls are wrong: {(faults or ['there are none'])[0]}"
        return observed(text, False, faults=faults)
    text = f"{len(cases)} calls, off by at most {worst:.0e}; rounding moves them by {moved:.0e}"
    return observed(text, True, calls=len(cases), error=worst, rounding=moved)


def _factors(name: str) -> Observation:
    """Multiply numbers by 1, among them ties: the bits are those of the rounded number."""
    step = 2.0 ** -(PRECISIONS[name] + 1)
    ties = np.float32([1 + k * step for k in range(64)])
    drawn = np.random.default_rng(0).standard_normal(4096 - 3 * ties.size).astype("float32")
    x = np.concatenate((ties, -ties, ties * np.float32(1 + 2.0**-20), drawn)).reshape(64, 64)
    on_gpu, one = to_device(x, "cuda"), to_device(np.eye(64, dtype="float32"), "cuda")
    with precision(name):
        found = [to_device(KERNELS["matmul"].at(name, "cuda", pair), "cpu") for pair in ((on_gpu, one), (one, on_gpu))]
    expected = Backend("reference").rounded(x, PRECISIONS[name])
    wrong = max(int((y != expected).sum()) for y in found)
    text = f"{x.size} numbers as either factor, {wrong or 'none'} of them rounded to another one than specified"
    return observed(text, not wrong and gains("cuda", name), wrong=wrong)
