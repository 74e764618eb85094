"""python -m bench gpu_check: everything there is to know about rawgan on a GPU, in one command and a few minutes.

For a machine that has a GPU for a short while: it needs this repository, NumPy, CuPy, numba and numba-cuda; nothing of
rawgan need be installed. PyTorch competes if it is there. Sections run in processes of their own, the most important
first: the observations of one are kept whatever happens in the next, and the report is written anew after each.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.common import files, machine
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.gpu.clock import FULL, Sizes, wait
from bench.gpu.observations import Observations, collect, observed
from rawgan.device import cuda_module
from rawgan.errors import DeviceError
from rawgan_kernels import FLOAT32, precision

LINES, WIDTH = 40, 150
"""Largest size of the table at the end."""


@dataclass(frozen=True)
class Section:
    """A part of the check: `module:function`, the seconds that it may take, and those that must be left to begin it.

    Products in it have a precision.
    """

    name: str
    function: str
    limit: float
    least: float = 10
    precision: str = FLOAT32


def facts(sizes: Sizes, observations: Observations) -> None:
    """Note down the machine that everything is measured on."""

    def look() -> dict[str, Any]:
        known = machine.facts(gpu=True)
        line = ", ".join(f"{name} {value}" for name, value in known["gpu"].items())
        libraries = ", ".join(f"{name} {number}" for name, number in known["versions"].items())
        return observed("\n    ".join([line, *machine.lines(known)[1:]]), None, f"{line}; {libraries}", machine=known)

    observations.look("the machine", look)


SECTIONS = (
    Section("facts", "bench.gpu.gpu_check:facts", 60),
    Section("kernels", "bench.gpu.parity:kernels", 130),
    Section("precision", "bench.gpu.precision:precisions", 60),
    Section("training", "bench.gpu.parity:training", 110),
    Section("graph", "bench.gpu.parity:graph", 45),
    Section("times", "bench.gpu.times:times", 80),
    Section("steps", "bench.gpu.steps:steps", 130),
    Section("steps-tf32", "bench.gpu.steps:steps", 60, precision="tf32"),
    Section("steps-bf16", "bench.gpu.steps:steps", 60, precision="bf16"),
    Section("counts", "bench.gpu.counts:counts", 60),
    Section("times-tf32", "bench.gpu.times:times", 40, precision="tf32"),
    Section("times-bf16", "bench.gpu.times:times", 40, precision="bf16"),
    Section("compiled", "bench.gpu.steps:compiled", 180, least=60),
    Section("compiled-tf32", "bench.gpu.steps:compiled", 180, least=60, precision="tf32"),
)


def main(options: list[str]) -> None:
    """Run all sections and print the table.

    Raises: BenchError without a GPU; SystemExit(1) if anything is wrong
    """
    config = _parser().parse_args(options)
    if config.child:
        return _child(config.child, Path(config.observations), config.known)
    unknown = sorted(set(config.only) - {section.name for section in SECTIONS})
    if unknown:
        raise BenchError(f"there is no section {unknown[0]!r}; choose from: {_names()}")
    try:
        cuda_module()
    except DeviceError as error:
        raise BenchError(f"this checks a GPU, and there is none\n  {str(error).splitlines()[0]}") from None
    sections = [section for section in SECTIONS if not config.only or section.name in config.only]
    report, path = check(sections, 60 * config.minutes, config.out)
    print("\n".join(table(report)))
    print(f"written: {path}")
    if any(verdict(section) == "FAILED" for section in report["sections"].values()):
        raise SystemExit(1)
    return None


def check(sections: list[Section], seconds: float, out: Path | None) -> tuple[dict[str, Any], Path]:
    """Run sections until no time is left. Returns the report and its file."""
    end = time.monotonic() + seconds
    report: dict[str, Any] = {"benchmark": "gpu_check", "machine": machine.facts(), "sections": {}}
    path = out or files.FOLDER / "gpu-unknown.json"
    for section in sections:
        left = end - time.monotonic()
        if left < section.least:
            print(f"{section.name}: skipped, {max(0.0, left):.0f} s are left", flush=True)
            report["sections"][section.name] = {"state": "skipped", "seconds": 0.0, "observations": []}
        else:
            print(f"{section.name}: at most {min(section.limit, left):.0f} s", flush=True)
            report["sections"][section.name] = collect(_command(section.name), min(section.limit, left))
        for observation in report["sections"][section.name]["observations"]:
            report["machine"] = observation.get("machine", report["machine"])
        if out is None and "gpu" in report["machine"]:
            path = files.FOLDER / f"gpu-{_slug(report['machine']['gpu']['name'])}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, report)
    return report, path


def verdict(section: dict[str, Any]) -> str:
    """Verdict on a section: "passed", "measured" (nothing to judge), "FAILED", or its state if it was not finished."""
    goods = [observation["good"] for observation in section["observations"]]
    if section["state"] == "failed" or False in goods:
        return "FAILED"
    if section["state"] != "done":
        return section["state"]
    return "passed" if True in goods else "measured"


def table(report: dict[str, Any]) -> list[str]:
    """Lines of the table: one for each section, with its failures and headlines below."""
    lines = []
    for name, section in report["sections"].items():
        observations = section["observations"]
        passed = sum(observation["good"] is True for observation in observations)
        failed = [
            f"{observation['what']}: {observation['text']}"
            for observation in observations
            if observation["good"] is False
        ]
        counted = f"{passed} of {passed + len(failed)} right" if passed + len(failed) else ""
        lines.append(f"{verdict(section):<9} {name:<15} {section['seconds']:>5.0f} s  {counted}")
        told = [f"{f['what']}: {f['headline']}" for f in observations if f.get("headline") and f["good"] is not False]
        lines += [f"  {' '.join(line.split())}"[:WIDTH] for line in (*failed[:3], *told)]
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], "… and more in the JSON"]


def _child(name: str, path: Path, known: list[str]) -> None:
    """Run one section in this process."""
    (section,) = (section for section in SECTIONS if section.name == name)
    module, function = section.function.split(":")
    run: Callable[[Sizes, Observations], None] = getattr(import_module(module), function)
    with precision(section.precision):
        run(FULL, Observations(path, known, usable=wait))


def _command(name: str) -> Callable[[Path, list[str]], list[str]]:
    command = [sys.executable, "-m", "bench", "gpu_check"]
    return lambda path, known: [*command, "--child", name, "--observations", str(path), "--known", *known]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench gpu_check", description=__doc__.split(": ", 1)[1])
    parser.add_argument(
        "--minutes",
        type=float,
        default=8.0,
        help="time for all sections; those that do not fit are left out (default: 8)",
    )
    parser.add_argument("--out", type=Path, help="the JSON file (default: bench/results/gpu-NAME.json)")
    parser.add_argument("--only", nargs="+", default=[], metavar="SECTION", help=f"only some of: {_names()}")
    for option in ("--child", "--observations"):
        parser.add_argument(option, help=argparse.SUPPRESS)
    parser.add_argument("--known", nargs="*", default=[], help=argparse.SUPPRESS)
    return parser


def _names() -> str:
    return ", ".join(section.name for section in SECTIONS)


def _slug(name: str) -> str:
    """NVIDIA H100 80GB HBM3 → nvidia-h100-80gb-hbm3"""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


EXPERIMENT = Experiment("correctness and speed on a GPU, in one command", minutes=8, main=main)
