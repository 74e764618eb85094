"""Faults of style-based layers: modulated convolutions, equalised learning rates, noise."""

from fault import Fault

FAULTS = [
    Fault(
        "modulated_conv2d: the norm is that of the kernel before modulation",
        "ops.modulation:_factors",
        "matmul(mul(s, s), squares)",
        "matmul(mul(s, s) * 0.0 + 1.0, squares)",
        "test_modulation.py -k kernel_of_its_own",
    ),
    Fault(
        "modulated_conv_transpose2d: the gain is lost without demodulation",
        "_times",
        "y if gain == 1 else mul(y, gain)",
        "y",
        "test_modulation.py -k transposed_one",
    ),
    Fault(
        "EqualizedLinear: a slow layer begins with small weights",
        "EqualizedLinear.__init__",
        "init.normal(1 / self.rate)",
        "init.normal(1.0)",
        "test_modulation.py -k equalised_weights",
    ),
    Fault(
        "EqualizedLinear: the bias learns at full speed",
        "EqualizedLinear.forward",
        "self.b * self.rate",
        "self.b",
        "test_modulation.py -k equalised_weights",
    ),
    Fault(
        "EqualizedConv2d: the scale counts input channels, but no taps",
        "EqualizedConv2d.__init__",
        "math.prod(self.w.shape[:3])",
        "inputs",
        "test_modulation.py -k mean_square",
    ),
    Fault(
        "NoiseInput: frozen buffers are ignored",
        "NoiseInput.forward",
        "if not self.buffers_frozen:",
        "if True:",
        "test_modulation.py -k goes_on_where_it_was",
    ),
    Fault(
        "NoiseInput: evaluation draws for each image",
        "NoiseInput.forward",
        "images if self.training else 1",
        "images",
        "test_modulation.py -k same_for_every_image",
    ),
]
