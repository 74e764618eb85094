"""The two sides of `bench quality` begin as the same networks."""

import numpy as np
import pytest

from bench.competitors import torch_networks
from bench.experiments.quality import NETWORKS, RawganRun, TorchRun
from rawgan.config.noise import TrainConfig


@pytest.mark.parametrize("channels_last", [False, True])
def test_both_sides_begin_alike_and_move(channels_last):
    config = TrainConfig.of(model="dcgan", width=2, batch_size=8, steps=2, seed=3)
    ours = RawganRun(config, samples=5)
    state = {name: getattr(ours.training.gan, name).state_dict() for name in NETWORKS}
    theirs = TorchRun(config, 5, 1, channels_last, tuned=True)

    def of_torch():
        return {name: torch_networks.rawgan_views(getattr(theirs.gan, name)) for name in NETWORKS}

    for name, views in of_torch().items():
        for key, view in views.items():
            assert np.array_equal(view.numpy().reshape(state[name][key].shape), state[name][key])
    before = state["generator"]["0.w"].copy()
    for run in (ours, theirs):
        assert run.train(2) > 0
        assert run.images().shape == (5, 28, 28, 1)
        assert run.images().dtype == np.uint8
    assert not np.array_equal(ours.training.gan.generator.state_dict()["0.w"], before)
    moved = of_torch()["generator"]["0.w"].numpy().reshape(before.shape)
    assert 0 < np.abs(moved - before).max() < 3e-3
