"""Engine: show versions, backends and devices."""

import os
import platform
from dataclasses import dataclass
from importlib import metadata

from rich.table import Table

import rawgan
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.text import Terminal
from rawgan.data.files.survey import counted
from rawgan.data.image_cache import VARIABLE, usage
from rawgan.device import cuda_module
from rawgan.errors import DataError, DeviceError
from rawgan_kernels import BACKENDS

LIBRARIES = ("numpy", "numba", "cupy-cuda12x", "cupy-cuda13x", "pillow", "matplotlib", "safetensors", "torch")


@dataclass(frozen=True)
class InfoConfig:
    """Show versions, kernel backends and devices, as a bug report should contain them."""


def main(options: list[str]) -> int:
    """Print the table."""
    parse(InfoConfig, "rawgan info", options)
    table = Table(show_header=False)
    table.add_row("rawgan", rawgan.__version__)
    table.add_row("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in LIBRARIES:
        table.add_row(name, _version(name))
    table.add_row("backends", ", ".join(BACKENDS))
    table.add_row("cpu", f"{os.cpu_count()} cores")
    table.add_row("cuda", _cuda())
    table.add_row("cache", _cache())
    Terminal().print(table)
    return 0


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cache() -> str:
    """Decoded images in the user's cache folder, and the way to be rid of them."""
    try:
        found = usage()
    except DataError as error:
        return str(error)
    return (
        f"{found.size / 2**20:,.0f} MiB of decoded images ({counted(found.sets, 'set')}), {found.most / 2**30:g} GiB "
        f"at most ({VARIABLE}, 0 for none), in {found.folder}, which may be deleted"
    )


def _cuda() -> str:
    try:
        cupy = cuda_module()
    except DeviceError as error:
        return str(error)
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return f"{properties['name'].decode()}, {properties['totalGlobalMem'] / 2**30:.0f} GiB"
