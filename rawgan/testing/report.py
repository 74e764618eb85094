"""Reports of gradient checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

Index = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """Error of the gradient of one input at one order, relative to the size of the gradient."""

    input: str
    shape: tuple[int, ...]
    order: int
    error: float
    flat: bool
    """Slopes and gradient are exactly 0: at order 1, the result does not depend on this input."""


@dataclass(frozen=True)
class Kink:
    """An element at which the function has no derivative: its slopes to the left and to the right differ."""

    input: str
    index: Index
    order: int
    left: float
    right: float
    gradient: float
    jumps: bool
    """The function itself jumps, so its slopes grow without end."""

    def __str__(self) -> str:
        slopes = "the function jumps" if self.jumps else f"slopes of Σ gy·y {self.left:.6g} and {self.right:.6g}"
        return f"{place(self.input, self.index)}, order {self.order}: {slopes}, gradient {self.gradient:.6g}"


@dataclass(frozen=True)
class Report:
    """Result of a gradient check that found no fault; printed, it is a table.

    `evaluations` is the number of forward passes that the finite differences took.
    """

    name: str
    rows: tuple[Row, ...]
    kinks: tuple[Kink, ...]
    evaluations: int
    seconds: float

    def error(self, order: int) -> float:
        """Largest relative error of any input at this order."""
        return max((row.error for row in self.rows if row.order == order), default=0.0)

    @property
    def orders(self) -> list[int]:
        """Orders that were checked."""
        return sorted({row.order for row in self.rows})

    def __str__(self) -> str:
        orders = self.orders
        header = ["input", "shape", *(f"order {order}" for order in orders)]
        cells = {(row.input, row.order): "zero" if row.flat else f"{row.error:.1e}" for row in self.rows}
        shapes = {row.input: row.shape for row in self.rows}
        lines = [
            [name, str(shape), *(cells.get((name, order), "") for order in orders)] for name, shape in shapes.items()
        ]
        widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
        table = [
            "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in [header, *lines]
        ]
        effort = f"{self.evaluations:,} evaluations, {self.seconds:.2f} s"
        title = f"{self.name}: gradients agree with finite differences ({effort})"
        idle = [f"  {row.input} has no influence on the result" for row in self.rows if row.flat and row.order == 1]
        return "\n".join([title, *table, *idle, *self._kink_lines()])

    def _kink_lines(self) -> list[str]:
        shown = [f"  kink at {kink}" for kink in self.kinks[:5]]
        more = len(self.kinks) - len(shown)
        return shown + ([f"  and {more} more kinks"] if more else [])


def merged(name: str, reports: Iterable[tuple[str, Report]]) -> Report:
    """Several reports as one, with the label of each appended to the names of its inputs."""
    parts = list(reports)
    return Report(
        name,
        tuple(replace(row, input=f"{row.input}{label}") for label, report in parts for row in report.rows),
        tuple(replace(kink, input=f"{kink.input}{label}") for label, report in parts for kink in report.kinks),
        sum(report.evaluations for _, report in parts),
        sum(report.seconds for _, report in parts),
    )


def place(name: str, index: Index) -> str:
    """An element as it is written in Python.

    >>> place("x", (1, 0)), place("x", ())
    ('x[1, 0]', 'x')
    """
    return f"{name}[{', '.join(map(str, index))}]" if index else name
