"""`rawgan gradcheck`: the table of ops, and functions and layers of your own."""

import re
import sys

import pytest

from rawgan.cli import main
from rawgan.ops.registry import CASES, OPS


def run(capsys, *arguments):
    code = main(["gradcheck", *arguments])
    printed = capsys.readouterr()
    errors = re.sub(r"^checking .* s so far\n", "", printed.err, flags=re.MULTILINE)  # printed where it is slow
    return code, printed.out, errors


# --- ops ------------------------------------------------------------------------------------------------------------


def rows(printed):
    """Cells of a table's lines, by their first cell."""
    lines = [re.split(r"\s*│\s*", line.strip("│\n ")) for line in printed.splitlines() if "│" in line]
    return {cells[0]: cells[1:] for cells in lines}


SHOWN = ("add", "exp", "max_pool2d", "conv2d", "conv_transpose2d")


def test_every_op_has_a_row_with_its_cases_and_errors(capsys, monkeypatch):
    """Cases of some ops are checked here; test_gradients.py, and the command in .ci/run, check all."""
    assert {case.op for case in CASES} == {*OPS}
    few = [case for case in {case.op: case for case in reversed(CASES)}.values() if case.op in SHOWN]
    few.append(next(case for case in CASES if case.op == "add" and case not in few))
    monkeypatch.setattr("rawgan.cli.commands.gradcheck.CASES", few)
    code, printed, _ = run(capsys)
    table = rows(printed)
    assert code == 0
    assert table.keys() == {*SHOWN, "all"}
    for name, (cases, first, second, _third, seconds) in table.items():
        assert int(cases) == (len(few) if name == "all" else sum(case.op == name for case in few))
        assert float(first) <= 1e-6
        assert float(second) <= 1e-5
        assert float(seconds) < 60
    assert {name for name, cells in table.items() if cells[3]} == {"conv2d", "conv_transpose2d", "all"}


def test_ops_and_the_order_can_be_chosen(capsys):
    code, printed, _ = run(capsys, "tanh", "mse", "--order", "1")
    assert code == 0
    assert "order 2" not in printed
    assert rows(printed).keys() == {"tanh", "mse", "all"}


def test_a_wrong_op_is_marked_and_named_and_the_exit_code_is_1(capsys, monkeypatch):
    monkeypatch.setattr("rawgan.ops.activation.Tanh.backward", lambda self, gy: (gy * self.output,))
    code, printed, _ = run(capsys, "tanh", "exp")
    assert code == 1
    assert rows(printed)["tanh"][1] == "wrong"
    assert rows(printed)["exp"][1] != "wrong"
    assert "tanh, any: the gradient of x (3, 4) is wrong at order 1\n  slope of Σ gy·y at x[" in printed


# --- functions and layers of your own ------------------------------------------------------------------------------

