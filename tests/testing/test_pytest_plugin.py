"""The pytest plugin in another project: a tiny package with a wrong layer, on which pytest is run."""

import os
import subprocess
import sys

import pytest

LAYERS = '''
"""Two layers, one of them wrong."""

import numpy as np

from rawgan import Op, Tensor, nn


class WeightedSquare(Op):
    """y = w · x²."""

    def forward(self, x, w):
        return w * x * x

    def backward(self, gy):
        x, w = self.inputs
        return 2 * gy * w * x, self.weight_gradient(gy * x * x)

    def weight_gradient(self, g):
        return g


class Forgetful(WeightedSquare):
    """Forgets the gradient of one weight."""

    def weight_gradient(self, g):
        mask = np.ones(g.shape, g.dtype)
        mask[1, 2] = 0
        return g * Tensor(mask)


class Layer(nn.Module):
    def __init__(self, op):
        self.op, self.w = op, nn.Parameter(np.ones((2, 3)))

    def forward(self, x):
        return self.op()(x, self.w)
'''

TESTS = """
import numpy as np

from tiny import Forgetful, Layer, WeightedSquare

rng = np.random.default_rng(0)
x, w = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))


def test_right_op(gradcheck):
    assert gradcheck(WeightedSquare, x, w).error(2) < 1e-9


def test_wrong_op(gradcheck):
    gradcheck(Forgetful, x, w)


def test_right_layer(check_layer):
    check_layer(Layer(WeightedSquare), x)


def test_wrong_layer(check_layer):
    check_layer(Layer(Forgetful), x)
"""


@pytest.fixture
def project(tmp_path):
    """A package with its tests."""
    for name, text in {"tiny/__init__.py": LAYERS, "tests/test_tiny.py": TESTS}.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n", encoding="utf-8")
    return tmp_path


def run_pytest(project, *options):
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={project / 'temporary'}", *options],
        cwd=project,
        env=mine | {"COLUMNS": "200", "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_a_wrong_layer_in_another_project_is_named_with_its_argument_and_index(project):
    """The failure shows the line of the test, and nothing of the checker."""
    result = run_pytest(project)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "2 failed, 2 passed" in result.stdout
    for title in ("Forgetful", "Layer (train)"):
        assert (
            f"E       rawgan.errors.GradientMismatch: {title}: the gradient of w (2, 3) is wrong at order 1\n"
            "E         slope of Σ gy·y at w[1, 2]: backward gives 0, finite differences "
        ) in result.stdout
    assert result.stdout.count("E         1 of 6 elements are wrong\n") == 2
    assert ">       gradcheck(Forgetful, x, w)\n" in result.stdout
    assert ">       check_layer(Layer(Forgetful), x)\n" in result.stdout
    assert "testing" + os.sep not in result.stdout


def test_the_fixtures_are_listed_with_their_purpose(project):
    printed = run_pytest(project, "--fixtures").stdout
    assert "The function `rawgan.testing.gradcheck`" in printed
    assert "The function `rawgan.testing.check_layer`" in printed
