"""python -m bench ops: resampling, sampling, sorting, norms, cumulative ops and updates, beside PyTorch's."""

from collections.abc import Callable
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
from bench.common.rounds import Spread, fastest, measure, ratios
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, limit_threads
from bench.competitors.kernels import error
from bench.cpu.updates import UPDATES, OurUpdate, TheirUpdate, ways
from rawgan.cli.parsing import parse

TOLERANCE = 1e-4
TURN_SECONDS = 0.2
FORMATS = {"torch": False, "torch NHWC": True}
"""Memory formats of PyTorch's images, by the name of the competitor."""


@dataclass(frozen=True)
class Call:
    """An op on arrays of these shapes, in rawgan and in PyTorch. Four axes are images, NCHW in PyTorch."""

    shapes: tuple[tuple[int, ...], ...]
    ours: Callable[..., Any]
    """Called with `rawgan.ops` and Tensors."""
    theirs: Callable[..., Any]
    """Called with `torch` and tensors."""
    grads: int = 1
    """Number of arrays, the first ones, whose gradients are computed; 0 for an op without."""


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _interpolated(size: int, mode: str, antialias: bool = False, x: tuple[int, int, int] = (32, 32, 32)) -> Call:
    def theirs(torch: Any, x: Any) -> Any:
        return torch.nn.functional.interpolate(x, (size, size), mode=mode, antialias=antialias)

    return Call(((32, *x),), lambda ops, x: ops.resize(x, (size, size), mode, antialias=antialias), theirs)


BINOMIAL = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


