"""python -m bench kernels: every kernel on its own, beside PyTorch and the machine's roofline."""

import importlib.util
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.rounds import Spread, fastest, measure, ratios
from bench.common.shapes import parse_image
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker, in_own_process, limit_threads
from bench.competitors.kernel_calls import KernelCall, parse_call
from bench.competitors.kernels import ON_GPU, Machine, Oracle, RawganKernel, TorchKernel
from bench.competitors.step_calls import Calls, calls_of
from bench.cpu.kernel_report import draw_roofline, print_kernels
from rawgan.cli.parsing import parse
from rawgan.device import cuda_module
from rawgan.errors import DeviceError
from rawgan_kernels import BACKENDS, FLOAT32, KERNELS, PRECISIONS

TOLERANCE = 1e-3
"""Largest error ‖found − expected‖ / ‖expected‖ of a competitor that may compete in float32."""
PRODUCTS = tuple(name for name, kernel in KERNELS.items() if kernel.factors)
"""Kernels that a reduced precision concerns."""
FORMATS = {"torch NCHW": False, "torch NHWC": True}


@dataclass(frozen=True)
class KernelsConfig(store.SaveConfig):
    """Time every kernel of every backend on the arrays of a training step.

    The arrays are found by observing a step of each model. Kernels that no model calls get its largest arrays; calls on
    fewer than 4096 numbers are left out if the kernel has larger ones. Results are checked against the reference in
    float64 before the clock starts. PyTorch competes with the same computation, in NCHW and in NHWC (channels_last);
    the faster of the two is the rival. The roofline is measured in the same run: a large matrix product and a large
    copy. Operations are counted for the direct algorithm, so a faster algorithm may exceed the roofline, as may arrays
    that fit the caches.

    With a reduced precision, only products are timed: matrix products, convolutions, attention and their gradients.
    For bf16, PyTorch's arrays are in bf16 from the start, and the roofline's product is the matrix units' (AMX,
    AVX512-BF16). On a processor without any, PyTorch does not compete in bf16, and the roofline is that of float32.
    """

    kernel: tuple[str, ...] = ()
    """Kernels to time. Unset: all."""
    shape: tuple[str, ...] = ()
    """Shapes of your own for each --kernel, instead of those of the models: for convolutions the larger image and the
    channels of the smaller one, 128x32x32x64:128 or 128x32x32x64:128,kernel=3,stride=1,padding=1; for matmul
    128x512:256; for other kernels the shape of their array, such as 128x32x32x64."""
    backend: tuple[Literal["cpu", "reference", "cuda", "cupy"], ...] = ()
    """Backends to time; the first one is compared with PyTorch. `cupy` is plain CuPy, the reference on a GPU. A call on
    a GPU lasts from the launch until the GPU is done. Unset: all that run on the CPU."""
    model: tuple[Literal["dcgan", "tutorial", "residual", "attention", "style"], ...] = ("dcgan", "tutorial")
    """Models whose training step is observed."""
    image: tuple[str, ...] = ("28x28x1", "64x64x3")
    """Height, width and channels of the images."""
    batch_size: int = 128
    """Images in a batch."""
    precision: Literal["float32", "bf16", "tf32"] = "float32"
    """Precision of products."""
    torch: bool = True
    """Let PyTorch compete, if it is installed."""
    rounds: int = 5
    """Turns of each competitor."""
    turn: float = 0.1
    """Seconds of a turn, unless a single call takes longer."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads of each competitor; 0 is one for each core."""


