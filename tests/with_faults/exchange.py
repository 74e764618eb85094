"""Exchange of functions' code in a running process: a fault is planted without importing anything again.

A fault inside a function changes that function alone, unless importing its module calls it. If no test fails after an
exchange, the caller has to try again with a new import.
"""

import gc
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType

OPTIMIZED = 0x1
"""Flag of the code of functions. That of modules and classes lacks it: it runs when they are imported."""

Functions = dict[tuple[str, str], list[FunctionType]]
"""The functions of a process, by file and qualified name."""


def functions_of_this_process() -> Functions:
    """All functions that exist, without those that the garbage collector was told to pass over."""
    found = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType:
            found[each.__code__.co_filename, each.__code__.co_qualname].append(each)
    return found


def exchange(functions: Functions, file: str, old: str, new: str) -> bool:
    """Give functions of a file the code that they have in a new text of it.

    Returns False if more is different than code of functions that exist; some may have new code then.
    """
    try:
        for before, after in different(*(compile(text, file, "exec", dont_inherit=True) for text in (old, new))):
            exchanged = False
            for function in functions.get((file, before.co_qualname), []):
                if function.__code__.co_firstlineno == before.co_firstlineno and alike(function.__code__, before):
                    function.__code__ = after
                    exchanged = True
            if not exchanged and "<locals>" not in before.co_qualname:
                return False
    except ValueError:
        return False
    return True


def different(old: CodeType, new: CodeType, at_import: bool = True) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield functions that differ between two states of a module: the code of each, and of those inside of it.

    Raises: ValueError if code differs that runs when the module is imported
    """
    changed = not alike(old, new)
    if changed and at_import:
        raise ValueError(f"{old.co_qualname} runs at import")
    inner = [[each for each in code.co_consts if isinstance(each, CodeType)] for code in (old, new)]
    if len(inner[0]) != len(inner[1]):
        raise ValueError(f"{old.co_qualname} has other functions inside")
    below = [
        pair
        for before, after in zip(*inner, strict=True)
        for pair in different(before, after, at_import and not is_function(before))
    ]
    if changed or (below and not at_import):  # the code of a function contains that of the functions inside of it
        yield old, new
    yield from below


def is_function(code: CodeType) -> bool:
    """True for code that runs when it is called; that of a comprehension runs where it stands."""
    return bool(code.co_flags & OPTIMIZED) and (code.co_name == "<lambda>" or not code.co_name.startswith("<"))


def alike(a: CodeType, b: CodeType) -> bool:
    """True if two functions do the same, wherever they stand; functions inside of them are not compared."""
    return _parts_of(a) == _parts_of(b)


def _parts_of(code: CodeType) -> tuple[object, ...]:
    constants = [(type(each), "" if isinstance(each, CodeType) else repr(each)) for each in code.co_consts]
    names = code.co_qualname, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    counts = code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    return code.co_code, code.co_exceptiontable, constants, *names, *counts
