"""check_layer finds each promise that a layer can break. That rawgan's own layers pass it is in test_layers."""

import threading

import numpy as np
import pytest

from rawgan import Tensor, gan, nn, ops
from rawgan.errors import ArgumentError, CheckFailed, GradientMismatch
from rawgan.testing import check_layer


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def rng():
    return np.random.default_rng(3)


IMAGES = normal(2, 4, 6, 2)


def test_every_parameter_of_a_whole_gan_has_its_gradient_at_orders_1_and_2():
    networks = gan.build("dcgan", gan.ImageSpec(8, 1), width=2, noise_size=3)
    for network, x in ((networks.generator, normal(4, 3)), (networks.discriminator, normal(4, 8, 8, 1))):
        report = check_layer(network, x, modes="train")
        assert not [row.input for row in report.rows if row.flat and row.order == 1]


def test_the_layer_and_its_mode_stay_as_they_were():
    layer = nn.Sequential(nn.Linear(3, 2, rng=rng()), nn.BatchNorm(2), nn.Dropout(0.5, rng=rng())).eval()
    before, state = layer.state_dict(), layer[2].rng.bit_generator.state
    check_layer(layer, normal(4, 3))
    assert all(before[name].tobytes() == array.tobytes() for name, array in layer.state_dict().items())
    assert layer[2].rng.bit_generator.state == state
    assert not layer.training
    assert all(p.dtype == np.float32 and p.grad is None for p in layer.parameters())


def test_one_mode_can_be_chosen_and_numbers_are_passed_on():
    class Power(nn.Module):
        def forward(self, x, exponent):
            return x * exponent

    report = check_layer(Power(), normal(2, 3), 3, modes=["eval"])
    assert [row.input for row in report.rows if row.order == 1] == ["x (eval)"]
    report = check_layer(nn.Tanh(), normal(2, 3), modes="train", checks="dtype")
    assert {row.input for row in report.rows if row.order == 1} == {"x (train)"}
    with pytest.raises(ArgumentError, match=r"^check_layer: there is no mode 'test'; choose among: train, eval$"):
        check_layer(Power(), normal(2, 3), 3, modes=["test"])


def test_a_layer_that_makes_its_parameters_in_its_first_call_is_checked():
    class Lazy(nn.Module):
        w = None

        def forward(self, x):
            if self.w is None:
                self.w = nn.Parameter(np.ones(x.shape[1], x.dtype))
            return x * self.w

    report = check_layer(Lazy(), normal(4, 3))
    assert [row.input for row in report.rows if row.order == 1] == ["x (train)", "w (train)", "x (eval)", "w (eval)"]


def test_a_layer_that_cannot_be_copied_is_refused():
    layer = nn.Tanh()
    layer.lock = threading.Lock()
    with pytest.raises(ArgumentError, match=r"^check_layer works on copies, and Tanh has none: cannot pickle"):
        check_layer(layer, normal(3))


def test_several_inputs_have_their_names():
    class Gate(nn.Module):
        def forward(self, x, gate):
            return x * ops.sigmoid(gate)

    report = check_layer(Gate(), normal(2, 3), normal(2, 3, seed=1))
    assert [row.input for row in report.rows if row.order == 1] == [
        "x (train)",
        "gate (train)",
        "x (eval)",
        "gate (eval)",
    ]


# --- broken promises ----------------------------------------------------------------------------------------------


class Norm(nn.BatchNorm):
    """A batch norm of three channels, for subclasses with a fault."""

    def __init__(self):
        super().__init__(3)


class GradientOnlyInTraining(Norm):
    """Right in training; in evaluation, the gradient ignores the running variance."""

    def forward(self, x):
        y = super().forward(x)
        return y if self.training else y.detach() + (x - x.detach())


class ForgetsBeta(Norm):
    """Wrong in a way that beta's initial value hides."""

    def forward(self, x):
        return super().forward(x) - self.beta.detach()


