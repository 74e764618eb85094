"""Launches, gaps between them, transfers and memory of a warm training step on the GPU."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bench.competitors.steps import Workload
from bench.gpu.clock import Clock, Sizes, release, torch_on_gpu, wait
from bench.gpu.observations import Observation, Observations, observed
from bench.gpu.steps import NO_TORCH, OURS, OURS_GRAPHED, WARM_UP, OnGPU, RawganOnGPU, Start, TorchOnGPU
from rawgan.device import cuda_module
from rawgan_kernels.cuda.run import graph
from rawgan_kernels.cuda.run.launch import launched_by

TRACED = 5
"""Steps that the profiler records."""


def counts(sizes: Sizes, observations: Observations) -> None:
    """Count in the most important step: kernel by kernel, and as a graph."""
    task = Workload(sizes.models[0], sizes.large.size, sizes.large.channels, sizes.batches[0], 0, sizes.width)
    start = Start(task)
    for name in (OURS, OURS_GRAPHED):
        competitor = cache(lambda name=name: _warmed_up(start, name == OURS_GRAPHED))
        looks = {
            "launches": lambda make=competitor: _launches(make()),
            "warm steps": lambda make=competitor: _warm(make(), sizes.warm_steps),
            "gaps": lambda make=competitor: _gaps(make(), Clock(sizes.copied_bytes)),
            "profiler": lambda make=competitor: _profiled(make()),
        }
        for what, find in looks.items():
            observations.look(f"{name}: {what}", find)
        competitor.cache_clear()
    observations.look("PyTorch's memory", lambda: _torch_memory(start))


def _warmed_up(start: Start, graphed: bool) -> OnGPU:
    release()
    competitor = RawganOnGPU(start, graphed)
    competitor.seconds(2 * WARM_UP)
    return competitor


def _launches(competitor: OnGPU) -> Observation:
    """Launches of rawgan's own kernels in a step. A recorded graph launches none by itself."""
    with _noted() as launched:
        competitor.seconds(1)
    text = f"{launched.total()} launches of rawgan's own kernels in a step (without cuBLAS's and CuPy's)"
    return observed(text, None, text, launches=dict(launched))


@contextmanager
def _noted() -> Iterator[Counter[str]]:
    """Inside, launches are counted by the name of the kernel."""
    launched: Counter[str] = Counter()

    def run(kernel: Any, *rest: Any) -> None:
        launched[kernel.name] += 1
        before(kernel, *rest)

    with launched_by(run) as before:
        yield launched


def _warm(competitor: OnGPU, steps: int) -> Observation:
    """Check that warm steps send no tables to the GPU and take no more memory."""
    pool = cuda_module().get_default_memory_pool()
    before, total = graph.tables_sent(), pool.total_bytes()
    competitor.seconds(steps)
    sent, grown = graph.tables_sent() - before, pool.total_bytes() - total
    text = (
        f"{sent} tables of addresses sent and {grown / 2**20:.1f} MiB more taken from the GPU in {steps} warm steps; "
        f"{total / 2**20:.0f} MiB taken in all"
    )
    figures = {"sent": sent, "grown_bytes": grown, "used_bytes": pool.used_bytes(), "total_bytes": pool.total_bytes()}
    return observed(text, sent == 0 and grown == 0, text, **figures)


def _gaps(competitor: OnGPU, clock: Clock) -> Observation:
    """Time of a step that lies in the GPU's queue, beside the time of a step that the CPU launches as it goes."""
    batch = next(competitor.batches)
    busy, ahead = clock.seconds(lambda: competitor.step(*batch))
    times = max(1, min(50, int(0.3 / busy)))
    wall = min(competitor.seconds(times) for _ in range(3))
    started = time.perf_counter()
    competitor.step(*batch)
    asking = time.perf_counter() - started
    wait()
    text = (
        f"{1e3 * wall:.2f} ms a step, of which the GPU {'computes' if ahead else 'needs at most'} {1e3 * busy:.2f} "
        f"({busy / wall:.0%}); the CPU launches it in {1e3 * asking:.2f}"
    )
    return observed(text, None, text, wall=wall, busy=busy, asking=asking, queue_filled_in_time=ahead)


def _profiled(competitor: OnGPU) -> Observation:
    """Every kernel and copy of all libraries, as PyTorch's profiler gets them from CUPTI."""
    torch = torch_on_gpu()
    if torch is None:
        return observed(NO_TORCH)
    for _ in range(2):  # the first one starts slowly, and may miss the first events
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
            competitor.seconds(TRACED)
    with tempfile.TemporaryDirectory(prefix="rawgan-gpu-") as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    return summary(events, TRACED)


def summary(events: list[dict[str, Any]], steps: int) -> Observation:
    """Summarise a trace in Chrome's format: kernels and copies in a step, and their time."""
    kernels = [event for event in events if event.get("cat") == "kernel"]
    copies = Counter(event["name"] for event in events if event.get("cat") in ("gpu_memcpy", "gpu_memset"))
    taken: Counter[str] = Counter()
    for event in kernels:
        taken[event["name"]] += event["dur"]  # µs
    most = {name[:60]: round(time / steps, 1) for name, time in taken.most_common(12)}
    text = (
        f"{len(kernels) / steps:.0f} kernels of all libraries in a step, {sum(taken.values()) / steps / 1e3:.2f} ms; "
        f"copies and fills: {', '.join(f'{count / steps:g} {name}' for name, count in copies.items()) or 'none'}"
    )
    return observed(text if kernels else "the profiler saw no kernel", None, text if kernels else "", microseconds=most)


def _torch_memory(start: Start) -> Observation:
    """Peak memory of eager PyTorch in its steps."""
    torch = torch_on_gpu()
    if torch is None:
        return observed(NO_TORCH)
    release()
    rival = TorchOnGPU(start, "NCHW", "", False)
    torch.cuda.reset_peak_memory_stats()
    rival.seconds(WARM_UP)
    allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    text = f"{allocated / 2**20:.0f} MiB at most in tensors, {reserved / 2**20:.0f} MiB taken from the GPU"
    return observed(text, None, text, allocated=allocated, reserved=reserved)
