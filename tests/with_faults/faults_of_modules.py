"""Faults of containers, hooks, and layers whose weight is computed anew."""

from fault import Fault

FAULTS = [
    Fault(
        "hooks: the convolution applies the activation whose hook is then not called",
        "_calls_its_own",
        " and not layer._hooks",
        "",
        "test_hooks.py -k changes_no_bit",
    ),
    Fault(
        "hooks: gradients of two inputs are parted at the wrong place",
        "_WalkBack._parted",
        "start += size",
        "start += size - 1",
        "test_hooks.py -k told_all",
    ),
    Fault(
        "hooks: a hook of the way back is called though it was removed",
        "HookHandle.remove",
        "if each is not self._hook",
        "if each is not self._hook or each.kind == _BACK",
        "test_hooks.py -k told_all",
    ),
    Fault(
        "containers: a replaced layer is put in front of the old one",
        "ModuleRow.__setitem__",
        "layers[self._within(index)] = value",
        "layers.insert(self._within(index), value)",
        "test_module_containers.py -k as_in_a_list",
    ),
    Fault(
        "containers: a slice forgets the mode",
        "ModuleRow._made",
        "made.training = self.training",
        "pass",
        "test_module_containers.py -k same_mode",
    ),
    Fault(
        "reparametrisation: what forward assigns is lost",
        "_forward_with",
        "setattr(layer, each, value)",
        "pass",
        "test_reparametrization.py -k any_forward",
    ),
    Fault(
        "group norm: over the pixels alone",
        "group_norm",
        "Normalize((1, 3), eps, slope)",
        "Normalize((1,), eps, slope)",
        "test_norm_layers.py -k neighbouring_channels",
    ),
    Fault(
        "group norm: the variance leaves out how far the means of channels are apart",
        "cpu.norms.groups:_moments",
        "(squares + away * away * counts)",
        "(squares + 0 * away * counts)",
        "test_cpu_norms.py -k agree_with_the_reference",
    ),
    Fault(
        "group norm: the gradient's part along x is scaled wrongly",
        "cpu.norms.groups:backward",
        "inv_std**3",
        "inv_std**2",
        "test_cpu_norms.py -k agree_with_the_reference",
    ),
    Fault(
        "norms: beta that is not given is one",
        "ops.normalisation:_scales",
        ".zeros(shape, x.dtype)",
        ".ones(shape, x.dtype)",
        "test_norm_layers.py -k left_out",
    ),
    Fault(
        "conditional batch norm: every sample has the first one's beta",
        "ConditionalBatchNorm.forward",
        "ops.take(self.beta, labels)",
        "ops.take(self.beta, labels * 0 + labels[0])",
        "test_norm_layers.py -k shares_statistics",
    ),
    Fault(
        "AdaIN: the style's scale is not around 1",
        "AdaIN.forward",
        "1 + made[",
        "0 + made[",
        "test_norm_layers.py -k adain",
    ),
    Fault(
        "weight norm: one length for all outputs",
        "WeightNorm.weight",
        "ops.sum(scaled * scaled, inside, keepdims=True)",
        "ops.sum(scaled * scaled, inside, keepdims=True).mean()",
        "test_reparametrization.py -k its_length",
    ),
    Fault(
        "spectral norm: of another axis than the last, the weights come back mixed up",
        "SpectralNorm.weight",
        "key=(*order, self.axis).__getitem__",
        "key=(self.axis, *order).__getitem__",
        "test_layers.py -k SpectralNorm-of-Embedding",
    ),
]
