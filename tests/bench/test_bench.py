"""The fast parts of the experiments: counting and comparing; the rooms of bench/ and its command line."""

import ast
from collections import Counter
from dataclasses import replace
from graphlib import TopologicalSorter
from importlib.machinery import PathFinder

import numpy as np
import pytest
from paths import ROOT

from bench import __main__ as command_line
from bench.common import machine
from bench.common.errors import BenchError
from bench.common.experiment import BENCH, ROOMS, experiment, experiments
from bench.common.rounds import Spread, fastest, in_turn, ratios
from bench.common.shapes import parse_image, parse_sizes
from bench.common.workers import limit_threads
from bench.competitors.kernel_calls import ArraySpec, KernelCall, call_on, parse_call
from bench.competitors.kernels import Machine, error
from bench.competitors.roofline import roofline_seconds
from bench.competitors.step_calls import BATCH, calls_of, scale, watch
from bench.competitors.steps import largest_difference
from bench.cpu.kernel_report import units_of
from bench.cpu.kernels import tolerance_at
from bench.cpu.scaling import exponent
from rawgan.gan import ImageSpec
from rawgan_kernels import KERNELS, Window

# --- rounds ----------------------------------------------------------------------------------------------------------


def test_spread():
    assert Spread.of([4, 1, 3, 2, 5]) == Spread(1, 2, 3, 4)
    assert Spread.of([7.0]) == Spread(7, 7, 7, 7)


def test_ratios_are_taken_within_a_round():
    assert ratios([1.0, 9.0], [2.0, 3.0]) == [0.5, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_the_fastest_has_the_least_median_not_the_least_time():
    assert fastest({"steady": [2.0, 2.0, 2.0], "erratic": [1.0, 3.0, 3.0]}) == "steady"


def test_competitors_take_turns_to_begin():
    assert in_turn("abc", 4) == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_competitors_that_disagree_are_an_error():
    assert largest_difference({"ours": {"loss": 1.0}, "theirs": {"loss": 1.0001}}) == pytest.approx(1e-4)
    for wrong in (1.01, float("nan")):
        with pytest.raises(BenchError, match="ours and theirs do not compute the same"):
            largest_difference({"ours": {"loss": 1.0}, "theirs": {"loss": wrong}})


def test_thread_counts_are_checked(monkeypatch):
    monkeypatch.setattr("bench.common.workers.os.environ", {})
    assert limit_threads(0) == machine.usable_cores()
    with pytest.raises(BenchError, match="--threads must be from 1 to"):
        limit_threads(machine.usable_cores() + 1)


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_shapes_are_parsed():
    assert parse_sizes("128x32x32×64") == (128, 32, 32, 64)
    assert parse_image("28x28x1") == ImageSpec(28, 1)


@pytest.mark.parametrize("text", ["", "x", "28x", "28x0", "28x-1", "1e3", "28,28"])
def test_shapes_without_a_meaning_are_refused(text):
    with pytest.raises(BenchError, match="expected whole numbers"):
        parse_sizes(text)


@pytest.mark.parametrize("text", ["28x28", "28x32x1"])
def test_images_are_square_and_have_channels(text):
    with pytest.raises(BenchError, match="square image"):
        parse_image(text)


def test_convolutions_are_parsed():
    case = parse_call("conv2d_weight_grad", "2x8x8x3:16")
    assert case.arguments == (
        ArraySpec((2, 8, 8, 3)),
        ArraySpec((2, 4, 4, 16)),
        Window((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1))),
    )
    same = parse_call("conv2d_input_grad", "2x8x8x3:16,kernel=3,stride=1")
    assert same.arguments[:2] == (ArraySpec((2, 8, 8, 16)), ArraySpec((3, 3, 3, 16)))
    assert case.label == "2×8×8×3:16"
    assert same.label == "2×8×8×3:16,kernel=3,stride=1,padding=1"


@pytest.mark.parametrize(
    ("kernel", "text", "message"),
    [
        ("conv2d", "2x8x8x3", "takes one such as"),
        ("conv2d", "2x8x8:3", "takes one such as"),
        ("conv2d", "2x8x8x3:4,taps=3", "'taps=3' is not one of"),
        ("conv2d", "2x2x2x3:4,kernel=9,padding=0", "does not fit"),
        ("conv2d", "2x8x8x3:4,stride=0", "stride"),
        ("sigmoid", "2x8:3", "the shape of one array"),
    ],
)
def test_shapes_that_a_kernel_cannot_take_are_refused(kernel, text, message):
    with pytest.raises(BenchError, match=message):
        parse_call(kernel, text)


