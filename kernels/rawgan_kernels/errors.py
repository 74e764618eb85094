"""The base class of rawgan's errors, and the errors of kernels. `rawgan.errors` has the others."""


class RawganError(Exception):
    """Base class of all errors that the user can put right.

    The text contains no control characters: file names may contain them, and a terminal would obey them.
    """

    added: tuple[str, ...] = ()
    """Lines added to the text while the error was passed on."""
    layer: str = ""
    """The layer in which it was raised, such as "Linear(128 → 64)"; empty if there is none."""
    path: tuple[str, ...] = ()
    """Names on the path from the called module to that layer: ("2", "main", "0")."""

    def __str__(self) -> str:
        lines = [*super().__str__().split("\n"), *(f"  {line}" for line in self.added)]
        if self.layer:
            lines.append(f"  in layer {'.'.join(self.path)}: {self.layer}" if self.path else f"  in {self.layer}")
        return "\n".join(one_line(line) for line in lines)

    def add(self, line: str) -> None:
        """Add a line to the text, such as "in Scale.backward"."""
        self.added = (*self.added, line)


class MissingKernel(RawganError, ValueError):
    """A backend that does not exist, lacks a kernel, or does not take such arrays. Nothing falls back silently."""


class UnknownPrecision(RawganError, ValueError):
    """A precision of products that does not exist."""


class NumbaError(RawganError, ValueError):
    """Numba cannot compile or run kernels here: the environment forbids it, or its installation is broken."""


def one_line(text: str) -> str:
    """The text, such as a file's name, with all characters escaped that are not printable, line breaks included.

    >>> print(one_line("cat\\x1b[2J\\n.png"))
    cat\\x1b[2J\\n.png
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
