"""metrics.jsonl: a line of figures for every step."""

from collections.abc import Mapping
from typing import Any

from rawgan.training.run import Extension, Run


class Metrics(Extension):
    """Append the figures of each step to metrics.jsonl."""

    def start(self, run: Run) -> None:
        """Read the lines of earlier steps, and tell if some are lost."""
        self.went_back(run)
        if lost := run.reached - len({line.get("step") for line in run.lines}):
            run.tell(f"{run.folder.metrics_file} lacks {lost:,} of {run.reached:,} steps; they are not taken again")

    def step(self, run: Run, record: Mapping[str, Any]) -> None:
        """Append a line. It is handed to the system at once: a crash of the process loses none."""
        run.folder.append_metrics(record)

    def went_back(self, run: Run) -> None:
        """Read the lines that are left."""
        run.lines = run.folder.read_metrics()
