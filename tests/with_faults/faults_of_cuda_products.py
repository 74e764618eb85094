"""Faults of the GPU's products at a reduced precision."""

from fault import Fault

FAULTS = [
    Fault(
        "cuda: ties of factors are rounded up",
        "cuda.run.factors:nearest",
        "(1 << (drop - 1)) - 1 + (bits >> drop & 1)",
        "(1 << (drop - 1))",
        "test_cuda_precision.py -k ties",
    ),
    Fault(
        "cuda: a NaN whose only bits are rounded away becomes infinity",
        "cuda.run.factors:rounded_bits",
        "else bits | QUIET",
        "else bits",
        "test_cuda_precision.py -k ties",
    ),
    Fault(
        "cuda: factors of TF32 are left to cuBLAS's rounding",
        "Format.factor",
        "if self.narrow is None:",
        "if self.itemsize(x) == x.itemsize:",
        "test_cuda_precision.py -k rounded_factors and tf32 and matmul",
    ),
    Fault(
        "cuda: TF32 is not asked for",
        "cublas:product",
        "TF32 if tf32 else",
        "FLOAT32 if tf32 else",
        "test_cuda_precision.py -k rounded_factors and tf32 and matmul",
    ),
    Fault(
        "cuda: products of float32 may round their factors",
        "cublas:product",
        'TF32 if tf32 else FLOAT64 if out.dtype.char == "d" else FLOAT32',
        'FLOAT64 if out.dtype.char == "d" else TF32',
        "test_cuda_cublas.py -k compute_type",
    ),
    Fault(
        "cuda: rows behind the windows hold other numbers than zeros",
        "cuda.conv:source_of",
        "outside = down >= a or row >= rows",
        "outside = down >= a",
        "test_cuda_precision.py -k any_channels",
    ),
    Fault(
        "cuda: rows of factors are not filled up to 16 bytes",
        "Format.filled_up",
        "return -(-count // self.multiple) * self.multiple",
        "return count",
        "test_cuda_precision.py -k reach_tensor_cores",
    ),
]
