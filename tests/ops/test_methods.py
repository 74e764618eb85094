"""Methods of a Tensor that are functions of `rawgan.ops` as they stand, and the stub that tells type checkers of them.

`python tests/ops/test_methods.py` writes the stub.
"""

import inspect
import re
from pathlib import Path

import pytest

from rawgan import Tensor, methods, ops
from rawgan.ops.registry import FUNCTIONS, without_gradient

STUB = Path(methods.__file__).with_suffix(".pyi")

HEAD = '''"""Methods of a Tensor that are ops, for type checkers; written by tests/ops/test_methods.py."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

Result = TypeVar("Result")

class Methods(Generic[Result]):
'''

TAIL = """
def add_method(function: Callable[..., Any]) -> None: ...
"""


def declared():
    """Every function that is a method, by name, in alphabetical order."""
    return {name: each for name, each in sorted(vars(methods.Methods).items()) if inspect.isfunction(each)}


def annotation(hint):
    text = re.sub(r"(collections\.abc|typing)\.", "", inspect.formatannotation(hint))
    return re.sub(r"\bnumpy\.[\w.]+(\[.*\])?", "Any", text.replace("rawgan.tensor.Tensor", "Result"))


def line(function):
    """Declaration of the method, with the first line of the function's docstring."""
    signature = inspect.signature(function, eval_str=True)
    options = [each.replace(annotation=_Text(annotation(each.annotation))) for each in signature.parameters.values()]
    options[0] = inspect.Parameter("self", options[0].kind)
    text = inspect.Signature(options)
    summary = inspect.getdoc(function).splitlines()[0]
    return f'    def {function.__name__}{text} -> {annotation(signature.return_annotation)}:\n        """{summary}"""\n'


class _Text:
    """An annotation that is printed as this text."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def stub():
    return HEAD + "\n".join(map(line, declared().values())) + TAIL


def test_the_stub_declares_the_methods_that_there_are():
    assert STUB.read_text(encoding="utf-8") == stub(), "run `python tests/ops/test_methods.py`, which writes it"


@pytest.mark.parametrize("name", declared())
def test_a_method_is_the_function_of_that_name(name):
    assert getattr(ops, name) is getattr(Tensor, name)  # no attribute of a Tensor hides it


def test_a_function_is_a_method_if_it_is_defined_so():
    """Also one that is defined outside rawgan, of Tensors that exist already."""
    x, elsewhere = Tensor([1.0, 2.0]), {"without_gradient": without_gradient}
    try:
        exec("@without_gradient(method=True)\ndef doubled(x, times=2): return x * times", elsewhere)
        assert x.doubled(times=3).numpy().tolist() == [3, 6]
        assert elsewhere["__all__"] == ["doubled"]
    finally:
        del FUNCTIONS["doubled"], methods.Methods.doubled


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
