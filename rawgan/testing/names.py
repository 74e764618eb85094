"""Options that take one name or several."""

from collections.abc import Collection, Iterable
from typing import Any

from rawgan.errors import ArgumentError, described


def as_names(what: str, given: Any) -> tuple[Any, ...]:
    """The names as a tuple; a string is one name.

    Raises: ArgumentError for anything but a string or an iterable

    >>> as_names("modes", "train"), as_names("modes", ["train", "eval"])
    (('train',), ('train', 'eval'))
    """
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable):
        raise ArgumentError(f"{what} must be a name, or a list of names, but is {described(given)}")
    return tuple(given)


def known_names(known: Collection[str], caller: str, noun: str, given: Any) -> tuple[str, ...]:
    """The names as a tuple, each of them among the known ones.

    Raises: ArgumentError for an unknown name, with the known ones

    >>> known_names(("train", "eval"), "check_layer", "mode", "train")
    ('train',)
    """
    names = as_names(f"{caller}: {noun}s", given)
    for name in names:
        if name not in known:
            raise ArgumentError(f"{caller}: there is no {noun} {described(name)}; choose among: {', '.join(known)}")
    return names