# --- the calls of a training step ------------------------------------------------------------------------------------


def test_an_observed_step_has_the_calls_of_its_layers():
    calls = watch("dcgan", ImageSpec(8))
    first = [case for case in calls if case.kernel == "conv2d_input_grad" and case.named()["w"].shape[2] == 1]
    assert first, "the generator's last layer"
    assert all(case.named()["gy"].shape[0] == BATCH for case in first)
    updates = [case for case in calls if case.kernel == "adam_update"]
    assert [calls[case] for case in updates] == [1, 1], "one for each network"
    assert any(case.kernel == "resample" for case in watch("style", ImageSpec(8), width=1))


def test_only_the_batch_is_scaled():
    window = Window((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)))
    case = KernelCall("conv2d", (ArraySpec((BATCH, 8, 8, 3)), ArraySpec((4, 4, 3, 16)), window))
    assert scale(case, 128).arguments == (ArraySpec((128, 8, 8, 3)), ArraySpec((4, 4, 3, 16)), window)
    assert scale(replace(case, arguments=(ArraySpec((BATCH * 64, 16)),)), 2).arguments == (ArraySpec((128, 16)),)


def test_every_kernel_has_a_call():
    calls = calls_of(("dcgan",), (ImageSpec(8),), 4)
    assert {case.kernel for case in calls} == set(KERNELS)
    assert any(count == Counter({"dcgan 8×8×1": 1}) for count in calls.values())


@pytest.mark.parametrize("kernel", [name for name in KERNELS if not name.startswith("conv2d") and name != "matmul"])
def test_every_kernel_runs_on_a_given_shape_and_has_a_cost(kernel):
    case = call_on(kernel, (4, 3, 3, 2))
    values = case.values()
    KERNELS[kernel].on("reference")(*values.values())
    flops, size = KERNELS[kernel].cost(*values.values())
    assert flops > 0
    assert size > 0
    assert case.label


def test_arrays_keep_the_memory_layout_of_the_observed_step():
    drawn = ArraySpec((3, 5), order=(1, 0)).draw("a", np.random.default_rng(0))
    assert drawn.shape == (3, 5)
    assert drawn.T.flags.c_contiguous
    assert (ArraySpec((100,)).draw("var", np.random.default_rng(0)) > 0).all()


# --- operations and bytes --------------------------------------------------------------------------------------------


def counted(case):
    return KERNELS[case.kernel].cost(*case.values().values())


@pytest.mark.parametrize("kernel", ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"])
def test_cost_of_a_convolution(kernel):
    # Each of 2·4·4 pixels of the smaller image: 16 channels of 4·4·3 multiplications and additions.
    flops, size = counted(parse_call(kernel, "2x8x8x3:16"))
    assert flops == 2 * (2 * 4 * 4) * 16 * (4 * 4 * 3)
    assert size == 4 * (2 * 8 * 8 * 3 + 4 * 4 * 3 * 16 + 2 * 4 * 4 * 16)


def test_cost_of_an_element_wise_kernel():
    assert counted(call_on("leaky_relu", (5, 7))) == (35, 2 * 4 * 35)


def test_cost_of_a_product():
    flops, size = counted(parse_call("matmul", "3x5:2"))
    assert flops == 2 * 3 * 5 * 2
    assert size == 4 * (3 * 5 + 5 * 2 + 3 * 2)


def test_cost_of_an_update():
    flops, size = counted(call_on("adam_update", (6, 5)))
    assert flops == 14 * 30
    assert size == 4 * 30 * (2 + 1 + 2 + 2)


def test_the_error_of_a_result():
    exact = np.array([3.0, 4.0])
    assert error(exact.astype(np.float32), exact) == 0
    assert error(np.array([3.0, 4.5]), exact) == pytest.approx(0.1)
    assert error(np.zeros(3), exact) == float("inf")
    assert np.isnan(error(np.array([np.nan, 4.0]), exact))


def test_roofline():
    ceilings = {"flops_per_second": 100.0, "bytes_per_second": 10.0}
    assert roofline_seconds({"flops": 1000, "bytes": 10}, ceilings) == 10
    assert roofline_seconds({"flops": 10, "bytes": 1000}, ceilings) == 100


def test_machine_multiplies_bf16_at_some_speed():
    assert Machine(1, size=64).product_in_bf16(1) > 0


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fma avx2", "none"), ("avx512_bf16", "AVX512-BF16"), ("amx_tile amx_bf16 avx512_bf16", "AMX")],
)
def test_units_for_bf16_are_known_by_the_flags_of_the_processor(flags, expected):
    assert machine.bf16_units(flags.split()) == expected


