"""Extensions of a training run, one file each, and the set of them that every run has."""

from rawgan.config.run import RunConfig
from rawgan.training.extensions.checkpoints import Checkpoints
from rawgan.training.extensions.curves import Curves
from rawgan.training.extensions.doctor import Doctor
from rawgan.training.extensions.evaluation import BestCheckpoint, Evaluation
from rawgan.training.extensions.held_out import HeldOutImages
from rawgan.training.extensions.metrics import Metrics
from rawgan.training.extensions.samples import Samples
from rawgan.training.run import Extension
from rawgan.training.triggers import AtEnd, Every


def usual_extensions(config: RunConfig) -> list[Extension]:
    """The extensions of every run, in the order in which they act.

    Pictures, alarms and plots of a step are written before its checkpoint.
    """
    picture = Every(config.output.sample_every, with_last=True)
    save = Every(config.output.checkpoint_every) | Every(config.measuring.every) | AtEnd()
    return [
        Metrics(),
        HeldOutImages(config.output.sample_every),
        Evaluation(config.measuring.every),
        Samples(config.output.sample_every, reach=config.output.keep * config.output.checkpoint_every),
        Doctor(picture),
        Curves(picture),
        Checkpoints(save, config.output.keep),
        BestCheckpoint(config.measuring.every),
    ]
