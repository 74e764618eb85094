"""Texts of the page, in the languages of texts.toml."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = "en", "zh"


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads(files("rawgan.lab").joinpath("texts.toml").read_text(encoding="utf-8"))


class Texts:
    """Texts in one language.

    >>> Texts("en")("now.progress", step="3", steps="9")
    'step 3 of 9'
    >>> Texts("zh")("now.room")
    '现在'
    """

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key such as "now.room", filled in."""
        found: Any = _texts()
        for name in key.split("."):
            found = found[name]
        return found[self.language].format(**values)

    @property
    def other(self) -> str:
        """The other language."""
        return LANGUAGES[1 - LANGUAGES.index(self.language)]
