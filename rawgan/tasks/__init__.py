"""Tasks that can be trained: images out of noise, out of paired images, out of unpaired ones.

A task is one file with one class: what is trained, with which data, and how one step is taken. The class names the
configurations that ask for it.
"""

from rawgan.tasks.cycle import CycleTask
from rawgan.tasks.enhance import EnhanceTask
from rawgan.tasks.noise import NoiseTask
from rawgan.tasks.pix2pix import Pix2pixTask
from rawgan.tasks.task import Task, task_class, task_of

__all__ = ["CycleTask", "EnhanceTask", "NoiseTask", "Pix2pixTask", "Task", "task_class", "task_of"]
