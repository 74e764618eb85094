"""The choice of a feature extractor: by name, by file or, if neither is given, by the data."""

from pathlib import Path

from rawgan.errors import ConfigError
from rawgan.files import expanded
from rawgan.metrics.extractors.extractor import NamedFeatures
from rawgan.metrics.extractors.inception import RECIPE
from rawgan.metrics.extractors.random_network import RANDOM
from rawgan.metrics.extractors.self_supervised import SELF
from rawgan.metrics.extractors.stacked_digits import StackedDigits
from rawgan.metrics.extractors.stored_classifier import DIGITS

INCEPTION = "inception"
"""Name of features whose weights are a file that the user makes."""
NAMED: dict[str, NamedFeatures] = {each.name: each for each in (RANDOM, SELF)}
"""Features that need no file, by name."""
NAMES = (*NAMED, INCEPTION)
"""Words that are not the path of a file; ./self is one."""


def choose(data: str, features: str | None = None) -> str | Path:
    """The feature extractor that `--features` stands for with a data set: a name of `NAMED`, or a file.

    None stands for the classifier of digits with MNIST and stacked digits, otherwise for features that are learned from
    the images.

    Raises: ConfigError for "inception", with the recipe for its file; ArgumentError if there is no home folder for ~

    >>> choose("photos"), choose("mnist").name, choose("mnist", "random"), choose("photos", "./self").name
    ('self', 'digits.safetensors', 'random', 'self')
    """
    if features is None:
        return DIGITS if data in ("mnist", StackedDigits.data) else SELF.name
    if features == INCEPTION:
        raise ConfigError(
            "features inception: rawgan comes without the weights of Inception v3\n"
            f"  make their file where PyTorch is:\n{RECIPE}\n"
            "  then: rawgan evaluate RUN --features FILE, or rawgan train --evaluate-every 500 --evaluate-features FILE"
        )
    return features if features in NAMED else expanded(features)
