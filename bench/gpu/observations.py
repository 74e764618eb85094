"""Observations of the sections of `bench gpu_check`, written down as they are made.

Each section works in a process of its own: after a wrong address, a process cannot use the GPU any more, and a process
that hangs must be ended. So the beginning and the result of each observation are written to a file at once, a line of
JSON each. If a process dies, its observations so far are known, and the one that it died of.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.common.experiment import ROOT

GPU_LOST = 3
"""Exit code of a process that cannot use the GPU any more; another process can."""

Observation = dict[str, Any]
"""`what` was observed; a `text` about it; `good`: True, False, or None for a mere figure; a `headline` for the
table, if any; and all figures."""


class Observations:
    """The section's side. `usable` raises if the GPU is lost. Names in `known` were observed by an earlier process."""

    def __init__(self, path: Path, known: Sequence[str] = (), usable: Callable[[], Any] = lambda: None) -> None:
        self._path, self._known, self._usable = path, set(known), usable

    def look(self, what: str, find: Callable[[], Observation]) -> None:
        """Make one observation. A failure is an observation, too, and the next one can be made.

        Raises: SystemExit(GPU_LOST) if no further one can
        """
        if what in self._known:
            return
        self._write({"begun": what})
        try:
            observation = find()
        except Exception as error:
            last = str(error).strip().splitlines() or [""]
            observation = observed(f"{type(error).__name__}: {last[0]}", False, traceback=traceback.format_exc())
        self._write({"what": what, **observation})
        mark = {True: "ok", False: "FAILED", None: "  "}[observation["good"]]
        print(f"  {what}: {observation['text']} {mark}", flush=True)
        if observation["good"] is False and "traceback" in observation:
            print("    " + "\n    ".join(observation["traceback"].strip().splitlines()[-6:]), flush=True)
            try:
                self._usable()
            except Exception:
                raise SystemExit(GPU_LOST) from None

    def _write(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def observed(text: str, good: bool | None = None, headline: str = "", **figures: Any) -> Observation:
    """Make an observation."""
    return {"text": text, "good": good, "headline": headline, **figures}


def collect(command: Callable[[Path, list[str]], list[str]], seconds: float) -> dict[str, Any]:
    """Run a section in processes of its own, within its time. Returns its state and observations.

    `command` makes a command line of the file for observations and the names of those known already. If a process dies
    of one observation, another process is started for the rest.
    """
    started = time.monotonic()
    observations: list[Observation] = []
    with tempfile.TemporaryDirectory(prefix="rawgan-gpu-") as folder:
        path = Path(folder) / "observations.jsonl"
        while True:
            known = [observation["what"] for observation in observations]
            code = _run(command(path, known), seconds - (time.monotonic() - started))
            observations, unfinished = _read(path)
            if unfinished:
                text = "cut off" if code is None else f"its process ended, with exit code {code}"
                with path.open("a", encoding="utf-8") as file:
                    file.write(
                        json.dumps({"what": unfinished, **observed(text, None if code is None else False)}) + "\n"
                    )
                observations, _ = _read(path)
            if code in (0, None) or len(observations) == len(known):
                break
    state = "done" if code == 0 else "cut off" if code is None else "failed"
    report = {"state": state, "seconds": round(time.monotonic() - started, 1), "observations": observations}
    return report if code in (0, None) else {**report, "exit code": code}


def _run(command: list[str], seconds: float) -> int | None:
    """Run a process. Returns its exit code, or None if it ran out of time; it is then ended with all its children."""
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        return process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(path: Path) -> tuple[list[Observation], str | None]:
    """Read the observations, and the name of one that was begun and not finished."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    observations = [line for line in lines if "what" in line]
    told = {observation["what"] for observation in observations}
    unfinished = [line["begun"] for line in lines if "begun" in line and line["begun"] not in told]
    return observations, unfinished[0] if unfinished else None
