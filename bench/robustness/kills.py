"""Processes that are killed at random moments, and checkpoints that are damaged.

Runs take a few small steps and then go on. At the end, their files are compared, byte by byte, with those of an
undisturbed run.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rawgan.config.noise import TrainConfig
from rawgan.storage import RunFolder
from rawgan.training import Extension, Run, Trainer
from rawgan.training.extensions import usual_extensions

Attach = Callable[[TrainConfig], Sequence[Extension]]
"""A function that makes the extensions of a run."""


def small_run(folder: Path, steps: int = 20) -> TrainConfig:
    """Configuration of a run of a second that mostly writes: a checkpoint and a picture after each step."""
    images = folder / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return TrainConfig.of(
        data=str(images), model="dcgan", image_size=8, channels=1, steps=steps, width=2, noise_size=4, batch_size=4,
        samples=4, sample_every=1, checkpoint_every=1, backend="reference",
    )  # fmt: skip


def go_on(config: TrainConfig, path: Path, attach: Attach = usual_extensions) -> RunFolder:
    """Begin a run, or continue it from its newest whole checkpoint, to the end."""
    folder = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    checkpoint, _ = folder.newest_checkpoint()
    Run(Trainer(config, checkpoint=checkpoint), folder, attach(config)).go()
    return folder


def bits(folder: RunFolder) -> dict[str, bytes]:
    """Files that a run leaves. Of its checkpoints only the last one: the others depend on where it stopped."""
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in folder.path.rglob("*")
        if path.is_file()
        and path.name != ".lock"
        and path.suffix != ".damaged"
        and path not in folder.checkpoints()[:-1]
    }


def kills(
    config: TrainConfig, folder: Path, count: int, seed: int = 0, attach: Attach = usual_extensions
) -> Counter[str]:
    """Kill (-9) `count` training processes at random moments; each continues the run of the last one killed.

    Returns the numbers of processes "killed", of "runs" that came to their end, and of those "lost", with other bits.
    Each process is a fork, so that it starts at once: call this without other threads.
    """
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    expected = bits(go_on(config, folder / "whole", attach))
    seconds = time.perf_counter() - started
    found, path = Counter(killed=0, runs=0, lost=0), folder / "run-0"
    while found["killed"] < count:
        moment = rng.uniform(0, seconds)
        child = os.fork()
        if not child:
            _train_and_leave(config, path, attach)
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            found["killed"] += 1
        elif os.waitstatus_to_exitcode(status):
            found["stuck"] += 1
            return found
        else:
            found["runs"] += 1
            found["lost"] += bits(RunFolder(path)) != expected
            path = folder / f"run-{found['runs']}"
    found["runs"] += 1
    found["lost"] += bits(go_on(config, path, attach)) != expected
    return found


def _train_and_leave(config: TrainConfig, path: Path, attach: Attach) -> None:
    try:
        go_on(config, path, attach)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(1)
    os._exit(0)


def damages(
    config: TrainConfig, folder: Path, count: int, seed: int = 0, attach: Attach = usual_extensions
) -> Counter[str]:
    """Cut off the newest checkpoint, or flip one of its bits, at random places; the run continues from the one before.

    Returns the numbers of checkpoints "damaged" and "unseen" (the damage was not noticed), and "lost": 1 if the run
    ends with other bits.
    """
    rng = np.random.default_rng(seed)
    run = go_on(config, folder / "run", attach)
    expected, found = bits(run), Counter(damaged=0, unseen=0, lost=0)
    path = run.checkpoints()[-1]
    whole = path.read_bytes()
    for _ in range(count):
        place = int(rng.integers(len(whole)))
        flipped = bytes([whole[place] ^ 1 << int(rng.integers(8))])
        path.write_bytes(whole[:place] if rng.random() < 0.5 else whole[:place] + flipped + whole[place + 1 :])
        checkpoint, faults = run.newest_checkpoint()
        assert checkpoint is not None
        found["damaged"] += 1
        found["unseen"] += not faults or checkpoint.about.step == config.optimiser.steps
    found["lost"] += bits(go_on(config, run.path, attach)) != expected
    return found
