"""Functions, layers and ops from outside of rawgan, imported by name."""

import ast
import importlib
import inspect
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rawgan.autograd import Op
from rawgan.errors import ArgumentError
from rawgan.testing.functions.signature import op_function


class Foreign(NamedTuple):
    """Something to check: a Module, or a function of Tensors."""

    name: str
    value: Any


def load(target: str, seed: int = 0) -> Foreign:
    """Import `module:name`, or `module:name(arguments)` with numbers, strings, tuples and the like for arguments.

    The module may be in the current folder. A class of layers becomes an instance, a class of ops a function. A
    parameter `rng` without an argument gets a generator of this seed.

    Raises: ArgumentError if there is no such thing, or the arguments do not fit

    >>> load("rawgan.nn:Linear(3, 2)").value.w.shape
    (3, 2)
    """
    module_name, _, expression = target.partition(":")
    path, call = _parse(target, expression)
    value: Any = _module(module_name)
    for attribute in path:
        if not hasattr(value, attribute):
            near = get_close_matches(attribute, dir(value), n=1)
            raise ArgumentError(f"{target}: there is no {attribute!r}" + (f"; did you mean {near[0]}?" if near else ""))
        value = getattr(value, attribute)
    name = path[-1]
    if isinstance(value, type) and issubclass(value, Op):
        return Foreign(name, op_function(value, lambda: _called(target, value, call, seed)))
    if isinstance(value, type) or call is not None:
        value = _called(target, value, call, seed)
    if not callable(value):
        raise ArgumentError(f"{target} is {type(value).__name__}; give a Module, an Op or a function of Tensors")
    return Foreign(name, value)


def draw(text: str, rng: np.random.Generator) -> Any:
    """Numbers for one input: "2,3" standard normal, "2,3:0.1..2" between 0.1 and 2, "2,3:10" integers from 0 to 9.

    Raises: ArgumentError if it is none of these

    >>> draw("2,3", np.random.default_rng(0)).shape
    (2, 3)
    """
    lengths, _, kind = text.partition(":")
    low, dots, high = kind.partition("..")
    try:
        shape = tuple(int(n) for n in lengths.split(",") if n.strip())
        if dots:
            return rng.uniform(float(low), float(high), shape)
        return rng.integers(int(kind), size=shape) if kind else rng.standard_normal(shape)
    except (ValueError, OverflowError):
        raise ArgumentError(
            f"--input {text}: give lengths with commas between them, as in 8,16,16,3; "
            "for numbers between 0.1 and 2, 8,16:0.1..2; for integers below 10, 8:10"
        ) from None


Arguments = tuple[list[Any], dict[str, Any]]


def _parse(target: str, expression: str) -> tuple[list[str], Arguments | None]:
    """Names separated by dots, and the arguments, if there are parentheses."""
    try:
        node: ast.AST = ast.parse(expression.strip(), mode="eval").body
        arguments = None
        if isinstance(node, ast.Call):
            named = {keyword.arg or "**": ast.literal_eval(keyword.value) for keyword in node.keywords}
            arguments, node = ([ast.literal_eval(value) for value in node.args], named), node.func
        path: list[str] = []
        while isinstance(node, ast.Attribute):
            path, node = [node.attr, *path], node.value
        if not isinstance(node, ast.Name):
            raise ValueError
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):  # the last two: nested too deeply
        raise ArgumentError(
            f"{target}: give MODULE:NAME or MODULE:NAME(arguments), the arguments being numbers, strings, tuples, …"
        ) from None
    return [node.id, *path], arguments


def _module(name: str) -> Any:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except (ValueError, TypeError):
        if name and not name.startswith("."):
            raise  # the module itself raised it
        raise ArgumentError(f"{name!r} is no module's name; give MODULE:NAME, as in rawgan.nn:Linear(3, 2)") from None
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise  # the module is there; one that it imports is not
        raise ArgumentError(f"there is no module {name!r}, here in {folder} or among the installed ones") from None


def _called(target: str, value: Any, call: Arguments | None, seed: int) -> Any:
    arguments, named = call or ([], {})
    try:
        signature = inspect.signature(value)
        if "rng" in signature.parameters and "rng" not in named:
            named = {**named, "rng": np.random.default_rng(seed)}
        signature.bind(*arguments, **named)
    except TypeError as error:
        raise ArgumentError(f"{target}: {error}; give arguments as in 'MODULE:NAME(3, 8)'") from None
    return value(*arguments, **named)
