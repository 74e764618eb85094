"""Benchmarks, run from the root of the repository: `python -m bench` lists them, and `python -m bench COMMAND --help`
tells what one takes.

Every benchmark checks that the competitors compute the same thing before it takes the time. Each competitor then
works in a process of its own, in turn with the others, round by round; what counts is the ratio within a round, as the
speed of a machine drifts from one round to the next.

Figures are written to bench/results/ as JSON, with what they were measured on, and drawn from there.
"""

import sys
from importlib import import_module

from bench.errors import BenchError
from rawgan.cli.terminal.outlet import with_outlets
from rawgan.errors import RawganError

COMMANDS = {
    "kernels": "every kernel on its own, beside PyTorch and the machine's roofline",
    "step": "whole training steps of rawgan against the same networks in PyTorch",
    "quality": "how good the images of the default run are, and when, beside PyTorch",
    "options": "what each option of training does to the images, and what it costs",
    "scaling": "what an image costs, by batch, image size, width and threads",
    "gpu_check": "everything about rawgan on a GPU, in one command and a few minutes",
    "startup": "how long a person waits before anything happens",
    "reliability": "what runs, and the readers of files, survive",
    "mixtures": "the modes that GANs find, and lose, on points in the plane",
    "modes": "the modes of stacked digits that GANs find, and lose, as they train",
    "checker": "what the checks of gradients, layers and kernels catch, and what they raise false alarms about",
    "overhead": "what the engine adds to an op",
    "plots": "draw the pictures of saved results again",
}


def main(arguments: list[str]) -> int:
    """Run one command, and return its exit code: 0, 1 for an error, 2 for a wrong call, 130 after Ctrl-C."""
    command, *options = arguments or ["--help"]
    if command in ("-h", "--help"):
        listing = "\n".join(f"  {name:<12} {purpose}" for name, purpose in COMMANDS.items())
        print(f"usage: python -m bench COMMAND [OPTIONS]\n\n{listing}")
        return 0
    if command not in COMMANDS:
        print(f"bench: there is no command {command!r}; choose one of: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        import_module(f"bench.{command}").main(options)
    except (BenchError, RawganError) as error:
        print(f"bench {command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"bench {command}: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":  # the workers import this module too
    sys.exit(with_outlets(lambda: main(sys.argv[1:])))
