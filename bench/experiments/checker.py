"""python -m bench checker: faults that the checks of `rawgan.testing` catch, and their false alarms."""

import sys
import time
from dataclasses import dataclass

from bench.common.experiment import ROOT, Experiment
from rawgan.cli.parsing import parse

TESTS = ROOT / "tests" / "testing"


@dataclass(frozen=True)
class CheckerConfig:
    """Run `gradcheck`, `check_layer` and `check_kernel` on the specimens of the tests: functions, layers and kernels.

    Prints the number of wrong ones that are caught and of right ones that raise an alarm, with a line for each failure.
    Faults that no such check can catch are listed, and not counted among the wrong ones.
    """


def main(options: list[str]) -> None:
    """Check and print.

    Raises: SystemExit(1) if something wrong slips through or something right raises an alarm
    """
    parse(CheckerConfig, "python -m bench checker", options)
    sys.path.insert(0, str(TESTS))
    from specimens import BEYOND, RIGHT, WRONG, alarm

    started = time.perf_counter()
    slipped = [name for name, check in WRONG.items() if not alarm(check)]
    alarms = [(name, said) for name, check in RIGHT.items() if (said := alarm(check))]
    beyond = [name for name, check in BEYOND.items() if not alarm(check)]
    for name in slipped:
        print(f"slipped through: {name}")
    for name, said in alarms:
        print(f"false alarm: {name}: {said}")
    print(f"caught, of those that can be: {len(WRONG) - len(slipped)} of {len(WRONG)}")
    print(f"false alarms, of right ones:  {len(alarms)} of {len(RIGHT)}")
    print(f"cannot be caught, and why:    {len(beyond)}")
    for name in beyond:
        print(f"  {name}")
    print(f"{time.perf_counter() - started:.0f} s")
    if slipped or alarms:
        sys.exit(1)


EXPERIMENT = Experiment(
    "faults that gradcheck, check_layer and check_kernel catch, and their false alarms", minutes=1, main=main
)
