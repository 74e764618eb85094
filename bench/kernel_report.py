"""The tables of `bench kernels`."""

from collections import defaultdict
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.kernel_workers import ON_GPU
from bench.roofline import roofline_seconds
from bench.terminal import print_lines

Row = dict[str, Any]


def print_kernels(console: Console, report: dict[str, Any]) -> None:
    """Every call by itself, then what they add up to in a training step."""
    roofline, settings = report["roofline"], report["settings"]
    console.print(_table(report))
    steps = _steps(report)
    if steps.row_count:
        console.print(steps)
    notes = sorted({f"{row['kernel']}: {note}" for row in report["results"] for note in row["notes"]})
    worst = max((entry["error"] for row in report["results"] for entry in row["competitors"].values()), default=0.0)
    lines = (
        *notes,
        f"roofline, measured: {roofline['flops_per_second'] / 1e9:.0f} GFLOP/s (float32 matrix product), "
        f"{roofline['bytes_per_second'] / 1e9:.1f} GB/s (copy, read and written); ridge at "
        f"{roofline['flops_per_second'] / roofline['bytes_per_second']:.1f} FLOP/byte",
        f"checked: results differ from the reference in float64 by at most {worst:.1e}, relatively",
        *machine.in_words(report["machine"], settings["threads"]),
    )
    print_lines(console, lines)


def _table(report: dict[str, Any]) -> Table:
    rounds = report["settings"]["rounds"]
    table = Table(title="Kernels, float32, medians", title_justify="left", caption_justify="left", box=SIMPLE)
    table.caption = (
        f"roofline: share of what the CPU's allows; FLOP of the direct algorithm; ratio: time / time of PyTorch's "
        f"faster layout, within a round, {rounds} rounds"
    )
    for heading in ("kernel", "shape", "backend"):
        table.add_column(heading, no_wrap=True)
    for heading in ("ms", "GFLOP/s", "GB/s", "roofline", "ratio", "quartiles", "PyTorch ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    last = None
    for row in report["results"]:
        first = True
        for name, entry in row["competitors"].items():
            if not name.startswith("rawgan "):
                continue
            backend, seconds, ratio = name.removeprefix("rawgan "), entry["seconds"]["median"], entry["ratio"]
            rival = row["competitors"][row["rival"]]["seconds"]["median"] if row["rival"] else None
            table.add_row(
                row["kernel"] if row["kernel"] != last else "",
                row["shape"] if first else "",
                backend,
                f"{1e3 * seconds:.3f}",
                f"{row['flops'] / seconds / 1e9:.1f}",
                f"{row['bytes'] / seconds / 1e9:.1f}",
                "" if backend in ON_GPU else f"{roofline_seconds(row, report['roofline']) / seconds:.0%}",
                f"{ratio['median']:.2f}" if ratio else "",
                f"{ratio['lower_quartile']:.2f}–{ratio['upper_quartile']:.2f}" if ratio else "",
                f"{1e3 * rival:.3f} {_layout(row)}" if first and rival else "",
            )
            last, first = row["kernel"], False
    return table


def _layout(row: Row) -> str:
    """Which of PyTorch's layouts was the faster one, where both competed."""
    layouts = [name.removeprefix("torch ") for name in row["competitors"] if name.startswith("torch ")]
    return row["rival"].removeprefix("torch ") if len(layouts) > 1 else "    "


def _steps(report: dict[str, Any]) -> Table:
    """Milliseconds of a training step by kernel, for each of the networks: ours, and PyTorch's in brackets."""
    ours = f"rawgan {report['settings']['backends'][0]}"
    sums: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for row in report["results"]:
        if ours not in row["competitors"] or row["rival"] is None:
            continue
        mine, theirs = (row["competitors"][name]["seconds"]["median"] for name in (ours, row["rival"]))
        for network, count in row["calls"].items():
            for kernel in (row["kernel"], "total"):
                sums[kernel][network][0] += count * mine
                sums[kernel][network][1] += count * theirs
    networks = sorted({network for by_network in sums.values() for network in by_network})
    table = Table(title=f"ms in a training step: {ours} / PyTorch", title_justify="left", box=SIMPLE)
    table.add_column("kernel", no_wrap=True)
    for network in networks:
        table.add_column(network, justify="right")
    for kernel in sorted(sums, key=lambda name: name == "total"):
        cells = (
            f"{1e3 * sums[kernel][network][0]:.1f} / {1e3 * sums[kernel][network][1]:.1f}" if network in sums[kernel]
            else "" for network in networks
        )  # fmt: skip
        table.add_row(kernel, *cells)
    return table