MINE = """
from rawgan import Op, Tensor, nn, ops


class Square(Op):
    def forward(self, x):
        return x * x

    def backward(self, gy):
        return (2 * gy * self.inputs[0],)


class Power(Op):
    def __init__(self, exponent):
        self.exponent = exponent

    def forward(self, x):
        return x**self.exponent

    def backward(self, gy):
        return (gy * self.exponent * self.inputs[0] ** (self.exponent - 1),)


class Wrong(Square):
    def backward(self, gy):
        return (gy * self.inputs[0],)


class Layer(nn.Module):
    def __init__(self, inputs=3, outputs=2, *, rng):
        self.inner = nn.Linear(inputs, outputs, rng=rng)

    def forward(self, x):
        return ops.tanh(self.inner(x))


def double(x, y):
    return 2 * x * y


def scored(x, labels):
    return ops.cross_entropy(x, labels)


def make(width):
    return nn.LayerNorm(width)


class Names:
    ready = nn.Tanh()


number = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Name of a module in the current folder."""
    name = re.sub(r"\W", "_", f"mine_{tmp_path.name}")  # another name in every test: modules are imported once
    (tmp_path / f"{name}.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return name


@pytest.mark.parametrize(
    ("target", "shapes", "title", "inputs"),
    [
        ("Square", ["2,3"], "Square", ["x", "gy"]),
        ("Power(3)", ["4"], "Power", ["x", "gy"]),
        ("double", ["2,3", "3"], "double", ["x", "y", "gy"]),
        ("scored", ["4,3", "4:3"], "scored", ["x", "gy"]),
        ("Layer", ["5,3"], "Layer", ["x (train)", "inner.w (train)", "inner.b (train)", "x (eval)"]),
        ("Layer(4, outputs=1)", ["5,4"], "Layer", ["x (train)"]),
        ("make(3)", ["2,3"], "LayerNorm", ["gamma (train)"]),
        ("Names.ready", ["2,3"], "Tanh", ["x (train)", "x (eval)"]),
    ],
)
def test_functions_and_layers_of_your_own_are_checked(capsys, mine, target, shapes, title, inputs):
    options = [option for shape in shapes for option in ("--input", shape)]
    code, printed, errors = run(capsys, f"{mine}:{target}", *options)
    assert (code, errors) == (0, "")
    assert printed.startswith(f"{title}: gradients agree with finite differences")
    assert all(re.search(rf"^  {re.escape(name)} +\(", printed, re.MULTILINE) for name in inputs)


def test_rawgans_own_layers_can_be_checked_by_name(capsys):
    code, printed, _ = run(capsys, "rawgan.nn:Conv2d(3, 4, (3, 2), stride=2)", "--input", "2,5,6,3", "--order", "1")
    assert code == 0
    assert "w (train)" in printed


def test_a_wrong_op_of_your_own_is_named_and_the_exit_code_is_1(capsys, mine):
    code, printed, errors = run(capsys, f"{mine}:Wrong", "--input", "2,3")
    assert (code, printed) == (1, "")
    assert errors.startswith(
        "rawgan gradcheck: Wrong: the gradient of x (2, 3) is wrong at order 1\n  slope of Σ gy·y at x["
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conv2"], "there is no op 'conv2'; did you mean conv2d?\n  for what you wrote yourself, give MODULE:NAME"),
        (["?"], "there is no op '?'; choose among: abs, add, "),
        (["tanh", "--input", "3"], "--input is for a function of your own, MODULE:NAME; ops come with inputs"),
        (["tanh", "{mine}:Square"], "give names of ops, or one MODULE:NAME"),
        (["{mine}:Square"], "Square: give the shape of each input, as in --input 8,16,16,3"),
        (["{mine}:Square", "--input", "3,x"], "--input 3,x: give lengths with commas between them"),
        (["{mine}:Sqare", "--input", "3"], "{mine}:Sqare: there is no 'Sqare'; did you mean Square?"),
        (["{mine}:Power", "--input", "3"], "{mine}:Power: missing a required argument: 'exponent'; give arguments as"),
        (["{mine}:Power(2, 3)", "--input", "3"], "{mine}:Power(2, 3): too many positional arguments"),
        (["{mine}:Power(__import__('os'))", "--input", "3"], "{mine}:Power(__import__('os')): give MODULE:NAME or"),
        (["{mine}:Power(2", "--input", "3"], "{mine}:Power(2: give MODULE:NAME or MODULE:NAME(arguments)"),
        (["{mine}:", "--input", "3"], "{mine}:: give MODULE:NAME or MODULE:NAME(arguments)"),
        (["{mine}:number", "--input", "3"], "{mine}:number is int; give a Module, an Op or a function of Tensors"),
        (["no_such_module:Square", "--input", "3"], "there is no module 'no_such_module', here in "),
        (["{mine}.deeper:Square", "--input", "3"], "there is no module '{mine}.deeper', here in "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_calls_name_the_way_out(capsys, mine, arguments, message):
    code, printed, errors = run(capsys, *(argument.replace("{mine}", mine) for argument in arguments))
    assert (code, printed) == (1, "")
    assert errors.startswith(f"rawgan gradcheck: {message.replace('{mine}', mine)}")


def test_a_failing_import_inside_the_module_is_reported(capsys, mine, tmp_path):
    (tmp_path / "needs_more.py").write_text("import no_such_package\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        main(["gradcheck", "needs_more:Layer", "--input", "3"])
