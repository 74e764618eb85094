"""Mistakes of an author of an op, and the errors that name them."""

import math

import numpy as np
import pytest
from graphs import Faulty, leaf

from rawgan import Op, Tensor, grad, nn, ops
from rawgan.autograd import backward
from rawgan.errors import DTypeError, GraphError, NotTwiceDifferentiable, ShapeError

FAULTS = [
    (lambda gy: (), "Faulty.backward returned 0 gradients for 1 inputs"),
    (lambda gy: (gy, gy), "Faulty.backward returned 2 gradients for 1 inputs"),
    (
        lambda gy: (gy[:1],),
        "Faulty.backward returned a gradient unlike its input\n  input (2,) float64   gradient (1,) float64",
    ),
    (
        lambda gy: (gy.astype("float32"),),
        "Faulty.backward returned a gradient unlike its input\n  input (2,) float64   gradient (2,) float32",
    ),
]


@pytest.mark.parametrize(("gradients", "message"), FAULTS)
def test_the_results_of_backward_are_checked(gradients, message):
    with pytest.raises(ShapeError) as error:
        Faulty(gradients)(leaf(1.0, 2.0)).sum().backward()
    assert str(error.value) == message


def test_gradients_that_are_not_wanted_are_not_looked_at():
    class Lazy(Op):
        def forward(self, a, b):
            return a * b

        def backward(self, gy):
            return gy * self.inputs[1], "nonsense"

    x = leaf(2.0)
    Lazy()(x, Tensor(np.array([5.0]))).backward()
    assert x.grad.item() == 5


class ByArrays(Op):
    """y = x². Its backward computes with arrays."""

    def forward(self, x):
        return x * x

    def backward(self, gy):
        (x,) = self.inputs
        return (Tensor(2 * x.data * gy.data),)


class Declared(ByArrays):
    differentiable_twice = False


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (Declared, "Declared has no second derivative: its backward computes with arrays"),
        (
            ByArrays,
            "ByArrays has no second derivative: its backward returned a gradient that was not made by ops",
        ),
    ],
)
def test_an_op_without_a_second_derivative_says_so(op, message):
    x = leaf(3.0)
    (g,) = grad(op()(x), x)
    assert g.item() == 6
    with pytest.raises(NotTwiceDifferentiable) as error:
        grad(op()(x), x, create_graph=True)
    assert str(error.value) == message
    (g,) = grad(op()(x) + x * x * x, [x])
    assert g.item() == 33


def test_an_op_without_forward_or_backward_says_so():
    class Nothing(Op):
        pass

    class OneWay(Op):
        def forward(self, x):
            return x + 1

    with pytest.raises(NotImplementedError, match=r"^Nothing has no forward$"):
        Nothing()(leaf(1.0))
    with pytest.raises(NotImplementedError, match=r"^OneWay has no backward$"):
        OneWay()(leaf(1.0)).backward()


def test_the_output_must_be_declared_to_be_kept():
    class Forgetful(Op):
        def forward(self, x):
            return x + 1

        def backward(self, gy):
            return (gy * self.output,)

    with pytest.raises(GraphError, match=r"^Forgetful uses self\.output, so the class must say keeps_output = True$"):
        Forgetful()(leaf(1.0)).backward()


def test_an_op_that_does_not_use_its_inputs_lets_them_change():
    class Double(Op):
        uses_inputs = False

        def forward(self, x):
            return 2 * x

        def backward(self, gy):
            assert self.shapes == ((1,),)
            return (2 * gy,)

    class Hasty(Double):
        def backward(self, gy):
            return (self.inputs[0] * gy,)

    x = leaf(1.0)
    y = Double()(x)
    x.data[...] = 5.0
    y.backward()
    assert x.grad.item() == 2
    with pytest.raises(GraphError, match=r"^Hasty uses self\.inputs, so the class must not say uses_inputs = False$"):
        Hasty()(x).backward()


def test_an_op_may_say_that_an_input_has_no_influence():
    class First(Op):
        def forward(self, a, b):
            return a + 0 * b

        def backward(self, gy):
            return gy, None

    a, b = leaf(1.0), leaf(2.0)
    First()(a, b).backward()
    assert a.grad.item() == 1
    assert b.grad is None


