"""Images of any size through a translator: padding, pieces, memory."""

import numpy as np
import pytest
from translation_runs import opened

from rawgan.data import to_uint8
from rawgan.gan import TranslationSpec, build_translator
from rawgan.inference.application import apply_to
from rawgan.inference.trained_networks import restore_networks
from rawgan.tasks.translation import translated
from rawgan.tensor import Tensor


def test_padding_changes_nothing_but_what_is_near_the_border(runs):
    """An image whose sides are multiples already is given to the network as it is."""
    gan, _ = restore_networks(*opened(runs / "pix2pix-edges"))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    gan.sampler.eval()
    np.testing.assert_array_equal(apply_to(gan, x), to_uint8(gan.sampler(x).data))
    assert apply_to(gan, x[:, :30, :31]).shape == (1, 30, 31, 3)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("unet", TranslationSpec(16, 2, 3)),
        ("unet", TranslationSpec(28, 1, 1)),
        ("unet", TranslationSpec(64, 3, 3)),
        ("subpixel", TranslationSpec(16, 3, 3, 2)),
        ("subpixel", TranslationSpec(64, 1, 1, 8)),
    ],
)
def test_pieces_of_a_large_image_are_those_of_the_whole(model, kind):
    """All weights count: batch norm is at work, and no layer is zero. Told pieces, it makes as many as that."""
    rng = np.random.default_rng(0)
    gan = build_translator(model, kind, width=2, patch=16, seed=1)
    for p in gan.generator.parameters():
        p.data[...] = rng.normal(0, 0.5, p.shape)
    stride, told = gan.stride, []
    x = rng.uniform(-1, 1, (1, 9 * stride + 140, 7 * stride + 101, kind.sources)).astype("float32")
    whole = apply_to(gan, x, lambda *done: told.append(done), piece=4096)
    pieces = apply_to(gan, x, lambda *done: told.append(done), piece=48)
    assert np.abs(pieces.astype(int) - whole).max() <= 1  # a byte is rounded
    assert np.unique(whole).size > 20
    assert told[0] == (1, 1)
    assert told[-1][0] == told[-1][1] > 8


@pytest.mark.parametrize("model", ["unet", "subpixel"])
def test_reach_is_as_far_as_the_image_has_a_say(model):
    """A pixel that is changed changes something as far off, and nothing further."""
    rng = np.random.default_rng(0)
    kind = TranslationSpec(28, 1, 1, 2 if model == "subpixel" else 1)
    gan = build_translator(model, kind, width=2, patch=16)
    for p in gan.generator.parameters():
        p.data[...] = rng.normal(0, 0.5, p.shape)
    x = rng.uniform(-1, 1, (1, 1, 160, 160, 1))[0].astype("float32")
    other = x.copy()
    other[0, 80, 80] += 1
    changed = (translated(gan, Tensor(x)) != translated(gan, Tensor(other)))[0, :, :, 0]
    rows = np.flatnonzero(changed.any(axis=1)) // kind.enlarged
    assert np.abs(rows - 80).max() == gan.reach


def test_the_memory_that_is_needed_grows_with_the_width():
    x = np.zeros((1, 64, 64, 1), np.float32)
    kind = TranslationSpec(16, 1, 1)
    narrow, wide = (build_translator("resnet", kind, width=width, patch=16) for width in (2, 16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rawgan.inference.application.machine_bytes", lambda: 40 * 64 * 64 * 8)
        assert apply_to(narrow, x).shape == (1, 64, 64, 1)
        with pytest.raises(MemoryError):
            apply_to(wide, x)
        long = np.zeros((1, 8, 8 * 64, 1), np.float32)
        assert apply_to(narrow, long).shape == (1, 8, 8 * 64, 1)
