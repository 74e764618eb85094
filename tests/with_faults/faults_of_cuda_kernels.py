"""Faults of the GPU's kernels."""

from fault import Fault

FAULTS = [
    Fault(
        "cuda: a barrier is missing",
        "block_sum",
        "cuda.syncthreads()\ntotal = number(0)",
        "total = number(0)",
        "test_cuda_kernels.py -k channel_sums_agree and float32 and shape1",
    ),
    Fault(
        "cuda: shared memory is written while others still read it",
        "block_sum",
        "cuda.syncthreads()  # all reads of the scratch are done",
        "",
        "test_cuda_kernels.py -k norms_agree and float32 and shape1",
    ),
    Fault(
        "cuda: a barrier that only some threads reach",
        "shared_sum",
        "if index(cuda.threadIdx.x) == index(0):\n    scratch[WARPS] = total\ncuda.syncthreads()",
        "if index(cuda.threadIdx.x) == index(0):\n    scratch[WARPS] = total\n    cuda.syncthreads()",
        "test_cuda_kernels.py -k norms_agree and float32 and shape4",
    ),
    Fault(
        "cuda: an index beyond the last number",
        "cuda.norms.channels:apply",
        "if i < count:\n    channel = index(i % channels)\n    at =",
        "if i <= count:\n    channel = index(i % channels)\n    at =",
        "test_cuda_kernels.py -k norms_agree and float32 and shape1",
    ),
    Fault(
        "cuda: two blocks write to one number",
        "elementwise:first_of_thread",
        "index(cuda.blockIdx.x) * index(EACH * THREADS)",
        "index(cuda.blockIdx.x) * index(THREADS)",
        "test_cuda_kernels.py -k formulas_agree and float32 and leaky_relu",
    ),
    Fault(
        "cuda: windows ignore the vertical dilation",
        "cuda.conv:source_of",
        "index(row_out * s + down * d)",
        "index(row_out * s + down)",
        "test_cuda_kernels.py -k triple and (stride12 or stride15)",
    ),
    Fault(
        "cuda: a replayed step uses the recorded step's bias correction",
        "cuda.optim:_adam",
        "index(step + index(clock[0]))",
        "index(step)",
        "test_cuda_graph.py -k step_to_step",
    ),
    Fault(
        "cuda: a recorded table is never filled in",
        "Graph.record",
        "for place, values in self.late:",
        "for place, values in []:",
        "test_cuda_graph.py -k step_to_step",
    ),
    Fault(
        "cuda: cuBLAS takes a column-major matrix for its transpose",
        "cublas:_matrices",
        "return Matrices(x, TRANSPOSE, across, each)",
        "return Matrices(x, KEEP, across, each)",
        "test_cuda_cublas.py -k any_layout",
    ),
    Fault(
        "relu: 0 · ∞ in the gradient, by the compiled kernel",
        "formulas:leaky_relu_grad",
        "low = gy * slope if slope != zero(y) else zero(y)",
        "low = gy * slope",
        "test_kernels.py -k leaky_relu_of_odd",
    ),
    Fault(
        "cuda: the rounding errors of a recurrence are lost",
        "cuda.scan:_scan",
        "found = total + rest",
        "found = total",
        "test_cuda_kernels.py -k do_not_drift",
    ),
]
