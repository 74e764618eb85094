"""The kernels' declarations: what each of them computes, on which shapes, and at which cost.

A file here has the name of the files in `reference`, `cpu` and `cuda` that implement its kernels.

A call such as `rawgan_kernels.conv2d(x, w, window)` runs on the backend of its first array, which may be in a list; see
`dispatch`. All arguments are positional.

Kernels do not check their arguments: the op above has done so. They keep the dtype that they are given (float32 or
float64), and do not write to their arguments, except the optimiser updates, whose purpose it is.

Beside each kernel stands its cost: `flops`, the floating-point operations of the direct algorithm, and `nbytes`, the
least number of bytes that it must read and write. Both are functions of the arguments.
"""

# ruff: noqa: F403, I001  # each file declares all of its public names; the order is that of KERNELS

from rawgan_kernels.api.activation import *
from rawgan_kernels.api.softmax import *
from rawgan_kernels.api.arithmetic import *
from rawgan_kernels.api.modulation import *
from rawgan_kernels.api.scan import *
from rawgan_kernels.api.rounding import *
from rawgan_kernels.api.product import *
from rawgan_kernels.api.conv import *
from rawgan_kernels.api.attention import *
from rawgan_kernels.api.resampling import *
from rawgan_kernels.api.sampling import *
from rawgan_kernels.api.grid_sample import *
from rawgan_kernels.api.norm import *
from rawgan_kernels.api.optim import *
from rawgan_kernels.api.pixels import *
