"""Faults of the checks themselves: each lets something wrong through, or raises an alarm at something right."""

from fault import Fault


def fault(name: str, file: str, old: str, new: str, words: str) -> Fault:
    """Caught by the items of tests/proving that have these words in their names."""
    return Fault(f"checks: {name}", f"rawgan/testing/{file}.py", old, new, f"tests/test_proving.py -k {words}")


FAULTS = [
    fault("noise at a jump", "calls", "[shifted(x, rng, ASIDE) for x in arrays]", "list(arrays)", "mean and quantised"),
    fault("ties", "level", "self._check_together(self.kinks[known:])", "pass", "largest and half"),
    fault(
        "any slope at a jump",
        "level",
        "if bend is not None and bend.jumps and any(",
        "if bend is not None and bend.jumps or any(",
        "huge and slope and jump",
    ),
    fault(
        "one kink, many slopes",
        "level",
        "functional.sources(move) > 1",
        "functional.sources(move) > 0",
        "kink and half",
    ),
    fault(
        "several kinks, one slope", "level", "functional.sources(move) > 1", "functional.sources(move) > 99", "Huber"
    ),
    fault("small elements", "level", "if small.any() and not small.all():", "if small.all():", "tanh and beyond"),
    fault(
        "rounding taken for a slope",
        "slopes",
        "SEEN * first.floor * EPS",
        "0 * first.floor * EPS",
        "tanh and beyond",
    ),
    fault("several calls", "behaviour", '    "calls": _calls_are_apart,\n', "", "kept and class"),
    fault("later calls", "outcome", "for _ in range(LATER)", "for _ in range(1)", "nine"),
    fault("the upstream gradient", "behaviour", '    "upstream": backward_is_linear,\n', "", "small and dropped"),
    fault("zeros upstream", "upstream", "if not (g == 0).all():", "if g.size == 0:", "length"),
    fault("walked again", "upstream", "    _walk_again(subject)\n", "", "first and walk"),
    fault("no graph", "behaviour", '    "no_grad": _the_same_without_a_graph,\n', "", "formula and under"),
    fault("frozen inputs", "behaviour", '    "constants": _constants_will_do,\n', "", "depends and requires"),
    fault("constants", "calls", "a.tobytes() == b.tobytes()", "a.shape == b.shape", "writes and labels"),
    fault(
        "results",
        "behaviour",
        "zip(call.outputs, results, before, strict=True)",
        "zip((), (), (), strict=True)",
        "zeroes and result",
    ),
    fault(
        "rounding in float32",
        "behaviour",
        "max(most, most * constants, ratio * moved)",
        "most",
        "chain or saturated",
    ),
    fault(
        "parameters that are not listed", "promises", "        _check_listed(call, name)\n", "", "closure and parameter"
    ),
    fault("idle parameters", "promises", "parameter not in unused:", "parameter in unused:", "forgotten and block"),
    fault("large parameters", "promises", "LARGER = (1.0, 30.0)", "LARGER = (1.0,)", "clips and parameter"),
    fault("calls later than the 5th", "promises", '"train": 50', '"train": 5', "40th"),
    fault("first calls", "layer", "        if not steady:", "        if steady:", "first and dropout"),
    fault(
        "D(real) and D(fake)", "layer", "        check_shared(subject, inputs, others, title)\n", "", "reads and last"
    ),
    fault("steps of optimisers", "promises", "p.data *= 1 - STEP", "p.data *= 1", "identity"),
    fault(
        "frozen buffers",
        "promises",
        "        if unlike(expected, found_after):",
        "        if unlike(expected, expected):",
        "inside",
    ),
    fault("domains", "layer", "if all(bool(", "if True or all(bool(", "between"),
    fault("one sample among others", "evaluation", "if not any(", "if any(", "softmax and over"),
    fault(
        "buffers without a use",
        "evaluation",
        "if moves and statistic",
        "if not moves and statistic",
        "variance and evaluation",
    ),
    fault("counted batches", "evaluation", "            if differs:", "            if not differs:", "counts"),
    fault(
        "buffers that stay", "evaluation", "if not moves and matters", "if not moves and not matters", "never and moves"
    ),
    fault("what is saved", "evaluation", "    _check_saved(subject, before, inputs, title)\n", "", "saved"),
    fault("written arguments", "kernel", "if wrote and not may:", "if may and not may:", "kernel and rounds"),
    fault("tuples", "kernel", "got.kind is not oracle.kind or ", "", "kernel and tuple"),
    fault(
        "one buffer", "kernel", 'if label.startswith("result") and any(', "if not label and any(", "kernel and buffer"
    ),
    fault("NaN", "kernel", "if not _same_strangers(", "if _same_strangers(", "kernel and infinities"),
    fault("read-only arrays", "kernel", "if oracle.reads_only and", "if not oracle.reads_only and", "kernel and holds"),
]
