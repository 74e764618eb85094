"""Alarms of the doctor: symptoms of a training that goes wrong, told once and kept in alarms.jsonl."""

from rawgan.training.run import Extension, Run
from rawgan.training.triggers import Trigger


class Doctor(Extension):
    """Examine the training whenever a picture is made, and tell each symptom when it first appears.

    An alarm is on the disk before the checkpoint of its step, so a run that goes on from there knows of it. Samples
    that are not yet like the data are told at the end alone, and not kept: a longer run may mend them.
    """

    def __init__(self, trigger: Trigger) -> None:
        self.is_due = trigger

    def act(self, run: Run) -> None:
        """Examine, tell what is new, and keep it."""
        known, alarms = {alarm.get("symptom") for alarm in run.folder.read_alarms()}, []
        symptoms = run.task.examine(run.reached, run.lines)
        for symptom in symptoms:
            if symptom.alarm and symptom.name not in known:
                known.add(symptom.name)
                alarms.append(symptom)
        if alarms:
            run.folder.append_alarms([{"step": run.reached, **symptom.to_dict()} for symptom in alarms])
        unready = [symptom for symptom in symptoms if symptom.pending and run.reached == run.steps]
        for symptom in (*alarms, *unready):
            run.tell(f"step {run.reached}: {symptom}")
