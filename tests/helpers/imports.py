"""The imports among modules, read from their source: at the top, in functions, and under TYPE_CHECKING."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path


def modules_of(folder: Path) -> dict[str, Path]:
    """Every module of a package, by its dotted name."""
    names = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports_of(name: str, source: str, known: Mapping[str, object]) -> set[str]:
    """The known modules that a module imports, wherever in its source.

    `from package import name` imports the module `package.name` if there is one, else `package` itself.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return {each for each in found if each in known and each != name}


def circles(graph: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """A shortest circle through each module that is in one, each circle once: its modules in the order of import."""
    seen = set()
    for start in sorted(graph):
        circle = _circle_through(start, graph)
        if circle is not None and frozenset(circle) not in seen:
            seen.add(frozenset(circle))
            yield circle


def _circle_through(start: str, graph: Mapping[str, set[str]]) -> list[str] | None:
    pending, origins = [start], {start: ""}
    for module in pending:  # breadth first; it grows meanwhile
        for imported in sorted(graph[module]):
            if imported == start:
                path = [module]
                while path[-1] != start:
                    path.append(origins[path[-1]])
                return [*reversed(path)]
            if imported not in origins:
                origins[imported] = module
                pending.append(imported)
    return None
