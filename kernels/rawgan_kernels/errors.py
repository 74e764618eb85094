"""The root of rawgan's errors, and those of kernels. `rawgan.errors` has the others."""


class RawganError(Exception):
    """The common ancestor: ``except RawganError`` catches what the user can mend.

    Its text holds no control characters: a file's name may have some, and they could tell a terminal what to do.
    """

    added: tuple[str, ...] = ()
    """Lines that were added to the text on the way out."""
    layer: str = ""
    """The layer that it was raised in: "Linear(128 → 64)"; empty if in none."""
    path: tuple[str, ...] = ()
    """The names that lead to that layer from the module that was called: ("2", "main", "0")."""

    def __str__(self) -> str:
        lines = [*super().__str__().split("\n"), *(f"  {line}" for line in self.added)]
        if self.layer:
            lines.append(f"  in layer {'.'.join(self.path)}: {self.layer}" if self.path else f"  in {self.layer}")
        return "\n".join(one_line(line) for line in lines)

    def add(self, line: str) -> None:
        """Add a line to the text, such as "in Scale.backward"."""
        self.added = (*self.added, line)


class MissingKernel(RawganError, ValueError):
    """A backend that does not exist, that lacks the kernel asked for, or that takes other arrays. Nothing falls back in
    silence."""


class NumbaError(RawganError, ValueError):
    """Numba cannot compile or run kernels here: the environment forbids it, or its installation is broken."""


def one_line(text: str) -> str:
    """The text, such as a file's name, with everything escaped that would not be printed as it is, line breaks too.

    >>> print(one_line("cat\\x1b[2J\\n.png"))
    cat\\x1b[2J\\n.png
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
