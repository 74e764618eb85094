"""Faults of the command line: options, signals, output."""

from fault import Fault

FAULTS = [
    Fault(
        "view: pictures are drawn however long that takes",
        "View.step",
        "max(REDRAW_SECONDS, SHARE * self.cost)",
        "REDRAW_SECONDS",
        "test_view.py -k cost_one_per_cent",
    ),
    Fault(
<<<<<<< HEAD
        "help: options of a group stand with the others",
=======
        "help: groups of options are not sections",
>>>>>>> 629222f5d86a4090b4f0fcd8c2f4fa74b2224651
        "print_help",
        "each.option.group or in_no_group",
        "in_no_group",
        "test_parsing.py -k groups_are_sections",
    ),
    Fault(
<<<<<<< HEAD
        "help: a default that was changed is not the one that is shown",
=======
        "help: a changed default is not shown",
>>>>>>> 629222f5d86a4090b4f0fcd8c2f4fa74b2224651
        "parsing:read",
        "changed.get(option.name, option.default)",
        "option.default",
        "test_parsing.py -k default_that_was_changed",
    ),
    Fault(
        "paths: ~ stays in options",
<<<<<<< HEAD
        "_at_home",
=======
        "parsing:_at_home",
>>>>>>> 629222f5d86a4090b4f0fcd8c2f4fa74b2224651
        "return expanded(value)",
        "return value",
        "test_home.py -k option_that_is_a_path",
    ),
    Fault(
        "runs: a damaged run ends the list",
        "runs:main",
        "except Exception as error:",
        "except FileError as error:",
        "test_looking_at_runs.py -k huge",
    ),
    Fault(
        "terminal: control characters are printed",
        "Terminal.render",
        "if segment.control or segment.text.isprintable():",
        "if True:",
        "test_looking_at_runs.py -k nothing_that_is_printed",
    ),
    Fault(
        "terminal: names between colons become emoji",
        "Terminal.__init__",
        "emoji=False",
        "emoji=True",
        "test_looking_at_runs.py -k nothing_that_is_printed",
    ),
    Fault(
<<<<<<< HEAD
        "terminal: arguments are told of as they are",
=======
        "terminal: arguments are printed unescaped",
>>>>>>> 629222f5d86a4090b4f0fcd8c2f4fa74b2224651
        "parsing:read",
        "[one_line(argument) for argument in arguments]",
        "arguments",
        "test_looking_at_runs.py -k told_of_as_text",
    ),
    Fault(
        "signals: a closed terminal kills",
        "ASKING",
        '"SIGTERM", "SIGHUP", "SIGUSR1",',
        '"SIGTERM", "SIGUSR1",',
        "test_stopping.py -k asks_to_stop",
    ),
    Fault(
        "signals: nohup is overruled",
        "_handled",
        "if each != hangup or signal.getsignal(each) != signal.SIG_IGN",
        "if each",
        "test_stopping.py -k nohup",
    ),
    Fault(
        "signals: the counting thread prints by itself",
        "_watch",
        "teller.start()  # of its own, as the terminal may be held up",
        "teller.start()\nteller.join()",
        "test_stopping.py -k held_up",
    ),
    Fault(
        "signals: handlers run between two lines, and count",
        "_watch",
        "elif alone:\n    _leave(number)",
        "",
        "test_stopping.py -k one_long_step",
    ),
    Fault(
        "signals: handlers are set in any thread",
        "stopping",
        "if threading.current_thread() is not threading.main_thread():",
        "if signal.signal(signal.SIGUSR1, signal.SIG_DFL) is None:",
        "test_stopping.py -k off_the_main_thread",
    ),
    Fault(
        "output: a closed pipe is an error",
        "Outlet._attempt",
        "except OSError as error:\n    self.lost = error",
        "except BlockingIOError as error:\n    self.lost = error",
        "test_stopping.py -k quietly",
    ),
    Fault(
        "output: a run trains on after its reader has gone",
        "cli.training:_train",
        "if stop.signal is None and reader_has_gone() and trainer.reached > begun:",
        "if False:",
        "test_stopping.py -k nobody_reads_of",
    ),
    Fault(
        "output: streams stay outlets",
        "outlets",
        "sys.stdout, sys.stderr = before",
        "pass",
        "test_stopping.py -k those_of_before",
    ),
    Fault(
        "progress: a bar where no cursor moves",
        "progress_of",
        "with _bar(console, what) if moves_cursor(console) else _lines(console, what) as show:",
        "with _bar(console, what) as show:",
        "test_stopping.py -k told_of_in_lines",
    ),
    Fault(
        "log: no line before the first step has ended",
        "Log._live_sign",
        "if now - self.printed < SILENT_SECONDS * 2 / 3:",
        "if now - self.printed < 1000:",
        "test_stopping.py -k sign_of_life",
    ),
    Fault(
        "resume: other numbers of images are taken",
        "_check_data",
        "if before != after:",
        "if False:",
        "test_translating.py -k others_by_now",
    ),
]
