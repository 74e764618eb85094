"""python -m bench plots: pictures of saved results."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from bench.errors import BenchError
from bench.files import FOLDER, read
from bench.mixtures import from_text
from rawgan.cli.parsing import parse
from rawgan.pictures.plots import plotting

# Okabe and Ito's colours, which people of all kinds of colour vision can tell apart.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY = "#767676"
FAMILIES = {  # colour and marker by what a kernel's name begins with
    "conv2d_weight_grad": (VERMILION, "D", "conv2d_weight_grad"),
    "conv2d_input_grad": (ORANGE, "s", "conv2d_input_grad"),
    "conv2d": (BLUE, "o", "conv2d"),
    "matmul": (BLACK, "P", "matmul"),
    "normalize": (GREEN, "^", "normalize and its gradient"),
    "adam": (PURPLE, "v", "optimisers"), "sgd": (PURPLE, "v", "optimisers"), "rmsprop": (PURPLE, "v", "optimisers"),
    "": (SKY, "X", "element-wise and sums"),
}  # fmt: skip
STYLE = {
    "font.size": 10, "axes.titlesize": 12, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True, "grid.color": "#e4e4e4", "legend.frameon": False,
    "savefig.bbox": "tight",
}  # fmt: skip
SIZE, DPI = (6.4, 4.8), 120
SECOND_LINE = {"fontsize": 8.5, "color": GREY}


@dataclass(frozen=True)
class PlotsConfig:
    """Draw the pictures of saved results again, each beside its JSON file."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """JSON files that a benchmark wrote; all in bench/results, unless given."""


def main(options: list[str]) -> None:
    """Draw, and print the names of the files.

    Raises: BenchError for a file that is no report
    """
    config = parse(PlotsConfig, "python -m bench plots", options)
    files = config.files or tuple(sorted(FOLDER.glob("*.json")))
    if not files:
        raise BenchError(f"there are no results in {FOLDER}; run a benchmark first")
    for file in files:
        for picture in draw(file):
            print(f"written: {picture}")


def draw(path: Path) -> list[Path]:
    """Draw the pictures of a report beside it. Returns their files, none if there is nothing to see."""
    report = read(path)
    draw_one = PICTURES.get(report["benchmark"])
    if draw_one is None:
        return []
    with plotting(path.with_suffix(".png"), SIZE, DPI, STYLE) as figure:
        draw_one(figure, report)
    return [path.with_suffix(".png")]


def roofline(figure: Any, report: dict[str, Any]) -> None:
    """Every call of our first backend as a point below the two ceilings; hollow, the same in PyTorch."""
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
    high = max([row["x"] for row in rows] + [100.0]) * 1.8
    ridge = peak / bandwidth
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
    axes.annotate(f"{peak:.0f} GFLOP/s, matrix product", (ridge, peak), (4, 5), textcoords="offset points")
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
    _title(axes, report, f"Kernels of the {backend} backend against this machine's roofline",
           "FLOP of the direct algorithm: a faster one may lie above, as may what stays in the caches")  # fmt: skip


def family(kernel: str) -> tuple[str, str, str]:
    """Colour, marker and name of a kernel's like."""
    return next(look for prefix, look in FAMILIES.items() if kernel.startswith(prefix))


def _slope(axes: Any, figure: Any) -> float:
    """Degrees of a line y ∝ x, as it is drawn."""
    box = axes.get_position()
    width, height = figure.get_size_inches()
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    across, up = box.width * width / math.log(x1 / x0), box.height * height / math.log(y1 / y0)
    return math.degrees(math.atan2(up, across))


def _label(axes: Any, rows: list[dict[str, Any]]) -> None:
    """Names at the fastest call of each kernel, wherever there is room for one."""
    from matplotlib.patheffects import withStroke

    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    taken: list[tuple[float, float]] = []
    for kernel in dict.fromkeys(row["kernel"] for row in rows):
        best = max((row for row in rows if row["kernel"] == kernel), key=lambda row: row["y"])
        # In parts of the picture: a label is about a seventh of it wide and a thirtieth high.
        x, y = math.log(best["x"] / x0) / math.log(x1 / x0), math.log(best["y"] / y0) / math.log(y1 / y0)
        if all(abs(x - a) > 0.17 or abs(y - b) > 0.035 for a, b in taken):
            taken.append((x, y))
            left = x > 0.8  # of the point, as the picture ends to its right
            colour = family(kernel)[0]
            label = axes.annotate(
                kernel, (best["x"], best["y"]), (-7 if left else 6, 3), textcoords="offset points", fontsize=8,
                ha="right" if left else "left", color=BLUE if colour == SKY else colour, zorder=5,
            )  # fmt: skip
            label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def steps(figure: Any, report: dict[str, Any]) -> None:
    """Time of a training step, as a share of the fastest rival's: a column for each model, bars for each training."""
    results = report["results"]
    models = list(dict.fromkeys(result["model"] for result in results))
    kinds = list(dict.fromkeys(_kind(name) for result in results for name in result["competitors"]))
    rows = max(sum(result["model"] == model for result in results) for model in models)
    figure.set_size_inches(2.2 + 5.3 * len(models), 2.1 + rows * (0.19 * len(kinds) + 0.2))
    columns = figure.subplots(1, len(models), sharex=True, squeeze=False)[0]
    for axes, model in zip(columns, models, strict=True):
        _step_bars(axes, [result for result in results if result["model"] == model], kinds)
        axes.set_xlabel("time / time of the fastest way in PyTorch")
    for kind in kinds:
        columns[0].barh([0], [0], color=_bar_colour(kind), label=kind)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8.5)
    _title(columns[0], report, "A training step: rawgan and PyTorch",
           "shorter is better; bars: medians; whiskers: quartiles")  # fmt: skip


