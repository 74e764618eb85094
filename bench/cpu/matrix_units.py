"""python -m bench matrix_units: products in bf16 on this CPU's matrix units, beside those in float32."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numba import types
from rich.box import SIMPLE
from rich.progress import track
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.terminal import make_console, print_lines
from rawgan.cli.parsing import parse
from rawgan_kernels import Backend, Window
from rawgan_kernels.cpu.matrix_units import convolution, product, weight_gradient
from rawgan_kernels.cpu.matrix_units.units import EMULATED_AMX, EMULATED_AVX512, UNITS, Unit, available

TOLERANCE = 1e-4
"""Largest difference from the product of rounded factors in float32, relative to its largest number. The fast
convolution of float32 errs by 1e-5, and factors that are not rounded by 4e-3."""

LAYERS = ((64, 3, 64), (32, 64, 128), (16, 128, 256), (8, 256, 512), (28, 1, 64), (14, 64, 128))
"""Size, channels and outputs of convolutions of 4×4 taps and stride 2."""

MATRICES = ((128, 100, 12544), (128, 1024, 1024), (1024, 1024, 1024), (128, 256, 512))

Call = Callable[[Unit | None], Any]
"""A product in float32, or on a unit."""


@dataclass(frozen=True)
class UnitsConfig(store.SaveConfig):
    """Time products in float32, in bf16 on each matrix unit, and in bf16 without the multiplications: what packing and
    writing take. Each is first compared with the product of rounded factors."""

    batch: int = 128
    rounds: int = 9
    emulated: bool = False
    """Emulate the units: for a check on a CPU that lacks them, as its times say nothing."""


def _nothing(a, a_row, b, b_row, b_panel, c, c_row, rows, columns, depth, add, unit):  # type: ignore[no-untyped-def]
    pass


NOTHING = Unit("nothing", (), 1, _nothing, types.float32)
"""Multiplies nothing."""


def calls(batch: int) -> dict[str, tuple[float, Call, Call]]:
    """By name: floating-point operations, the product of rounded factors in float32, and the product."""
    found: dict[str, tuple[float, Call, Call]] = {}
    cpu, rng = Backend("cpu"), np.random.default_rng(0)

    def draw(*shape: int) -> tuple[Any, Any]:
        x = rng.standard_normal(shape, np.float32)
        return x, cpu.rounded(x, 7)

    def add(name: str, flops: float, kernel: str, factors: Any, options: tuple[Any, ...], on_unit: Any) -> None:
        arrays, exact = zip(*factors, strict=True)
        of_float32 = getattr(cpu, kernel)

        def call(unit: Unit | None) -> Any:
            return of_float32(*arrays, *options) if unit is None else on_unit(*arrays, *options, unit)

        found[name] = flops, lambda _: of_float32(*exact, *options), call

    for size, c, k in LAYERS:
        window = Window((size, size), (4, 4), (2, 2), ((1, 1), (1, 1)))
        x, w, gy = draw(batch, size, size, c), draw(4, 4, c, k), draw(batch, *window.output, k)
        flops, of = 2.0 * gy[0].size * 16 * c, f"{size}×{size}×{c}→{k}"
        add(f"conv2d {of}", flops, "conv2d", (x, w), (window, None, 0.2), convolution.conv2d)
        add(
            f"  input grad {of}",
            flops,
            "conv2d_input_grad",
            (gy, w),
            (window, None, 0.2),
            convolution.conv2d_input_grad,
        )
        add(f"  weight grad {of}", flops, "conv2d_weight_grad", (x, gy), (window,), weight_gradient.conv2d_weight_grad)
    for m, depth, n in MATRICES:
        add(
            f"matmul {m}×{depth}×{n}",
            2.0 * m * depth * n,
            "matmul",
            (draw(m, depth), draw(depth, n)),
            (),
            product.matmul,
        )
    return found


def main(options: list[str]) -> None:
    """Measure and report. Raises: BenchError for options without a meaning, without a unit, or for a wrong result"""
    config = parse(UnitsConfig, "python -m bench matrix_units", options)
    if config.batch < 1 or config.rounds < 1:
        raise BenchError("--batch and --rounds must be at least 1")
    units = (EMULATED_AMX, EMULATED_AVX512) if config.emulated else available()
    if not units:
        names = ", ".join(unit.name for unit in UNITS)
        raise BenchError(f"this CPU has no matrix unit ({names}), or the system does not grant it")
    console, facts, results = make_console(), machine.facts(), []
    for name, (flops, expected, call) in track(
        calls(config.batch).items(), "multiplying", console=console, transient=True
    ):
        for unit in units:
            exact, got = expected(None), call(unit)
            if np.abs(got - exact).max() > TOLERANCE * np.abs(exact).max():
                raise BenchError(f"{unit.name}: {name} is not the product of rounded factors")
        ways = {"float32": None, "packing": NOTHING, **{unit.name: unit for unit in units}}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for way, unit in [*ways.items()] * (config.rounds + 1):  # the first round warms up
            started = time.perf_counter()
            call(unit)
            seconds[way].append(time.perf_counter() - started)
        results.append({"call": name, "flops": flops, "seconds": {way: median(s[1:]) for way, s in seconds.items()}})
    console.print(_table(results, units))
    print_lines(console, machine.lines(facts))
    settings = {"batch": config.batch, "rounds": config.rounds, "emulated": config.emulated}
    report = {"benchmark": "matrix_units", "machine": facts, "settings": settings, "results": results}
    store.save(console, config, "matrix_units", report)


def _table(results: list[dict[str, Any]], units: tuple[Unit, ...]) -> Table:
    table = Table(title="Products: ms, medians", title_justify="left", caption_justify="left", box=SIMPLE)
    table.caption = "packing: without the multiplications; GFLOP/s: of the multiplications alone"
    headings = ("float32", "packing", *(word for unit in units for word in (unit.name, "relative", "GFLOP/s")))
    table.add_column("")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in results:
        taken = row["seconds"]
        cells = [f"{1e3 * taken[way]:.2f}" for way in ("float32", "packing")]
        for unit in units:
            own = taken[unit.name]
            rate = row["flops"] / max(own - taken["packing"], 1e-9) / 1e9
            cells += [f"{1e3 * own:.2f}", f"{own / taken['float32']:.2f}", f"{rate:.0f}"]
        table.add_row(row["call"], *cells)
    return table


EXPERIMENT = Experiment("products in bf16 on the CPU's matrix units", minutes=1, main=main)
