"""Flags of modules, such as training and evaluation mode, that are switched for a while."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any


class Switched(AbstractContextManager[None]):
    """Inside, a flag of every module has this value; afterwards each has its own, even if Ctrl-C comes between."""

    def __init__(self, modules: Iterable[Any], flag: str, value: bool) -> None:
        self._modules, self._flag, self._value = list(modules), flag, value
        self._before: list[tuple[Any, bool]] = []

    def __enter__(self) -> None:
        self._before = [(module, getattr(module, self._flag)) for module in self._modules]
        try:
            for module in self._modules:
                vars(module)[self._flag] = self._value
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        interrupt = None
        while self._before:
            try:
                while self._before:
                    module, value = self._before[-1]
                    vars(module)[self._flag] = value
                    self._before.pop()
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt
