"""TensorFlow's ways to take training steps in `bench step`, beside rawgan's."""

import pytest

from bench.common.workers import Worker
from bench.competitors.steps import Workload, agreement_at, largest_difference, rawgan_ways, write_input
from bench.competitors.tensorflow_steps import tensorflow_ways


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_both_train_alike(model, precision, tmp_path):
    task = Workload(model, 16, 1, batch_size=32, threads=1, width=8)
    write_input(task, tmp_path, ())
    reports = {}
    for way in (*rawgan_ways("float32"), *tensorflow_ways(precision)):
        with Worker(way.label, way.make, task, tmp_path, *way.options) as worker:  # a policy is that of a process
            reports[way.label] = worker.ask("check")
    assert len(reports) == 2
    assert largest_difference(reports, agreement_at(precision)) <= agreement_at(precision)
