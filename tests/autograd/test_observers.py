"""Observers: told of ops and layers as they work, in order, and of nothing once their block has ended."""

import threading

import numpy as np
import pytest
from graphs import Faulty, leaf

from rawgan import Tensor, grad, nn, no_grad
from rawgan.autograd import Observer, observing
from rawgan.errors import ShapeError


class Diary(Observer):
    """Writes down what it is told of."""

    def __init__(self, pages=None, name=""):
        self.pages = [] if pages is None else pages
        self.name = name

    def after_forward(self, op, array):
        self.pages.append(f"{self.name}{op.name} {array.shape}")

    def after_backward(self, op, gradients):
        self.pages.append(f"{self.name}{op.name} back {[g if g is None else g.shape for g in gradients]}")

    def before_layer(self, layer, inputs, options):
        self.pages.append(f"{self.name}into {type(layer).__name__} {[x.shape for x in inputs]} {options}")

    def after_layer(self, layer, inputs, options, result):
        self.pages.append(f"{self.name}out of {type(layer).__name__} {None if result is None else result.shape}")


def test_ops_are_told_in_the_order_of_the_work():
    diary, x, w = Diary(), leaf(1.0, 2.0), Tensor(np.ones(2))
    with observing(diary):
        grad((x * w).sum(), x)
    assert diary.pages == ["Mul (2,)", "Sum ()", "Sum back [(2,)]", "Mul back [(2,), None]"]


def test_ops_that_are_not_recorded_are_not_told():
    diary = Diary()
    with observing(diary), no_grad():
        leaf(1.0) * 2
    assert diary.pages == []


def test_ops_of_a_backward_pass_are_told_if_they_are_recorded():
    diary, x = Diary(), leaf(1.0)
    y = x * x
    with observing(diary):
        grad(y, x, create_graph=True)
    assert diary.pages == ["Mul (1,)", "Mul (1,)", "Mul back [(1,), (1,)]", "Add (1,)"]


def test_layers_are_entered_and_left():
    network = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Tanh()))
    diary = Diary()
    with observing(diary), no_grad():
        network(np.ones((3, 1, 2), "float32"))
    assert diary.pages == [
        "into Sequential [(3, 1, 2)] {}",
        "into Flatten [(3, 1, 2)] {}",
        "out of Flatten (3, 2)",
        "into Sequential [(3, 2)] {}",
        "into Tanh [(3, 2)] {}",
        "out of Tanh (3, 2)",
        "out of Sequential (3, 2)",
        "out of Sequential (3, 2)",
    ]


def test_a_layer_that_fails_is_left_without_a_result():
    network, diary = nn.Sequential(nn.Reshape(3)), Diary()
    with observing(diary), pytest.raises(ShapeError):
        network(np.ones((1, 2), "float32"))
    assert diary.pages[-2:] == ["out of Reshape None", "out of Sequential None"]


def test_an_error_of_an_observed_layer_names_the_layer():
    network = nn.Sequential(nn.ReLU(), nn.Linear(3, 1, rng=np.random.default_rng(0)))
    with observing(Observer()), pytest.raises(ShapeError, match="linear: x has 2 features") as caught:
        network(np.ones((1, 2), "float32"))
    assert "layer 1" in str(caught.value)


def test_observers_are_told_one_after_the_other_and_left_from_the_inside_out():
    pages = []
    with observing(Diary(pages, "1 ")), observing(Diary(pages, "2 ")):
        nn.Tanh()(leaf(1.0))
    assert pages == [
        "1 into Tanh [(1,)] {}",
        "2 into Tanh [(1,)] {}",
        "1 Tanh (1,)",
        "2 Tanh (1,)",
        "2 out of Tanh (1,)",
        "1 out of Tanh (1,)",
    ]


def test_observing_ends_with_its_block():
    diary, x = Diary(), leaf(1.0)
    with observing(diary):
        pass
    with pytest.raises(ShapeError), observing(diary):
        Faulty(lambda gy: ())(x).backward()
    told = list(diary.pages)
    nn.Tanh()(x * x).backward()
    assert diary.pages == told == ["Faulty (1,)"]


def test_observers_look_on_at_their_own_thread_alone():
    diary = Diary()
    thread = threading.Thread(target=lambda: nn.Tanh()(leaf(1.0)))
    with observing(diary):
        thread.start()
        thread.join()
    assert diary.pages == []


def test_an_error_of_an_observer_ends_what_is_observed():
    class Alarm(Observer):
        def after_forward(self, op, array):
            raise FloatingPointError(op.name)

    with pytest.raises(FloatingPointError, match="Tanh"), observing(Alarm()):
        nn.Tanh()(leaf(1.0))
    assert nn.Tanh()(leaf(0.0)).item() == 0


def test_numbers_are_the_same_with_an_observer():
    network = nn.Sequential(nn.Linear(3, 4, rng=np.random.default_rng(0)), nn.LeakyReLU(), nn.BatchNorm(4), nn.Tanh())
    x = np.random.default_rng(1).standard_normal((5, 3)).astype("float32")
    alone = grad(network(x).sum(), network.parameters())
    with observing(Observer()):
        observed = grad(network(x).sum(), network.parameters())
    assert [g.numpy().tobytes() for g in alone] == [g.numpy().tobytes() for g in observed]