def main(options: list[str]) -> None:
    """Check, measure, report.

    Raises: BenchError for options without a meaning, or if a competitor fails or computes something wrong
    """
    config = parse(KernelsConfig, "python -m bench kernels", options)
    if config.rounds < 1 or config.batch_size < 2 or config.turn <= 0:
        raise BenchError("--rounds must be at least 1, --batch-size at least 2, and --turn more than 0")
    unknown = [name for name in config.kernel if name not in KERNELS]
    if unknown:
        raise BenchError(f"there is no kernel {unknown[0]!r}; choose from: {', '.join(KERNELS)}")
    other = [name for name in config.kernel if config.precision != FLOAT32 and name not in PRODUCTS]
    if other:
        raise BenchError(
            f"--precision {config.precision} is for products: {other[0]} is none; choose from: {', '.join(PRODUCTS)}"
        )
    on_gpu = [name for name in config.backend if name in ON_GPU]
    if on_gpu:
        try:
            cuda_module()
        except DeviceError as error:
            text = str(error).replace("--device cpu", "--backend cpu reference")
            raise BenchError(f"backend {on_gpu[0]!r} computes on a GPU: {text}") from None
    threads = limit_threads(config.threads)
    backends = config.backend or tuple(name for name in ("cpu", "reference") if name in BACKENDS)
    console, facts = make_console(), machine.facts(gpu=bool(on_gpu))
    calls, slow = _calls(config), config.precision == "bf16" and facts["bf16 units"] == "none"
    with ExitStack() as stack:
        competitors = [Worker(f"rawgan {name}", RawganKernel, name, threads) for name in backends]
        if slow:
            print_lines(console, ["PyTorch does not compete: without bf16 units, it takes a hundred times as long"])
        elif config.torch and importlib.util.find_spec("torch") is not None:
            competitors += [Worker(name, TorchKernel, last, threads) for name, last in FORMATS.items()]
        oracle, roofline = Worker("the reference", Oracle), Worker("the roofline", Machine, threads)
        for worker in (*competitors, oracle, roofline):
            stack.enter_context(worker)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rawgan-bench-")))
        columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}")
        progress = stack.enter_context(Progress(*columns, console=console, transient=True))
        task = progress.add_task("the roofline", total=len(calls))
        ceilings, on_units = [roofline.ask("ceilings", 5)], None
        if config.precision == "bf16" and facts["bf16 units"] != "none":
            on_units = roofline.ask("product_in_bf16", 5)
        rows = []
        for case, counts in calls.items():
            progress.update(task, description=f"{case.kernel} {case.label}")
            rows.append(_time(case, counts, competitors, oracle, folder, config))
            progress.advance(task)
        ceilings.append(roofline.ask("ceilings", 5))
    in_float32, bandwidth = (max(found) for found in zip(*ceilings, strict=True))
    report = {
        "benchmark": "kernels",
        "machine": facts,
        "settings": {
            "rounds": config.rounds, "turn_seconds": config.turn, "threads": threads, "precision": config.precision,
            "batch_size": config.batch_size, "backends": list(backends),
        },
        "roofline": {
            "flops_per_second": on_units or in_float32, "bytes_per_second": bandwidth,
            "precision": "bf16" if on_units else FLOAT32, "float32_flops_per_second": in_float32,
        },
        "results": rows,
    }  # fmt: skip
    print_kernels(console, report)
    name = "kernels-own" if config.shape or config.kernel else "kernels"
    name = name if config.precision == FLOAT32 else f"{name}-{config.precision}"
    store.save(console, config, name, report, draw_roofline)


def tolerance_at(precision: str) -> float:
    """Largest error of a competitor that may compete at a precision of products.

    Rounding changes a number by up to u = 2^-(bits + 1) of itself, with a variance of at most u²/3. A product rounds
    two factors, and in PyTorch its result. Errors of four products in a row, as in attention's gradient, add up to 2u.

    >>> tolerance_at("float32"), tolerance_at("bf16")
    (0.001, 0.0078125)
    """
    return max(TOLERANCE, 2.0 ** -PRECISIONS[precision])


def _calls(config: KernelsConfig) -> Calls:
    if config.shape:
        if not config.kernel:
            raise BenchError("--shape needs --kernel, the kernels that take arrays of this shape")
        return {parse_call(kernel, shape): Counter() for kernel in config.kernel for shape in config.shape}
    images = tuple(parse_image(text) for text in config.image)
    calls: Calls = in_own_process(calls_of, config.model, images, config.batch_size)
    wanted = config.kernel or (tuple(KERNELS) if config.precision == FLOAT32 else PRODUCTS)
    return {case: counts for case, counts in calls.items() if case.kernel in wanted}


def _time(
    case: KernelCall,
    counts: Counter[str],
    competitors: list[Worker],
    oracle: Worker,
    folder: Path,
    config: KernelsConfig,
) -> dict[str, Any]:
    """Time one call. Returns its row of the report."""
    operations, size = oracle.ask("expect", case, folder)
    has_images = any(len(array.shape) == 4 for array in case.arrays())
    able, errors, notes, allowed = [], {}, [], tolerance_at(config.precision)
    for worker in competitors:
        if worker.name == "torch NHWC" and not has_images:
            continue  # the same as NCHW
        found = worker.ask("prepare", case, folder, config.precision)
        if isinstance(found, str):
            notes.append(f"{worker.name} {found}")
        elif not found <= allowed:  # NaN is not either
            raise BenchError(
                f"{worker.name} does not compute what the reference does, so its time means nothing\n"
                f"  {case.kernel} {case.label}: relative error {found:.1e}, more than {allowed:.2g}"
            )
        else:
            able.append(worker)
            errors[worker.name] = found
    seconds = measure(able, config.rounds, turn_seconds=config.turn, warm_up=1)
    rivals = {name: times for name, times in seconds.items() if name in FORMATS}
    rival = fastest(rivals) if rivals else None
    return {
        "kernel": case.kernel,
        "shape": case.label,
        "calls": dict(counts),
        "flops": operations,
        "bytes": size,
        "rival": rival,
        "notes": notes,
        "competitors": {
            name: {
                "seconds": Spread.of(times).as_dict(),
                "error": errors[name],
                "ratio": Spread.of(ratios(times, seconds[rival])).as_dict() if rival else None,
            }
            for name, times in seconds.items()
        },
    }


EXPERIMENT = Experiment(
    "every kernel on its own, beside PyTorch and the machine's roofline", minutes=12, main=main, draw=draw_roofline
)
