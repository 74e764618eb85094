"""No module imports itself by way of others: not at the top, nor inside functions, nor under TYPE_CHECKING."""

import pytest
from imports import circles, imports_of, modules_of
from paths import PACKAGES


def graph_of(sources):
    return {name: imports_of(name, source, sources) for name, source in sources.items()}


def test_no_circle():
    paths = {name: path for folder in PACKAGES.values() for name, path in modules_of(folder).items()}
    graph = graph_of({name: path.read_text() for name, path in paths.items()})
    assert sum(map(len, graph.values())) > 500  # the imports were found
    assert [" → ".join([*circle, circle[0]]) for circle in circles(graph)] == []


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("import p.b", "from p.a import x"),
        ("from p import b", "import p.a"),
        ("def f():\n    from p.b import x", "from p.a import x"),
        ("if TYPE_CHECKING:\n    from p.b import x", "class C:\n    def f(self):\n        import p.a"),
    ],
    ids=["top", "from the package", "in a function", "for types"],
)
def test_a_circle_is_found_wherever_the_imports_are(a, b):
    graph = graph_of({"p": "", "p.a": a, "p.b": b, "p.c": "import p.a"})
    assert list(circles(graph)) == [["p.a", "p.b"]]


def test_a_module_that_imports_its_package_is_a_circle_if_the_package_imports_it():
    graph = graph_of({"p": "from p.a import x", "p.a": "from p import y", "p.b": "from p import a"})
    assert list(circles(graph)) == [["p", "p.a"]]
