"""Faults in how kernels are kept on disk, compiled by helpers, and run in forked processes and several threads."""

from fault import Fault

CODE_CACHE = "kernels/rawgan_kernels/cpu/compile/code_cache.py"
WARM_UP = "kernels/rawgan_kernels/cpu/warm_up/warm_up.py"
HELPER = "kernels/rawgan_kernels/cpu/warm_up/helper.py"
LAUNCH = "kernels/rawgan_kernels/cpu/run/launch.py"

FAULTS = [
    Fault(
        "compiled kernels: the digest is not looked at",
        CODE_CACHE,
        "if head == MAGIC + _digest(name, body):",
        "if head.startswith(MAGIC):",
        "tests/test_code_cache.py -k damaged_file",
    ),
    Fault(
        "compiled kernels: a digest holds for any name",
        CODE_CACHE,
        'hashlib.sha256(name.encode() + b"\\0" + body)',
        "hashlib.sha256(body)",
        "tests/test_code_cache.py -k another_name",
    ),
    Fault(
        "compiled kernels: a folder that others can write to is read",
        CODE_CACHE,
        "                    if place.distrust():\n                        continue\n",
        "",
        "tests/test_code_cache.py -k others_can_write",
    ),
    Fault(
        "compiled kernels: a folder that others can write to is written to",
        CODE_CACHE,
        "if why := self.distrust():",
        "if why := None:",
        "tests/test_code_cache.py -k others_can_write",
    ),
    Fault(
        "compiled kernels: the folders above are not looked at",
        CODE_CACHE,
        "return distrust(self.folder, self.root, *beyond)",
        "return distrust(self.folder, self.root)",
        "tests/test_code_cache.py -k others_can_write",
    ),
    Fault(
        "compiled kernels: files of other users are read",
        CODE_CACHE,
        "        if info.st_uid not in _trusted_users():\n",
        "        if False:\n",
        "tests/test_code_cache.py -k another_user",
    ),
    Fault(
        "compiled kernels: pipes are waited for",
        CODE_CACHE,
        'getattr(os, "O_NONBLOCK", 0)',
        "0",
        "tests/test_code_cache.py -k no_file",
    ),
    Fault(
        "compiled kernels: links are followed",
        CODE_CACHE,
        'getattr(os, "O_NOFOLLOW", 0)',
        "0",
        "tests/test_code_cache.py -k no_file",
    ),
    Fault(
        "compiled kernels: what cannot be unpickled ends the start",
        CODE_CACHE,
        "with suppress(Exception):",
        "with suppress(OSError):",
        "tests/test_code_cache.py -k compiled_once",
    ),
    Fault(
        "compiled kernels: a full disk ends the start",
        CODE_CACHE,
        "self.failures[place.folder] = error.strerror or str(error)",
        "raise",
        "tests/test_code_cache.py -k full_disk",
    ),
    Fault(
        "compiled kernels: a folder in no home is made",
        CODE_CACHE,
        'return [] if not path or path.startswith("~") else',
        "return [] if not path else",
        "tests/test_code_cache.py -k no_home",
    ),
    Fault(
        "helpers: Python looks into the current folder",
        WARM_UP,
        '[sys.executable, "-I", "-S", helper.__file__]',
        "[sys.executable, helper.__file__]",
        "tests/test_cpu_compiling.py -k no_code_of_the_current_folder",
    ),
    Fault(
        "helpers: are waited for without end",
        WARM_UP,
        "helper.wait(max(0.0, deadline - time.monotonic()))",
        "helper.wait(None)",
        "tests/test_cpu_compiling.py -k never_ends",
    ),
    Fault(
        "helpers: what they failed at is not compiled",
        WARM_UP,
        "if len(helpers) < parts - 1 or not all(",
        "if len(helpers) < parts - 1 and not all(",
        "tests/test_cpu_compiling.py -k failed_to_compile",
    ),
    Fault(
        "helpers: outlive their parent",
        HELPER,
        "    threading.Thread(target=_end_with_parent, daemon=True).start()\n",
        "",
        "tests/test_cpu_compiling.py -k ends_with_its_parent",
    ),
    Fault(
        "helpers: outlive their time",
        HELPER,
        "    faulthandler.dump_traceback_later(",
        "    dict(a=",
        "tests/test_cpu_compiling.py -k time_is_over",
    ),
    Fault(
        "forks: a forked process asks for threads that it has not got",
        LAUNCH,
        "        _turn = _NEVER\n",
        "        _turn = None\n",
        "tests/test_forks.py -k forked_process",
    ),
    Fault(
        "forks: threads that somebody else has started are not known of",
        "kernels/rawgan_kernels/forking.py",
        "os.register_at_fork(after_in_child=_look)",
        "pass",
        "tests/test_forks.py -k forked_process",
    ),
    Fault(
        "forks: the lock of the compiler is taken along",
        LAUNCH,
        "    for lock in _locks:\n        lock.__enter__()\n",
        "    pass\n",
        "tests/test_forks.py -k waits_for_kernels",
    ),
    Fault(
        "forks: the lock of the memory is taken along",
        "kernels/rawgan_kernels/cpu/run/pool.py",
        "        if self.holder != get_ident():\n            self.lock = Lock()\n\n",
        "        pass\n\n",
        "tests/test_forks.py -k memory",
    ),
    Fault(
        "threads: all are given to two callers at a time",
        LAUNCH,
        "(turn is not None and not turn.acquire(blocking=False))",
        "(turn is not None and not turn.acquire(blocking=False) and False)",
        "tests/test_forks.py -k another_does_without",
    ),
    Fault(
        "settings: a compiler that is turned off is not noticed",
        "kernels/rawgan_kernels/cpu/compile/settings.py",
        "    if config.DISABLE_JIT:",
        "    if False:",
        "tests/test_forks.py -k without_a_compiler",
    ),
    Fault(
        "paths: ~ stays in options",
        "rawgan/cli/parsing.py",
        "return options if meant == given else",
        "return options if True else",
        "tests/test_home.py -k option_that_is_a_path",
    ),
    Fault(
        "paths: ~ is a folder where there is no home",
        "rawgan/files.py",
        '        if len(path.parts) == 1 and path.parts[0] != "~" and path.exists():',
        "        if True:",
        "tests/test_home.py -k no_home",
    ),
]
