"""Tables and picture of `bench kernels`."""

import math
from collections import defaultdict
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.common import machine
from bench.common.pictures import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, title
from bench.common.terminal import print_lines
from bench.competitors.kernels import ON_GPU
from bench.competitors.roofline import roofline_seconds
from rawgan_kernels import FLOAT32

Row = dict[str, Any]

FAMILIES = {  # colour and marker by what a kernel's name begins with
    "conv2d_weight_grad": (VERMILION, "D", "conv2d_weight_grad"),
    "conv2d_input_grad": (ORANGE, "s", "conv2d_input_grad"),
    "conv2d": (BLUE, "o", "conv2d"),
    "matmul": (BLACK, "P", "matmul"),
    "normalize": (GREEN, "^", "normalize and its gradient"),
    **dict.fromkeys(("adagrad", "adam", "amsgrad", "average", "lion", "rmsprop", "sgd"), (PURPLE, "v", "optimisers")),
    "": (SKY, "X", "element-wise and sums"),
}  # fmt: skip


def print_kernels(console: Console, report: dict[str, Any]) -> None:
    """Print every call by itself, then their sums in a training step."""
    roofline, settings = report["roofline"], report["settings"]
    peak, bandwidth = roofline["flops_per_second"], roofline["bytes_per_second"]
    console.print(_table(report))
    steps = _steps(report)
    if steps.row_count:
        console.print(steps)
    notes = sorted({f"{row['kernel']}: {note}" for row in report["results"] for note in row["notes"]})
    worst = max((entry["error"] for row in report["results"] for entry in row["competitors"].values()), default=0.0)
    lines = (
        *notes,
        f"roofline, measured: {peak / 1e9:.0f} GFLOP/s ({roofline['precision']} matrix product), "
        f"{bandwidth / 1e9:.1f} GB/s (copy, read and written); ridge at {peak / bandwidth:.1f} FLOP/byte",
        f"checked: relative difference from the reference in float64 at most {worst:.1e}",
        *([units_of(report)] if settings["precision"] == "bf16" else []),
        *machine.lines(report["machine"], settings["threads"]),
    )
    print_lines(console, lines)


