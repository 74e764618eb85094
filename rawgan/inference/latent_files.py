"""Files of latent vectors, such as those of projected pictures: one vector each, in safetensors."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.errors import ArgumentError, ConfigError, RawganError, shown
from rawgan.files import open_file
from rawgan.gan import Labels
from rawgan.inference.latents import LatentSpace
from rawgan.storage.atomic import write_file
from rawgan.storage.lookup import errors_naming
from rawgan.training.start import digest_of_weights

HEADING, ARRAY = "rawgan-latent", "latent"
MOST_BYTES = 1 << 24
"""Most bytes of a file; a vector has at most 65,536 numbers."""


@dataclass(frozen=True)
class Latent:
    """A latent vector, and the generator that makes an image of it."""

    vector: NDArray[Any]
    """Shape (size,)"""
    label: int | None
    """Class of the image, if the generator needs to be told."""
    space: str
    """`noise` or `mapped`."""
    weights: str
    """Digest of the generator's weights."""


def latent_of(space: LatentSpace, vector: NDArray[Any], label: int | None) -> Latent:
    """The latent of a vector in the space of a generator."""
    weights = digest_of_weights(space.gan.sampler.state_dict())
    return Latent(vector.astype(np.float32), label if space.takes_labels else None, space.name, weights)


def write_latent(path: Path, latent: Latent) -> Path:
    """Write a file of a latent, and return its path.

    Raises: FileError when it cannot be written
    """
    from safetensors.numpy import save

    about = {"space": latent.space, "label": latent.label, "weights": latent.weights}
    return write_file(path, save({ARRAY: np.ascontiguousarray(latent.vector)}, {HEADING: json.dumps(about)}))


def read_latent(path: Path, space: LatentSpace) -> Latent:
    """Read a latent for a generator.

    Raises: FileError when it cannot be read; ConfigError for a file that holds none; ArgumentError for a latent of
        another space, size or class

    >>> from tempfile import TemporaryDirectory
    >>> from rawgan.gan import ImageSpec, build
    >>> space = LatentSpace.of(build("dcgan", ImageSpec(8), width=2, noise_size=3))
    >>> with TemporaryDirectory() as folder:
    ...     path = write_latent(Path(folder) / "a.safetensors", latent_of(space, np.ones(3, np.float32), None))
    ...     read_latent(path, space).vector
    array([1., 1., 1.], dtype=float32)
    """
    with errors_naming(path, "read"), open_file(path) as file:
        data = file.read(MOST_BYTES + 1)
    latent = _latent(path, data)
    if (latent.space, latent.vector.shape) != (space.name, (space.size,)):
        raise ArgumentError(
            f"{path}: {latent.vector.size} numbers of {_kind(latent.space)}, but this run's images are made of "
            f"{space.size} numbers of {_kind(space.name)}\n"
            "  project the picture into this run: rawgan project RUN IMAGE"
        )
    classes = space.gan.classes if space.takes_labels else 0
    if (latent.label is None) != (not classes) or (latent.label is not None and latent.label >= classes):
        known = f"classes 0 … {classes - 1}" if classes else "none"
        raise ArgumentError(
            f"{path}: its class is {latent.label}, but this run has {known}\n"
            "  project the picture into this run: rawgan project RUN IMAGE"
        )
    return latent


def labels_of_latents(latents: "list[Latent]") -> Labels | None:
    """Classes of latents; None where they have none. Shapes: → (N,)"""
    labels = [latent.label for latent in latents if latent.label is not None]
    return np.array(labels) if labels else None


def _kind(space: str) -> str:
    return {"mapped": "a mapped vector"}.get(space, space)


def _latent(path: Path, data: bytes) -> Latent:
    """The latent in the content of a file. Raises: ConfigError for any other content"""
    from safetensors import SafetensorError, deserialize
    from safetensors.numpy import load

    try:
        if len(data) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        deserialize(data)
        heading = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(heading["__metadata__"][HEADING])
        vector = load(data)[ARRAY]
        match about:
            case {"space": "noise" | "mapped" as space, "label": int() | None as label, "weights": str(weights)}:
                if vector.dtype != np.float32 or vector.ndim != 1 or not np.isfinite(vector).all() or not len(vector):
                    raise ValueError("its numbers make no sense")
                if isinstance(label, bool) or (label is not None and label < 0):
                    raise ValueError("its class makes no sense")
                return Latent(vector, label, space, weights)
        raise ValueError("its heading makes no sense")
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        why = str(error) if isinstance(error, RawganError) else shown(error, 80)
        raise ConfigError(
            f"{path} holds no latent vector ({why})\n  rawgan project makes one of a picture of yours"
        ) from error
