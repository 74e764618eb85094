"""python -m bench fuzz_coverage: fuzzing of the readers of files, guided by coverage."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.common.errors import BenchError
from bench.common.experiment import ROOT, Experiment

INSTRUMENTED = ["rawgan", "PIL", "zipfile", "gzip", "tarfile", "tomllib", "json", "numpy.lib"]


@dataclass(frozen=True)
class FuzzCoverageConfig:
    """Fuzz readers with atheris, which mutates inputs towards code that none has reached yet.

    Starts from the same corpus as `reliability`. An input that escapes a reader stops the fuzzing of that reader, and
    is written to the root of the repository.
    """

    target: tuple[str, ...] = ()
    """Readers to fuzz. Unset: all."""
    seconds: int = 60
    """Time for each reader."""
    keep: Path | None = None
    """Folder for the inputs found on the way, one for each new path through the code. Unset: they are deleted."""


def main(options: list[str]) -> None:
    """Fuzz each reader in a process of its own.

    Raises: BenchError without atheris, for an unknown reader, or if an input escaped
    """
    from bench.robustness.fuzz_targets import TARGETS
    from rawgan.cli.parsing import parse

    config = parse(FuzzCoverageConfig, "python -m bench fuzz_coverage", options)
    unknown = [name for name in config.target if name not in TARGETS]
    if unknown:
        raise BenchError(f"there is no reader {unknown[0]!r}; choose from: {', '.join(TARGETS)}")
    if find_spec("atheris") is None:
        raise BenchError("atheris, for Linux and macOS, is not installed\n  pip install atheris")
    codes = {}
    for name in config.target or TARGETS:
        keep = str(config.keep.absolute()) if config.keep else ""
        command = [sys.executable, "-m", "bench.robustness.fuzz_coverage", name, str(config.seconds), keep]
        codes[name] = subprocess.run(command, cwd=ROOT).returncode
    print(", ".join(f"{name}: {'an escape' if code else 'none'}" for name, code in codes.items()))
    if any(codes.values()):
        raise BenchError("an input escaped")


def fuzz(name: str, seconds: int, keep: Path | None) -> None:
    """Fuzz one reader in this process, which ends with code 0 if nothing escaped in that time."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        from bench.robustness.fuzz_targets import feed
    from bench.robustness.fuzz import ADDRESSES, corpus_of

    with tempfile.TemporaryDirectory() as start:
        for number, data in enumerate(corpus_of(name)):
            Path(start, str(number)).write_bytes(data)
        kept = keep / name if keep else Path(start, "found")
        kept.mkdir(parents=True, exist_ok=True)
        limits = [
            f"-max_total_time={seconds}",
            "-timeout=20",
            f"-malloc_limit_mb={ADDRESSES >> 20}",
            "-max_len=65536",
        ]
        atheris.Setup([sys.argv[0], *limits, str(kept), start], lambda data: feed(name, data) and None)
        atheris.Fuzz()


EXPERIMENT = Experiment("fuzzing of the readers of files, guided by coverage", minutes=12, main=main)

if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3] else None)
