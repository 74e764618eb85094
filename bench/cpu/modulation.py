"""python -m bench modulation: modulated convolutions, forward and backward, beside PyTorch's grouped ones."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import tyro
from rich.box import SIMPLE
from rich.progress import track
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.rounds import Spread, measure, ratios
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, limit_threads
from bench.competitors.kernels import error
from rawgan.cli.parsing import parse

BATCH = 32
TOLERANCE = 1e-4
CALLS = {
    "3×3, 16×16×128 → 64": (16, 128, 64, False),
    "3×3, 32×32×64 → 64": (32, 64, 64, False),
    "4×4 up, 8×8×128 → 128": (8, 128, 128, True),
    "4×4 up, 16×16×128 → 64": (16, 128, 64, True),
}
"""Size of the input, its channels, those of the output, and whether it becomes twice as large, by name."""


@dataclass(frozen=True)
class ModulationConfig(store.SaveConfig):
    """Time modulated convolutions with demodulation and their gradients by images, weights and styles, in float32.

    PyTorch makes a kernel for each image, and computes one convolution with a group for each image (NCHW), as
    StyleGAN2's code does. Results are compared before the clock starts.
    """

    rounds: int = 5
    """Turns of each competitor."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads of each competitor; 0 is one for each core."""


def drawn(name: str) -> tuple[np.ndarray[Any, Any], ...]:
    """Images (N, H, W, C), weights, styles (N, C) and upstream gradient of a call: the same numbers each time."""
    size, inputs, outputs, up = CALLS[name]
    draw = np.random.default_rng(0).standard_normal
    w = (4, 4, outputs, inputs) if up else (3, 3, inputs, outputs)
    side = 2 * size if up else size
    shapes = (BATCH, size, size, inputs), w, (BATCH, inputs), (BATCH, side, side, outputs)
    return tuple(draw(shape, np.float32) for shape in shapes)


class Ours:
    """rawgan's op."""

    def __init__(self, name: str) -> None:
        from rawgan import Tensor

        *arrays, gy = drawn(name)
        self.up, self.gy = CALLS[name][3], Tensor(gy)
        self.x, self.w, self.s = (Tensor(array, requires_grad=True) for array in arrays)

    def run(self) -> None:
        """Compute once."""
        self.results()

    def results(self) -> list[np.ndarray[Any, Any]]:
        """The result and the three gradients."""
        from rawgan import grad, ops

        if self.up:
            y = ops.modulated_conv_transpose2d(self.x, self.w, self.s, stride=2, padding=1)
        else:
            y = ops.modulated_conv2d(self.x, self.w, self.s, padding=1)
        return [each.numpy() for each in (y, *grad(y, [self.x, self.w, self.s], self.gy))]


class Grouped:
    """PyTorch's grouped convolution."""

    def __init__(self, name: str, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        x, w, s, gy = map(torch.from_numpy, drawn(name))
        self.up = CALLS[name][3]
        w = w.permute(3, 2, 0, 1)  # (out, in, …), transposed (in, out, …)
        self.leaves = [each.contiguous().requires_grad_() for each in (x.permute(0, 3, 1, 2), w, s)]
        self.gy = gy.permute(0, 3, 1, 2).contiguous()

    def run(self) -> None:
        """Compute once."""
        self._compute()

    def _compute(self) -> tuple[Any, ...]:
        import torch
        from torch.nn import functional

        x, w, s = self.leaves
        n, channels, *size = x.shape
        inputs, outputs = (1, 2) if self.up else (2, 1)  # axes of the kernels (N, …) of all images
        each = w * s.reshape([n, *(channels if axis == inputs else 1 for axis in range(1, 5))])
        each = each * (each.square().sum(dim=(inputs, 3, 4), keepdim=True) + 1e-8).rsqrt()
        images, kernels = x.reshape(1, n * channels, *size), each.flatten(0, 1)
        if self.up:
            y = functional.conv_transpose2d(images, kernels, stride=2, padding=1, groups=n)
        else:
            y = functional.conv2d(images, kernels, padding=1, groups=n)
        y = y.reshape(n, each.shape[outputs], *y.shape[2:])
        return y, *torch.autograd.grad(y, self.leaves, self.gy)

    def results(self) -> list[np.ndarray[Any, Any]]:
        """The result and the three gradients, in rawgan's layout."""
        y, gx, gw, gs = (each.detach() for each in self._compute())
        return [*(each.permute(0, 2, 3, 1).numpy() for each in (y, gx)), gw.permute(2, 3, 1, 0).numpy(), gs.numpy()]


def main(options: list[str]) -> None:
    """Compare, measure and report.

    Raises: BenchError for options without a meaning, or if both compute something different
    """
    config = parse(ModulationConfig, "python -m bench modulation", options)
    if config.rounds < 1:
        raise BenchError("--rounds must be at least 1")
    threads = limit_threads(config.threads)
    console, facts, results = make_console(), machine.facts(), []
    for name in track(CALLS, "modulated convolutions", console=console, transient=True):
        with ExitStack() as stack:
            workers = [Worker("rawgan", Ours, name), Worker("torch", Grouped, name, threads)]
            for worker in workers:
                stack.enter_context(worker)
            pairs = zip(*(worker.ask("results") for worker in workers), strict=True)
            worst = max(error(found, expected) for found, expected in pairs)
            if not worst <= TOLERANCE:
                raise BenchError(f"{name}: results differ by {worst:.1e}")
            seconds = measure(workers, config.rounds)
        ratio = Spread.of(ratios(seconds["rawgan"], seconds["torch"])).as_dict()
        spreads = {worker: Spread.of(values).as_dict() for worker, values in seconds.items()}
        results.append({"call": name, "competitors": spreads, "ratio": ratio, "error": worst})
    table = Table(title=f"Forward and backward, batch {BATCH}: ms, medians", title_justify="left", box=SIMPLE)
    table.add_column("modulated convolution")
    for heading in ("rawgan", "torch", "ratio", "quartiles"):
        table.add_column(heading, justify="right")
    for row in results:
        medians = (f"{1e3 * spread['median']:.1f}" for spread in row["competitors"].values())
        low, middle, high = (row["ratio"][key] for key in ("lower_quartile", "median", "upper_quartile"))
        table.add_row(row["call"], *medians, f"{middle:.2f}", f"{low:.2f}–{high:.2f}")
    console.print(table)
    print_lines(console, machine.lines(facts, threads))
    report = {"benchmark": "modulation", "machine": facts, "settings": {"rounds": config.rounds, "threads": threads}}
    store.save(console, config, "modulation", report | {"results": results})


EXPERIMENT = Experiment("modulated convolutions beside PyTorch's grouped ones", minutes=1, main=main)
