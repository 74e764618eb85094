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
    Fault(
        "ModulatedConv2d: larger images are too dark",
        "ModulatedConv2d.__init__",
        'finite(name, "gain", gain) * self.up',
        'finite(name, "gain", gain)',
        "test_style.py -k keep_the_scale",
    ),
    Fault(
        "Truncation: vectors move away from the average",
        "Truncation.forward",
        "(x - self.average) * self.factor",
        "(self.average - x) * self.factor",
        "test_style.py -k towards_the_average",
    ),
    Fault(
        "path length: it is that of the noise",
        "PathLength.value",
        "mapped[0] + 1 if mapped else 0",
        "0",
        "test_style.py -k behind_the_mapping",
    ),
    Fault(
        "path length: the target is the mean of the batch",
        "PathLength.value",
        "* MOVED",
        "* 1.0",
        "test_style.py -k linear_generator",
    ),
    Fault(
        "a penalty on G moves averages of G",
        "step:_penalty_on_g",
        "with gan.generator.frozen_buffers():",
        "if True:",
        "test_style.py -k moves_no_buffer",
    ),
    Fault(
        "a checkpoint forgets the running mean of a penalty on G",
        "GANState.kept",
        '"g_penalty": self.g_penalty',
        '"g_penalty": None',
        "test_stabilisers.py -k bit_for_bit",
    ),
    Fault(
        "a spectral norm leaves the constant scale of equalised layers",
        "spectrally_normed",
        "layer.scale = 1.0",
        "pass",
        "test_style.py -k constant_scale",
    ),
]
