"""Faults that come to light when a system call fails, or a process is killed at one."""

from fault import Fault

FAULTS = [
    Fault(
        "runs: one that was killed as it began is in its own way",
        "rawgan/storage/run_folder.py",
        "return path.name == LOCK or whole_of(path) == CONFIG",
        "return path.name == LOCK",
        "tests/test_run_folder.py -k killed_before",
    ),
    Fault(
        "runs: checkpoints that are no longer kept stay",
        "rawgan/training/trainer.py",
        "        if background.is_complete:\n            folder.delete_checkpoints(self.config.keep)\n",
        "        pass\n",
        "tests/test_resume.py -k deletes_it_later",
    ),
    Fault(
        "files: whether something is a link is asked for outside of naming",
        "rawgan/storage/atomic.py",
        '    with naming(path, "read"):\n        return path.is_symlink()\n',
        "    return path.is_symlink()\n",
        "tests/test_run_folder.py -k does_not_tell",
    ),
    Fault(
        "files: what is said of closing a folder is an error",
        "rawgan/storage/atomic.py",
        "    with suppress(OSError):\n        os.close(descriptor)\n",
        "    os.close(descriptor)\n",
        "tests/test_run_folder.py -k closing_a_folder",
    ),
]
