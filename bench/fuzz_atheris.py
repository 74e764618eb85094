"""Fuzzing that follows coverage: `python bench/fuzz_atheris.py npz --seconds 60`, or `all`.

Starts from the corpus of bench/fuzz.py; what it finds on the way, one file for each new path through the code, goes to
the folder of --keep, if there is one, and an input that escapes stops it and is written to the current folder.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

INSTRUMENTED = ["rawgan", "PIL", "zipfile", "gzip", "tarfile", "tomllib", "json", "numpy.lib"]


def main() -> int:
    """Fuzz one target, or each in a process of its own; the exit code is 0 if nothing escaped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", help="the name of a reader, or all")
    parser.add_argument("--seconds", type=int, default=60, help="time for each target")
    parser.add_argument("--keep", type=Path, help="a folder for what was found on the way")
    options = parser.parse_args()
    try:
        import atheris
    except ModuleNotFoundError:
        print("fuzz_atheris: atheris is missing; pip install atheris, for Linux and macOS", file=sys.stderr)
        return 2

    if options.target == "all":
        from bench.fuzz_targets import TARGETS

        rest = ["--seconds", str(options.seconds), *(["--keep", str(options.keep)] if options.keep else [])]
        codes = {name: subprocess.run([sys.executable, __file__, name, *rest]).returncode for name in TARGETS}
        print(", ".join(f"{name}: {'an escape' if code else 'none'}" for name, code in codes.items()))
        return int(any(codes.values()))

    with atheris.instrument_imports(include=INSTRUMENTED):
        from bench.fuzz_targets import TARGETS, feed
    if options.target not in TARGETS:
        print(f"fuzz_atheris: there is no target {options.target!r}; choose one of: {', '.join(TARGETS)}, all")
        return 2
    from bench.fuzz import ADDRESSES, corpus_of

    with tempfile.TemporaryDirectory() as start:
        for number, data in enumerate(corpus_of(options.target)):
            Path(start, str(number)).write_bytes(data)
        keep = options.keep / options.target if options.keep else Path(start, "found")
        keep.mkdir(parents=True, exist_ok=True)
        limits = [
            f"-max_total_time={options.seconds}",
            "-timeout=20",
            f"-malloc_limit_mb={ADDRESSES >> 20}",
            "-max_len=65536",
        ]
        atheris.Setup([sys.argv[0], *limits, str(keep), start], lambda data: feed(options.target, data) and None)
        atheris.Fuzz()  # ends the process, with code 0 if the time is over
    return 0


if __name__ == "__main__":
    sys.exit(main())
