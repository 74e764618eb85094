"""Run folders, checkpoints and JSON lines, written so that a crash leaves the old file or the new one."""

from rawgan.storage.run_folder import RunFolder

__all__ = ["RunFolder"]
