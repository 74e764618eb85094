"""python -m bench folders: the first and the second start on a folder of many large images: time, memory, progress."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from rich.box import SIMPLE
from rich.progress import track
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import ROOT, Experiment
from bench.common.terminal import make_console, print_lines
from rawgan.cli.parsing import parse
from rawgan.config.options import Range

CONTENTS = 200
"""Number of different pictures; other files have the same pixels, but bytes of their own."""
READ = """
import json, sys, time
from PIL import Image
from bench.common.machine import peak_bytes
from rawgan.data import load
before, started, used, said = peak_bytes(), time.perf_counter(), time.process_time(), []
images = load(sys.argv[1], image_size=int(sys.argv[2]), on_progress=lambda *n: said.append(time.perf_counter()))
silent = max(b - a for a, b in zip([started, *said], [*said, time.perf_counter()]))
print(json.dumps({
    "seconds": time.perf_counter() - started, "processor seconds": time.process_time() - used,
    "bytes": images.images.nbytes, "more memory": peak_bytes() - before,
    "reports": len(said), "longest silence": silent, "digest": images.digest, "notes": images.notes,
}))
"""
"""Program that reads a folder and prints what it took."""


@dataclass(frozen=True)
class FoldersConfig(store.SaveConfig):
    """Make a folder of JPEGs, read it in a new process, and in another one.

    The files are new, so they are in the system's file cache as far as it has room for them.
    """

    count: Annotated[int, Range(100, 10**6)] = 20_000
    """Number of files."""
    width: Annotated[int, Range(16, 2**14)] = 2000
    """Width of the images in pixels."""
    height: Annotated[int, Range(16, 2**14)] = 1500
    """Height of the images in pixels."""
    image_size: Annotated[int, Range(8, 2**11)] = 64
    """Height and width of the squares that are made of them, in pixels."""


def main(options: list[str]) -> None:
    """Measure and report.

    Raises: BenchError if a process fails, or if the second start reads other images
    """
    config, console = parse(FoldersConfig, "python -m bench folders", options), make_console()
    facts = machine.facts()
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as place:
        folder = Path(place, "photos")
        folder.mkdir()
        held = _make(folder, config)
        time.sleep(3)  # until the files are no longer new: see rawgan.data.image_cache
        environment = {**os.environ, "RAWGAN_CACHE": str(Path(place, "cache")), "RAWGAN_CACHE_GIB": "64"}
        results: dict[str, dict[str, Any]] = {}
        for name in ("first start", "second start"):
            results[name] = json.loads(_run(["-c", READ, str(folder), str(config.image_size)], environment))
        first, second = results.values()
        if first["digest"] != second["digest"] or first["notes"] == second["notes"]:
            raise BenchError("the second start read other images, or decoded them again")

    size = f"{config.image_size} × {config.image_size}"
    table = Table(
        title=f"{config.count:,} JPEGs of {config.width} × {config.height} pixels, {held / 2**30:.2f} GiB, to {size}",
        title_justify="left", box=SIMPLE,
    )  # fmt: skip
    for heading in (
        "",
        "seconds",
        "of processors",
        "peak memory relative to the set",
        "reports of progress",
        "longest silence",
    ):
        table.add_column(heading, justify="right" if heading else "left")
    for name, found in results.items():
        share = found["more memory"] / found["bytes"]
        silence = f"{found['longest silence']:.1f} s"
        times = (f"{found[each]:.1f}" for each in ("seconds", "processor seconds"))
        table.add_row(name, *times, f"{share:.2f}", str(found["reports"]), silence)
    console.print(table)
    line = f"the set: {first['bytes'] / 2**20:.0f} MiB; memory is counted above that of a process with its libraries"
    print_lines(console, [line, *machine.lines(facts)])
    report = {
        "benchmark": "folders",
        "machine": facts,
        "settings": {
            "count": config.count, "image": [config.width, config.height], "bytes": held, "size": config.image_size
        },
        "results": results,
    }  # fmt: skip
    store.save(console, config, "folders", report)


def _make(folder: Path, config: FoldersConfig) -> int:
    """Write the files. Returns their bytes in all."""
    from PIL import Image

    rng, contents, held = np.random.default_rng(0), list[bytes](), 0
    for _ in track(range(min(CONTENTS, config.count)), "making pictures", transient=True):
        coarse = rng.integers(0, 256, (config.height // 16 + 1, config.width // 16 + 1, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((config.width, config.height), Image.Resampling.BICUBIC)
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=85)
        contents.append(data.getvalue())
    for n in track(range(config.count), "writing files", transient=True):
        content, comment = contents[n % len(contents)], str(n).encode()
        comment = b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment  # so that no two files are the same
        held += (folder / f"{n:06}.jpg").write_bytes(content[:2] + comment + content[2:])
    return held


def _run(arguments: list[str], environment: dict[str, str]) -> str:
    """Run a Python process. Returns its output."""
    ran = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, env=environment)
    if ran.returncode:
        raise BenchError(f"{' '.join(arguments[:3])} failed:\n{ran.stderr}")
    return ran.stdout


EXPERIMENT = Experiment("first and second start on a folder of many large images", minutes=6, main=main)
