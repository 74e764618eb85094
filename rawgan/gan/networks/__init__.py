"""Models of `rawgan train`, one a file: a generator that makes data from noise, and a discriminator.

To add a model, add a file that defines a :class:`~rawgan.gan.networks.model.Model`.
"""

from rawgan.gan.networks.model import Model, Networks
from rawgan.gan.networks.sizes import split_size
from rawgan.gan.specs import DataSpec
from rawgan.registry import Registry, collect

MODELS: Registry[Model] = collect(__name__, __path__, Model, "model")
"""Models by name."""


def models_for(spec: DataSpec | type[DataSpec]) -> list[str]:
    """Names of the models that make such data.

    >>> from rawgan.gan.specs import PointSpec
    >>> models_for(PointSpec)
    ['mlp']
    """
    return [name for name, model in MODELS.items() if model.spec.name == spec.name]


__all__ = ["MODELS", "Model", "Networks", "models_for", "split_size"]
