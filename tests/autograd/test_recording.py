"""Recording of graphs, and when there is none."""

import threading

import pytest
from graphs import Faulty, leaf

from rawgan import Tensor, grad, no_grad
from rawgan.autograd import is_recording
from rawgan.errors import ShapeError


def test_no_grad_records_nothing_and_ends_with_its_block():
    x = leaf(2.0)
    with no_grad():
        y = x * x
        with pytest.raises(ZeroDivisionError), no_grad():
            raise ZeroDivisionError
        assert not is_recording()
    assert is_recording()
    assert y.op is None
    assert not y.requires_grad
    assert (x * x).requires_grad


def test_an_error_in_no_grad_switches_recording_on_again():
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert is_recording()


def test_a_walk_that_fails_puts_recording_back():
    recorded = Faulty(lambda gy: ())(leaf(1.0))
    for create_graph in (False, True):
        with no_grad(), pytest.raises(ShapeError):
            recorded.backward(create_graph=create_graph)
        assert is_recording()


def test_gradients_can_be_taken_inside_no_grad():
    x = leaf(3.0)
    y = x * x
    with no_grad():
        (g,) = grad(y, x, create_graph=True)  # create_graph decides, not the block around
        assert g.requires_grad
        assert not is_recording()


def test_no_grad_holds_in_its_own_thread_alone():
    inside, outside, seen = threading.Event(), threading.Event(), []

    def other():
        inside.wait(5)
        seen.append((leaf(2.0) * 2).requires_grad)
        outside.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.set()
        assert outside.wait(5)
        assert not (leaf(2.0) * 2).requires_grad
    thread.join()
    assert seen == [True]


def test_detach_shares_the_array_and_stops_the_gradient():
    x = leaf(2.0)
    y = x * x
    stopped = y.detach()
    assert stopped.data is y.data
    assert not stopped.requires_grad
    (g,) = grad(stopped * x, x)
    assert g.item() == 4


def test_ops_on_tensors_without_gradients_are_not_recorded():
    y = Tensor([1.0]) * Tensor([2.0])
    assert (y.op, y.requires_grad) == (None, False)
