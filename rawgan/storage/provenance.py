"""Provenance of a run: its data, files, libraries and processor, on which its bits depend besides its configuration.

Checkpoints hold these facts, so that a resumed run reports which of them have changed.
"""

import hashlib
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from rawgan import __version__
from rawgan.data import ImageSet
from rawgan.files import open_file
from rawgan.storage.checkpoint import About
from rawgan.storage.lookup import errors_naming

LIBRARIES = ("numpy", "numba", "llvmlite", "scipy", "pillow", "matplotlib")
"""Libraries that compute, compile, read images or draw."""
ON_A_GPU = ("cupy-cuda12x", "cupy-cuda13x", "numba-cuda")
SWITCHES = ("OPENBLAS_CORETYPE", "OPENBLAS_COREDYNAMIC", "MKL_CBWR", "BLIS_ARCH_TYPE", "NVIDIA_TF32_OVERRIDE")
"""Environment variables that change how libraries compute."""
FEATURES = "features"
"""End of the names of facts that are lists of features of a processor."""
COMPILED = ("compiled for", f"compiled for {FEATURES}", "optimisation")
"""Facts of compiled kernels only, which are not compared with those of other kernels."""
LISTED = 6
"""Number of features that are named in a difference."""


def digest_of(*images: ImageSet) -> dict[str, str]:
    """Fact about the images of a run: the size and digest of each set; nothing without images.

    >>> digest_of(ImageSet(np.zeros((10, 28, 28, 1), np.uint8), None, "zeros"))
    {'images': '10:56325eda8b2a2855'}
    """
    return {"images": " ".join(f"{len(each)}:{each.digest}" for each in images)} if images else {}


def counts_of(about: About) -> list[str]:
    """Sizes of the image sets that a checkpoint was trained with."""
    return [part.partition(":")[0] for part in about.made_by.get("images", "").split()]


def digests_of_files(files: Mapping[str, Path]) -> dict[str, str]:
    """Digests of files, by the option that names them.

    Raises: FileError for a file that cannot be read
    """
    found = {}
    for name, path in files.items():
        with errors_naming(path, "read"), open_file(path) as file:
            found[name] = short_digest(hashlib.file_digest(file, "sha256").hexdigest())
    return found


def short_digest(sha256: str) -> str:
    """The first 16 of the hexadecimal digits of a SHA-256, by which checkpoints know a file.

    >>> short_digest(hashlib.sha256(b"").hexdigest())
    'e3b0c44298fc1c14'
    """
    return sha256[:16]


@cache
def environment(kernels: str, device: str) -> dict[str, str]:
    """Facts about libraries and processor, by name.

    >>> environment("reference", "cpu")["numpy"] == np.__version__
    True
    """
    facts = {"kernels": kernels, "device": device, "rawgan": __version__, "python": platform.python_version()}
    facts |= {name: found for name in LIBRARIES if (found := _version(name))}
    facts |= {"machine": platform.machine(), **_numpy_facts()}
    facts |= {name: os.environ[name] for name in SWITCHES if name in os.environ}
    if device == "cpu":
        facts |= _cpu_facts()
    if kernels == "cpu":
        from rawgan_kernels.cpu.compile.target import compiled_for

        facts |= compiled_for()
    if device == "cuda":
        facts |= {name: found for name in ON_A_GPU if (found := _version(name))} | _gpu_facts()
    return facts


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Descriptions of the facts that have changed.

    >>> differences({"numpy": "2.0", "cpu features": "avx avx2"}, {"numpy": "2.1", "cpu features": "avx sse3"})
    ['numpy 2.0 → 2.1', 'cpu features without avx2, with sse3']
    """
    found = []
    for name in dict.fromkeys((*now, *then)):
        before, after = then.get(name), now.get(name)
        if before == after or (name in COMPILED and then.get("kernels") != now.get("kernels")):
            continue
        if name.endswith(FEATURES) and before is not None and after is not None:
            lost, won = ({*a.split()} - {*b.split()} for a, b in ((before, after), (after, before)))
            parts = [f"{word} {_listed(each)}" for word, each in (("without", lost), ("with", won)) if each]
            found.append(f"{name} {', '.join(parts)}")
        else:
            found.append(f"{name} {before or 'none'} → {after or 'none'}")
    return found


def _listed(names: set[str]) -> str:
    """First names of a set, and the number of the others."""
    return ", ".join(sorted(names)[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def _version(library: str) -> str | None:
    """Version of a library; None if it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _numpy_facts() -> dict[str, str]:
    """BLAS of NumPy, and the instruction sets that NumPy found on this processor."""
    config = np.show_config(mode="dicts")
    assert isinstance(config, dict)
    blas = config.get("Build Dependencies", {}).get("blas", {})
    extensions = config.get("SIMD Extensions", {})
    return {
        "blas": f"{blas.get('name')} {blas.get('version')}",
        f"numpy {FEATURES}": " ".join(sorted({*extensions.get("baseline", ()), *extensions.get("found", ())})),
    }


def _cpu_facts() -> dict[str, str]:
    """Processor and its features, by which BLAS and rawgan's kernels choose how to compute."""
    import llvmlite.binding as llvm

    try:
        found = llvm.get_host_cpu_features()
    except RuntimeError:  # unknown on this system
        found = {}
    features = sorted(name for name, is_there in found.items() if is_there)
    return {"cpu": llvm.get_host_cpu_name(), f"cpu {FEATURES}": " ".join(features)}


def _gpu_facts() -> dict[str, str]:
    """GPU and its driver."""
    import cupy

    number = cupy.cuda.Device().id
    name = cupy.cuda.runtime.getDeviceProperties(number)["name"]
    return {
        "gpu": name.decode() if isinstance(name, bytes) else str(name),
        "cuda driver": str(cupy.cuda.runtime.driverGetVersion()),
    }
