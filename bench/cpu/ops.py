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
from bench.cpu.updates import UPDATES, our_update, their_update
from rawgan.cli.parsing import parse

TOLERANCE = 1e-4
TURN_SECONDS = 0.1
FORMATS = {"NCHW": False, "NHWC": True}
"""True for channels_last, by the name of PyTorch's format; arrays without images have one."""
MOST_FORMS = 2
"""Forms of a row in which PyTorch competes at most."""


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
    """Arrays of a call: the same numbers each time, near ±1 for products and from −1.1 to 1.1 for places.

    Those for topk differ from each other: of equal numbers at the threshold, PyTorch's topk takes any.
    """
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape, np.float32) for shape in CALLS[name].shapes]
    if "topk" in name:
        arrays = [rng.permutation(x.size).reshape(x.shape).astype(np.float32) / np.float32(x.size) for x in arrays]
    if "prod" in name:
        arrays = [np.sign(x) * np.exp(x / 64, dtype=np.float32) for x in arrays]
    return [rng.uniform(-1.1, 1.1, x.shape).astype(np.float32) if x.shape[-1] == 2 else x for x in arrays]


class Ours:
    """rawgan at one row after the other.

    Ops get Tensors as they are inside a network: results of other ops, in memory that nobody else holds. Of arrays that
    a user holds, an op would keep a copy, to find out if they are written to before the backward pass.
    """

    def __init__(self) -> None:
        self.call: Callable[[], Any] = lambda: None

    def run(self) -> None:
        """Compute once."""
        self.call()

    def start(self, name: str) -> list[np.ndarray[Any, Any]]:
        """Prepare a row. Returns its results: those of an op with its gradients, or the arrays after two updates."""
        if name in UPDATES:
            self.call, results = our_update(name)
            return results
        self.call = self._op(name)
        return [each if isinstance(each, np.ndarray) else each.numpy() for each in self.call()]

    def _op(self, name: str) -> Callable[[], tuple[Any, ...]]:
        from rawgan import Tensor, grad, ops

        call = CALLS[name]
        inputs = [Tensor(x) * 1 for x in drawn(name)]
        differentiated = inputs[: call.grads]
        for x in differentiated:
            x.requires_grad = True
        y = call.ours(ops, *inputs)
        gy = Tensor(np.random.default_rng(1).standard_normal(y.shape, np.float32)) * 1

        def run() -> tuple[Any, ...]:
            y = call.ours(ops, *inputs)
            return (y, *grad(y, differentiated, gy)) if differentiated else (y,)

        return run


class Theirs:
    """PyTorch at one row after the other, each in one of its forms: a memory format, or a way of an update."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.call: Callable[[], Any] = lambda: None

    def run(self) -> None:
        """Compute once."""
        self.call()

    def start(self, name: str, form: str) -> list[np.ndarray[Any, Any]]:
        """Prepare a row. Returns its results in rawgan's layout."""
        if name in UPDATES:
            self.call, results = their_update(name, form)
            return results
        self.call = self._op(name, self.torch.channels_last if FORMATS[form] else self.torch.contiguous_format)
        return [_array(each) for each in self.call()]

    def _op(self, name: str, memory_format: Any) -> Callable[[], tuple[Any, ...]]:
        def tensor(x: np.ndarray[Any, Any]) -> Any:
            x = self.torch.from_numpy(x)
            return x.permute(0, 3, 1, 2).contiguous(memory_format=memory_format) if x.ndim == 4 else x

        call = CALLS[name]
        inputs = [tensor(x).requires_grad_(n < call.grads) for n, x in enumerate(drawn(name))]
        differentiated = inputs[: call.grads]
        y = _array(call.theirs(self.torch, *inputs))
        gy = tensor(np.random.default_rng(1).standard_normal(y.shape, np.float32))

        def run() -> tuple[Any, ...]:
            y = call.theirs(self.torch, *inputs)
            return (y, *self.torch.autograd.grad(y, differentiated, gy)) if differentiated else (y,)

        return run


def _array(x: Any) -> np.ndarray[Any, Any]:
    """PyTorch's tensor in rawgan's layout."""
    found: np.ndarray[Any, Any] = (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).detach().numpy()
    return found


@dataclass(frozen=True)
class Competitor:
    """A process under the name of the form in which it computes a row."""

    name: str
    worker: Worker

    def seconds(self, times: int) -> float:
        """Compute so many times in a row. Returns the mean seconds."""
        return self.worker.seconds(times)


def main(options: list[str]) -> None:
    """Compare, measure and report.

    Raises: BenchError for options without a meaning, or if both compute something different
    """
    config = parse(OpsConfig, "python -m bench ops", options)
    names = [name for name in (*CALLS, *UPDATES) if config.only in name]
    if config.rounds < 1 or not names:
        every = ", ".join((*CALLS, *UPDATES))
        raise BenchError(f"--rounds must be at least 1, and --only part of a row's name: {every}")
    threads = limit_threads(config.threads)
    console, facts = make_console(), machine.facts()
    with ExitStack() as stack:
        ours = stack.enter_context(Worker("rawgan", Ours))
        theirs = [stack.enter_context(Worker(f"torch {number}", Theirs, threads)) for number in range(MOST_FORMS)]
        rows = track(names, "ops", console=console, transient=True)
        results = [_measured(name, ours, theirs, config.rounds) for name in rows]
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
    report = {
        "benchmark": "ops",
        "machine": facts,
        "settings": {"rounds": config.rounds, "threads": threads, "precision": "float32"},
    }
    store.save(console, config, "ops", report | {"results": results})


def _measured(name: str, ours: Worker, theirs: list[Worker], rounds: int) -> dict[str, Any]:
    """Compare and time one row. The processes are those of all rows: each takes seconds to start."""
    expected = ours.ask("start", name)
    competitors, worst = [Competitor("rawgan", ours)], 0.0
    for form, worker in zip(forms(name), theirs, strict=False):
        competitors.append(Competitor(f"torch {form}", worker))
        found = worker.ask("start", name, form)
        worst = max(worst, *(error(*pair) for pair in zip(expected, found, strict=True)))
        if not worst <= TOLERANCE:
            raise BenchError(f"{name}: results of rawgan and of torch {form} differ by {worst:.1e}")
    seconds = measure(competitors, rounds, turn_seconds=TURN_SECONDS)
    rival = fastest({each: seconds[each] for each in seconds if each != "rawgan"})
    return {
        "call": name,
        "rival": rival,
        "competitors": {each: Spread.of(times).as_dict() for each, times in seconds.items()},
        "ratio": Spread.of(ratios(seconds["rawgan"], seconds[rival])).as_dict(),
        "error": worst,
    }


def forms(name: str) -> tuple[str, ...]:
    """PyTorch's forms of a row.

    >>> forms("sort"), forms("upfirdn2d blur, 32×32×32"), forms("EMA, dcgan")
    (('NCHW',), ('NCHW', 'NHWC'), ('AveragedModel',))
    """
    if name in UPDATES:
        return UPDATES[name].ways
    images = len(CALLS[name].shapes[0]) == 4
    return tuple(form for form, last in FORMATS.items() if images or not last)


EXPERIMENT = Experiment(
    "resampling, sorting, norms, cumulative ops and optimisers beside PyTorch's", minutes=4, main=main
)
