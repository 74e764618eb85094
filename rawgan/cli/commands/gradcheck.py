"""Engine: check the gradients of every op, or of a layer of your own."""

import inspect
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Annotated, Literal

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rawgan.cli.foreign import Foreign, draw, load
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal
from rawgan.config.options import Word
from rawgan.device import to_device
from rawgan.errors import ArgumentError, CheckFailed
from rawgan.nn import Module
from rawgan.ops.registry import CASES, OPS, Case
from rawgan.testing import Report, check_layer, gradcheck
from rawgan.testing.backends import targets, use_backend


@dataclass(frozen=True)
class GradcheckConfig:
    """Compare gradients with finite differences: of every op, of some ops, or of a layer or function of your own.

    For example:

        rawgan gradcheck
        rawgan gradcheck conv2d batch_norm
        rawgan gradcheck my_module:MyLayer --input 8,16,16,3
        rawgan gradcheck "rawgan.nn:Conv2d(3, 8, 4, stride=2)" --input 2,9,9,3
    """

    target: Annotated[tuple[str, ...], tyro.conf.Positional, Word("TARGET...")] = ()
    """Names of ops; or MODULE:NAME of a Module, an Op or a function of Tensors, with arguments in parentheses if it
    needs some. Without any: every op."""
    input: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, Word("SHAPE")] = ()
    """Shape of an input of MODULE:NAME, once for each input: 8,16,16,3 for normal numbers, 8,16:0.1..2 for numbers
    between 0.1 and 2, 8:10 for 8 integers below 10."""
    order: Literal[1, 2, 3] | None = None
    """Highest order of derivative. Unset: 2, and 3 for the convolutions."""
    seed: int = 0
    """Seed of inputs, directions and upstream gradients."""


def main(options: list[str]) -> int:
    """Print the tables. Returns 1 if a gradient is wrong."""
    config = parse(GradcheckConfig, "rawgan gradcheck", options)
    own = [target for target in config.target if ":" in target]
    if own and len(config.target) > 1:
        raise ArgumentError("give names of ops, or one MODULE:NAME")
    if config.input and not own:
        raise ArgumentError("--input is for a function of your own, MODULE:NAME; ops come with inputs")
    if own:
        foreign = load(own[0], config.seed)
        with waiting(Terminal(stderr=True), f"checking {foreign.name}"):
            report = _check_foreign(foreign, config)
        print(report)
        return 0
    return _check_ops(config, Terminal())


def _check_foreign(foreign: Foreign, config: GradcheckConfig) -> Report:
    if not config.input:
        raise ArgumentError(f"{foreign.name}: give the shape of each input, as in --input 8,16,16,3")
    rng = np.random.default_rng(config.seed)
    inputs = [draw(shape, rng) for shape in config.input]
    order = config.order or 2
    takes = foreign.value.forward if isinstance(foreign.value, Module) else foreign.value
    try:
        inspect.signature(takes).bind(*inputs)
    except TypeError as error:
        raise ArgumentError(f"{foreign.name}: {error}; give --input once for each of its inputs") from None
    if isinstance(foreign.value, Module):
        return check_layer(foreign.value, *inputs, order=order, seed=config.seed)
    return gradcheck(foreign.value, *inputs, order=order, seed=config.seed, name=foreign.name)


@dataclass
class _Tally:
    """Results of the checks of an op."""

    cases: int = 0
    errors: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def _check_ops(config: GradcheckConfig, console: Console) -> int:
    unknown = [name for name in config.target if name not in OPS]
    if unknown:
        near = get_close_matches(unknown[0], OPS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose among: {', '.join(sorted(OPS))}"
        raise ArgumentError(f"there is no op {unknown[0]!r}; {hint}\n  for what you wrote yourself, give MODULE:NAME")
    cases = [case for case in CASES if not config.target or case.op in config.target]
    faults: list[str] = []
    for backend, device in targets():
        with use_backend(backend), progress_of(console, "gradient checks") as progress:
            tallies: dict[str, _Tally] = {}
            for index, case in enumerate(cases):
                _check_case(case, device, config, tallies.setdefault(case.op, _Tally()))
                progress(index + 1, len(cases))
        console.print(_table(f"backend {backend} on {device}", tallies))
        faults += [fault for tally in tallies.values() for fault in tally.faults]
    for fault in faults:
        console.print(Text(fault, style="red"))
    return 1 if faults else 0


def _check_case(case: Case, device: str, config: GradcheckConfig, tally: _Tally) -> None:
    started = time.perf_counter()
    inputs = [to_device(x, device) for x in case.arrays()]
    try:
        report = gradcheck(
            case.function, *inputs, order=config.order or case.order, seed=config.seed, name=f"{case.op}, {case.what}"
        )
        for order in report.orders:
            tally.errors[order] = max(tally.errors.get(order, 0.0), report.error(order))
    except CheckFailed as fault:
        tally.faults.append(str(fault))
    tally.cases += 1
    tally.seconds += time.perf_counter() - started


def _table(title: str, tallies: dict[str, _Tally]) -> Table:
    table = Table(title=title, title_justify="left", show_footer=True)
    orders = sorted({order for tally in tallies.values() for order in tally.errors})
    table.add_column("op", footer="all")
    table.add_column("cases", footer=str(sum(tally.cases for tally in tallies.values())), justify="right")
    for order in orders:
        table.add_column(f"order {order}", footer=_largest(tally.errors.get(order) for tally in tallies.values()))
    table.add_column("seconds", footer=f"{sum(tally.seconds for tally in tallies.values()):.2f}", justify="right")
    for op, tally in tallies.items():
        errors = [_largest([tally.errors.get(order)]) for order in orders]
        wrong = [Text("wrong", style="red")] * len(orders) if tally.faults else errors
        table.add_row(op, str(tally.cases), *wrong, f"{tally.seconds:.2f}")
    table.caption = "largest error of a gradient, relative to its size"
    return table


def _largest(errors: Iterable[float | None]) -> str:
    known = [error for error in errors if error is not None]
    return f"{max(known):.1e}" if known else ""
