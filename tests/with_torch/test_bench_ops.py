"""Rows of `bench ops`: one process after the other computes them, and both sides compute the same."""

import pytest

from bench.competitors.kernels import error
from bench.cpu.ops import CALLS, MOST_FORMS, TOLERANCE, Ours, Theirs, drawn, forms
from bench.cpu.updates import UPDATES

ROWS = [
    "topk 64 of 256",
    "layer_norm, 128×64",
    "instance_norm, 8×7×7×64",
    "Adam, dcgan",
    "clip_grad_norm, 200 arrays of 64",
]


def test_one_process_computes_one_row_after_the_other():
    ours, theirs = Ours(), Theirs(threads=1)
    for name in ROWS:
        expected = ours.start(name)
        for form in forms(name):
            found = theirs.start(name, form)
            assert len(found) == len(expected)
            assert max(error(*pair) for pair in zip(expected, found, strict=True)) <= TOLERANCE, f"{name}, {form}"
            theirs.run()
        ours.run()


@pytest.mark.parametrize("name", [name for name in CALLS if "topk" in name])
def test_numbers_of_topk_differ(name):
    (x,) = drawn(name)
    assert len(set(x.ravel().tolist())) == x.size


def test_no_row_has_more_forms_than_there_are_processes():
    assert max(len(forms(name)) for name in (*CALLS, *UPDATES)) == MOST_FORMS
