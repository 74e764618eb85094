"""Signals that ask a training to stop: the first one after the current step, a second one at once.

Python runs a signal's handler in the main thread, between two of its instructions: not while a kernel computes or a
write is held up, and only once for two signals within a long step. So a thread gets the numbers of signals through a
socket. No handler prints, as it may have interrupted printing.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rawgan.cli.terminal.outlet import hurry

ASKING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
"""Ctrl-C, kill, a closed terminal, signals of batch systems before time is up, Ctrl-Break."""
WORDS = "stopping after this step, with a checkpoint; Ctrl-C again stops at once"
GRACE = 0.3
"""Seconds for the last words to a terminal that may be held up."""

alone = False
"""True if the process runs only the command, and may end with it."""


@dataclass
class Stop:
    """The signal that asked to stop, if there was one."""

    signal: int | None = None


@contextmanager
def stopping(
    tell: Callable[[str], None], leave: Callable[[int], None] | None = None, grace: float = GRACE
) -> Iterator[Stop]:
    """Yield a request to stop, which the first signal makes and `tell` announces. A second signal is given to `leave`;
    without one, it raises KeyboardInterrupt.

    Signals come to the main thread alone: in another one, nothing asks to stop.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: object) -> None:
        if stop.signal is not None and leave is None:
            raise KeyboardInterrupt
        stop.signal = number

    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    outer = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, note) for number in _handled()}
    watcher = threading.Thread(target=_watch, args=(receiver, before.keys(), stop, tell, leave, grace), daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        hurry.clear()
        signal.set_wakeup_fd(outer)
        for number, handler in before.items():
            signal.signal(number, handler)
        sender.close()  # this ends the thread
        watcher.join(grace)


def _handled() -> list[signal.Signals]:
    """The signals of this system. A closed terminal is ignored if nohup asked for that."""
    found = [getattr(signal, name) for name in ASKING if hasattr(signal, name)]
    hangup = getattr(signal, "SIGHUP", None)
    return [each for each in found if each != hangup or signal.getsignal(each) != signal.SIG_IGN]


def _watch(
    receiver: socket.socket, handled: Container[int], stop: Stop, tell: Callable[[str], None],
    leave: Callable[[int], None] | None, grace: float,
) -> None:  # fmt: skip
    """Receive the numbers of signals until the other end is closed."""
    asked, teller = 0, None
    with receiver:
        while numbers := receiver.recv(64):
            for number in numbers:
                if number not in handled:
                    continue
                asked += 1
                if asked == 1:
                    stop.signal = number
                    hurry.set()
                    teller = threading.Thread(target=tell, args=(WORDS,), daemon=True)
                    teller.start()  # a thread, as the terminal may be held up
                elif leave is not None:
                    leave(number)
    if teller is not None:
        teller.join(grace)


def leave_at_once(number: int) -> None:
    """End the process at once. Files that it is writing are not in place yet; the next start removes them."""

    def say() -> None:
        with suppress(OSError, ValueError, AttributeError):
            if os.isatty(1):
                os.write(1, b"\x1b[?25h\r\n")  # a bar hides the cursor
            os.write(sys.stderr.fileno(), b"rawgan: stopped at once\n")

    last_words = threading.Thread(target=say, daemon=True)
    last_words.start()
    last_words.join(GRACE)
    os._exit(128 + number)
