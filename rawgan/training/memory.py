"""Memory of a training step: estimated before the first one, explained when there is too little."""

import math

from rawgan import device
from rawgan.data.memory_limits import machine_bytes
from rawgan.errors import DeviceError
from rawgan.gan import human_bytes
from rawgan.tasks.task import Task

BYTES_OF_CHANNEL = 96
"""Upper bound of the bytes that one channel takes at one pixel in a step: four floats in each of six passes."""


def check_memory(task: Task) -> None:
    """Raise a DeviceError if a step takes more memory than the machine has: the system might end the process instead.

    The exact estimate takes time. It is made only if an upper bound does not fit: every channel at every pixel.
    """
    channels = sum(p.shape[-1] for network in task.gan.networks.values() for p in network.parameters())
    pixels = math.prod(task.config.spec.shape[:-1])
    at_most = BYTES_OF_CHANNEL * channels * pixels * task.config.data.batch_size
    if task.device == "cpu" and at_most > machine_bytes() and sum(task.memory().values()) > machine_bytes():
        raise DeviceError(out_of_memory(task))


def out_of_memory(task: Task) -> str:
    """An error message: memory that a step takes, memory that is free, options that lower it."""
    free = device.free_bytes(task.device)
    return (
        f"out of memory on {task.device}\n  a step takes about {memory_in_words(task)}, and scratch space on top"
        + (f"; besides what is held already, {human_bytes(free)} are free" if free is not None else "")
        + f"\n  try a smaller --batch-size than {task.config.data.batch_size}, --width or --image-size"
    )


def memory_in_words(task: Task) -> str:
    """Memory that a step takes, in all and by what holds it."""
    parts = task.memory()
    each = ", ".join(f"{name} {human_bytes(size)}" for name, size in parts.items())
    return f"{human_bytes(sum(parts.values()))} ({each})"
