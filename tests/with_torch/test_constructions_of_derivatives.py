"""Penalties, Jacobians and optimisers' rules of GAN papers: one expression each, against PyTorch's."""

import pytest
import torch
from constructions import Construction, construction, first, kernels, last, normal
from torch.nn import functional as F

from rawgan import Tensor, grad, ops

matrix, direction = normal(4, 3), normal(2, 3)


def scores(x, w1, b1, w2):
    """A small D. Shapes: x (N, 4, 4, 2) → (N, 1)"""
    return ops.flatten(ops.tanh(ops.leaky_relu(ops.conv2d(x, w1, b1, stride=2, padding=1), 0.2)), 1) @ w2


def scores_in_torch(x, w1, b1, w2):
    return torch.tanh(F.leaky_relu(last(F.conv2d(first(x), kernels(w1), b1, 2, 1)), 0.2)).flatten(1) @ w2


def slope(x, *weights):
    (g,) = grad(ops.sum(scores(x, *weights)), x, create_graph=True)
    return ops.flatten(g, 1)


def slope_in_torch(x, *weights):
    (g,) = torch.autograd.grad(scores_in_torch(x, *weights).sum(), x, create_graph=True)
    return g.flatten(1)


def path_lengths(w):
    """Slopes of G in a random direction of images. Source: Karras et al. 2020 (StyleGAN2)"""
    images = ops.tanh(w @ Tensor(matrix)) * w[:, :3]
    (g,) = grad(ops.sum(images * Tensor(direction)), w, create_graph=True)
    return ops.mean((ops.sqrt(ops.mean(g**2, 1)) - 0.3) ** 2)


def path_lengths_in_torch(w):
    images = torch.tanh(w @ torch.from_numpy(matrix)) * w[:, :3]
    (g,) = torch.autograd.grad((images * torch.from_numpy(direction)).sum(), w, create_graph=True)
    return ((g.square().mean(1).sqrt() - 0.3) ** 2).mean()


def hessian_times(x, v):
    (g,) = grad(ops.sum(ops.tanh(x @ Tensor(matrix)) ** 3), x, create_graph=True)
    return grad(g, x, v, create_graph=True)[0]


def hessian_times_in_torch(x, v):
    (g,) = torch.autograd.grad((torch.tanh(x @ torch.from_numpy(matrix)) ** 3).sum(), x, create_graph=True)
    return torch.autograd.grad(g, x, v, create_graph=True)[0]


def jacobian(x):
    y = ops.tanh(x @ Tensor(matrix))
    return ops.stack([grad(y[0, i], x, create_graph=True)[0] for i in range(3)])


def jacobian_in_torch(x):
    y = torch.tanh(x @ torch.from_numpy(matrix))
    return torch.stack([torch.autograd.grad(y[0, i], x, create_graph=True)[0] for i in range(3)])


weights = (normal(3, 3, 2, 3), normal(3), normal(12, 1))
CASES = [
    construction("R1", lambda *xs: 0.5 * ops.mean(ops.sum(slope(*xs) ** 2, 1)),
                 lambda *xs: 0.5 * (slope_in_torch(*xs) ** 2).sum(1).mean(), normal(3, 4, 4, 2), *weights),
    construction("WGAN-GP", lambda *xs: ops.mean((ops.norm(slope(*xs), axis=1) - 1) ** 2),
                 lambda *xs: ((slope_in_torch(*xs).norm(dim=1) - 1) ** 2).mean(), normal(3, 4, 4, 2), *weights),
    construction("path lengths of StyleGAN2", path_lengths, path_lengths_in_torch, normal(2, 4)),
    construction("product with the Hessian, then orders 3 and 4", hessian_times, hessian_times_in_torch, normal(2, 4),
                 normal(2, 4)),
    construction("Jacobian", jacobian, jacobian_in_torch, normal(1, 4)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivative(case: Construction) -> None:
    case.check()
