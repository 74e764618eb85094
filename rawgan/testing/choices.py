"""Options that take several names, or one."""

from collections.abc import Collection, Iterable
from typing import Any

from rawgan.errors import ArgumentError, described


def several(what: str, given: Any) -> tuple[Any, ...]:
    """The names as a tuple; one text stands for itself, not for its letters.

    Raises: ArgumentError for what is neither

    >>> several("modes", "train"), several("modes", ["train", "eval"])
    (('train',), ('train', 'eval'))
    """
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable):
        raise ArgumentError(f"{what} must be a name, or a list of names, but is {described(given)}")
    return tuple(given)


def chosen_from(known: Collection[str], caller: str, noun: str, given: Any) -> tuple[str, ...]:
    """The names, each of them known.

    Raises: ArgumentError naming one that is not, and those that are

    >>> chosen_from(("train", "eval"), "check_layer", "mode", "train")
    ('train',)
    """
    names = several(f"{caller}: {noun}s", given)
    for name in names:
        if name not in known:
            raise ArgumentError(f"{caller}: there is no {noun} {described(name)}; choose among: {', '.join(known)}")
    return names
