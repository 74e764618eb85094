"""python -m bench step: whole training steps of rawgan and of PyTorch."""

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.rounds import fastest, measure
from bench.common.shapes import parse_image
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, limit_threads
from bench.competitors.steps import RIVALS, RawganSteps, TorchSteps, Workload, input_folder, largest_difference, ours
from bench.cpu.step_report import Result, draw_steps, print_report
from rawgan.cli.parsing import parse

Say = Callable[[str], None]


@dataclass(frozen=True)
class StepConfig(store.SaveConfig):
    """Time whole training steps of rawgan against the same networks in PyTorch, in float32 on the CPU.

    PyTorch competes in two memory layouts (NHWC is its channels_last), each in two forms: as its DCGAN example is
    written, and tuned (discriminator frozen in the generator's step, fused Adam). The fastest of these four competes
    once more with torch.compile, whose compilation does not count. The fastest of the five is the rival. All losses
    must agree before the clock starts. Several models, images and batch sizes are combined with each other.
    """

    model: tuple[Literal["dcgan", "tutorial"], ...] = ("dcgan",)
    """Networks to train."""
    image: tuple[str, ...] = ("28x28x1",)
    """Height, width and channels of the images, such as 28x28x1 64x64x3."""
    batch_size: tuple[int, ...] = (128,)
    """Images in a batch."""
    all: bool = False
    """Measure both models, 28x28x1 and 64x64x3, with batches of 32, 128 and 512."""
    reference: bool = False
    """Let rawgan's reference backend compete as well."""
    compile: bool = True
    """Let torch.compile compete."""
    rounds: int = 7
    """Turns of each competitor, of about a second."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads of each competitor; 0 is one for each core."""


def main(options: list[str]) -> None:
    """Check, measure, report.

    Raises: BenchError if PyTorch is missing, a competitor fails, or the losses differ
    """
    config = parse(StepConfig, "python -m bench step", options)
    if config.all:
        config = replace(config, model=("dcgan", "tutorial"), image=("28x28x1", "64x64x3"), batch_size=(32, 128, 512))
    if config.rounds < 1 or min(config.batch_size) < 2:
        raise BenchError("--rounds must be at least 1, and --batch-size at least 2")
    if importlib.util.find_spec("torch") is None:
        raise BenchError("PyTorch, the rival, is not installed\n  pip install -e '.[torch]'")
    threads = limit_threads(config.threads)
    images = [parse_image(text) for text in config.image]
    tasks = [
        Workload(model, image.size, image.channels, batch_size, threads)
        for model in config.model
        for image in images
        for batch_size in config.batch_size
    ]
    console, facts, results = make_console(), machine.facts(), []
    for task in tasks:
        with console.status("making the input") as status:
            results.append(_compete(config, task, status.update))
        print_report(console, results[-1])
    print_lines(console, machine.lines(facts, threads))
    first = tasks[0]
    name = f"step-{first.model}-{first.shape.replace('×', 'x')}-{first.batch_size}" if len(tasks) == 1 else "step"
    report = {
        "benchmark": "step",
        "machine": facts,
        "settings": {"rounds": config.rounds, "threads": threads, "dtype": "float32"},
        "results": [result.as_dict() for result in results],
    }
    store.save(console, config, name, report, draw_steps)


def _compete(config: StepConfig, task: Workload, say: Say) -> Result:
    with ExitStack() as stack:
        folder = stack.enter_context(input_folder(task))
        backends = ours(config.reference)
        workers = [Worker(f"rawgan {backend}", RawganSteps, task, folder, backend) for backend in backends]
        workers += [Worker(rival, TorchSteps, task, folder, *options) for rival, options in RIVALS.items()]
        for worker in workers:
            stack.enter_context(worker)
        reports = {worker.name: _check(worker, say) for worker in workers}
        agreement, notes = largest_difference(reports), []
        if config.compile:
            compiled = stack.enter_context(_compiled(workers, task, folder, say))
            try:
                reports[compiled.name] = _check(compiled, say)
            except BenchError as error:
                notes.append(f"{compiled.name} does not take part: {str(error).strip().splitlines()[-1]}")
            else:
                agreement = largest_difference(reports)
                workers.append(compiled)
        seconds = measure(workers, config.rounds, say, warm_up=1)
        peaks = {worker.name: worker.ask("peak_bytes") for worker in workers}
        return Result(task, [f"rawgan {backend}" for backend in backends], seconds, peaks, agreement, notes)


def _check(worker: Worker, say: Say) -> dict[str, float]:
    say(f"checking the results of {worker.name}")
    return worker.ask("check")


def _compiled(workers: Sequence[Worker], task: Workload, folder: Path, say: Say) -> Worker:
    """The form of PyTorch that is fastest in a few short rounds, once more, with torch.compile."""
    rivals = [worker for worker in workers if worker.name in RIVALS]
    best = fastest(measure(rivals, 3, lambda what: say(f"looking for the fastest in PyTorch: {what}"), 0.3, warm_up=1))
    say(f"compiling {best}")
    return Worker(f"{best}, compiled", TorchSteps, task, folder, *RIVALS[best], True)


EXPERIMENT = Experiment(
    "whole training steps beside the same networks in PyTorch", minutes=2, main=main, draw=draw_steps
)
