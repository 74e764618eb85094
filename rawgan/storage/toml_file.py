"""TOML files: the configuration of a run, written and read with errors that name the line."""

import codecs
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rawgan.errors import ConfigError
from rawgan.files import open_file
from rawgan.storage.lookup import errors_naming
from rawgan.storage.plain_values import plain

LONGEST_TOML = 1 << 24
"""Most bytes of a TOML file, far more than the names of 65,536 classes take."""
MOST_DOTS = 100
"""Most dots in a line of TOML. Each dot of a key is a table within a table, and many take memory by their square."""


def toml_text(values: Mapping[str, Any]) -> str:
    """TOML of a table. TOML has no null: entries that are None are left out.

    Raises: TypeError for a value that TOML cannot hold

    >>> toml_text({"data": Path("photos"), "steps": 2000, "label": None})
    'data = "photos"\\nsteps = 2000\\n'
    """
    import tomli_w

    return tomli_w.dumps(_without_none(plain(values)))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises: ConfigError when the file is missing or is not TOML, naming the line
    """
    with errors_naming(path, "read"), open_file(path) as file:
        if os.fstat(file.fileno()).st_size > LONGEST_TOML:
            raise ConfigError(f"{path} is not a configuration: it has more than {LONGEST_TOML:,} bytes")
        data = file.read()
    try:
        if any(line.count(b".") > MOST_DOTS for line in data.split(b"\n")):
            raise RecursionError
        return tomllib.loads(data.decode("utf-8-sig"))  # editors on Windows begin with a byte order mark
    except RecursionError:
        raise ConfigError(f"{path} is not a configuration: its lists and tables are nested too deep") from None
    except UnicodeDecodeError as error:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell writes
            raise ConfigError(f"{path} is UTF-16, which TOML must not be\n  save it as UTF-8") from None
        line, problem = data.count(b"\n", 0, error.start) + 1, "the text is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line, problem = int(found[1]) if found else data.count(b"\n") + 1, str(error)
    except ValueError as error:  # an integer of thousands of digits
        raise ConfigError(f"{path} is not a configuration: {error}") from None
    raise ConfigError(f"{path}, line {line}, is not TOML: {problem}\n  correct that line by hand")


def _without_none(value: Any) -> Any:
    """Plain value without entries of tables that are None."""
    if isinstance(value, dict):
        return {name: _without_none(item) for name, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
