"""python -m bench step: whole training steps of rawgan, of PyTorch and of TensorFlow."""

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
from bench.competitors.steps import Way, Workload, agreement_at, input_folder, largest_difference, rawgan_ways
from bench.competitors.tensorflow_steps import tensorflow_ways
from bench.competitors.torch_steps import compiled, torch_ways
from bench.cpu.step_report import Result, draw_steps, print_report
from rawgan.cli.parsing import parse

Say = Callable[[str], None]


@dataclass(frozen=True)
class StepConfig(store.SaveConfig):
    """Time whole training steps of rawgan against the same networks in PyTorch and in TensorFlow, on the CPU.

    PyTorch competes in two memory layouts (NHWC is its channels_last), each in two forms: as its DCGAN example is
    written, and tuned (discriminator frozen in the generator's step, fused Adam). The fastest of these four competes
    once more with torch.compile, whose compilation does not count. The fastest of the five is the rival.

    With a reduced precision of products, rawgan competes at it and in float32, and so do PyTorch and TensorFlow:
    PyTorch by autocast and by oneDNN's own rounding, TensorFlow by Keras's policy mixed_bfloat16. The rival is the
    fastest of PyTorch's ways at the same precision; each library's fastest way at any precision is compared, too. Where
    the processor has no units for such products, all of them compute in float32 what they round.

    All losses must agree before the clock starts, those in float32 with each other, and those of a reduced precision
    with float32's. Several models, images and batch sizes are combined with each other.
    """

    model: tuple[Literal["dcgan", "tutorial"], ...] = ("dcgan",)
    """Networks to train."""
    image: tuple[str, ...] = ("28x28x1",)
    """Height, width and channels of the images, such as 28x28x1 64x64x3."""
    batch_size: tuple[int, ...] = (128,)
    """Images in a batch."""
    all: bool = False
    """Measure both models, 28x28x1 and 64x64x3, with batches of 32, 128 and 512."""
    precision: Literal["float32", "bf16", "tf32"] = "float32"
    """Precision of products, of which rawgan's first backend at it is compared with PyTorch."""
    reference: bool = False
    """Let rawgan's reference backend compete as well."""
    tensorflow: bool = True
    """Let TensorFlow compete, if it is installed."""
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
    if config.tensorflow and importlib.util.find_spec("tensorflow") is None:
        print_lines(console, ["TensorFlow does not compete: it is not installed (pip install -e '.[tensorflow]')"])
    for task in tasks:
        with console.status("making the input") as status:
            results.append(_compete(config, task, status.update))
        print_report(console, results[-1])
    print_lines(console, machine.lines(facts, threads))
    report = {
        "benchmark": "step",
        "machine": facts,
        "settings": {"rounds": config.rounds, "threads": threads, "precision": config.precision},
        "results": [result.as_dict() for result in results],
    }
    store.save(console, config, _name(config, tasks), report, draw_steps)


def _name(config: StepConfig, tasks: Sequence[Workload]) -> str:
    """Name of the report's file: that of the workload if there is one only, and of a reduced precision."""
    first = tasks[0]
    name = f"step-{first.model}-{first.shape.replace('×', 'x')}-{first.batch_size}" if len(tasks) == 1 else "step"
    return name if config.precision == "float32" else f"{name}-{config.precision}"


def _compete(config: StepConfig, task: Workload, say: Say) -> Result:
    precisions = tuple(dict.fromkeys((config.precision, "float32")))
    ways = {
        way.label: way
        for precision in precisions
        for way in (
            *rawgan_ways(precision, config.reference),
            *torch_ways(precision),
            *(tensorflow_ways(precision) if config.tensorflow else ()),
        )
    }
    with ExitStack() as stack:
        folder = stack.enter_context(input_folder(task, precisions))
        workers = {label: _start(stack, way, task, folder) for label, way in ways.items()}
        reports = {label: _check(worker, say) for label, worker in workers.items()}
        agreement, notes = _agreement(ways, reports), []
        for way in [_fastest(ways, workers, precision, say) for precision in precisions if config.compile]:
            say(f"compiling {way.label}")
            worker = _start(stack, way, task, folder)
            try:
                report = _check(worker, say)
            except BenchError as error:
                notes.append(f"{way.label} does not take part: {str(error).strip().splitlines()[-1]}")
            else:
                ways[way.label], workers[way.label], reports[way.label] = way, worker, report
                agreement = _agreement(ways, reports)
        seconds = measure([*workers.values()], config.rounds, say, warm_up=1)
        peaks = {label: worker.ask("peak_bytes") for label, worker in workers.items()}
        return Result(task, config.precision, ways, seconds, peaks, agreement, notes)


def _start(stack: ExitStack, way: Way, task: Workload, folder: Path) -> Worker:
    return stack.enter_context(Worker(way.label, way.make, task, folder, *way.options))


def _check(worker: Worker, say: Say) -> dict[str, float]:
    say(f"checking the results of {worker.name}")
    return worker.ask("check")


def _agreement(ways: dict[str, Way], reports: dict[str, dict[str, float]]) -> dict[str, float]:
    """Largest difference from rawgan in float32, by precision.

    Raises: BenchError if one exceeds what the precision allows
    """
    (ours, *_) = rawgan_ways("float32")
    precisions = {way.precision: None for way in ways.values()}
    return {
        precision: largest_difference(
            {ours.label: reports[ours.label]}
            | {label: report for label, report in reports.items() if ways[label].precision == precision},
            agreement_at(precision),
        )
        for precision in precisions
    }


def _fastest(ways: dict[str, Way], workers: dict[str, Worker], precision: str, say: Say) -> Way:
    """PyTorch's way that is fastest at a precision in a few short rounds, with torch.compile."""
    rivals = [workers[way.label] for way in torch_ways(precision)]
    best = fastest(measure(rivals, 3, lambda what: say(f"looking for the fastest in PyTorch: {what}"), 0.3, warm_up=1))
    return compiled(ways[best])


EXPERIMENT = Experiment(
    "whole training steps beside the same networks in PyTorch and TensorFlow", minutes=2, main=main, draw=draw_steps
)
