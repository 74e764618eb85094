"""Covering arrays: few combinations of options in which every pair of their values occurs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from random import Random
from typing import Any

Options = dict[str, Any]
CANDIDATES = 10
"""Random candidates for each row; the one that covers the most missing pairs is taken."""

Pair = tuple[tuple[str, Any], tuple[str, Any]]


def covering_array(
    values: Mapping[str, Sequence[Any]], accepted: Callable[[Options], bool]
) -> tuple[list[Options], list[Pair]]:
    """Accepted combinations that cover every possible pair of values, and the pairs that no combination can have.
    An option that a combination leaves out has its default value.

    A pair counts as impossible if it is refused with any other option, and no combination has it by chance.
    """
    rng = Random(0)
    wanted = [
        (one, other) for a, b in combinations(values, 2) for one, other in product(_of(values, a), _of(values, b))
    ]
    begun = {pair: _completed(dict(pair), values, accepted) for pair in wanted}
    rows, left = list[Options](), {pair: None for pair in wanted if begun[pair] is not None}
    while left:
        tried = [_filled(begun[rng.choice([*left])] or {}, values, accepted, left, rng) for _ in range(CANDIDATES)]
        rows.append(max(tried, key=lambda row: sum(pair in left for pair in _pairs(row))))
        for covered in _pairs(rows[-1]):
            left.pop(covered, None)
    there = {pair for row in rows for pair in _pairs(row)}
    return rows, [pair for pair in wanted if pair not in there]


def _filled(
    row: Options,
    values: Mapping[str, Sequence[Any]],
    accepted: Callable[[Options], bool],
    left: Mapping[Pair, None],
    rng: Random,
) -> Options:
    """The combination, filled up option by option in random order with the value that covers the most missing pairs."""
    row = dict(row)
    for name in rng.sample([*values], len(values)):
        if name not in row:
            choices = sorted(
                rng.sample(values[name], len(values[name])), key=lambda value: -_gain(row, name, value, left)
            )
            row |= next(({name: value} for value in choices if accepted(row | {name: value})), {})
    return row


def _of(values: Mapping[str, Sequence[Any]], name: str) -> list[tuple[str, Any]]:
    return [(name, value) for value in values[name]]


def _pairs(row: Options) -> Iterator[Pair]:
    items = row.items()
    yield from ((one, other) for one in items for other in items)


def _gain(row: Options, name: str, value: Any, left: Mapping[Pair, None]) -> int:
    """Number of missing pairs that this value would cover."""
    mine = (name, value)
    return sum((each, mine) in left or (mine, each) in left for each in row.items())


def _completed(
    pair: Options, values: Mapping[str, Sequence[Any]], accepted: Callable[[Options], bool]
) -> Options | None:
    """The pair alone, or with one other option, as it is accepted; None if there is no such option."""
    rows = (pair | {name: value} for name in values if name not in pair for value in values[name])
    return next((row for row in (pair, *rows) if accepted(row)), None)