def _step_bars(axes: Any, results: list[dict[str, Any]], kinds: list[str]) -> None:
    position, ticks, labels = 0.0, [], []
    for result in results:
        rival = result["competitors"][result["rival"]]["seconds"]["median"]
        first = position
        for name in sorted(result["competitors"], key=lambda name: kinds.index(_kind(name))):
            low, median, high = (
                result["competitors"][name]["seconds"][part] / rival
                for part in ("lower_quartile", "median", "upper_quartile")
            )
            axes.barh(position, median, 0.86, color=_bar_colour(name), xerr=[[median - low], [high - median]],
                      error_kw={"elinewidth": 0.8, "ecolor": GREY, "capsize": 1.5})  # fmt: skip
            axes.annotate(f"{1e3 * median * rival:.0f} ms", (high, position), (4, 0), textcoords="offset points",
                          va="center", fontsize=7.5, weight="bold" if name == result["ours"] else "normal")  # fmt: skip
            position += 1
        ticks.append((first + position - 1) / 2)
        labels.append(f"{result['model']}\n{result['image']}\nbatch {result['batch_size']}")
        position += 1.1
    axes.axvline(1, color=BLACK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(ticks, labels, fontsize=8.5)
    axes.set_ylim(position - 1.4, -0.8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.6)
    axes.margins(x=0.14)


def _kind(name: str) -> str:
    """What a compiled network was before matters less than that it was compiled."""
    return "torch.compile of the fastest" if name.endswith(", compiled") else name


def _bar_colour(name: str) -> str:
    colours = {
        "rawgan cpu": BLUE, "rawgan reference": SKY, "torch NCHW": "#f6d38a", "torch NHWC": "#f0b89a",
        "torch NCHW, tuned": ORANGE, "torch NHWC, tuned": VERMILION,
    }  # fmt: skip
    return colours.get(name, PURPLE)


def scaling(figure: Any, report: dict[str, Any]) -> None:
    """Cost of an image over batch, pixels and width, one line for each number of threads."""
    series = report["results"]
    panels = list(dict.fromkeys(one["axis"] for one in series))
    figure.set_size_inches(4.1 * len(panels), 4.3)
    titles = {"batch_size": "images in a batch", "image_size": "pixels of an image", "width": "width (channels)"}
    looks = [(BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":")]
    threads = list(dict.fromkeys(one["threads"] for one in series))
    all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        for one in (one for one in series if one["axis"] == panel):
            colour, marker, line = looks[threads.index(one["threads"]) % len(looks)]
            x = [point["x"] for point in one["points"]]
            middle, low, high = (
                [1e3 * point["seconds_per_image"][part] for point in one["points"]]
                for part in ("median", "lower_quartile", "upper_quartile")
            )
            power = f": ∝ x^{one['exponent']:.2f}".replace("-", "−") if one["exponent"] is not None else ""
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(x, middle, line, color=colour, marker=marker, markersize=5, linewidth=1.6,
                      label=f"{one['threads']} thread{'s' if one['threads'] > 1 else ''}{power}")  # fmt: skip
            ticks = x if panel != "image_size" else x[:: max(1, -(-len(x) // 4))]
        axes.set(xscale="log", yscale="log", xlabel=titles.get(panel, panel))
        sizes = {point["x"]: point.get("image_size") for one in series for point in one["points"]}
        axes.set_xticks(ticks, [f"{sizes[t]}²" if panel == "image_size" else str(t) for t in ticks])
        axes.minorticks_off()
        axes.grid(linewidth=0.6)
        axes.legend(fontsize=8.5)
    values = [1e3 * point["seconds_per_image"]["median"] for one in series for point in one["points"]]
    ticks = [tick for power in range(-4, 6) for tick in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
             if min(values) / 1.5 < tick < max(values) * 1.5]  # fmt: skip
    all_axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    all_axes[0].set_ylabel("ms per image")
    settings = report["settings"]
    side, batch, width = settings["image_size"], settings["batch_size"], settings["width"]
    _title(all_axes[0], report, f"What training {settings['model']} on an image costs",
           f"else {side}×{side}×{settings['channels']}, batch {batch}, width {width}; bands: quartiles")  # fmt: skip


def quality(figure: Any, report: dict[str, Any]) -> None:
    """FID over the seconds of training: a thin line for each seed, a thick one for their mean."""
    from bench.quality import curve

    figure.set_size_inches(8, 4.6)
    axes = figure.subplots()
    for name, colour, marker in (("rawgan", BLUE, "o"), ("PyTorch", VERMILION, "s")):
        for run in (run for run in report["runs"] if run["name"] == name):
            points = [(point["seconds"], point["fid"]) for point in run["points"]]
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, alpha=0.45)
        axes.plot(*zip(*curve(report["runs"], name), strict=True), color=colour, marker=marker, label=name)
    axes.axhline(report["floor"]["fid"], color=GREY, linestyle=(0, (4, 3)), linewidth=1, label="real images")
    axes.set(yscale="log", xlabel="seconds of training", ylabel="FID in features of the classifier of digits")
    axes.set_xlim(left=0)
    axes.grid(which="both", linewidth=0.6)
    axes.legend(fontsize=8.5)
    settings = report["settings"]
    _title(axes, report, "rawgan train, and the same networks in PyTorch",
           f"{settings['samples']:,} samples; thick: mean of {settings['seeds']} seeds")  # fmt: skip


def mixtures(figure: Any, report: dict[str, Any]) -> None:
    """Real points, and those of the first run of each recipe over them."""
    from rawgan.data import MIXTURES
    from rawgan.pictures.scatter import draw_points

    names = {"rawgan": "rawgan train --data {}", "plain": "a plain GAN, the same networks"}
    shown = [one for one in report["results"] if one["points"]]
    sets, recipes = (list(dict.fromkeys(one[key] for one in shown)) for key in ("data", "recipe"))
    figure.set_size_inches(4.4 * len(sets), 4.9 * len(recipes) + 0.3)
    all_axes = figure.subplots(len(recipes), len(sets), squeeze=False)
    for one in shown:
        axes = all_axes[recipes.index(one["recipe"])][sets.index(one["data"])]
        draw_points(axes, from_text(one["points"]), MIXTURES[one["data"]]())
        axes.set_title(names[one["recipe"]].format(one["data"]), pad=20)
        good, of = one["figures"]["high_quality"], len(one["figures"]["histogram"])
        axes.annotate(f"{one['figures']['modes']} of {of} modes, {100 * good:.1f} % of high quality", (0, 1), (0, 5),
                      xycoords="axes fraction", textcoords="offset points", **SECOND_LINE)  # fmt: skip
    handles, labels = all_axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, markerscale=2)


def modes(figure: Any, report: dict[str, Any]) -> None:
    """KL over the steps, and modes below."""
    figure.set_size_inches(8, 6.4)
    above, below = figure.subplots(2, 1, sharex=True)
    for name, words, colour in (("plain", "a plain DCGAN", VERMILION), ("recipe", "rawgan's recipe", BLUE)):
        steps, kl, found = zip(*((p["step"], p["kl"], p["modes"]) for p in report["results"][name]), strict=True)
        above.plot(steps, kl, color=colour, marker="o", markersize=4, label=words)
        below.plot(steps, found, color=colour, marker="o", markersize=4)
    above.axhline(report["perfect"], color=GREY, linestyle=(0, (4, 3)), linewidth=1, label="perfect samples")
    above.set(yscale="log", ylabel="KL from all modes alike")
    below.set(ylabel="modes of 1000", xlabel="training steps", ylim=(0, 1050))
    below.set_xlim(left=0)
    for axes in (above, below):
        axes.grid(linewidth=0.6)
    above.legend(fontsize=8.5)
    _title(above, report, "Modes of stacked digits", f"{report['settings']['samples']:,} samples each time")


def _title(axes: Any, report: dict[str, Any], title: str, more: str) -> None:
    where = report["machine"]
    axes.set_title(title, pad=30)
    threads = report["settings"].get("threads")
    used = f", {threads} of {where['cores']} cores" if threads else f", {where['cores']} cores"
    axes.annotate(f"{more}\n{where['cpu']}{used}, float32", (0, 1), (0, 5), xycoords="axes fraction",
                  textcoords="offset points", va="bottom", **SECOND_LINE)  # fmt: skip


PICTURES: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    "kernels": roofline,
    "step": steps,
    "scaling": scaling,
    "quality": quality,
    "mixtures": mixtures,
    "modes": modes,
}
