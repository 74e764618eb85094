"""Faults of products at reduced precision, and of results that are kept in 16 bits."""

from fault import Fault

FAULTS = [
    Fault(
        "rounding: ties go away from zero",
        "rawgan_kernels.reference.rounding:rounded",
        "((last << drop - 1) - last + odd)",
        "(last << drop - 1)",
        "test_precision.py -k even_one and reference",
    ),
    Fault(
        "rounding: NaN is carried into zero",
        "rawgan_kernels.cpu.rounding:_rounded",
        "y[i] = x[i] if x[i] & unsigned > infinity else up",
        "y[i] = up",
        "test_precision.py -k every_number_alike",
    ),
    Fault(
        "rounding: only the first numbers are looked at",
        "_needs_none",
        "for start in range(0, len(x), CHECKED):",
        "for start in range(0, min(len(x), CHECKED), CHECKED):",
        "test_precision.py -k a_single_number",
    ),
    Fault(
        "precision: float64 is rounded, too",
        "Kernel.at",
        "args[0].dtype != np.float32",
        "False",
        "test_precision.py -k float64_is_never_rounded",
    ),
    Fault(
        "precision: the end of an inner block ends the outer one",
        "precisions:precision",
        "reduced = before",
        "reduced = None",
        "test_precision.py -k end_with_the_block",
    ),
    Fault(
        "packing: the result of an op is kept in float32",
        "packed_result",
        "if _is_large(x._array) else None",
        "if False else None",
        "test_packing.py -k only_bf16",
    ),
    Fault(
        "packing: a reshaped result gets the numbers of the whole",
        "packing:_bits_of",
        "array is not contents.array",
        "False",
        "test_packing.py -k reshaped_one",
    ),
    Fault(
        "packing: leaves are packed",
        "rawgan.autograd.packing:packed",
        "x.op is not None and _is_large",
        "_is_large",
        "test_packing.py -k leaves",
    ),
    Fault(
        "trainer: steps are taken in float32",
        "Trainer._taken",
        "rawgan_kernels.precision(self.config.machine.precision)",
        'rawgan_kernels.precision("float32")',
        "test_precision_runs.py -k resumes_exactly",
    ),
]
