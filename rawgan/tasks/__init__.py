"""Tasks that can be trained: images out of noise, out of paired images, out of unpaired ones.

A task is one file with one class: what is trained, with which data, and how one step is taken. The class names the
configurations that ask for it.
"""

from rawgan.tasks.cycle import CycleTask
from rawgan.tasks.noise import NoiseTask
from rawgan.tasks.pairs import PairsTask
from rawgan.tasks.task import Task, task_class, task_of

__all__ = ["CycleTask", "NoiseTask", "PairsTask", "Task", "task_class", "task_of"]