def _table(report: dict[str, Any]) -> Table:
    rounds = report["settings"]["rounds"]
    precision = report["settings"]["precision"]
    table = Table(title=f"Kernels, {precision}, medians", title_justify="left", caption_justify="left", box=SIMPLE)
    table.caption = (
        f"roofline: share of the CPU's roofline reached; FLOP of the direct algorithm; ratio: time / time of PyTorch's "
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
    """The faster of PyTorch's layouts, where both competed."""
    layouts = [name.removeprefix("torch ") for name in row["competitors"] if name.startswith("torch ")]
    return row["rival"].removeprefix("torch ") if len(layouts) > 1 else "    "


def _steps(report: dict[str, Any]) -> Table:
    """Milliseconds of a training step by kernel, for each of the networks: ours / PyTorch's."""
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
    precision = report["settings"]["precision"]
    table = Table(title=f"ms in a training step, {precision}: {ours} / PyTorch", title_justify="left", box=SIMPLE)
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


def draw_roofline(figure: Any, report: dict[str, Any]) -> None:
    """Draw every call of our first backend as a point below the two ceilings; PyTorch's are hollow."""
    figure.set_size_inches(10, 6.2)
    axes = figure.subplots()
    peak, bandwidth = report["roofline"]["flops_per_second"] / 1e9, report["roofline"]["bytes_per_second"] / 1e9
    backend = report["settings"]["backends"][0]
    ours = f"rawgan {backend}"
    rows = [row for row in report["results"] if ours in row["competitors"] and row["flops"] and row["bytes"]]
    for row in rows:
        row["x"] = row["flops"] / row["bytes"]
        row["y"] = row["flops"] / row["competitors"][ours]["seconds"]["median"] / 1e9
    low = min([row["x"] for row in rows] + [0.05]) / 1.6
    ridge = peak / bandwidth
    high = max([row["x"] for row in rows] + [100.0, ridge]) * 1.8
    axes.plot([low, ridge, high], [low * bandwidth, peak, peak], color=BLACK, linewidth=1.6, zorder=2)
    axes.fill_between([low, ridge, high], [low * bandwidth, peak, peak], peak * 30, color="#f3f3f3", zorder=0)
    shown = [row["y"] for row in rows] or [peak]
    for row in rows:
        colour, marker, label = family(row["kernel"])
        handles = {text.get_label() for text in axes.collections}
        axes.scatter(row["x"], row["y"], s=34, color=colour, marker=marker, linewidth=0.5, edgecolor="white", zorder=4,
                     label=label if label not in handles else "_")  # fmt: skip
        if row["rival"]:
            theirs = row["flops"] / row["competitors"][row["rival"]]["seconds"]["median"] / 1e9
            shown.append(theirs)
            axes.plot([row["x"]] * 2, [row["y"], theirs], color=colour, linewidth=0.7, alpha=0.5, zorder=3)
            axes.scatter(row["x"], theirs, s=20, facecolor="none", edgecolor=colour, marker=marker, linewidth=0.9,
                         zorder=3)  # fmt: skip
    if any(row["rival"] for row in rows):
        axes.scatter([], [], s=20, facecolor="none", edgecolor=GREY, label="hollow: PyTorch, its faster layout")
    axes.set(xscale="log", yscale="log", xlim=(low, high))
    axes.set_ylim(min(*shown, bandwidth * low) / 1.6, max(*shown, peak) * 2.2)
    ceiling = report["roofline"]["precision"]
    axes.annotate(f"{peak:.0f} GFLOP/s, {ceiling} matrix product", (ridge, peak), (4, 5), textcoords="offset points")
    if ceiling != FLOAT32:
        lower = report["roofline"]["float32_flops_per_second"] / 1e9
        axes.plot([lower / bandwidth, high], [lower, lower], color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(f"{lower:.0f} GFLOP/s, float32", (high, lower), (-4, 4), textcoords="offset points", ha="right",
                      color=GREY, fontsize=8.5)  # fmt: skip
    start = low * 1.12
    axes.annotate(
        f"{bandwidth:.1f} GB/s, copy", (start, start * bandwidth), (-3, 6), textcoords="offset points",
        rotation=_slope(axes, figure), rotation_mode="anchor",
    )  # fmt: skip
    _label(axes, rows)
    axes.grid(which="major", linewidth=0.6)
    axes.set_xlabel("FLOP per byte that must be moved")
    axes.set_ylabel("GFLOP/s")
    axes.legend(loc="lower right", fontsize=8.5)
    title(axes, report, f"Kernels of the {backend} backend against this machine's roofline",
           "FLOP of the direct algorithm: a faster one may lie above, as may what stays in the caches"
           + (f"; {units_of(report)}" if report["settings"]["precision"] == "bf16" else ""))  # fmt: skip


def units_of(report: dict[str, Any]) -> str:
    """The processor's units for bf16, in words."""
    units = report["machine"]["bf16 units"]
    return f"bf16 on {units}" if units != "none" else "no bf16 units here: only rounded"


def family(kernel: str) -> tuple[str, str, str]:
    """Colour, marker and name of a kernel's family."""
    return next(look for prefix, look in FAMILIES.items() if kernel.startswith(prefix))


def _slope(axes: Any, figure: Any) -> float:
    """Angle in degrees at which a line y ∝ x is drawn."""
    box = axes.get_position()
    width, height = figure.get_size_inches()
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    across, up = box.width * width / math.log(x1 / x0), box.height * height / math.log(y1 / y0)
    return math.degrees(math.atan2(up, across))


def _label(axes: Any, rows: list[dict[str, Any]]) -> None:
    """Write the name of each kernel at its fastest call, where there is room."""
    from matplotlib.patheffects import withStroke

    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    taken: list[tuple[float, float]] = []
    for kernel in dict.fromkeys(row["kernel"] for row in rows):
        best = max((row for row in rows if row["kernel"] == kernel), key=lambda row: row["y"])
        # In fractions of the picture: a label is about a seventh of it wide and a thirtieth high.
        x, y = math.log(best["x"] / x0) / math.log(x1 / x0), math.log(best["y"] / y0) / math.log(y1 / y0)
        if all(abs(x - a) > 0.17 or abs(y - b) > 0.035 for a, b in taken):
            taken.append((x, y))
            left = x > 0.8  # to the left of the point: the picture ends at its right
            colour = family(kernel)[0]
            label = axes.annotate(
                kernel, (best["x"], best["y"]), (-7 if left else 6, 3), textcoords="offset points", fontsize=8,
                ha="right" if left else "left", color=BLUE if colour == SKY else colour, zorder=5,
            )  # fmt: skip
            label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
