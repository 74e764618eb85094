"""Diagnosis of a training: layers, symptoms, non-finite numbers."""
