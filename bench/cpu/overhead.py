"""python -m bench overhead: cost of an op on a single number, where there is nothing to compute."""

import importlib.util
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.progress import track
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.rounds import Spread, in_turn, ratios
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, limit_threads
from bench.competitors.steps import ours
from rawgan.cli.parsing import parse

OPS = ("leaky_relu", "mul", "add", "tanh")
CALLS = 500
"""Calls in a row, whose mean is one measurement."""


@dataclass(frozen=True)
class OverheadConfig(store.SaveConfig):
    """Time ops on one number, forward (with the graph recorded) and backward, in rawgan and in PyTorch."""

    rounds: int = 25
    """Turns of each, of 500 calls."""


class RawganOps:
    """rawgan's ops, with one of its backends."""

    def __init__(self, backend: str) -> None:
        import rawgan_kernels
        from rawgan import Tensor, autograd, ops

        rawgan_kernels.use(backend)
        self.x = Tensor(np.full(1, 0.5, np.float32), requires_grad=True)
        self.other = Tensor(np.full(1, 2.0, np.float32), requires_grad=True)
        self.ops = {"leaky_relu": ops.leaky_relu, "mul": ops.mul, "add": ops.add, "tanh": ops.tanh}
        self.grad: Callable[..., Any] = autograd.grad

    def time(self, op: str) -> tuple[float, float]:
        """Time an op. Returns seconds of a forward and of a backward call."""
        call = self.ops[op]
        inputs = (self.x, self.other) if op in ("mul", "add") else (self.x,)
        started = time.perf_counter()
        results = [call(*inputs) for _ in range(CALLS)]
        forward = time.perf_counter() - started
        started = time.perf_counter()
        for y in results:
            self.grad(y, inputs)
        return forward / CALLS, (time.perf_counter() - started) / CALLS

    def run(self) -> None:
        """Call every op."""
        for op in OPS:
            self.time(op)


class TorchOps(RawganOps):
    """PyTorch's ops."""

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.x = torch.full((1,), 0.5, requires_grad=True)
        self.other = torch.full((1,), 2.0, requires_grad=True)
        self.ops = {
            "leaky_relu": lambda x: torch.nn.functional.leaky_relu(x, 0.2),
            "mul": torch.mul, "add": torch.add, "tanh": torch.tanh,
        }  # fmt: skip
        self.grad = torch.autograd.grad


def main(options: list[str]) -> None:
    """Measure and report.

    Raises: BenchError for options without a meaning, or if a competitor fails
    """
    config = parse(OverheadConfig, "python -m bench overhead", options)
    if config.rounds < 1:
        raise BenchError("--rounds must be at least 1")
    limit_threads(1)
    console, facts, (backend, *_) = make_console(), machine.facts(), ours()
    first = f"rawgan {backend}"
    with ExitStack() as stack:
        workers = [Worker(first, RawganOps, backend)]
        if importlib.util.find_spec("torch") is not None:
            workers.append(Worker("torch", TorchOps))
        for worker in workers:
            stack.enter_context(worker)
            worker.seconds(2)  # warms up
        seconds: dict[tuple[str, str], dict[str, list[float]]] = {
            (op, way): {worker.name: [] for worker in workers} for op in OPS for way in ("forward", "backward")
        }
        for turns in track(in_turn(workers, config.rounds), "calling ops", console=console, transient=True):
            for worker in turns:
                for op in OPS:
                    for way, value in zip(("forward", "backward"), worker.ask("time", op), strict=True):
                        seconds[op, way][worker.name].append(value)
    results = [
        {
            "op": op,
            "direction": way,
            "competitors": {name: Spread.of(values).as_dict() for name, values in times.items()},
            "ratio": Spread.of(ratios(times[first], times["torch"])).as_dict() if "torch" in times else None,
        }
        for (op, way), times in seconds.items()
    ]
    table = Table(title="An op on one number: µs, medians", title_justify="left", caption_justify="left", box=SIMPLE)
    table.caption = f"ratio: {first} / torch, within a round, {config.rounds} rounds of {CALLS} calls"
    table.add_column("op")
    for heading in ("", *(worker.name for worker in workers), "ratio", "quartiles"):
        table.add_column(heading, justify="right")
    for row in results:
        ratio = row["ratio"]
        table.add_row(
            row["op"],
            row["direction"],
            *(f"{1e6 * spread['median']:.2f}" for spread in row["competitors"].values()),
            f"{ratio['median']:.2f}" if ratio else "",
            f"{ratio['lower_quartile']:.2f}–{ratio['upper_quartile']:.2f}" if ratio else "",
        )
    console.print(table)
    print_lines(console, machine.lines(facts, 1))
    settings = {"rounds": config.rounds, "calls": CALLS, "backend": backend, "threads": 1}
    store.save(
        console, config, "overhead",
        {"benchmark": "overhead", "machine": facts, "settings": settings, "results": results},
    )  # fmt: skip


EXPERIMENT = Experiment("cost of an op on a single number", minutes=1, main=main)
