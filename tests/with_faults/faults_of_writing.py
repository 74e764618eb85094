"""Faults of what writes: short writes, locks, links, power cuts, and what is made again."""

from fault import Fault

FILES, LINES, LOCKS, FOLDER = (f"rawgan/runs/{name}.py" for name in ("_files", "lines", "locks", "folder"))
LOOP, BACKGROUND = "rawgan/training/trainer.py", "rawgan/training/background.py"
HELD, RESUME = "tests/test_held_folders.py", "tests/test_resume.py"

FAULTS = [
    Fault(
        "files: a short write is taken for a whole one",
        FILES,
        "left = left[written:]",
        "left = left[len(left) :]",
        f"{HELD} -k short_write",
    ),
    Fault(
        "files: a flush that failed is no error",
        FILES,
        "        if error.errno not in LACKING:\n",
        "        if False:\n",
        f"{HELD} -k flush_that_fails",
    ),
    Fault(
        "files: a folder without flushes cannot be written to",
        FILES,
        "LACKING = frozenset({errno.EINVAL, ",
        "LACKING = frozenset({",
        f"{HELD} -k cannot_be_flushed",
    ),
    Fault(
        "files: the name of a new folder is not flushed",
        FILES,
        "                    if held.durable:\n",
        "                    if False:\n",
        f"{RESUME} -k power_cut",
    ),
    Fault(
        "files: pictures are not flushed",
        FILES,
        "        durable = durable or (held is not None and held.durable)\n",
        "",
        f"{RESUME} -k on_the_disk_before",
    ),
    Fault(
        "files: another folder is taken for the one that is held",
        FILES,
        "if now is None or identity_of(now) != own:",
        "if now is None:",
        f"{HELD} -k folder_goes_away",
    ),
    Fault(
        "files: a link is followed into another folder",
        FILES,
        "os.open(called, _folder_flags(follow=False), dir_fd=here)",
        "os.open(called, _folder_flags(follow=True), dir_fd=here)",
        f"{HELD} -k takes_a_folder_s_place",
    ),
    Fault(
        "lines: half a line stays",
        LINES,
        "os.ftruncate(descriptor, size)",
        "os.ftruncate(descriptor, size + 1)",
        f"{HELD} -k finds_no_room_is_no_half",
    ),
    Fault(
        "lines: a second name is written to",
        LINES,
        "            if own.st_nlink <= 1:\n",
        "            if True:\n",
        f"{HELD} -k second_name",
    ),
    Fault(
        "lines: the name of a new file is not flushed",
        LINES,
        "                if self._is_new:\n",
        "                if False:\n",
        f"{RESUME} -k metrics_are_on_the_disk",
    ),
    Fault(
        "lines: what is broken behind the step is an error",
        LINES,
        "if step is None or last < step:",
        "if True:",
        f"{HELD} -k glued",
    ),
    Fault(
        "locks: nobody looks whether the lock is still there",
        LOCKS,
        "if found is None or identity_of(found) != identity_of(os.fstat(descriptor)):",
        "if False:",
        f"{HELD} -k lock_goes_away",
    ),
    Fault(
        "locks: one that was replaced while it was taken counts",
        LOCKS,
        "        if not is_still(path, descriptor):\n",
        "        if False:\n",
        f"{HELD} -k while_it_is_taken",
    ),
    Fault(
        "folder: a new one is not looked at again",
        FOLDER,
        "                refuse_taken(self.path)\n                with",
        "                with",
        f"{HELD} -k looked_at_again",
    ),
    Fault(
        "folder: checkpoints may be a link",
        FOLDER,
        "                refuse_link(run.checkpoints_folder)\n",
        "",
        f"{HELD} -k link_for_a_folder",
    ),
    Fault(
        "folder: alarms are gone for a moment",
        FOLDER,
        "        if not sounded:\n            delete(self.alarms_file)\n",
        "        if len(sounded) < len(alarms):\n            delete(self.alarms_file)\n        if not sounded:\n"
        "            pass\n",
        f"{RESUME} -k half_lost",
    ),
    Fault(
        "folder: what others have half written is deleted",
        FOLDER,
        "(folder != self.path or whole in OWN)",
        "True",
        f"{HELD} -k half_written_is_deleted",
    ),
    Fault(
        "background: what comes after a failure is written",
        BACKGROUND,
        "        if self._failed:\n",
        "        if False:\n",
        f"{HELD} -k after_what_could_not",
    ),
    Fault(
        "loop: checkpoints are deleted that a picture is to be made from",
        LOOP,
        "self.config.keep if background.is_complete else None",
        "self.config.keep",
        f"{RESUME} -k found_no_room",
    ),
    Fault(
        "loop: pictures of a crash stay as they are",
        LOOP,
        "            if not _is_lost(path, say):\n",
        "            if True:\n",
        f"{RESUME} -k crash_took",
    ),
    Fault(
        "loop: the best checkpoint is not made up for",
        LOOP,
        "            if made is not None and made.about.step == best:\n",
        "            if False:\n",
        "tests/test_best_checkpoint.py -k not_written_before_a_kill",
    ),
    Fault(
        "loop: a run goes back to numbers that are not finite",
        LOOP,
        "before = before if finding else after",
        "before = after",
        f"{RESUME} -k going_back_ends",
    ),
    Fault(
        "loop: going back cannot be stopped",
        LOOP,
        "            if should_stop():\n                self._begin(checkpoint)\n",
        "            if False:\n                self._begin(checkpoint)\n",
        f"{RESUME} -k looks_for_the_first_nan",
    ),
]
