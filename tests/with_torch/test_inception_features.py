"""Inception v3 with random weights, against PyTorch's own layers; and the recipe that makes the file of its weights."""

import textwrap

import numpy as np
import pytest
import torch

from bench.competitors.torch_inception import features_of, random_inception
from rawgan.data.known_sets import stacked_mnist
from rawgan.metrics import feature_extractor, fid
from rawgan.metrics.extractors.inception import RECIPE, as_input


@pytest.fixture(scope="module")
def theirs():
    return random_inception()


@pytest.fixture(scope="module")
def ours(theirs, tmp_path_factory):
    """The network in the file that the recipe makes of PyTorch's."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(theirs.state_dict(), folder / "pt_inception-2015-12-05-6726825d.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(textwrap.dedent(RECIPE), {})
    return feature_extractor("photos", folder / "inception.safetensors")


@pytest.fixture(scope="module")
def images():
    """Coloured digits, and the same of less contrast."""
    digits = stacked_mnist("test")[0][:12]
    return digits, (digits // 2 + 60).astype(np.uint8)


@pytest.fixture(scope="module")
def found(theirs, ours, images):
    return [(ours.features(each), features_of(theirs, as_input(each))) for each in images]


def test_the_recipe_makes_a_file_that_is_recognised(ours):
    assert ours.title.startswith("Inception v3 in ")
    assert len(RECIPE.splitlines()) == 5


def test_features_agree_with_pytorch(found):
    for mine, its in found:
        assert mine.shape == its.shape == (12, 2048)
        assert np.abs(mine - its).max() < 1e-4 * np.abs(its).max()


def test_fid_agrees_with_pytorch(found):
    (mine, its), (my_other, its_other) = found
    assert fid(mine, my_other) == pytest.approx(fid(its, its_other), rel=1e-3)
    assert fid(its, its_other) > 0.01 * its.var(axis=0).sum()