def test_ops_with_any_number_of_inputs_name_them_by_number():
    class Total(Op):
        def forward(self, *xs):
            return sum(x * x for x in xs)

        def backward(self, gy):
            return tuple(2 * gy * x for x in self.inputs)

    a, b, c = leaf(1.0), leaf(2.0), leaf(3.0)
    Total()(a, b, c).backward()
    assert [x.grad.item() for x in (a, b, c)] == [2, 4, 6]
    y = Total()(a, b, c)
    b[0] = 0.0
    with pytest.raises(GraphError, match=r"^Total: input 1 \(1,\) was written to"):
        y.backward()


def test_a_gradient_penalty_end_to_end():
    """The Wasserstein critic's penalty against its own finite difference: second order through a real network."""
    rng = np.random.default_rng(0)
    d = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, rng=rng), nn.LeakyReLU(), nn.Flatten(), nn.Linear(8, 1, rng=rng))
    d.to(dtype="float64")
    images = rng.standard_normal((3, 5, 5, 1))

    def penalty():
        x = Tensor(images, requires_grad=True)
        (gx,) = grad(d(x).sum(), x, create_graph=True)
        return ((ops.sqrt((gx * gx).sum(axis=(1, 2, 3))) - 1) ** 2).mean()

    weights = [p for p in d.parameters() if p.ndim > 1]  # the penalty does not depend on the biases
    for w, g in zip(weights, grad(penalty(), weights), strict=True):
        u = rng.standard_normal(w.shape)
        values = []
        for sign in (1, -2, 1):
            w.data += sign * 1e-6 * u
            values.append(penalty().item())
        assert math.isclose((values[0] - values[1]) / 2e-6, float(np.sum(g.data * u)), rel_tol=1e-6)


def test_backward_is_a_function_too():
    x = leaf(3.0)
    backward(x * x)
    assert x.grad.item() == 6


def test_an_op_is_called_once():
    op = ops.activation.LeakyReLU(0.2)
    op(leaf(1.0))
    with pytest.raises(GraphError) as caught:
        op(leaf(2.0))
    assert str(caught.value) == (
        "LeakyReLU: this op was called before, and a second call would overwrite what the first one recorded\n"
        "  make a new one for each call, as in LeakyReLU(...)(x)"
    )