def test_a_report_says_the_units_that_the_processor_has():
    def of(units):
        return units_of({"machine": {"bf16 units": units}})

    assert of("AMX") == "bf16 on AMX"
    assert of("none").startswith("no bf16 units here")


def test_the_tolerance_of_kernels_follows_from_the_precision():
    assert [tolerance_at(precision) for precision in ("float32", "tf32", "bf16")] == [1e-3, 1e-3, 2**-7]


def test_exponent():
    assert exponent([1, 2, 4, 8], [3, 12, 48, 192]) == pytest.approx(2)
    assert exponent([5], [1]) is None


# --- rooms -----------------------------------------------------------------------------------------------------------


def test_an_experiment_is_one_file():
    """Its name is that of its file, its entry is in it; every room has some."""
    assert {module.split(".")[1] for module in experiments().values()} == set(ROOMS)
    names = [path.stem for room in ROOMS for path in (BENCH / room).glob("*.py")]
    assert len(set(names)) == len(names), "two files of one name would be one command"
    assert not list(BENCH.rglob("__init__.py"))
    for name in experiments():
        found = experiment(name)
        assert found.summary
        assert found.minutes > 0
        assert callable(found.main)


FLOORS = ["common", "competitors", "cpu gpu experiments robustness"]
"""Rooms of bench/, from the bottom up: a file imports from its own room and from those further down."""


def test_imports_point_down_and_not_in_circles():
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}
    files_of_rooms = {f"bench.{path.parent.name}.{path.stem}": path for path in BENCH.glob("*/*.py")}
    imports = {}
    for module, path in files_of_rooms.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bench."):
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)} & files_of_rooms.keys()
        imports[module] = found
        room = module.split(".")[1]
        for other in found:
            there = other.split(".")[1]
            assert there == room or floor[there] < floor[room], f"{module} imports {other}"
    TopologicalSorter(imports).prepare()  # raises CycleError


# --- the command line ------------------------------------------------------------------------------------------------


def test_every_experiment_is_listed(capsys):
    assert command_line.main(["--help"]) == 0
    listing = capsys.readouterr().out
    assert all(f"  {name} " in listing for name in experiments())
    assert command_line.main(["stp"]) == 2
    assert "there is no experiment 'stp'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kernels", "--kernel", "conv3d"], "there is no kernel 'conv3d'"),
        (["kernels", "--shape", "2x2"], "--shape needs --kernel"),
        (["kernels", "--rounds", "0"], "--rounds must be at least 1"),
        (["kernels", "--kernel", "tanh", "--precision", "bf16"], "--precision bf16 is for products: tanh is none"),
        (["scaling", "--image-size", "30"], "image size 30"),
        (["overhead", "--rounds", "0"], "--rounds must be at least 1"),
        (["matrix_units", "--batch", "0"], "--batch and --rounds must be at least 1"),
        (["startup", "--rounds", "0"], "--rounds must be at least 1"),
        (["step", "--batch-size", "1"], "--batch-size at least 2"),
        (["mixtures", "--seeds", "0"], "--seeds and --at-once must be at least 1"),
        (["step"], "PyTorch, the rival, is not installed"),
        (["plots", "missing.json"], "missing.json"),
    ],
)
def test_errors_name_the_option_or_file(monkeypatch, capsys, arguments, message):
    monkeypatch.setattr("bench.cpu.step.importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("bench.common.workers.os.environ", {})
    assert command_line.main(arguments) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bench", "tests"])
def test_an_editable_installation_shadows_no_folder_of_another_project(name, tmp_path):
    """It puts the root of the repository on the path of every project, which may have folders of these names."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "theirs.py").write_text("")
    for path in ([str(ROOT), str(tmp_path)], [str(tmp_path), str(ROOT)]):
        package = PathFinder.find_spec(name, path)
        assert PathFinder.find_spec(f"{name}.theirs", package.submodule_search_locations) is not None
    (tmp_path / name / "__init__.py").write_text("")
    assert PathFinder.find_spec(name, [str(ROOT), str(tmp_path)]).origin == str(tmp_path / name / "__init__.py")
