"""Functions that authors of GAN papers type without looking: one expression each, against PyTorch's."""

import numpy as np
import pytest
import torch
from constructions import Construction, construction, normal
from torch.nn import functional as F

from rawgan import Tensor, grad, ops

row_of_zeros = np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [3.0, 1.0, -1.0]])
mask = np.array([[True, False, True], [False, False, True]])
ties = np.array([-1.0, 0.0, 1.0, 2.0])


def distance(a, b):
    return ops.norm(a - b + 1e-6, axis=1)


CASES = [
    construction("softmax", ops.softmax, lambda x: torch.softmax(x, -1), normal(3, 4, 5)),
    construction("softmax of large numbers", lambda x: ops.softmax(1000 * x), lambda x: torch.softmax(1000 * x, -1),
                 normal(3, 5)),
    construction("logsumexp", lambda x: ops.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1), normal(3, 4)),
    construction("log_softmax", ops.log_softmax, lambda x: torch.log_softmax(x, -1), 50 * normal(3, 4)),
    # activations
    construction("SiLU", ops.silu, F.silu, 3 * normal(4, 5)),
    construction("GELU", ops.gelu, F.gelu, 3 * normal(4, 5)),
    construction("GELU with tanh", lambda x: ops.gelu(x, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh"),
                 3 * normal(4, 5)),
    construction("ELU", ops.elu, F.elu, 3 * normal(4, 5)),
    construction("SELU", lambda x: 1.0507009873554805 * ops.elu(x, 1.6732632423543772), F.selu, 3 * normal(4, 5)),
    construction("PReLU", ops.prelu, F.prelu, normal(4, 5), normal(5)),
    construction("Mish", lambda x: x * ops.tanh(ops.softplus(x)), F.mish, 3 * normal(4, 5)),
    construction("erf", ops.erf, torch.erf, normal(4, 5)),
    construction("Fourier features", lambda x, b: ops.concatenate([ops.sin(x @ b), ops.cos(x @ b)], 1),
                 lambda x, b: torch.cat([torch.sin(x @ b), torch.cos(x @ b)], 1), normal(4, 2), normal(2, 3)),
    # contractions
    *(
        construction(f"einsum {spec}", lambda *xs, spec=spec: ops.einsum(spec, *xs),
                     lambda *xs, spec=spec: torch.einsum(spec, *xs), *(normal(*shape) for shape in shapes))
        for spec, shapes in {
            "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
            "bhid,bhjd->bhij": [(2, 2, 3, 4), (2, 2, 5, 4)],
            "bi,bj->bij": [(2, 3), (2, 4)],
            "nhwc,cd->nhwd": [(2, 3, 4, 5), (5, 2)],
            "bi,bi->b": [(2, 3), (2, 3)],
            "ii->i": [(4, 4)],
            "ni,ijk,nk->nj": [(2, 3), (3, 4, 5), (2, 5)],
        }.items()
    ),
    # losses
    construction("Huber", ops.huber, F.huber_loss, 3 * normal(4, 5), normal(4, 5)),
    construction("hinge of D", lambda real, fake: ops.hinge(real, 1) + ops.hinge(fake, -1),
                 lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), normal(4, 1), normal(4, 1)),
    construction("KL divergence of a VAE", lambda m, v: -0.5 * ops.sum(1 + v - m**2 - ops.exp(v)),
                 lambda m, v: -0.5 * torch.sum(1 + v - m**2 - v.exp()), normal(4, 5), normal(4, 5)),
    construction("cross-entropy of pixels, with soft targets",
                 lambda x, t: ops.cross_entropy(x, ops.softmax(t)),
                 lambda x, t: F.cross_entropy(x.movedim(-1, 1), torch.softmax(t, -1).movedim(-1, 1)),
                 normal(2, 3, 4, 5), normal(2, 3, 4, 5)),
    construction("triplet loss",
                 lambda a, p, n: ops.mean(ops.relu(distance(a, p) - distance(a, n) + 1)), F.triplet_margin_loss,
                 normal(4, 3), normal(4, 3), normal(4, 3)),
    construction("InfoNCE", lambda a, b: ops.cross_entropy(ops.normalize(a) @ ops.normalize(b).T / 0.1, np.arange(4)),
                 lambda a, b: F.cross_entropy(F.normalize(a) @ F.normalize(b).T / 0.1, torch.arange(4)),
                 normal(4, 3), normal(4, 3)),
    # indices
    construction("embedding, a row twice", ops.take, lambda w, i: F.embedding(i, w), normal(3, 4),
                 np.array([[0, 2], [2, 2]])),
    construction("index_select", lambda x, i: x[:, i], lambda x, i: x.index_select(1, i), normal(2, 3, 4),
                 np.array([0, 2, 2])),
    construction("gather", lambda x, i: ops.gather(x, i, axis=1), lambda x, i: x.gather(1, i), normal(3, 4),
                 np.array([[0, 0], [1, 3], [2, 2]])),
    construction("score of the own class", lambda x, y: x[np.arange(3), y], lambda x, y: x[torch.arange(3), y],
                 normal(3, 4), np.array([3, 0, 3])),
    construction("a mask as index", lambda x: x[mask], lambda x: x[torch.from_numpy(mask)], normal(2, 3)),
    construction("cumsum", lambda x: ops.cumsum(x, 0), lambda x: x.cumsum(0), normal(4, 3)),
    construction("sort", lambda x: ops.sort(x, 1), lambda x: x.sort(1).values, normal(3, 5)),
    construction("topk", lambda x: ops.topk(x, 2)[0], lambda x: x.topk(2).values, normal(3, 5)),
    construction("top-k training: the best scores alone", lambda x: ops.mean(ops.topk(x, 3, axis=0)[0]),
                 lambda x: x.topk(3, 0).values.mean(), normal(6, 1)),
    # choice
    construction("where", lambda a, b: ops.where(mask, a, b), lambda a, b: torch.where(torch.from_numpy(mask), a, b),
                 normal(2, 3), normal(2, 3)),
    construction("where one branch is not finite", lambda x: ops.where(x.data > 0, ops.log(ops.clip(x, 1e-9)), 0.0),
                 lambda x: torch.where(x > 0, torch.log(x.clamp(1e-9)), 0.0), np.array([-1.0, 2.0, 0.5])),
    construction("minimum", ops.minimum, torch.minimum, normal(4, 5), normal(4, 5)),
    construction("maximum, with a tie", ops.maximum, torch.maximum, ties, np.array([-1.0, 0.5, 1.0, 1.0])),
    construction("clip", lambda x: ops.clip(x, -1, 1), lambda x: x.clamp(-1, 1), 2 * normal(4, 5)),
    construction("clip, at its bounds", lambda x: ops.clip(x, -1, 1), lambda x: x.clamp(-1, 1), ties),
    construction("max, with ties", lambda x: ops.max(x, 1), lambda x: x.amax(1), np.array([[1.0, 1, 0], [2, 3, 3]])),
    construction("min", lambda x: ops.min(x, 1), lambda x: x.amin(1), normal(3, 4)),
    # statistics
    construction("var", lambda x: ops.var(x, 0, correction=1), lambda x: x.var(0), normal(5, 3)),
    construction("std over two axes", lambda x: ops.std(x, (0, 1), correction=1), lambda x: x.std((0, 1)),
                 normal(5, 3, 2)),
    construction("norm", lambda x: ops.norm(x, axis=1), lambda x: x.norm(dim=1), normal(4, 3)),
    construction("normalize", ops.normalize, F.normalize, normal(4, 3)),
    construction("cosine similarity", ops.cosine_similarity, lambda a, b: F.cosine_similarity(a, b, -1), normal(4, 3),
                 normal(4, 3)),
    # shapes
    construction("flip", lambda x: ops.flip(x, 1), lambda x: x.flip(1), normal(2, 3, 4)),
    construction("roll", lambda x: ops.roll(x, 1, 1), lambda x: x.roll(1, 1), normal(2, 3, 4)),
    construction("tile", lambda x: ops.tile(x, (2, 3)), lambda x: x.repeat(2, 3), normal(2, 3)),
    construction("stack", lambda a, b: ops.stack([a, b]), lambda a, b: torch.stack([a, b]), normal(2, 3), normal(2, 3)),
    construction("GLU: halves of the channels", lambda x: x[:, :2] * ops.sigmoid(x[:, 2:]), F.glu, normal(3, 4)),
    construction("split", lambda x: ops.split(x, 2, 1)[1] ** 2, lambda x: x.chunk(2, 1)[1] ** 2, normal(3, 4)),
    construction("expand_dims and squeeze", lambda x: ops.squeeze(ops.expand_dims(x, 1) * 2, 1),
                 lambda x: (x.unsqueeze(1) * 2).squeeze(1), normal(2, 3)),
    construction("swapaxes", lambda x: ops.swapaxes(x, 1, 2), lambda x: x.swapaxes(1, 2), normal(2, 3, 4)),
    construction("flatten", lambda x: ops.flatten(x, 1), lambda x: x.flatten(1), normal(2, 3, 4)),
    construction("Gram matrix (style loss)",
                 lambda x: ops.einsum("nhwc,nhwd->ncd", x, x) / 12, lambda x: torch.einsum("nhwc,nhwd->ncd", x, x) / 12,
                 normal(2, 3, 4, 2)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_function(case: Construction) -> None:
    case.check()


def test_norm_and_normalize_of_zeros_have_no_gradient_there():
    """PyTorch's second derivative is NaN there."""
    for function, theirs in ((lambda x: ops.norm(x, axis=1), lambda x: x.norm(dim=1)), (ops.normalize, F.normalize)):
        x, t = Tensor(row_of_zeros, requires_grad=True), torch.tensor(row_of_zeros, requires_grad=True)
        (g,) = grad(ops.sum(function(x) ** 2), x)
        (expected,) = torch.autograd.grad((theirs(t) ** 2).sum(), t)
        np.testing.assert_allclose(g.numpy(), expected.numpy(), atol=1e-9)