def op_with(forward=lambda self, x: x * 2, backward=lambda self, gy: (gy * 2,), **attributes):
    return type("Mine", (Op,), {"forward": forward, "backward": backward, **attributes})()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: op_with(lambda self, x: x * np.sqrt(2.0))(Tensor([1.0], requires_grad=True)),
            "Mine.forward must return an array of its inputs' dtype, float32, but returned float64\n"
            "  a NumPy float64 scalar among the options promotes float32 arrays: make it a float()",
        ),
        (
            lambda: op_with(lambda self, x: (x, x))(leaf(1.0)),
            "Mine.forward must return an array, and only one, but returned tuple",
        ),
        (
            lambda: op_with(lambda self, x: None)(leaf(1.0)),
            "Mine.forward must return an array, and only one, but returned NoneType",
        ),
        (
            lambda: op_with(lambda self, x: float(x.sum()))(leaf(1.0)),
            "Mine.forward must return an array, and only one, but returned float",
        ),
        *(
            (
                lambda made=made: op_with(lambda self, x: made(x))(leaf(1.0)),
                "Mine.forward must return an array, but returned a Tensor\n"
                "  forward gets arrays, and computes with NumPy or CuPy; backward computes with Tensors and ops",
            )
            for made in (ops.exp, lambda x: ops.exp(x).astype("float32"))
        ),
        (
            lambda: op_with(backward=lambda self, gy: gy)(leaf(1.0)).backward(),
            "Mine.backward must return a tuple, one gradient for each input, not Tensor",
        ),
        (
            lambda: op_with(backward=lambda self, gy: None)(leaf(1.0)).backward(),
            "Mine.backward must return a tuple, one gradient for each input, not NoneType",
        ),
        (
            lambda: op_with(backward=lambda self, gy: (gy.data,))(leaf(1.0)).backward(),
            "Mine.backward must return Tensors, or None, but one is ndarray",
        ),
        (lambda: op_with()(np.ones(2)), "Mine: an op is called with Tensors, not with ndarray"),
        (lambda: op_with()(), "Mine: an op is called with Tensors, not with nothing"),
        (
            lambda: leaf(1.0).backward(np.ones(1)),
            "backward: gradient must be a Tensor, but is ndarray; wrap it: Tensor(…)",
        ),
        (lambda: leaf(1.0).backward(1.0), "backward: gradient must be a Tensor, but is float; wrap it: Tensor(…)"),
        (
            lambda: grad(leaf(1.0) * 2, [np.ones(1)]),
            "grad: inputs[0] must be a Tensor, but is ndarray; wrap it: Tensor(…)",
        ),
        (
            lambda: grad(leaf(1.0) * 2, leaf(1.0), np.ones(1)),
            "grad: grad_outputs must be a Tensor, or a list of Tensors, but is ndarray; wrap it: Tensor(…)",
        ),
        (
            lambda: grad(leaf(1.0) * 2, leaf(1.0), 2),
            "grad: grad_outputs must be a Tensor, or a list of Tensors, but is int; wrap it: Tensor(…)",
        ),
        (
            lambda: grad(leaf(1.0) * 2, leaf(1.0), [[1.0]]),
            "grad: grad_outputs[0] must be a Tensor, but is list",
        ),
        (
            lambda: grad(np.ones(1), leaf(1.0)),
            "grad: outputs must be a Tensor, or a list of Tensors, but is ndarray; wrap it: Tensor(…)",
        ),
        (
            lambda: grad(leaf(1.0) * 2, nn.Linear(2, 1, rng=np.random.default_rng(0))),
            "grad: inputs must be a Tensor, or a list of Tensors, but is Linear; give Linear.parameters()",
        ),
        (
            lambda: grad(leaf(1.0) * 2, None),
            "grad: inputs must be a Tensor, or a list of Tensors, but is NoneType",
        ),
        (
            lambda: grad(leaf(1.0) * 2, "w"),
            "grad: inputs must be a Tensor, or a list of Tensors, but is str",
        ),
        (
            lambda: np.asarray(leaf(1.0)),
            "a Tensor does not turn into an array in silence, which would cut its graph; use x.numpy()",
        ),
    ],
)
def test_mistakes_are_named_with_the_way_out(act, message):
    with pytest.raises(DTypeError) as caught:
        act()
    assert str(caught.value) == message


OWNED = ["needs", "serial", "shapes", "release", "_saved", "_required", "inputs", "output"]


@pytest.mark.parametrize("name", OWNED)
def test_an_op_cannot_take_the_engines_own_attributes(name):
    value = -2 if name == "serial" else ()

    def beforehand():
        op = op_with()
        setattr(op, name, value)
        return op

    def in_forward():
        return op_with(lambda self, x: setattr(self, name, value) or x * 2)

    for make in (beforehand, in_forward):
        with pytest.raises(GraphError) as caught:
            make()(leaf(1.0))
        assert (
            str(caught.value) == f"Mine: the engine keeps its own {name!r} in an op; give that attribute another name"
        )


def test_an_op_that_was_not_recorded_cannot_be_called_again_either():
    op = ops.elementary.Exp()
    op(Tensor([1.0]))
    with pytest.raises(GraphError, match=r"^Exp: this op was called before"):
        op(Tensor([2.0]))


def test_grad_needs_no_gradient_for_a_single_number_among_the_outputs():
    x = leaf(3.0)
    (g,) = grad([(x * 2).sum(), x * x], x, [None, Tensor(np.array([10.0]))])
    assert g.item() == 62


def test_an_error_inside_backward_names_its_op():
    def backward(self, gy):
        return (ops.matmul(gy, gy[1:]),)

    with pytest.raises(ShapeError) as caught:
        op_with(backward=backward)(leaf(1.0, 2.0)).sum().backward()
    assert str(caught.value) == ("matmul: a has 2 columns but b has 1 rows\n  a (2,)   b (1,)\n  in Mine.backward")


def test_an_error_that_names_its_op_is_left_as_it_is():
    x = leaf(1.0)
    y = (x * x).sum()
    x[0] = 2.0
    with pytest.raises(GraphError) as caught:
        y.backward()
    assert str(caught.value).startswith("Mul: ")
    assert "backward" not in str(caught.value).partition("\n")[2]
