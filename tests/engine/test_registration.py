"""Registration: ops, layers and optimisers are public, and checked, because they are defined."""

import pkgutil
import sys

import pytest

from rawgan import nn, ops, optim
from rawgan.nn.registry import EXAMPLES, LAYERS
from rawgan.ops.registry import CASES, FUNCTIONS, OPS, case, normal
from rawgan.optim.registry import OPTIMIZERS


@pytest.mark.parametrize("package", [ops, nn, optim], ids=lambda package: package.__name__)
def test_the_face_of_a_package_imports_every_module_of_it(package):
    """A module that nobody imports registers nothing."""
    missing = {f"{package.__name__}.{each.name}" for each in pkgutil.iter_modules(package.__path__)}
    missing -= sys.modules.keys()
    assert not missing, f"{package.__name__}/__init__.py lacks `from … import *` of these"


@pytest.mark.parametrize(
    ("package", "registry"), [(ops, OPS | FUNCTIONS), (nn, LAYERS), (optim, OPTIMIZERS)], ids=["ops", "nn", "optim"]
)
def test_the_face_of_a_package_exports_all_that_is_registered(package, registry):
    assert {name: getattr(package, name) for name in registry} == registry
    assert set(registry) <= set(package.__all__)


def test_every_op_has_a_case_and_every_layer_an_example():
    assert {case.op for case in CASES} == set(OPS)
    assert {example.layer for example in EXAMPLES} == set(LAYERS)


@pytest.mark.parametrize("examples", [CASES, EXAMPLES], ids=["cases", "examples"])
def test_no_two_cases_share_a_name(examples):
    assert len({str(each) for each in examples}) == len(examples)


def test_a_case_gives_the_op_its_options_and_the_same_arrays_each_time():
    def scale(x, factor):
        return x * factor

    plain = case("any", normal(2), factor=3)(scale, 1)
    (x,) = plain.arrays()
    assert (str(plain), plain.order) == ("scale-any", 1)
    assert plain.function(x).tolist() == (3 * x).tolist()
    assert plain.arrays()[0].tolist() == x.tolist()
    called = case("any", normal(2), call=lambda op, x: op(x, 5) + 1)(scale, 1)
    assert called.function(x).tolist() == (5 * x + 1).tolist()
