"""rawgan against ONNX's published operator tests: every case of every operator that it has.

ONNX ships nearly two thousand cases: a model, its inputs, the results that it must give, and how far off they may be.
A table at the end of the output counts the cases of each operator that passed, that failed, and that do not apply, with
the reasons. Cases are looked up by operator, so a new case of a later onnx runs, and a new operator fails a test.
"""

import re
import warnings
from collections import defaultdict
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.backend.test.case import base
from onnx.backend.test.loader import load_model_tests
from onnx.reference.ops import op_pool_common
from onnx_adapter import OPERATORS
from onnx_graphs import NotApplicable, as_array, evaluate

from rawgan import Tensor, ops

TABLE = "ONNX operator tests"

OUTSIDE = {  # operators that need something that rawgan does not have
    "inverse trigonometry": "Acos Asin Atan",
    "arithmetic of truth values": "And Not Or Xor",
    "bits": "BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor",
    "integers and quantised numbers": (
        "ConvInteger DequantizeLinear DynamicQuantizeLinear Equal MatMulInteger QLinearConv QLinearMatMul "
        "QuantizeLinear Trilu"
    ),
    "places instead of values": "NonMaxSuppression NonZero OneHot Unique",
    "ops that make or describe arrays": (
        "BlackmanWindow Constant ConstantOfShape EyeLike HammingWindow HannWindow MelWeightMatrix Range Shape Size"
    ),
    "determinants": "Det",
    "writing into a part of an array": "Scatter ScatterElements ScatterND TensorScatter",
    "Fourier transforms": "DFT STFT",
    "sampling at computed places": "DeformConv MaxUnpool RoiAlign",
    "recurrent layers": "GRU LSTM RNN",
    "attention with functions or recurrences of its own": "FlexAttention LinearAttention",
    "random numbers from a graph": "Bernoulli",
    "control flow": "If Loop Scan",
    "sequences and optionals": "OptionalGetElement OptionalHasElement SequenceInsert SequenceMap SplitToSequence",
    "text": "RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer",
    "image files in a graph": "ImageDecoder",
    "trees, labels and feature tables": "ArrayFeatureExtractor Binarizer LabelEncoder TreeEnsemble",
}


def pool_of_planes(pool):
    """ONNX's pooling, without the seconds that it takes over three spatial axes, which rawgan does not have.

    What these cases expect is NaN instead: if rawgan took one, it would fail.
    """

    def made(padded, x_shape, kernel, strides, out_shape, *arguments, **options):
        if len(out_shape) == 3:
            return np.full((*x_shape[:2], *out_shape), np.nan, padded.dtype)
        return pool(padded, x_shape, kernel, strides, out_shape, *arguments, **options)

    return made


@cache
def cases():
    """The cases of each operator, with those in which the function that defines it stands in for it (`_expanded`)."""
    with (
        warnings.catch_warnings(),
        patch.object(op_pool_common, "pool", pool_of_planes(op_pool_common.pool)),
        patch.object(base, "process_snippet", lambda *_: ("", "")),  # for pages; it reads every source file many times
    ):
        warnings.simplefilter("ignore", RuntimeWarning)  # loading computes the expected results, of infinities too
        loaded = load_model_tests(kind="node")
    operators = {case.name: case.model.graph.node[0].op_type for case in loaded if "_expanded" not in case.name}
    found = defaultdict(list)
    for case in loaded:
        found[operators[case.name.split("_expanded")[0]]].append(case)
    return dict(found)


def outcome(case, operators=OPERATORS):
    """Result of a case, "passed", "not applicable" or "failed", and the reason."""
    ((inputs, expected),) = case.data_sets
    try:
        with np.errstate(all="ignore"):  # that a logarithm of 0 is −∞ is expected
            results = evaluate(case.model.graph, inputs, operators)
    except NotApplicable as reason:
        return "not applicable", str(reason)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    for result, wanted in zip(results, expected, strict=True):
        fault = difference(result.numpy() if isinstance(result, Tensor) else result, np.asarray(as_array(wanted)), case)
        if fault:
            return "failed", fault
    return "passed", ""


def difference(array, wanted, case):
    """Description of the difference between two arrays; empty if there is none."""
    if (array.shape, array.dtype) != (wanted.shape, wanted.dtype):
        return f"{array.dtype} {array.shape} instead of {wanted.dtype} {wanted.shape}"
    try:
        np.testing.assert_allclose(array, wanted, case.rtol, case.atol)
    except AssertionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_cases_of_an_operator_pass_or_do_not_apply(operator, tally):
    counts, reasons, faults = {"passed": 0, "not applicable": 0, "failed": 0}, defaultdict(list), []
    for case in cases().get(operator, []):
        what, why = outcome(case)
        counts[what] += 1
        if what == "not applicable":
            reasons[why].append(case.name.removeprefix("test_"))
        if what == "failed":
            faults.append(f"{case.name}: {why}")
    notes = [f"{len(names)} × {why}: {', '.join(names)}" for why, names in sorted(reasons.items())]
    tally(TABLE, operator, notes, **{what.replace(" ", "_"): count for what, count in counts.items()})
    assert not faults, "\n\n".join(faults)
    assert counts["passed"], "no case of this operator applies"


def test_every_other_operator_has_a_reason(tally):
    reasons = {operator: reason for reason, operators in OUTSIDE.items() for operator in operators.split()}
    assert not reasons.keys() & OPERATORS.keys()
    others = cases().keys() - OPERATORS.keys()
    assert not others - reasons.keys(), "operators that neither the adapter nor OUTSIDE knows"
    numbers = {
        reason: sum(len(cases().get(operator, [])) for operator in operators.split())
        for reason, operators in OUTSIDE.items()
    }
    notes = [f"{numbers[reason]} × {reason}: {operators}" for reason, operators in OUTSIDE.items()]
    tally(TABLE, "operators that rawgan does not have", notes, passed=0, not_applicable=sum(numbers.values()), failed=0)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (lambda node, x: ops.leaky_relu(x, 0.3), "Mismatched elements"),
        (lambda node, x: ops.leaky_relu(x, 0.01)[None], r"float32 \(1, 3, 4, 5\) instead of float32 \(3, 4, 5\)"),
        (lambda node, x: ops.leaky_relu(x, 0.01).astype("float64"), "float64 .* instead of float32"),
        (lambda node, x: ops.leaky_relu(x, -1.0), "ArgumentError: leaky_relu: slope"),
    ],
    ids=["value", "shape", "dtype", "error"],
)
def test_a_faulty_operator_fails(faulty, message):
    (case,) = (case for case in cases()["LeakyRelu"] if case.name == "test_leakyrelu_default")
    assert outcome(case) == ("passed", "")
    what, why = outcome(case, OPERATORS | {"LeakyRelu": faulty})
    assert what == "failed"
    assert re.search(message, why)


def test_a_result_that_rawgan_did_not_compute_does_not_count():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    y = helper.make_tensor_value_info("y", TensorProto.INT64, [1])
    graph = helper.make_graph(
        [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Neg", ["s"], ["y"])], "", [x], [y]
    )
    with pytest.raises(NotApplicable, match="a dtype other than"):
        evaluate(graph, [np.ones(2, np.float32)], OPERATORS)