class MovesInEvaluation(Norm):
    def forward(self, x):
        y = super().forward(x)
        if not self.training:
            self.running_mean.data = 0.9 * self.running_mean.data
        return y


class MovesWhenFrozen(Norm):
    def forward(self, x):
        return ops.batch_norm(
            x, self.gamma, self.beta, self.running_mean, self.running_var, training=self.training, momentum=0.1
        )


class WritesToParameter(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(np.ones(3))

    def forward(self, x):
        self.w.data[...] *= 0.5
        return x * self.w


class PlainTensor(nn.Module):
    def __init__(self):
        self.mask = Tensor(np.ones(3, np.float32))

    def forward(self, x):
        return x * self.mask


class OnlyFloat64(nn.Module):
    def forward(self, x):
        return x * Tensor(np.ones(3))


class BatchStatisticsInEvaluation(Norm):
    def forward(self, x):
        super().forward(x)
        return ops.batch_norm(x, self.gamma, self.beta, training=True)


class RandomInEvaluation(nn.Module):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return ops.dropout(x, 0.5, self.rng)


class MovesWhenFrozenToTheLastBatch(Norm):
    """Wrong in a way that calling with the same batch again does not show."""

    def forward(self, x):
        self.running_mean.data = x.data.mean(0)
        return super().forward(x)


class InfiniteAtFirst(nn.Module):
    def __init__(self):
        self.v = nn.Parameter(np.zeros(3))

    def forward(self, x):
        return x * self.v / ops.sqrt(ops.sum(self.v * self.v))


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (
            BatchStatisticsInEvaluation,
            CheckFailed,
            r"^BatchStatisticsInEvaluation \(eval\): among more samples, a sample has another y0 \(3,\), off by ",
        ),
        (
            RandomInEvaluation,
            CheckFailed,
            r"^RandomInEvaluation \(eval\) gives another result for the same input",
        ),
        (
            MovesWhenFrozenToTheLastBatch,
            CheckFailed,
            r"^MovesWhenFrozenToTheLastBatch \(train\) writes to its buffer running_mean \(3,\) inside frozen",
        ),
        (
            InfiniteAtFirst,
            CheckFailed,
            r"^InfiniteAtFirst: the result \(5, 3\) is not finite at the layer's",
        ),
        (GradientOnlyInTraining, GradientMismatch, r"^GradientOnlyInTraining \(eval\): the gradient of x \(5, 3\)"),
        (ForgetsBeta, GradientMismatch, r"^ForgetsBeta \(train\): the gradient of beta \(3,\) is wrong at order 1\n"),
        (
            MovesInEvaluation,
            CheckFailed,
            r"^MovesInEvaluation \(eval\) writes to its buffer running_mean \(3,\); it may only if self.training$",
        ),
        (
            MovesWhenFrozen,
            CheckFailed,
            r"^MovesWhenFrozen \(train\) writes to its buffer running_mean \(3,\) inside frozen_buffers\(\); "
            r"it may only if not self.buffers_frozen$",
        ),
        (WritesToParameter, CheckFailed, r"^WritesToParameter \(train\) writes to its parameter w \(3,\) when"),
        (
            PlainTensor,
            CheckFailed,
            r"^PlainTensor.mask \(3,\) is neither a Parameter nor a Buffer, so to\(\) and state_dict\(\) skip it$",
        ),
        (OnlyFloat64, CheckFailed, r"^OnlyFloat64 \(train\) does not take float32\n"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_broken_promises_are_found_and_named(layer, error, message):
    with pytest.raises(error, match=message):
        check_layer(layer(), normal(5, 3))


def test_anything_but_a_module_is_refused():
    with pytest.raises(ArgumentError, match=r"^check_layer: a Module is needed, not function; gradcheck takes "):
        check_layer(ops.tanh, normal(3))


def test_a_module_is_refused_by_gradcheck(gradcheck):
    with pytest.raises(ArgumentError, match=r"^Tanh is a Module, with parameters and modes: use check_layer"):
        gradcheck(nn.Tanh(), normal(3))
