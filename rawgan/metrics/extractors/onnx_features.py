"""Features by a network in an ONNX file."""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import limited_extra_memory, machine_bytes, refuse_too_large
from rawgan.data.pixels import resized, to_unit
from rawgan.errors import ConfigError, one_line, shown
from rawgan.files import open_file
from rawgan.metrics.extractors.classifier import AT_ONCE
from rawgan.metrics.extractors.extractor import WithoutClasses

FIRST_SECONDS = 30.0
"""Longest time for the first images."""


class OnnxFeatures(WithoutClasses):
    """Features by any network in an ONNX file: its first output, flattened. It knows no classes.

    Its input is float32 in [−1, 1], (N, C, H, W) or (N, H, W, C). Images are resized, and made grey or colour, to fit
    the shape of its input. If N is fixed there, it gets batches of N.

    Raises: ConfigError if onnxruntime is missing, the file holds no such network, the first images take more than
        FIRST_SECONDS, or later ones more than 10 times as long as those
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            raise ConfigError(f"{path}: an ONNX file is run by onnxruntime: pip install onnxruntime") from None
        try:
            open_file(path).close()
        except OSError as error:
            raise ConfigError(f"{path} could not be read: {error.strerror or error}") from None
        with suppress(AttributeError):  # an older one; what is wrong, it raises, besides printing names of the file
            onnxruntime.set_default_logger_severity(4)
        self.path, self.title, self._options = path, str(path), getattr(onnxruntime, "RunOptions", None)
        make = partial(onnxruntime.InferenceSession, str(path), providers=["CPUExecutionProvider"])
        self.session = self._done(make, FIRST_SECONDS, "is not a network that onnxruntime can run")
        inputs = [(each.name, list(each.shape)) for each in self.session.get_inputs()]
        if len(inputs) != 1 or len(inputs[0][1]) != 4 or not {1, 3} & {inputs[0][1][1], inputs[0][1][3]}:
            found = "; ".join(f"{one_line(str(name))} is {shown(shape)}" for name, shape in inputs[:4]) or "it has none"
            raise ConfigError(f"{path}: expected one input (N, C, H, W) or (N, H, W, C), C being 1 or 3; {found}")
        self.input, shape = inputs[0]
        self.channels_first = shape[1] in (1, 3)
        self.channels = shape[1] if self.channels_first else shape[3]
        count, side = shape[0], shape[2]
        self.count = count if isinstance(count, int) and count > 0 else None  # a name stands for any number
        self.size = side if isinstance(side, int) and side > 0 else None

    @cached_property
    def sha256(self) -> str:  # type: ignore[override]
        """SHA-256 of the file."""
        with open_file(self.path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Features of images. Shapes: images (N, H, W, C) uint8 → (N, D)"""
        images = resized(images, self.size or images.shape[1], self.channels, "images")
        first = self._of_batch(images[: self.count or 1], FIRST_SECONDS)
        started = time.monotonic()
        self._of_batch(images[: self.count or 1], FIRST_SECONDS)
        each = time.monotonic() - started
        if 2 * first[0].nbytes * len(images) > machine_bytes():
            raise ConfigError(
                f"{self.path}: {len(images):,} times {first.shape[1]:,} features take more memory than there is"
            )
        found = np.empty((len(images), first.shape[1]), np.float32)
        at_once = self.count or AT_ONCE
        for start in range(0, len(images), at_once):
            batch = images[start : start + at_once]
            made = self._of_batch(batch, FIRST_SECONDS + 10 * each * len(batch))
            if made.shape[1] != found.shape[1]:
                raise ConfigError(f"{self.path}: images have {found.shape[1]} features, others {made.shape[1]}")
            found[start : start + at_once] = made
            on_progress(start + len(batch), len(images))
        return found

    def _of_batch(self, images: NDArray[np.uint8], seconds: float) -> NDArray[np.float32]:
        """Features of one batch. Shapes: images (n, H, W, C) → (n, D)"""
        missing = max(0, (self.count or 0) - len(images))
        refuse_too_large(str(self.path), 12 * (len(images) + missing) * images[0].size)  # as floats, in another order
        batch = to_unit(np.concatenate([images, images[:1].repeat(missing, axis=0)]) if missing else images)
        x = np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) if self.channels_first else batch
        options = self._options() if self._options else None
        run = partial(self.session.run, None, {self.input: x}, options)
        output = next(iter(self._done(run, seconds, "could not be run", options)), None)
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu" or output.shape[:1] != (len(batch),):
            what = f"{output.dtype} {output.shape}" if isinstance(output, np.ndarray) else type(output).__name__
            raise ConfigError(f"{self.path}: {len(batch)} images gave an output {what}; expected (N, …) of numbers")
        made = output.reshape(len(batch), -1)[: len(images)].astype(np.float32)
        if not made.size or not np.isfinite(made).all():
            raise ConfigError(
                f"{self.path}: {len(batch)} images gave an output {output.shape} without features, or of "
                "numbers that are not finite"
            )
        return made

    def _done(self, work: Callable[[], Any], seconds: float, words: str, options: Any = None) -> Any:
        """The result of `work`, unless it takes longer than `seconds`, or more memory than there is.

        Raises: ConfigError
        """
        outcome: list[tuple[Any, Exception | None]] = []

        def work_on() -> None:
            try:
                outcome.append((work(), None))
            except Exception as error:  # onnxruntime's own errors derive from nothing narrower
                outcome.append((None, error))

        thread = Thread(target=work_on, daemon=True)
        with limited_extra_memory(machine_bytes()):
            thread.start()
            thread.join(seconds)
        if not outcome:
            if options is not None:
                options.terminate = True
            raise ConfigError(f"{self.path} {words} within {seconds:.0f} seconds; take a faster network")
        made, error = outcome[0]
        if error is not None:
            raise ConfigError(f"{self.path} {words}: {str(error)[:1000]}") from error
        return made
