"""Faults of resizing, filtering and sampling of images."""

from fault import Fault

FAULTS = [
    Fault(
        "upfirdn2d: the filter is not flipped",
        "Filter.terms",
        "np.array(self.taps[::-1])",
        "np.array(self.taps)",
        "test_resampling.py -k scipys",
    ),
    Fault(
        "upfirdn2d: zeros in front of pixels",
        "Filter.terms",
        "at % self.up == 0",
        "at % self.up == self.up - 1",
        "test_resampling.py -k scipys",
    ),
    Fault(
        "upfirdn2d: an odd pixel of padding behind",
        "upfirdn2d",
        "(k + u - d) // 2 for",
        "(k + u - d - 1) // 2 for",
        "test_resampling.py -k same_padding",
    ),
    Fault(
        "upfirdn2d: the columns are transposed by the map of the rows",
        "Resample.backward",
        "transposed(self.columns))",
        "transposed(self.rows))",
        "test_gradients.py -k upfirdn2d-enlarged",
    ),
    Fault(
        "upfirdn2d: only the largest part of a filter",
        "separated",
        "range(min(shape))",
        "range(1)",
        "test_resampling.py -k two_axes",
    ),
    Fault(
        "resize: shrinking without antialias",
        "_smooth",
        "spread = max(scale, 1.0)",
        "spread = 1.0",
        "test_resampling.py -k pillows",
    ),
    Fault(
        "resize: weights beyond the edge count",
        "_smooth",
        "weights / weights.cumsum(axis=1)[:, -1:]",
        "weights / spread",
        "test_resampling.py -k pillows",
    ),
    Fault(
        "resize: PyTorch's cubic for Pillow's",
        "resize",
        "(-0.5 if antialias else -0.75)",
        "-0.75",
        "test_resampling.py -k pillows",
    ),
    Fault(
        "resize: nearest pixels by floating-point division",
        "_nearest",
        "places * map.size // (2 * map.output) if",
        "(places / 2 * (map.size / map.output)).astype(int) if",
        "test_resampling.py -k nearest_pixels",
    ),
    Fault(
        "resample: infinite pixels with weight 0",
        "_gathered",
        "present = summed != 0",
        "present = summed == summed",
        "test_resampling.py -k infinite",
    ),
    Fault(
        "resample on the CPU: the fourth row of a sum is the third",
        "_sum_of_rows",
        "y[i] = s * a[i] + t * b[i] + u * c[i] + v * d[i]",
        "y[i] = s * a[i] + t * b[i] + u * c[i] + v * c[i]",
        "test_resampling.py -k scipys",
    ),
    Fault(
        "resample on the GPU: an input further on",
        "_weighted_sums",
        "index(first[row])) * inner",
        "index(first[row]) + index(1)) * inner",
        "test_cuda_kernels.py -k resample",
    ),
]
