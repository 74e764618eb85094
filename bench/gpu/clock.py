"""Sizes of the work in `bench gpu_check`, and a clock that measures on the GPU itself."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rawgan.device import cuda_module
from rawgan.gan import ImageSpec
from rawgan_kernels import FLOAT32, chosen_precision

SMALL, LARGE = ImageSpec(28, 1), ImageSpec(64, 3)


@dataclass(frozen=True)
class Sizes:
    """Sizes of the work. The defaults tell something about a GPU; the tests run less, on a simulated one."""

    models: tuple[str, ...] = ("dcgan", "tutorial")
    width: int = 64
    narrow: int = 4
    small: ImageSpec = SMALL
    large: ImageSpec = LARGE
    batches: tuple[int, ...] = (128, 64, 512)
    few: int = 8
    """Images where the CPU computes the same in float64."""
    many_windows: str = "72x64x64x64:4"
    """A convolution with more windows than are laid out at a time."""
    training_steps: int = 100
    training_batch: int = 16
    graph_steps: int = 20
    warm_steps: int = 100
    rounds: int = 5
    turn_seconds: float = 0.15
    gemm: int = 8192
    copied_bytes: int = 2**30


FULL = Sizes()


def reduced() -> bool:
    """True at a reduced precision of products."""
    return chosen_precision() != FLOAT32


def torch_on_gpu() -> Any:
    """PyTorch with its fastest settings at this precision, if it is installed and sees the GPU; else None."""
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = reduced()
    torch.backends.cudnn.benchmark = True
    return torch


def wait() -> None:
    """Wait until the GPU is done. Errors of earlier kernels are raised here, too."""
    cuda_module().cuda.Device().synchronize()


def release() -> None:
    """Give unused memory back, so that the other library can have it."""
    gc.collect()
    cuda_module().get_default_memory_pool().free_all_blocks()
    torch = torch_on_gpu()
    if torch is not None:
        torch.cuda.empty_cache()


class Clock:
    """A clock of events on the GPU, which leaves out the time that the CPU needs to launch the work.

    The GPU is first kept busy with copies until the CPU has launched everything: the measured work then lies in the
    queue, and runs without gaps.
    """

    def __init__(self, copied_bytes: int) -> None:
        self.cuda = cuda_module()
        self.source, self.target = (self.cuda.full(copied_bytes // 4, 1, "float32") for _ in range(2))
        self.copy_seconds = 0.0
        self.copy_seconds = min(self._events(self._copy, 5) for _ in range(5))

    def bandwidth(self) -> float:
        """Bytes per second of a large copy, counting reads and writes."""
        return 2 * self.source.nbytes / self.copy_seconds

    def seconds(self, call: Callable[[], Any], samples: int = 5) -> tuple[float, bool]:
        """Median seconds of a call on the GPU, and True if the CPU was ahead of the GPU, so that there were no gaps."""
        call()
        wait()
        started = time.perf_counter()
        call()
        asked = time.perf_counter() - started
        wait()
        once = time.perf_counter() - started
        # A few milliseconds of work; but a queue holds about a thousand launches, each of which takes 5 µs or more.
        times = max(1, min(20, int(2e-3 / once), int(4e-3 / asked)))
        found, ahead = [], True
        for _ in range(samples):
            self._keep_busy(1.5 * times * asked + 5e-4)
            found.append(self._events(call, times))
            ahead &= self.was_ahead
        return sorted(found)[len(found) // 2], ahead

    def _events(self, call: Callable[[], Any], times: int) -> float:
        start, end = self.cuda.cuda.Event(), self.cuda.cuda.Event()
        start.record()
        for _ in range(times):
            call()
        self.was_ahead = not start.done
        end.record()
        end.synchronize()
        return self.cuda.cuda.get_elapsed_time(start, end) / 1e3 / times

    def _keep_busy(self, seconds: float) -> None:
        for _ in range(min(200, 1 + int(seconds / self.copy_seconds))):
            self._copy()

    def _copy(self) -> None:
        self.target[...] = self.source
