"""Competitors at single kernels: rawgan's backends, PyTorch, and the machine itself, which sets the roofline.

Every competitor draws the same numbers for a call, and compares its result with the reference's in float64 before it
is timed.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench.competitors.kernel_calls import KernelCall
from rawgan.device import cuda_module, to_device
from rawgan_kernels import FLOAT32, KERNELS, MissingKernel, chosen_precision

GEMM_SIZE = 3072
COPIED_BYTES = 256 * 2**20
ON_GPU = ("cuda", "cupy")
"""Backends that compute on a GPU."""
IN_PLACE = tuple(name for name in KERNELS if name.endswith("_update"))
"""Kernels that write to their first argument."""


class KernelCompetitor:
    """Base of the competitors: `start` prepares the function that is timed, or says why there is none."""

    def __init__(self) -> None:
        self.call: Callable[[], Any] = lambda: None

    def run(self) -> None:
        """Compute once."""
        self.call()

    def start(self, case: KernelCall) -> Callable[[], tuple[np.ndarray, ...]] | str:
        """Prepare `self.call`. Returns a function that gives its results in rawgan's layout, or the reason why not."""
        raise NotImplementedError

    def prepare(self, case: KernelCall, folder: Path) -> float | str:
        """Prepare a call. Returns the relative error of the results, or the reason why it cannot be computed."""
        results = self.start(case)
        if isinstance(results, str):
            return results
        with np.load(folder / "expected.npz") as expected:
            return max(error(found, expected[name]) for name, found in zip(expected.files, results(), strict=False))


class RawganKernel(KernelCompetitor):
    """One of rawgan's backends, at the precision chosen when a call is prepared.

    `cupy` is plain CuPy: the reference on a GPU. There, a call ends when the GPU is done.

    Raises: DeviceError for a GPU that is missing
    """

    def __init__(self, backend: str, threads: int) -> None:
        super().__init__()
        self.device = "cuda" if backend in ON_GPU else "cpu"
        self.wait: Callable[[], None] | None = cuda_module().cuda.Device().synchronize if backend in ON_GPU else None
        self.backend = "reference" if backend == "cupy" else backend

    def run(self) -> None:
        """Compute once."""
        self.call()
        if self.wait is not None:
            self.wait()

    def start(self, case: KernelCall) -> Callable[[], tuple[np.ndarray, ...]] | str:
        results = self.begin(case, case.values())
        return results if isinstance(results, str) else lambda: tuple(to_device(x, "cpu") for x in results)

    def begin(self, case: KernelCall, values: dict[str, Any]) -> tuple[Any, ...] | str:
        """Prepare a call whose values are drawn already. Returns its results, still on the device."""
        kernel, precision = KERNELS[case.kernel], chosen_precision()
        try:
            exact = kernel.on(self.backend)
        except MissingKernel:
            return "has no such kernel"
        values = {name: _on_device(value, self.device) for name, value in values.items()}
        arguments = tuple(values.values())
        if kernel.factors and precision != FLOAT32:
            self.call = lambda: kernel.at(precision, self.backend, arguments)
        else:
            self.call = lambda: exact(*arguments)
        try:
            return _results(case, values, self.call())
        except MissingKernel as error:
            return str(error)


class TorchKernel(KernelCompetitor):
    """PyTorch with images in one of its memory formats."""

    def __init__(self, channels_last: bool, threads: int) -> None:
        import torch

        super().__init__()
        torch.set_num_threads(threads)
        self.format = torch.channels_last if channels_last else torch.contiguous_format

    def start(self, case: KernelCall) -> Callable[[], tuple[np.ndarray, ...]] | str:
        from bench.competitors.torch_kernels.counterpart import NoCounterpart, counterparts
        from bench.competitors.torch_kernels.tensors import arrays, tensors

        counterpart = counterparts().get(case.kernel)
        if counterpart is None:
            return "has no counterpart"
        values = tensors(case.values(), self.format)
        try:
            self.call = counterpart(**values)
        except NoCounterpart as reason:
            return f"has no counterpart: {reason}"
        result = self.call()
        if case.kernel in IN_PLACE:
            return lambda: tuple(x.detach().numpy() for x in next(iter(values.values())))
        return lambda: arrays(case.kernel, result)


class Oracle:
    """The reference in float64, which every result is compared with."""

    def expect(self, case: KernelCall, folder: Path) -> tuple[int, int]:
        """Write the right results into the folder. Returns the operations and bytes of the call."""
        values = case.values()
        exact = {name: _float64(value) for name, value in values.items()}
        results = _results(case, exact, KERNELS[case.kernel].on("reference")(*exact.values()))
        np.savez(folder / "expected.npz", *results)
        return KERNELS[case.kernel].cost(*values.values())

    def run(self) -> None:
        """Do nothing: the oracle is never timed."""


class Machine:
    """The machine's ceilings: a large matrix product, and a large copy on all threads."""

    def __init__(self, threads: int) -> None:
        rng = np.random.default_rng(0)
        self.a, self.b = rng.random((2, GEMM_SIZE, GEMM_SIZE), np.float32)
        self.product = np.empty_like(self.a)
        source = np.ones(COPIED_BYTES // 4, np.float32)
        self.parts = [
            *zip(np.array_split(source, threads), np.array_split(np.empty_like(source), threads), strict=True)
        ]
        self.pool = ThreadPoolExecutor(threads)
        self.run()

    def run(self) -> None:
        """Compute and copy once."""
        self.ceilings(1)

    def ceilings(self, times: int) -> tuple[float, float]:
        """Operations and bytes per second, the best of `times` attempts."""
        gemm = min(_seconds(lambda: np.matmul(self.a, self.b, out=self.product)) for _ in range(times))
        copy = min(_seconds(self._copy) for _ in range(times))
        return 2 * GEMM_SIZE**3 / gemm, 2 * COPIED_BYTES / copy  # each byte is read and written

    def _copy(self) -> None:
        for _ in self.pool.map(lambda part: np.copyto(part[1], part[0]), self.parts):
            pass


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """‖found − expected‖ / ‖expected‖; infinite if the shapes differ.

    A norm over all elements, because next to the kink of an activation a single one may go the other way.
    """
    if found.size != expected.size:
        return float("inf")
    difference = np.linalg.norm(found.astype(np.float64).ravel() - expected.ravel())
    size = np.linalg.norm(expected)
    return float(difference / size) if size else float(difference)


def _results(case: KernelCall, values: dict[str, Any], result: Any) -> tuple[Any, ...]:
    if case.kernel in IN_PLACE:
        return tuple(next(iter(values.values())))
    return result if isinstance(result, tuple) else (result,)


def _on_device(value: Any, device: str) -> Any:
    if isinstance(value, list):
        return [to_device(item, device) for item in value]
    return to_device(value, device) if isinstance(value, np.ndarray) else value


def _float64(value: Any) -> Any:
    match value:
        case np.ndarray() if value.dtype == np.float32:
            return value.astype(np.float64)
        case list():
            return [_float64(item) for item in value]
        case np.dtype() | type() if value == np.float32:
            return np.dtype(np.float64)
        case _:
            return value


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
