"""Building blocks of networks in GAN papers: one expression each, against PyTorch's."""

import numpy as np
import pytest
import torch
from constructions import Construction, construction, first, kernels, last, normal
from torch.nn import functional as F

from rawgan import Tensor, grad, nn, ops

labels = np.array([0, 2, 2, 1])
blur = np.array([1.0, 3.0, 3.0, 1.0]) / 8
cutout = np.ones((2, 4, 5, 1))
cutout[0, 1:3, 2:4] = cutout[1, :2, :2] = 0
shifts = [(1, -2), (-1, 2)]
turn = np.tile(np.array([[0.9, 0.1, 0.05], [-0.1, 0.8, 0.1]]), (2, 1, 1))
brightness = np.array([0.2, -0.3]).reshape(2, 1, 1, 1)
kept = 2.0 * (np.random.default_rng(1).random((2, 1, 1, 3)) > 0.5)


# --- attention -----------------------------------------------------------------------------------------


def sagan(x, wf, wg, wh, wo, gamma):
    """Self-attention of SAGAN, with keys and values of half the size. Source: Zhang et al. 2019"""
    q, k, v = ops.conv2d(x, wf), ops.max_pool2d(ops.conv2d(x, wg)), ops.max_pool2d(ops.conv2d(x, wh))
    found = ops.attention(ops.flatten(q, 1, 2), ops.flatten(k, 1, 2), ops.flatten(v, 1, 2), scale=1.0)
    return x + gamma * ops.conv2d(found.reshape(*x.shape[:3], -1), wo)


def sagan_in_torch(x, wf, wg, wh, wo, gamma):
    images = first(x)
    f, g, h = (F.conv2d(images, kernels(w)) for w in (wf, wg, wh))
    weights = torch.softmax(f.flatten(2).mT @ F.max_pool2d(g, 2).flatten(2), -1)
    found = (F.max_pool2d(h, 2).flatten(2) @ weights.mT).reshape(len(x), -1, *x.shape[1:3])
    return x + gamma * last(F.conv2d(found, kernels(wo)))


def heads(x):
    """Shapes: (N, T, C) → (N, 2, T, C/2)"""
    return x.reshape(*x.shape[:2], 2, -1).swapaxes(1, 2)


def multi_head(x, wq, wk, wv, wo):
    return ops.flatten(ops.attention(heads(x @ wq), heads(x @ wk), heads(x @ wv)).swapaxes(1, 2), 2) @ wo


def multi_head_in_torch(x, wq, wk, wv, wo):
    q, k, v = heads(x @ wq), heads(x @ wk), heads(x @ wv)
    return (torch.softmax(q @ k.mT / np.sqrt(2), -1) @ v).swapaxes(1, 2).flatten(2) @ wo


# --- norms ---------------------------------------------------------------------------------------------


def conditional_batch_norm(x, gamma, beta, y):
    return ops.batch_norm(x, None, None, training=True) * gamma[y][:, None, None] + beta[y][:, None, None]


def conditional_batch_norm_in_torch(x, gamma, beta, y):
    return last(F.batch_norm(first(x), None, None, training=True)) * gamma[y][:, None, None] + beta[y][:, None, None]


