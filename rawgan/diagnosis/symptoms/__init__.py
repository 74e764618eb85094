"""Symptoms, one a file. Thresholds were chosen from healthy runs: dcgan at full width and narrow, tutorial and residual
narrow, with cross-entropy, the hinge, pairs and r1. Beside each stands the range of those runs from step 400 on.
Translators with their default options keep to it, too.

To add a symptom, add a file that defines a :class:`~rawgan.diagnosis.symptom.SymptomCheck`.
"""

from rawgan.diagnosis.symptom import SymptomCheck
from rawgan.registry import Registry, collect

SYMPTOMS: Registry[SymptomCheck] = collect(__name__, __path__, SymptomCheck, "symptom")
"""Checks by the name of their symptom."""
