"""Running the graph of an ONNX case, node by node, with operators that rawgan computes.

Most graphs are a single node. Those of the `_expanded` cases are the body of a function: dozens of nodes, and some of
them only work out shapes and axes. Integers are no part of rawgan, so NumPy does that arithmetic, inside a graph alone:
a result of the case never comes from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, helper, numpy_helper

from rawgan import Tensor

OTHER_DTYPE = "a dtype other than float32 and float64"


class NotApplicable(Exception):
    """A case asks for what rawgan does not have; the message says what that is."""


@dataclass(frozen=True)
class Node:
    """One node: its operator, its attributes as Python values, and how many results it is asked for."""

    operator: str
    attributes: dict[str, Any]
    results: int

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; `default` is ONNX's own."""
        return self.attributes.get(name, default)


Operator = Callable[..., Any]


def evaluate(graph: GraphProto, inputs: list[Any], operators: dict[str, Operator]) -> list[Any]:
    """The results of a graph. Raises: NotApplicable if rawgan lacks something that they need."""
    integers = INTEGERS if len(graph.node) > 1 else {}
    missing = {proto.op_type for proto in graph.node} - operators.keys() - integers.keys()
    if missing:
        raise NotApplicable(f"a function made of what rawgan does not have: {', '.join(sorted(missing))}")
    values = {entry.name: _value(as_array(given)) for entry, given in zip(graph.input, inputs, strict=True)}
    values[""] = None  # an optional input that is left out
    for proto in graph.node:
        given = [values[name] for name in proto.input]
        results = _apply(_read(proto), given, operators, integers)
        values |= {name: _value(result) for name, result in zip(proto.output, results, strict=True)}
    results = [values[entry.name] for entry in graph.output]
    if integers and not all(isinstance(result, Tensor) for result in results):
        raise NotApplicable(OTHER_DTYPE)
    return results


def as_array(given: Any) -> Any:
    """Convert an array of ONNX, in whatever form, to NumPy's; sequences and optionals stay as they are."""
    if isinstance(given, TensorProto):
        return numpy_helper.to_array(given)
    return np.asarray(given) if isinstance(given, np.generic) else given


def _apply(node: Node, given: list[Any], operators: dict[str, Operator], integers: dict[str, Operator]) -> Any:
    """The results of one node: from rawgan if its first input is a Tensor and rawgan has the operator."""
    numbers = given[1:] if node.operator == "Where" else given  # the first input of Where is a mask
    if numbers and isinstance(numbers[0], Tensor) and node.operator in operators:
        results = operators[node.operator](node, *given)
    elif node.operator in integers:
        results = integers[node.operator](node, *given)
    elif isinstance(given[0], list | None):
        raise NotApplicable("a sequence or an optional")
    else:
        raise NotApplicable(OTHER_DTYPE)
    return results if isinstance(results, tuple | list) else (results,)


def _value(given: Any) -> Any:
    """Floating-point numbers as a Tensor; all else (integers, strings, sequences) as it is."""
    return Tensor(given) if isinstance(given, np.ndarray) and given.dtype.name in ("float32", "float64") else given


def _read(proto: NodeProto) -> Node:
    return Node(proto.op_type, {a.name: _attribute(a) for a in proto.attribute}, len(proto.output))


def _attribute(attribute: AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode() if attribute.type == AttributeProto.STRING else as_array(value)


# --- shapes and axes inside a graph ----------------------------------------------------------------------


def _constant(node: Node) -> Any:
    ((_, value),) = node.attributes.items()  # value, value_ints, value_float, …: there is just one
    return np.asarray(value)


def _constant_of_shape(node: Node, shape: Any) -> Any:
    return np.full(shape, node.get("value", np.zeros(1, np.float32)))


def _shape(node: Node, x: Any) -> Any:
    return np.array(x.shape[node.get("start", 0) : node.get("end")], np.int64)


def _cast(node: Node, x: Any) -> Any:
    """Integers become a Tensor where they are cast to its dtypes; numbers of another dtype are not rawgan's to cast."""
    if x.dtype.kind not in "biu":
        raise NotApplicable(OTHER_DTYPE)
    return x.astype(helper.tensor_dtype_to_np_dtype(node.get("to")))


INTEGERS: dict[str, Operator] = {
    "Add": lambda node, a, b: a + b,
    "And": lambda node, a, b: a & b,
    "Cast": _cast,
    "Concat": lambda node, *xs: np.concatenate(xs, node.get("axis")),
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Div": lambda node, a, b: a // b,
    "Equal": lambda node, a, b: a == b,
    "Gather": lambda node, x, indices: x[indices],
    "Greater": lambda node, a, b: a > b,
    "GreaterOrEqual": lambda node, a, b: a >= b,
    "Identity": lambda node, x: x,
    "Less": lambda node, a, b: a < b,
    "LessOrEqual": lambda node, a, b: a <= b,
    "Max": lambda node, a, b: np.maximum(a, b),
    "Mod": lambda node, a, b: a % b,
    "Mul": lambda node, a, b: a * b,
    "Neg": lambda node, x: -x,
    "Not": lambda node, x: ~x,
    "Or": lambda node, a, b: a | b,
    "Range": lambda node, start, limit, step: np.arange(start, limit, step),
    "Shape": _shape,
    "Size": lambda node, x: np.array(x.size),
    "Slice": lambda node, x, starts, ends, *axes: x[starts.item() : ends.item()],  # a shape has one axis
    "Squeeze": lambda node, x, axes=None: np.squeeze(x, None if axes is None else tuple(axes)),
    "Sub": lambda node, a, b: a - b,
    "Unsqueeze": lambda node, x, axes: np.expand_dims(x, tuple(axes)),
    "Where": lambda node, mask, a, b: np.where(mask, a, b),
}