def minibatch_deviation(x):
    """The deviation within groups of 2, as another channel. Source: Karras et al. 2018"""
    n, h, w, c = x.shape
    s = ((x.reshape(n // 2, 2, h, w, c).var(1, correction=0) + 1e-8) ** 0.5).mean((1, 2, 3))
    return torch.cat([x, s.repeat_interleave(2)[:, None, None, None].expand(n, h, w, 1)], 3)


class GBlock(nn.Module):
    """Residual block of BigGAN's G: enlarges, with norms by class and spectral norm. Source: Brock et al. 2019"""

    def __init__(self, inputs: int, outputs: int, classes: int, *, rng: np.random.Generator) -> None:
        def conv(inputs, size):
            return nn.SpectralNorm(nn.Conv2d(inputs, outputs, size, padding=size // 2, rng=rng), rng=rng)

        self.norms = nn.ModuleList([nn.ConditionalBatchNorm(each, classes) for each in (inputs, outputs)])
        self.convs = nn.ModuleList([conv(inputs, 3), conv(outputs, 3)])
        self.short = conv(inputs, 1)

    def forward(self, x, y):
        h = self.convs[0](ops.upsample_nearest(ops.relu(self.norms[0](x, y))))
        return self.short(ops.upsample_nearest(x)) + self.convs[1](ops.relu(self.norms[1](h, y)))


def block_in_torch(parameters, vectors):
    """The same block, of its parameters and singular vectors by name."""

    def conv(name, x, padding):
        w = parameters[f"{name}.layer.w"]
        rows = w.flatten(0, 2)
        v = F.normalize(rows @ vectors[f"{name}.u"], dim=0)
        return F.conv2d(x, kernels(w / (v @ rows).norm()), parameters[f"{name}.layer.b"], padding=padding)

    def norm(name, x, y):
        gamma, beta = (parameters[f"{name}.{part}"][y][:, :, None, None] for part in ("gamma", "beta"))
        return F.batch_norm(x, None, None, training=True) * gamma + beta

    def block(x, y):
        x = first(x)
        h = conv("convs.0", F.interpolate(F.relu(norm("norms.0", x, y)), scale_factor=2), 1)
        return last(
            conv("short", F.interpolate(x, scale_factor=2), 0) + conv("convs.1", F.relu(norm("norms.1", h, y)), 1)
        )

    return block


# --- StyleGAN2 -----------------------------------------------------------------------------------------


def modulated_in_torch(x, w, s):
    """A convolution in groups, one for each image. Source: Karras et al. 2020 (StyleGAN2)"""
    n, h, wd, c = x.shape
    own = kernels(w)[None] * s[:, None, :, None, None]
    own = own * torch.rsqrt((own**2).sum((2, 3, 4), keepdim=True) + 1e-8)
    y = F.conv2d(first(x).reshape(1, n * c, h, wd), own.flatten(0, 1), padding=1, groups=n)
    return last(y.view(n, -1, h, wd))


def filtered(x, taps, stride, padding):
    """Depthwise convolution in PyTorch. Shapes: x (N, C, H, W)"""
    w = torch.from_numpy(np.outer(taps, taps)).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(x, padding), w, groups=x.shape[1], stride=stride)


def enlarged_in_torch(x):
    between = torch.zeros(len(x), x.shape[3], 2 * x.shape[1], 2 * x.shape[2], dtype=x.dtype)
    between[:, :, ::2, ::2] = first(x)
    return last(filtered(between, 2 * blur, 1, (2, 1, 2, 1)))


# --- augmentation --------------------------------------------------------------------------------------


def translated(x):
    """DiffAugment's translation. Source: Zhao et al. 2020"""
    padded = ops.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return ops.stack([padded[i, 2 + a : 6 + a, 2 + b : 7 + b] for i, (a, b) in enumerate(shifts)])


def translated_in_torch(x):
    padded = F.pad(x, (0, 0, 2, 2, 2, 2))
    return torch.stack([padded[i, 2 + a : 6 + a, 2 + b : 7 + b] for i, (a, b) in enumerate(shifts)])


def coloured(x):
    """DiffAugment's brightness and saturation."""
    x = x + (Tensor(brightness) if isinstance(x, Tensor) else torch.from_numpy(brightness))
    grey = x.mean(3, True)
    return (x - grey) * 1.5 + grey


# --- recurrent -----------------------------------------------------------------------------------------


def gru_cell(x, h, wi, wh, bi, bh):
    (r, z, n), (hr, hz, hn) = ops.split(ops.linear(x, wi, bi), 3, 1), ops.split(ops.linear(h, wh, bh), 3, 1)
    z = ops.sigmoid(z + hz)
    return (1 - z) * ops.tanh(n + ops.sigmoid(r + hr) * hn) + z * h


def gru_cell_in_torch(x, h, wi, wh, bi, bh):
    (r, z, n), (hr, hz, hn) = (x @ wi + bi).chunk(3, 1), (h @ wh + bh).chunk(3, 1)
    z = torch.sigmoid(z + hz)
    return (1 - z) * torch.tanh(n + torch.sigmoid(r + hr) * hn) + z * h


CASES = [
    construction("SAGAN's attention", sagan, sagan_in_torch, normal(2, 4, 4, 8), normal(1, 1, 8, 1), normal(1, 1, 8, 1),
                 normal(1, 1, 8, 4), normal(1, 1, 4, 8), normal(1)),
    construction("multi-head attention", multi_head, multi_head_in_torch, normal(2, 3, 4),
                 *(normal(4, 4) for _ in range(4))),
    construction("patch embedding", lambda x, w, b: ops.flatten(ops.conv2d(x, w, b, stride=2), 1, 2),
                 lambda x, w, b: last(F.conv2d(first(x), kernels(w), b, stride=2)).flatten(1, 2),
                 normal(2, 4, 6, 3), normal(2, 2, 3, 5), normal(5)),
    construction("conditional batch norm", conditional_batch_norm, conditional_batch_norm_in_torch,
                 normal(4, 3, 3, 5), normal(3, 5), normal(3, 5), labels),
    construction("AdaIN", lambda x, s, b: ops.instance_norm(x, None, None) * s[:, None, None] + b[:, None, None],
                 lambda x, s, b: last(F.instance_norm(first(x))) * s[:, None, None] + b[:, None, None],
                 normal(2, 4, 4, 3), normal(2, 3), normal(2, 3)),
    construction("PixelNorm", lambda x: x * ops.rsqrt(ops.mean(x**2, -1, keepdims=True) + 1e-8),
                 lambda x: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-8), normal(2, 3, 3, 4)),
    construction("GroupNorm", lambda x, g, b: ops.group_norm(x, 2, g, b),
                 lambda x, g, b: last(F.group_norm(first(x), 2, g, b)), normal(2, 3, 3, 4), normal(4), normal(4)),
    construction("minibatch deviation", lambda x: nn.MinibatchStd(2)(x), minibatch_deviation, normal(4, 2, 2, 3)),
    construction("weight norm", lambda x, v, g: ops.linear(x, g * ops.normalize(v, axis=0)),
                 lambda x, v, g: x @ (g * F.normalize(v, dim=0)), normal(2, 3), normal(3, 4), normal(4)),
    construction("weight standardisation",
                 lambda x, w: ops.conv2d(x, (w - ops.mean(w, (0, 1, 2))) / ops.std(w, (0, 1, 2))),
                 lambda x, w: last(F.conv2d(first(x), kernels((w - w.mean((0, 1, 2))) / w.std((0, 1, 2), False)))),
                 normal(2, 4, 4, 3), normal(3, 3, 3, 2)),
    construction("StyleGAN2's modulated convolution", lambda x, w, s: ops.modulated_conv2d(x, w, s, padding=1),
                 modulated_in_torch, normal(3, 5, 4, 4), normal(3, 3, 4, 6), normal(3, 4)),
    construction("blur pool", lambda x: ops.upfirdn2d(x, blur, down=2, padding=((1, 2), (1, 2))),
                 lambda x: last(filtered(first(x), blur, 2, (1, 2, 1, 2))), normal(2, 6, 7, 3)),
    construction("FIR upsampling", lambda x: ops.upfirdn2d(x, blur, up=2, padding=((2, 1), (2, 1)), gain=4),
                 enlarged_in_torch, normal(2, 3, 4, 3)),
    *(
        construction(f"{mode} resize to {size}{', antialiased' * smooth}",
                     lambda x, mode=mode, size=size, smooth=smooth: ops.resize(x, size, mode, antialias=smooth),
                     lambda x, mode=mode, size=size, smooth=smooth: last(
                         F.interpolate(first(x), size, mode=mode, antialias=smooth)),
                     normal(2, 5, 4, 3))
        for mode in ("bilinear", "bicubic") for size in ((7, 9), (3, 3)) for smooth in (False, True)
    ),
    construction("spatial transformer", lambda x, theta: ops.grid_sample(x, ops.affine_grid(theta, (2, 4, 5, 3))),
                 lambda x, theta: last(F.grid_sample(
                     first(x), F.affine_grid(theta, (2, 3, 4, 5), align_corners=False), align_corners=False)),
                 normal(2, 5, 4, 3), turn),
    construction("DiffAugment: translation", translated, translated_in_torch, normal(2, 4, 5, 3)),
    construction("DiffAugment: cutout", lambda x: x * Tensor(cutout), lambda x: x * torch.from_numpy(cutout),
                 normal(2, 4, 5, 3)),
    construction("DiffAugment: colour", coloured, coloured, normal(2, 4, 5, 3)),
    construction("Dropout2d", lambda x: x * Tensor(kept), lambda x: x * torch.from_numpy(kept), normal(2, 4, 4, 3)),
    construction("skip connection of a U-Net",
                 lambda x, y: ops.concatenate([ops.upsample_nearest(x), y], 3),
                 lambda x, y: torch.cat([last(F.interpolate(first(x), scale_factor=2)), y], 3),
                 normal(2, 2, 2, 3), normal(2, 4, 4, 1)),
    construction("squeeze and excitation", lambda x, w: x * ops.sigmoid(ops.mean(x, (1, 2), keepdims=True) @ w),
                 lambda x, w: x * torch.sigmoid(x.mean((1, 2), keepdim=True) @ w), normal(2, 3, 3, 4), normal(4, 4)),
    construction("projection discriminator", lambda h, e, w, y: ops.sum(h * e[y], 1, keepdims=True) + h @ w,
                 lambda h, e, w, y: (h * e[y]).sum(1, keepdim=True) + h @ w, normal(4, 5), normal(3, 5), normal(5, 1),
                 labels),
    construction("positional encoding", lambda x: x + Tensor(np.sin(np.arange(4.0))),
                 lambda x: x + torch.sin(torch.arange(4.0, dtype=torch.float64)), normal(2, 4)),
    construction("GRU cell", gru_cell, gru_cell_in_torch, normal(3, 4), normal(3, 5), normal(4, 15), normal(5, 15),
                 normal(15), normal(15)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_building_block(case: Construction) -> None:
    case.check()


def test_block_of_biggan():
    """Values, and gradients of the images and of every parameter."""
    block = GBlock(3, 4, 5, rng=np.random.default_rng(0)).to(dtype="float64")
    state = {name: torch.tensor(array) for name, array in block.state_dict().items()}
    names = [name for name, _ in block.named_parameters()]
    x = normal(2, 3, 3, 3)
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    parameters = {name: state[name].clone().requires_grad_() for name in names}
    y, expected = block(ours, labels[:2]), block_in_torch(parameters, state)(theirs, torch.from_numpy(labels[:2]))
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), atol=1e-9)
    found = grad(ops.sum(y**3), [ours, *block.parameters()])
    wanted = torch.autograd.grad((expected**3).sum(), [theirs, *parameters.values()])
    for name, g, t in zip(["images", *names], found, wanted, strict=True):
        np.testing.assert_allclose(g.numpy(), t.numpy(), atol=1e-8 * max(1, t.abs().max()), err_msg=name)
