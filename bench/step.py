"""python -m bench step: whole training steps, of rawgan and of PyTorch."""

import importlib.util
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from bench.competitors import RawganSteps, Task, TorchSteps, write_input
from bench.errors import BenchError
from bench.machine import usable_cores
from bench.report import Result, print_report
from bench.rounds import measure
from bench.workers import Worker, limit_threads

OURS = "rawgan"
RIVALS = {  # the name, then TorchSteps's options
    "torch NCHW": (False, False),
    "torch NHWC": (True, False),
    "torch NCHW, tuned": (False, True),
    "torch NHWC, tuned": (True, True),
}
AGREEMENT = 1e-3
"""By how much losses and probabilities of the first steps may differ: absolutely up to 1, above it relatively."""


@dataclass(frozen=True)
class StepConfig:
    """Time whole training steps of rawgan against the same networks in PyTorch, in float32 on the CPU.

    PyTorch competes in two memory layouts (NHWC is its channels_last), each written as in its DCGAN example, and tuned:
    discriminator frozen in the generator's step, fused Adam. The fastest of the four is the rival. All losses must
    agree before the clock starts.
    """

    model: Literal["dcgan", "tutorial"] = "dcgan"
    """Networks to train."""
    image_size: int = 28
    """Height and width of the images, in pixels."""
    channels: int = 1
    """Channels of the images."""
    batch_size: int = 128
    """Images in a batch."""
    rounds: int = 7
    """How often each competitor has its turn, of about a second."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads that each competitor computes with; 0 is one for each core."""


def main(options: list[str]) -> None:
    """Check, measure, report.

    Raises: BenchError if PyTorch is missing, a competitor fails, or the losses differ
    """
    config = tyro.cli(StepConfig, prog="python -m bench step", args=options)
    if config.rounds < 1 or config.threads < 0:
        raise BenchError("--rounds must be at least 1, and --threads at least 0")
    if importlib.util.find_spec("torch") is None:
        raise BenchError("PyTorch, the rival, is not installed\n  pip install -e '.[torch]'")
    threads = config.threads or usable_cores()
    task = Task(config.model, config.image_size, config.channels, config.batch_size, threads)
    limit_threads(threads)
    console = Console()
    with console.status("making the input") as status, competitors(task) as workers:
        agreement = check_agreement(workers, lambda what: status.update(what))
        seconds = measure(workers, config.rounds, lambda what: status.update(what))
        result = Result(
            task,
            OURS,
            seconds,
            peaks={worker.name: worker.peak_bytes() for worker in workers},
            versions={name: version for worker in workers for name, version in worker.versions().items()},
            agreement=agreement,
        )
    print_report(console, result)


@contextmanager
def competitors(task: Task) -> Iterator[list[Worker]]:
    """All competitors, each in its process, ready to start from the same input."""
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        # In a process of its own, for its memory would be counted as that of the processes started later.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            pool.submit(write_input, task, folder).result()
        workers = [Worker(OURS, RawganSteps, task, folder, "reference")]
        workers += [Worker(rival, TorchSteps, task, folder, *options) for rival, options in RIVALS.items()]
        yield [stack.enter_context(worker) for worker in workers]


def check_agreement(workers: Sequence[Worker], on_turn: Callable[[str], None]) -> float:
    """Have every competitor take its first steps, and return the largest difference from ours.

    Raises: BenchError if one is larger than AGREEMENT
    """
    reports = {}
    for worker in workers:
        on_turn(f"checking the results of {worker.name}")
        reports[worker.name] = worker.check()
    ours, largest = reports.pop(OURS), 0.0
    for rival, theirs in reports.items():
        for name, value in ours.items():
            difference = abs(value - theirs[name])
            if not difference <= AGREEMENT * max(1, abs(value)):  # NaN is not either
                raise BenchError(
                    f"{OURS} and {rival} do not compute the same, so their times cannot be compared\n"
                    f"  {name}: {value:.6f} and {theirs[name]:.6f}, more than {AGREEMENT} apart\n"
                    "  in float32 Adam blows rounding up, most of all in small batches: try a larger --batch-size"
                )
            largest = max(largest, difference)
    return largest
