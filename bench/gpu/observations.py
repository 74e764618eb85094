"""What the sections of `bench gpu_check` find, told as they find it.

Each section works in a process of its own: a wrong address leaves a GPU of no more use to the process that used it, and
what hangs must be ended. So a finding is written to a file as soon as it is there, one line of JSON each, and what
begins is, too: of a process that dies, it is known what it had found and what it died of.
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
"""The exit code of a process that cannot use the GPU any more; another one can."""

Finding = dict[str, Any]
"""`what` was looked at, the `text` about it, `good`: whether it is as it should be, None if it is but a figure;
`headline`: what belongs into the table, if anything does; and what was measured."""


class Findings:
    """The section's side. `usable` raises if the GPU is lost; of what is in `known`, another process has told."""

    def __init__(self, path: Path, known: Sequence[str] = (), usable: Callable[[], Any] = lambda: None) -> None:
        self._path, self._known, self._usable = path, set(known), usable

    def look(self, what: str, find: Callable[[], Finding]) -> None:
        """Look at one thing. That it fails is a finding, and the next thing can be looked at.

        Raises: SystemExit(GPU_LOST) if nothing can
        """
        if what in self._known:
            return
        self._write({"begun": what})
        try:
            finding = find()
        except Exception as error:
            last = str(error).strip().splitlines() or [""]
            finding = found(f"{type(error).__name__}: {last[0]}", False, traceback=traceback.format_exc())
        self._write({"what": what, **finding})
        mark = {True: "ok", False: "FAILED", None: "  "}[finding["good"]]
        print(f"  {what}: {finding['text']} {mark}", flush=True)
        if finding["good"] is False and "traceback" in finding:
            print("    " + "\n    ".join(finding["traceback"].strip().splitlines()[-6:]), flush=True)
            try:
                self._usable()
            except Exception:
                raise SystemExit(GPU_LOST) from None

    def _write(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def found(text: str, good: bool | None = None, headline: str = "", **figures: Any) -> Finding:
    """A finding."""
    return {"text": text, "good": good, "headline": headline, **figures}


def collect(command: Callable[[Path, list[str]], list[str]], seconds: float, env: dict[str, str]) -> dict[str, Any]:
    """Run a section in processes of its own for as long as it takes, and has. Returns its state and findings.

    `command` is made of the file to tell findings to, and the names of what is known already. Where a process dies of
    one thing, another one is begun for the others.
    """
    started = time.monotonic()
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="rawgan-gpu-") as folder:
        path = Path(folder) / "findings.jsonl"
        while True:
            known = [finding["what"] for finding in findings]
            code = _run(command(path, known), seconds - (time.monotonic() - started), env)
            findings, unfinished = _read(path)
            if unfinished:
                text = "cut off" if code is None else f"its process ended, with exit code {code}"
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"what": unfinished, **found(text, None if code is None else False)}) + "\n")
                findings, _ = _read(path)
            if code in (0, None) or len(findings) == len(known):
                break
    state = "done" if code == 0 else "cut off" if code is None else "failed"
    report = {"state": state, "seconds": round(time.monotonic() - started, 1), "findings": findings}
    return report if code in (0, None) else {**report, "exit code": code}


def _run(command: list[str], seconds: float, env: dict[str, str]) -> int | None:
    """The exit code; None if there was not enough time. The process and all that it started are ended then."""
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | env, start_new_session=True)
    try:
        return process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(path: Path) -> tuple[list[Finding], str | None]:
    """The findings, and what was begun but has none."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    findings = [line for line in lines if "what" in line]
    told = {finding["what"] for finding in findings}
    unfinished = [line["begun"] for line in lines if "begun" in line and line["begun"] not in told]
    return findings, unfinished[0] if unfinished else None
