"""Faults for runs to survive: processes that are killed, disks that fill up, files that are damaged.

Each is done to a run of a few small steps, which then goes on; at the end its files are compared, byte by byte, with
those of a run that nothing happened to.
"""

import builtins
import io
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from rawgan.errors import RawganError
from rawgan.runs import RunFolder
from rawgan.runs.background import Background
from rawgan.runs.config import TrainConfig
from rawgan.runs.training import Training

ENOSPC = 28


def small_run(folder: Path, steps: int = 20) -> TrainConfig:
    """A run of a second, most of which it spends writing: a checkpoint and a picture after each step."""
    images = folder / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return TrainConfig(
        data=str(images), image_size=8, channels=1, steps=steps, width=2, noise_size=4, batch_size=4, samples=4,
        sample_every=1, checkpoint_every=1, backend="reference",
    )  # fmt: skip


def go_on(config: TrainConfig, path: Path, on_trouble: Callable[[str], None] = lambda what: None) -> RunFolder:
    """Begin a run, or go on with it from its newest checkpoint that is whole, to the end."""
    folder = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    checkpoint, _ = folder.newest_checkpoint()
    Training(config, checkpoint=checkpoint).run(folder, on_trouble=on_trouble)
    return folder


def bits(folder: RunFolder) -> dict[str, bytes]:
    """All that a run leaves. Of the checkpoints the last one: which others are kept depends on where it stopped."""
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in folder.path.rglob("*")
        if path.is_file()
        and path.name != ".lock"
        and path.suffix != ".damaged"
        and path not in folder.checkpoints()[:-1]
    }


def kills(config: TrainConfig, folder: Path, count: int, seed: int = 0) -> Counter[str]:
    """Kill processes (-9) that train, `count` times; each goes on where the last one was killed.

    By turns at a random moment, and in the middle of a file, after a random number of bytes. Returns how many were
    "killed", "runs" that came to their end, those "lost", which had other bits, and what was being written when one
    was killed. Each process is a fork, so it starts at once: call this where there are no other threads.
    """
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    with disk_of(1 << 60) as written:
        expected = bits(go_on(config, folder / "whole"))
    seconds = time.perf_counter() - started
    found, path = Counter(killed=0, runs=0, lost=0), folder / "run-0"
    while found["killed"] < count:
        moment, room = rng.uniform(0, seconds), int(rng.integers(written[0]))
        child = os.fork()
        if not child:
            _train_and_leave(config, path, room if found["killed"] % 2 else 1 << 60)
        if found["killed"] % 2 == 0:
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            found["killed"] += 1
            found.update(f"while writing {name}" for name in _half_written(path))
        elif os.waitstatus_to_exitcode(status):
            found["failed to go on"] += 1
            return found
        else:
            found["runs"] += 1
            found["lost"] += bits(RunFolder(path)) != expected
            path = folder / f"run-{found['runs']}"
    found["runs"] += 1
    found["lost"] += bits(go_on(config, path)) != expected
    return found


def _train_and_leave(config: TrainConfig, path: Path, room: int) -> None:
    try:
        with disk_of(room, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            go_on(config, path)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(1)
    os._exit(0)


def _half_written(path: Path) -> Iterator[str]:
    """What a killed process left unfinished."""
    for half in path.rglob(".*.tmp"):
        yield re.sub(r"-\d+", "", half.name.removeprefix(".").rsplit(".", 2)[0])
    metrics = path / "metrics.jsonl"
    if metrics.exists() and not metrics.read_bytes().endswith(b"\n"):
        yield "metrics"


def full_disks(config: TrainConfig, folder: Path, count: int, seed: int = 0) -> Counter[str]:
    """Let the disk be full after so many bytes, at `count` points of a run; then make room, and go on.

    Returns how often it was "full", how often the error "named" the run and said so, and "lost": runs of other bits.
    """
    with every_plot(), disk_of(1 << 60) as written:
        expected = bits(go_on(config, folder / "whole"))
    found = Counter(full=0, lost=0)
    for point in range(count):
        path, told = folder / f"run-{point}", list[str]()
        try:
            with every_plot(), disk_of(written[0] * point // count):
                go_on(config, path, told.append)  # of pictures it is told, and no more
        except RawganError as error:
            told.append(str(error))
        found["full"] += bool(told)
        found["named"] += any("No space left on device" in what and str(path) in what for what in told)
        found["lost"] += bits(go_on(config, path)) != expected
    return found


def every_plot() -> AbstractContextManager[object]:
    """Inside, no plot is left out because a newer one is due: a run then writes as many bytes each time."""
    return patch.object(Background, "draw_latest", Background.draw)


def _no_space() -> None:
    raise OSError(ENOSPC, os.strerror(ENOSPC))


@contextmanager
def disk_of(room: int, when_full: Callable[[], None] = _no_space) -> Iterator[list[int]]:
    """Inside, files take `room` bytes in all, and then there is no space left. Gives how many were written, [n]."""
    written = [0]

    class Limited:
        """A file that is written to."""

        def __init__(self, file: Any, mode: str) -> None:
            self._file, self._mode = file, mode

        def write(self, data: Any) -> int:
            size = len(data.encode() if isinstance(data, str) else data)
            fits = min(size, room - written[0])
            written[0] += fits
            if fits < size:
                self._file.write(data[:fits])
                self._file.flush()
                when_full()
            return self._file.write(data)

        def fileno(self) -> int:
            if self._mode == "w+b":  # Pillow would write past us
                raise io.UnsupportedOperation
            return self._file.fileno()

        def __enter__(self) -> "Limited":
            return self

        def __exit__(self, *error: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    plain = io.open

    def opening(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        opened = plain(file, mode, *arguments, **options)
        return Limited(opened, mode) if set(mode) & set("wax+") else opened

    io.open = builtins.open = opening
    try:
        yield written
    finally:
        io.open = builtins.open = plain


def damages(config: TrainConfig, folder: Path, count: int, seed: int = 0) -> Counter[str]:
    """Cut off or flip the newest checkpoint at random places; the run goes on from the one before.

    Returns how many were "damaged", "unseen", and "lost": 1 if the run ends with other bits.
    """
    rng = np.random.default_rng(seed)
    run = go_on(config, folder / "run")
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
        found["unseen"] += not faults or checkpoint.about.step == config.steps
    found["lost"] += bits(go_on(config, run.path)) != expected
    return found
