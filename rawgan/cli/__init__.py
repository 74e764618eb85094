"""The command line: `rawgan COMMAND --help` tells what a command takes."""

import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module

from rawgan.cli.terminal import signals
from rawgan.cli.terminal.outlet import with_outlets
from rawgan.errors import RawganError

COMMANDS = {
    "train": "train a GAN; without options, on the MNIST that comes with rawgan",
    "pix2pix": "train a translator of images by pairs",
    "cyclegan": "train translators between two kinds of images, without pairs",
    "enhance": "train a super-resolution, denoising or inpainting model",
    "runs": "list runs: how far each is, and in what state",
    "apply": "translate or enhance images of your own with a trained run",
    "sample": "make images with a trained generator",
    "interpolate": "walk through the noise from image to image",
    "diagnose": "find out what a run suffers from, and what to change",
    "evaluate": "measure a trained generator against real images",
    "train-classifier": "train the classifier that evaluate uses for your labelled images",
    "describe": "show every layer of a model: shapes, parameters, FLOPs, memory",
    "gradcheck": "check the gradients of every op, or of a layer of your own",
    "info": "show versions, backends and devices",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code: 0, 1 for an error, 2 for a wrong call, 130 after Ctrl-C, 141 if nobody
    reads its output any more.

    Without arguments, they are those of the process, which is there for the command only.
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    before, signals.alone = signals.alone, arguments is None
    try:
        return with_outlets(lambda: _run(given))
    finally:
        signals.alone = before


def _run(arguments: list[str]) -> int:
    command, *options = arguments
    if command in ("-h", "--help", "help"):
        print(_help())
        return 0
    if command == "--version":
        from rawgan import __version__

        print(f"rawgan {__version__}")
        return 0
    if command not in COMMANDS:
        near = get_close_matches(command, COMMANDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        print(f"rawgan: there is no command {command!r}{hint}\n\n{_help()}", file=sys.stderr)
        return 2
    try:
        run: Callable[[list[str]], int] = import_module(f"rawgan.cli.commands.{command.replace('-', '_')}").main
        return run(options)
    except RawganError as error:
        print(f"rawgan {command}: {error}", file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"rawgan {command}: out of memory: {error or 'ask for less at once'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"rawgan {command}: stopped", file=sys.stderr)
        return 130


def _help() -> str:
    lines = [f"  {name:<17} {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join(
        [
            "rawgan: GANs from bare arrays",
            "",
            "usage: rawgan COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "rawgan COMMAND --help lists the options of a command; rawgan --version tells the version.",
        ]
    )
