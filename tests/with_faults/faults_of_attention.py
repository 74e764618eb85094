"""Faults of attention: the op, its kernels, the layer, the networks that have it, and their spectral norm."""

from fault import Fault

FAULTS = [
    Fault(
        "attention: the recorded gradient of the scores forgets the mean",
        "Attention.backward",
        "gp - sum(gp * p, -1, keepdims=True)",
        "gp",
        "test_attention.py -k any_number_of_blocks",
    ),
    Fault(
        "attention: the gradient of the scores is not scaled",
        "Attention.backward",
        "gs = self.scale * p",
        "gs = p",
        "test_attention.py -k any_number_of_blocks",
    ),
    Fault(
        "attention: later blocks of keys do not rescale the earlier ones",
        "cpu.attention:_forward",
        "lanes, highest, sums, factors, levels, fresh) and at:",
        "lanes, highest, sums, factors, levels, fresh) and False:",
        "test_attention.py -k any_number_of_blocks",
    ),
    Fault(
        "attention: the reference's blocks of queries overwrite each other's gradients",
        "reference.attention:attention_grad",
        "gk += scale * (_turned(gs) @ q_rows)",
        "gk = scale * (_turned(gs) @ q_rows)",
        "test_attention.py -k any_number_of_blocks",
    ),
    Fault(
        "SelfAttention: it does not begin as the identity",
        "SelfAttention.__init__",
        "np.zeros(1, np.float32)",
        "np.ones(1, np.float32)",
        "test_attention.py -k begins_as_the_identity",
    ),
    Fault(
        "model attention: it looks where the image is smallest",
        "networks.attention:attention",
        "attended = max(",
        "attended = min(",
        "test_attention_networks.py -k looks_once",
    ),
    Fault(
        "model attention: G's attention is without spectral norm",
        "spectrally_normed",
        'for name in ("query", "key", "value"):',
        "for name in ():",
        "test_attention_networks.py -k spectrally_normed",
    ),
    Fault(
        "SpectralNorm: the gradient takes the direction of the rows as constant",
        "OverSigma.backward",
        "gm + kernels.matmul(gv + more + more, self.column.T)",
        "gm",
        "test_reparametrization.py -k all_at_once",
    ),
]
