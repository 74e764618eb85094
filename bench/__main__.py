"""Experiments and benchmarks, run from the root of the repository. `python -m bench` lists them, and
`python -m bench NAME --help` lists the options of one.

Every benchmark checks that the competitors compute the same thing before it measures. Each competitor then works in a
process of its own, taking turns with the others round by round. The figure that counts is the ratio within a round,
because the speed of a machine drifts from one round to the next.

Figures are written to bench/results/ as JSON, with the machine they were measured on; pictures are drawn from that.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("rawgan_kernels") is None:  # a clone in which nothing was installed
    sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "kernels"))

from bench.common.errors import BenchError
from bench.common.experiment import experiment, experiments, listing
from rawgan.cli.terminal.outlet import with_outlets
from rawgan.errors import RawganError


def main(arguments: list[str]) -> int:
    """Run one experiment. Returns its exit code: 0, 1 for an error, 2 for a wrong call, 130 after Ctrl-C."""
    name, *options = arguments or ["--help"]
    if name in ("-h", "--help"):
        print("\n".join(["usage: python -m bench NAME [OPTIONS]", "", *listing()]))
        return 0
    if name not in experiments():
        print(f"bench: there is no experiment {name!r}; choose one of: {', '.join(experiments())}", file=sys.stderr)
        return 2
    try:
        experiment(name).main(options)
    except (BenchError, RawganError) as error:
        print(f"bench {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"bench {name}: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":  # worker processes import this module, too
    sys.exit(with_outlets(lambda: main(sys.argv[1:])))
