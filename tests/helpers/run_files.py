"""Options of a run of seconds, an untrained run, and the files of a run, to compare with those of another."""

from rawgan.config.noise import TrainConfig
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.tasks.noise import build_gan
from rawgan.training.state import arrays_of

TINY = ["--width", "2", "--noise-size", "4", "--batch-size", "4", "--samples", "4", "--image-size", "8"]
"""Options of `rawgan train` for a run of seconds."""


def files(folder):
    """All files of a run, as bytes by name. Of its checkpoints only the last: the others depend on where it stopped."""
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in folder.path.rglob("*")
        if path.is_file() and path.name != ".lock" and path not in folder.checkpoints()[:-1]
    }


def untrained_run(path, **options):
    """A run of a tiny network that is not trained."""
    config = TrainConfig.of(image_size=8, channels=1, width=2, noise_size=4, **options)
    gan = build_gan(config, "cpu")
    folder = RunFolder.create(path, "x")
    folder.write_config(config.to_dict())
    counts = {name: list(optimizer.counts) for name, optimizer in gan.optimizers.items()}
    about = About(0, 1, config.to_dict(), counts, dict.fromkeys(counts, 0.1))
    folder.save_checkpoint(Checkpoint(about, arrays_of(gan)), keep=1)
    return folder
