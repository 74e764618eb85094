"""The command line: `rawgan COMMAND --help` lists the options of a command."""

import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module

from rawgan.cli.commands import all_commands
from rawgan.cli.terminal import signals
from rawgan.cli.terminal.outlet import with_outlets
from rawgan.errors import RawganError

COMMANDS = all_commands()
SECTIONS = ("Training", "Runs", "Engine")
"""Sections of `rawgan --help` in their order; those that are not here come last."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code: 0, 1 for an error, 2 for a wrong call, 130 after Ctrl-C, 141 if the
    reader of its output is gone.

    Without arguments, those of the process are taken, and the process may end with the command.
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
        run: Callable[[list[str]], int] = import_module(COMMANDS[command].module).main
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
    return "\n".join(_help_lines())


def _help_lines() -> Iterator[str]:
    yield "rawgan: GANs from bare arrays"
    yield ""
    yield "usage: rawgan COMMAND [OPTIONS]"
    others = sorted({command.section for command in COMMANDS.values()} - {*SECTIONS})
    for section in (*SECTIONS, *others):
        yield ""
        yield f"{section}:"
        for command in COMMANDS.values():
            if command.section == section:
                yield f"  {command.name:<17} {command.purpose}"
    yield ""
    yield "rawgan COMMAND --help lists the options of a command; rawgan --version shows the version."
