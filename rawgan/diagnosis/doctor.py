"""The doctor: examines a training for every symptom."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from rawgan.diagnosis import symptom
from rawgan.diagnosis.held_out import LogitsOfD
from rawgan.diagnosis.probe import Probe, ends_in_tanh, probe
from rawgan.diagnosis.symptom import Examination, Symptom
from rawgan.diagnosis.symptoms import SYMPTOMS
from rawgan.diagnosis.symptoms.data_out_of_range import data_out_of_range
from rawgan.gan import GANState, LossConfig
from rawgan.tensor import Tensor

Remedies = Mapping[str, str | None]
"""Remedies by the name of the symptom; None: it is no symptom of such a training."""
USUAL: Remedies = MappingProxyType({})
"""The remedies that symptoms name themselves."""


def examine(
    gan: GANState,
    real: Tensor,
    latent: Tensor,
    loss_config: LossConfig,
    records: Sequence[Mapping[str, Any]],
    given: Any = None,
    remedies: Remedies = USUAL,
    logits: LogitsOfD | None = None,
) -> list[Symptom]:
    """Every figure of every symptom that can be told by now, healthy ones included. Nothing of the GAN changes.

    `records` are the lines of metrics so far; the last one tells the step. `logits` are D's where images are held out.

    Shapes: real (N, …); latent (G's input) and given (D's condition) as `probe` takes them

    >>> import numpy as np
    >>> from rawgan.gan import ImageSpec, build
    >>> gan = build("dcgan", ImageSpec(8), width=4)
    >>> bright = Tensor(np.linspace(0, 1, 4 * 64, dtype="float32").reshape(4, 8, 8, 1))
    >>> print(*[each for each in examine(gan, bright, gan.noise(0, "z", 4), LossConfig(), []) if each.alarm])
    data out of range: data: smallest number 0, healthy at most -0.1
      scale it to [−1, 1]: x / 127.5 − 1 for bytes, 2 · x − 1 for what is in [0, 1]
    """
    if not is_warm(records):
        return data_out_of_range(real.numpy(), ends_in_tanh(gan))
    return diagnose(probe(gan, real, latent, loss_config, given), loss_config, records, remedies, logits)


def is_warm(records: Sequence[Mapping[str, Any]]) -> bool:
    """True after enough steps to examine more than the data."""
    return bool(records) and records[-1].get("step", 0) >= symptom.WARM_UP


def too_early(records: Sequence[Mapping[str, Any]]) -> str | None:
    """A sentence that says from which step on more is examined; None after that.

    >>> too_early([{"step": 400}])
    """
    return None if is_warm(records) else f"other symptoms are examined from step {symptom.WARM_UP} on"


def diagnose(
    seen: Probe,
    loss_config: LossConfig,
    records: Sequence[Mapping[str, Any]],
    remedies: Remedies = USUAL,
    logits: LogitsOfD | None = None,
) -> list[Symptom]:
    """The symptoms in what a probe has seen; those that can be told early come first."""
    examination, warm = Examination(seen, loss_config, records, logits), is_warm(records)
    checks = sorted(SYMPTOMS.values(), key=lambda check: not check.early)
    found = [each for check in checks if warm or check.early for each in check.find(examination)]
    told = ((each, remedies.get(each.name, each.remedy)) for each in found)
    return [replace(each, remedy=remedy) for each, remedy in told if remedy is not None]
