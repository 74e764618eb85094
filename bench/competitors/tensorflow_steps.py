"""TensorFlow at training steps."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.common.machine import resident_bytes
from bench.competitors.steps import LEARNING_RATE, NETWORKS, Steps, Way, Workload, saved_batches, saved_weights

POLICIES = {"float32": "float32", "bf16": "mixed_bfloat16"}
"""Keras's policies by precision of products."""


class TensorflowSteps(Steps):
    """The same networks in Keras, their step compiled by `tf.function`.

    With oneDNN's kernels, TensorFlow's default on processors with AVX-512 or AMX. Without them it takes twice as long
    on others, too.
    """

    def __init__(self, task: Workload, folder: Path, policy: str) -> None:
        os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
        import keras
        import tensorflow as tf

        from bench.competitors import tensorflow_networks

        keras.mixed_precision.set_global_policy(policy)
        tf.config.threading.set_intra_op_parallelism_threads(task.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        resident = resident_bytes()
        gan = tensorflow_networks.build(
            task.model, task.image_size, task.channels, width=task.width, learning_rate=LEARNING_RATE
        )
        for name in NETWORKS:
            tensorflow_networks.load_rawgan(getattr(gan, name), saved_weights(folder, name))
        self.compiled = tensorflow_networks.make_step(gan)
        reals, noise = saved_batches(folder)
        batches = [(tf.constant(real), tf.constant(z)) for real, z in zip(reals, noise, strict=True)]
        super().__init__(batches, resident)

    def step(self, real: Any, z: Any) -> Any:
        """Take the training step of `tensorflow_networks`."""
        metrics = self.compiled(real, z)
        return metrics._make(value.numpy() for value in metrics)


def tensorflow_ways(precision: str) -> list[Way]:
    """TensorFlow's ways at a precision of products: none if it is not installed, or has no such products on a CPU."""
    if find_spec("tensorflow") is None or precision not in POLICIES:
        return []
    return [Way("TensorFlow", "TensorFlow", precision, TensorflowSteps, (POLICIES[precision],))]
