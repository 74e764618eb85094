"""Classifiers in files, and the one that comes with rawgan.

`digits.safetensors` was made from MNIST by `rawgan train-classifier`. MNIST is under CC BY-SA 3.0, and so are these
weights.
"""

import hashlib
from pathlib import Path

from rawgan.data.memory_limits import read_whole
from rawgan.errors import ConfigError, DataError
from rawgan.files import open_file
from rawgan.metrics.extractors.classifier import Classifier

DIGITS = Path(__file__).parents[1] / "digits.safetensors"
DIGITS_SHA256 = "940e421d3e85500dce4f47bf8679779f128603666a5aecf3be6dd18a129bdda4"


def load(path: Path | None = None) -> Classifier:
    """The classifier in a file; None: the classifier of digits that comes with rawgan.

    Raises: ConfigError for a file that cannot be read or holds no classifier, or a damaged installation

    >>> digits = load()
    >>> digits.spec.size, digits.classes, digits.data
    (28, 10, 'mnist')
    """
    file = path or DIGITS
    try:
        with open_file(file) as opened:
            data = read_whole(opened, str(file))
    except (OSError, DataError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        raise ConfigError(f"{file} could not be read: {why}") from error
    if path is None and (came := hashlib.sha256(data).hexdigest()) != DIGITS_SHA256:
        raise ConfigError(
            f"{file}: expected a file of SHA-256 {DIGITS_SHA256}, came {came}\n"
            "  rawgan's installation is damaged: pip install --force-reinstall --no-deps . in its folder"
        )
    made = Classifier.from_bytes(data, str(file))
    if path is None:
        made.title = "the classifier of digits"
    return made
