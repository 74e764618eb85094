"""What a kernel has to do, by its docstring: floating-point operations, and the fewest bytes it must move.

Each kernel of the reference says so in two lines, beside one with the shapes of its arrays::

    Shapes: x (N, H, W, C), w (A, B, C/G, K) → y (N, I, J, K)
    Flops:  2 · N·I·J · A·B·C/G · K
    Bytes:  x + w + y

The formulas are sums of products. In them, a letter is the size of an axis (G: the groups), `x.size` the elements of an
array, and in Bytes `x` is its bytes; Σ says that it is a list of arrays, whose sum is meant. Names that are no
parameters are results, in their order. Operations are those of the direct algorithm: a kernel that knows a faster one
does fewer, and may so pass for faster than its roofline.
"""

import inspect
import re
from typing import Any

from bench.common.errors import BenchError
from rawgan_kernels import reference

TOKEN = re.compile(r"\s*(?:(\d+)|([^\W\d]\w*(?:\.size)?)|([·/+()−-]))")


def cost(kernel: str, values: dict[str, Any], results: tuple[Any, ...]) -> tuple[int, int]:
    """Operations and bytes of a call with these arguments by parameter, and these results.

    Raises: BenchError if the docstring does not say
    """
    lines = _lines(kernel)
    parameters = inspect.signature(getattr(reference, kernel)).parameters
    unnamed = [name for name in _names(lines["Bytes"]) if name not in parameters]
    arrays = {name: _listed(values.get(name)) for name in parameters}
    arrays |= {name: [result] for name, result in zip(unnamed, results, strict=False)}
    known: dict[str, float] = {f"{name}.size": sum(array.size for array in found) for name, found in arrays.items()}
    window = values.get("window")
    known |= _letters(lines["Shapes"], arrays) | {"G": window.groups if window is not None else 1}
    operations = evaluate(lines["Flops"], known, kernel)
    nbytes = {name: float(sum(array.nbytes for array in found)) for name, found in arrays.items()}
    return round(operations), round(evaluate(lines["Bytes"], nbytes | known, kernel))


def roofline_seconds(row: dict[str, Any], roofline: dict[str, float]) -> float:
    """The least time that the machine's two ceilings leave a kernel."""
    return max(row["flops"] / roofline["flops_per_second"], row["bytes"] / roofline["bytes_per_second"])


def evaluate(formula: str, known: dict[str, float], kernel: str = "formula") -> float:
    """The value of a sum of products.

    Raises: BenchError for a name that is not known, or for something else than a sum of products
    """
    tokens = _tokens(formula, kernel)

    def failure(what: str) -> BenchError:
        return BenchError(f"{kernel}: {what} in the docstring's formula {formula!r}")

    def factor() -> float:
        token = tokens.pop(0) if tokens else ""
        if token == "(":
            value = total()
            if not tokens or tokens.pop(0) != ")":
                raise failure("a parenthesis is not closed")
            return value
        if token.isdigit():
            return float(token)
        if token not in known:
            raise failure(f"{token or 'the end'!r} is not known")
        return known[token]

    def product() -> float:
        value = factor()
        while tokens and tokens[0] in "·/":
            if tokens.pop(0) == "·":
                value *= factor()
            else:
                value /= factor()
        return value

    def total() -> float:
        value = product()
        while tokens and tokens[0] in "+−-":
            sign = 1 if tokens.pop(0) == "+" else -1
            value += sign * product()
        return value

    value = total()
    if tokens:
        raise failure(f"{tokens[0]!r} is not expected")
    return value


def _tokens(formula: str, kernel: str) -> list[str]:
    tokens, position = [], 0
    text = formula.replace("Σ", " ").strip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise BenchError(f"{kernel}: {text[position:]!r} is not understood in the docstring's formula {formula!r}")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


def _lines(kernel: str) -> dict[str, str]:
    """The three lines of the docstring. What follows a comma or semicolon after a formula is prose."""
    text = inspect.getdoc(getattr(reference, kernel)) or ""
    found = {}
    for name in ("Shapes", "Flops", "Bytes"):
        match = re.search(rf"^{name}:\s*(.+(?:\n[ \t]+.+)*)", text, re.MULTILINE)
        if match is None:
            raise BenchError(f"{kernel}: its docstring has no line {name}:")
        found[name] = match[1] if name == "Shapes" else re.split("[,;]", match[1])[0]
    return found


def _names(formula: str) -> list[str]:
    """The arrays in a formula, in order, each once."""
    return [
        *dict.fromkeys(
            name.removesuffix(".size") for name in re.findall(r"[^\W\d]\w*(?:\.size)?", formula) if name != "Σ"
        )
    ]


def _listed(value: Any) -> list[Any]:
    """The arrays in an argument."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if hasattr(item, "nbytes") and hasattr(item, "shape")]


def _letters(shapes: str, arrays: dict[str, list[Any]]) -> dict[str, float]:
    """The sizes that letters stand for: `x (N, H, W, C)` with an x of that many axes."""
    letters: dict[str, float] = {}
    for name, text in re.findall(r"([^\W\d]\w*) \(([^()]*)\)", shapes):
        axes = [axis.strip() for axis in text.split(",") if axis.strip()]
        found = arrays.get(name, [])
        if len(found) != 1:
            continue
        sizes = found[0].shape
        if axes and axes[0] == "…":  # however many: they count together, as nothing
            axes, sizes = axes[1:], sizes[len(sizes) - len(axes) + 1 :]
        if len(axes) == len(sizes):
            letters |= {axis: size for axis, size in zip(axes, sizes, strict=True) if axis.isalpha()}
    return letters