def _blurred(channels: int, up: int = 1, down: int = 1) -> Call:
    def ours(ops: Any, x: Any) -> Any:
        return ops.upfirdn2d(x, BINOMIAL, up=up, down=down, padding="same", gain=float(up**2))

    def theirs(torch: Any, x: Any) -> Any:
        taps, functional = torch.tensor(BINOMIAL), torch.nn.functional
        f = (torch.outer(taps, taps) * up**2).expand(channels, 1, 4, 4)
        if up > 1:
            return functional.conv_transpose2d(x, f, stride=up, padding=1, groups=channels)
        pads = ((5 - down) // 2, 4 - down - (5 - down) // 2) * 2
        return functional.conv2d(functional.pad(x, pads), f, stride=down, groups=channels)

    return Call(((32, 32, 32, channels),), ours, theirs)


def _sampled(size: int, channels: int, mode: str = "bilinear", padding: str = "zeros") -> Call:
    def theirs(torch: Any, x: Any, grid: Any) -> Any:
        grid = grid.permute(0, 2, 3, 1)  # which has four axes, but is no image
        return torch.nn.functional.grid_sample(x, grid, mode, padding, align_corners=False)

    shapes = (16, size, size, channels), (16, size, size, 2)
    return Call(shapes, lambda ops, x, grid: ops.grid_sample(x, grid, mode, padding), theirs, 2)


def _layer_norm(*shape: int) -> Call:
    def theirs(torch: Any, x: Any, gamma: Any, beta: Any) -> Any:
        return torch.nn.functional.layer_norm(x, shape[1:], gamma, beta)

    return Call((shape, shape[1:], shape[1:]), lambda ops, x, gamma, beta: ops.layer_norm(x, gamma, beta), theirs, 3)


def _group_norm(*shape: int, groups: int) -> Call:
    def theirs(torch: Any, x: Any, gamma: Any, beta: Any) -> Any:
        return torch.nn.functional.group_norm(x, groups, gamma, beta)

    scales = (shape[-1],)
    return Call((shape, scales, scales), lambda ops, x, g, b: ops.group_norm(x, groups, g, b), theirs, 3)


def _instance_norm(*shape: int) -> Call:
    def theirs(torch: Any, x: Any, gamma: Any, beta: Any) -> Any:
        return torch.nn.functional.instance_norm(x, weight=gamma, bias=beta)

    scales = (shape[-1],)
    return Call((shape, scales, scales), lambda ops, x, gamma, beta: ops.instance_norm(x, gamma, beta), theirs, 3)


LOGITS, FEW = ((128, 4096),), ((1, 256),)
IMAGES = (128, 28, 28, 64), (128, 14, 14, 128), (128, 7, 7, 256), (8, 7, 7, 64)
VECTORS = (128 * 49, 64), (4096, 256), (512, 1024), (128, 64), (32, 256)
CALLS = {
    **{f"resize {mode}, 32×32×32 → 64×64": _interpolated(64, mode) for mode in ("nearest", "bilinear", "bicubic")},
    "resize nearest, 64×64×3 → 128×128": _interpolated(128, "nearest", x=(64, 64, 3)),
    "resize nearest, 64×64×32 → 24×24": _interpolated(24, "nearest", x=(64, 64, 32)),
    "resize bilinear antialiased, 64×64×32 → 24×24": _interpolated(24, "bilinear", True, (64, 64, 32)),
    "resize bicubic antialiased, 64×64×32 → 24×24": _interpolated(24, "bicubic", True, (64, 64, 32)),
    "upfirdn2d blur, 32×32×32": _blurred(32),
    "upfirdn2d up 2, 32×32×3": _blurred(3, up=2),
    "upfirdn2d down 2, 32×32×32": _blurred(32, down=2),
    "grid_sample, 28×28×1": _sampled(28, 1),
    "grid_sample, 64×64×3": _sampled(64, 3),
    "grid_sample border, 64×64×3": _sampled(64, 3, padding="border"),
    "grid_sample reflection, 64×64×3": _sampled(64, 3, padding="reflection"),
    "grid_sample, 32×32×32": _sampled(32, 32),
    "sort": Call(LOGITS, lambda ops, x: ops.sort(x), lambda torch, x: torch.sort(x, stable=True)[0]),
    "argsort": Call(LOGITS, lambda ops, x: ops.argsort(x), lambda torch, x: torch.argsort(x, stable=True), 0),
    "topk 64": Call(LOGITS, lambda ops, x: ops.topk(x, 64)[0], lambda torch, x: torch.topk(x, 64)[0]),
    "topk 1024 of 2048 rows": Call(
        ((2048, 8),), lambda ops, x: ops.topk(x, 1024, axis=0)[0], lambda torch, x: torch.topk(x, 1024, 0)[0]
    ),
    "sort 256": Call(FEW, lambda ops, x: ops.sort(x), lambda torch, x: torch.sort(x, stable=True)[0]),
    "argsort 256": Call(FEW, lambda ops, x: ops.argsort(x), lambda torch, x: torch.argsort(x, stable=True), 0),
    "topk 64 of 256": Call(FEW, lambda ops, x: ops.topk(x, 64)[0], lambda torch, x: torch.topk(x, 64)[0]),
    "argmax": Call(LOGITS, lambda ops, x: ops.argmax(x, axis=1), lambda torch, x: torch.argmax(x, 1), 0),
    "argmax of columns": Call(LOGITS, lambda ops, x: ops.argmax(x, axis=0), lambda torch, x: torch.argmax(x, 0), 0),
    "cumsum": Call(LOGITS, lambda ops, x: ops.cumsum(x, axis=1), lambda torch, x: torch.cumsum(x, 1)),
    "cumsum of columns": Call(LOGITS, lambda ops, x: ops.cumsum(x, axis=0), lambda torch, x: torch.cumsum(x, 0)),
    "cumprod": Call(LOGITS, lambda ops, x: ops.cumprod(x, axis=1), lambda torch, x: torch.cumprod(x, 1)),
    "cumprod of columns": Call(LOGITS, lambda ops, x: ops.cumprod(x, axis=0), lambda torch, x: torch.cumprod(x, 0)),
    "prod": Call(LOGITS, lambda ops, x: ops.prod(x, axis=1), lambda torch, x: torch.prod(x, 1)),
    "prod of columns": Call(LOGITS, lambda ops, x: ops.prod(x, axis=0), lambda torch, x: torch.prod(x, 0)),
    **{f"layer_norm, {_times(shape)}": _layer_norm(*shape) for shape in VECTORS},
    **{f"group_norm {n}, {_times(shape)}": _group_norm(*shape, groups=n) for n in (8, 32) for shape in IMAGES},
    **{f"instance_norm, {_times(shape)}": _instance_norm(*shape) for shape in IMAGES},
}
"""By the name of the row."""


@dataclass(frozen=True)
class OpsConfig(store.SaveConfig):
    """Time ops with their gradients, in float32, beside the same in PyTorch, NCHW and NHWC (channels_last).

    The faster of the two is the rival. Results are compared before the clock starts.
    """

    only: str = ""
    """Rows to time: those whose name contains it."""
    rounds: int = 5
    """Turns of each competitor."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads of each competitor; 0 is one for each core."""


def drawn(name: str) -> list[np.ndarray[Any, Any]]:
    """Arrays of a call: the same numbers each time, near ±1 for products and from −1.1 to 1.1 for places."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape, np.float32) for shape in CALLS[name].shapes]
    if "prod" in name:
        arrays = [np.sign(x) * np.exp(x / 64, dtype=np.float32) for x in arrays]
    return [rng.uniform(-1.1, 1.1, x.shape).astype(np.float32) if x.shape[-1] == 2 else x for x in arrays]


class Ours:
    """rawgan's op on Tensors as they are inside a network: results of other ops, in memory that nobody else holds.

    Of arrays that a user holds, an op would keep a copy, to find out if they are written to before the backward pass.
    """

    def __init__(self, name: str) -> None:
        from rawgan import Tensor

        self.call = CALLS[name]
        self.inputs = [Tensor(x) * 1 for x in drawn(name)]
        for x in self.inputs[: self.call.grads]:
            x.requires_grad = True
        y = self.call.ours(_ops(), *self.inputs)
        self.gy = Tensor(np.random.default_rng(1).standard_normal(y.shape, np.float32)) * 1

    def run(self) -> Any:
        """Compute once."""
        from rawgan import grad

        y = self.call.ours(_ops(), *self.inputs)
        return (y, *grad(y, self.inputs[: self.call.grads], self.gy)) if self.call.grads else (y,)

    def results(self) -> list[np.ndarray[Any, Any]]:
        """The result and the gradients."""
        return [each if isinstance(each, np.ndarray) else each.numpy() for each in self.run()]


def _ops() -> Any:
    from rawgan import ops

    return ops


class Theirs:
    """PyTorch's op."""

    def __init__(self, name: str, channels_last: bool, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch, self.call = torch, CALLS[name]
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.inputs = [self._tensor(x).requires_grad_(n < self.call.grads) for n, x in enumerate(drawn(name))]
        y = self._array(self.call.theirs(torch, *self.inputs))
        self.gy = self._tensor(np.random.default_rng(1).standard_normal(y.shape, np.float32))

    def _tensor(self, x: np.ndarray[Any, Any]) -> Any:
        tensor = self.torch.from_numpy(x)
        return tensor.permute(0, 3, 1, 2).contiguous(memory_format=self.format) if x.ndim == 4 else tensor

    def _array(self, x: Any) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).detach().numpy()
        return found

    def _compute(self) -> tuple[Any, ...]:
        y = self.call.theirs(self.torch, *self.inputs)
        if not self.call.grads:
            return (y,)
        return y, *self.torch.autograd.grad(y, self.inputs[: self.call.grads], self.gy)

    def run(self) -> None:
        """Compute once."""
        self._compute()

    def results(self) -> list[np.ndarray[Any, Any]]:
        """The result and the gradients, in rawgan's layout."""
        return [self._array(each) for each in self._compute()]


def main(options: list[str]) -> None:
    """Compare, measure and report.

    Raises: BenchError for options without a meaning, or if both compute something different
    """
    config = parse(OpsConfig, "python -m bench ops", options)
    rows = [*CALLS, *UPDATES]
    names = [name for name in rows if config.only in name]
    if config.rounds < 1 or not names:
        raise BenchError(f"--rounds must be at least 1, and --only part of a row's name: {', '.join(rows)}")
    threads = limit_threads(config.threads)
    console, facts = make_console(), machine.facts()
    results = [_measured(name, threads, config.rounds) for name in track(names, "ops", console=console, transient=True)]
    table = Table(title="Forward and backward, or one update: ms, medians", title_justify="left", box=SIMPLE)
    table.add_column("op")
    for heading in ("rawgan", "torch", "ratio", "quartiles"):
        table.add_column(heading, justify="right")
    for row in results:
        medians = (f"{1e3 * row['competitors'][name]['median']:.3f}" for name in ("rawgan", row["rival"]))
        low, middle, high = (row["ratio"][key] for key in ("lower_quartile", "median", "upper_quartile"))
        table.add_row(row["call"], *medians, f"{middle:.2f}", f"{low:.2f}–{high:.2f}")
    console.print(table)
    print_lines(console, machine.lines(facts, threads))
    report = {"benchmark": "ops", "machine": facts, "settings": {"rounds": config.rounds, "threads": threads}}
    store.save(console, config, "ops", report | {"results": results})


def _measured(name: str, threads: int, rounds: int) -> dict[str, Any]:
    with ExitStack() as stack:
        workers = _update_workers(name, threads) if name in UPDATES else _workers(name, threads)
        for worker in workers:
            stack.enter_context(worker)
        ours, *theirs = (worker.ask("results") for worker in workers)
        worst = max(error(found, expected) for other in theirs for found, expected in zip(ours, other, strict=True))
        if not worst <= TOLERANCE:
            raise BenchError(f"{name}: results differ by {worst:.1e}")
        seconds = measure(workers, rounds, turn_seconds=TURN_SECONDS)
    rival = fastest({each: seconds[each] for each in seconds if each != "rawgan"})
    return {
        "call": name,
        "rival": rival,
        "competitors": {each: Spread.of(times).as_dict() for each, times in seconds.items()},
        "ratio": Spread.of(ratios(seconds["rawgan"], seconds[rival])).as_dict(),
        "error": worst,
    }


def _workers(name: str, threads: int) -> list[Worker]:
    images = len(CALLS[name].shapes[0]) == 4
    formats = {rival: last for rival, last in FORMATS.items() if images or not last}
    return [Worker("rawgan", Ours, name), *(Worker(each, Theirs, name, formats[each], threads) for each in formats)]


def _update_workers(name: str, threads: int) -> list[Worker]:
    rivals = [Worker(f"torch {way}", TheirUpdate, name, way, threads) for way in ways(name)]
    return [Worker("rawgan", OurUpdate, name), *rivals]


EXPERIMENT = Experiment(
    "resampling, sorting, norms, cumulative ops and optimisers beside PyTorch's", minutes=5, main=main
)
