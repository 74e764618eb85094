"""Networks that make images out of images, and their steps."""

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops
from rawgan.cli import main
from rawgan.errors import ArgumentError
from rawgan.gan import (
    PATCHES,
    TRANSLATORS,
    Cycle,
    CycleWeights,
    History,
    LossConfig,
    PairWeights,
    TranslationSpec,
    build_translator,
    cycle_step,
    receptive_field,
    translation_step,
)
from rawgan.gan.translation.networks import patchgan
from rawgan.gan.translation.networks.resnet import resnet
from rawgan.random import make_rng
from rawgan.testing import check_layer

KINDS = {
    "unet": TranslationSpec(16, 2, 1),
    "resnet": TranslationSpec(16, 2, 1),
    "subpixel": TranslationSpec(16, 1, 1, enlarged=4),
}


def rng(seed=0):
    return np.random.default_rng(seed)


def images(*shape, seed=0):
    return Tensor(rng(seed).uniform(-1, 1, shape).astype("float32"))


def make(model, **options):
    return build_translator(model, KINDS[model], width=4, patch=16, **options)


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", TRANSLATORS)
def test_gradients_of_whole_networks(model):
    kind = TranslationSpec(8, 1, 1, enlarged=KINDS[model].enlarged)
    network = resnet(1, 1, 1, 1, rng()) if model == "resnet" else TRANSLATORS[model].build(kind, 1, rng())
    check_layer(network, rng().standard_normal((1, *kind.source_shape)), order=1, modes=["train"])


def test_gradients_of_a_patchgan():
    check_layer(patchgan(1, 1, 16, rng()), rng().standard_normal((1, 8, 8, 1)), order=2, modes=["train"])


@pytest.mark.parametrize("model", TRANSLATORS)
def test_shapes_and_range(model):
    gan = make(model)
    x = images(2, *gan.spec.source_shape)
    y = gan.generator(x)
    assert y.shape == (2, 16, 16, 1)
    assert np.abs(y.data).max() <= 1
    height, width, sources = gan.spec.source_shape
    wider = gan.generator(images(1, height, width + 2 * gan.stride, sources))
    assert wider.shape == (1, 16, 16 + 2 * gan.stride * gan.spec.enlarged, 1)


@pytest.mark.parametrize("patch", PATCHES)
def test_a_logit_depends_on_its_patch_and_on_nothing_else(patch):
    """Without instance norm, by the gradient: the rows where it is not 0 are the receptive field."""
    network = nn.Sequential(
        *(layer for layer in patchgan(1, 2, patch, rng()) if not isinstance(layer, nn.InstanceNorm))
    )
    x = Tensor(rng().standard_normal((1, 2 * patch, 2 * patch, 1)), requires_grad=True)
    logits = network.to(dtype="float64")(x)
    middle = logits.shape[1] // 2
    (slope,) = grad(logits[0, middle, middle, 0], x)
    touched = np.flatnonzero(np.abs(slope.data[0, :, :, 0]).sum(axis=1))
    assert touched[-1] - touched[0] + 1 == patch == receptive_field(network)


def test_the_skips_of_a_unet_carry_what_the_bottleneck_cannot():
    """With the inner layers at 0, a single pixel still comes through, at its place."""
    network = TRANSLATORS["unet"].build(KINDS["unet"], 4, rng())
    for p in network.layers[2].branches[1].parameters():
        p.data[:] = 0
    x, other = images(1, 16, 16, 2), images(1, 16, 16, 2)
    other.data[0, 7, 9, 0] += 1
    changed = np.abs(network(x).data - network(other).data)[0, :, :, 0] > 0
    assert changed[7, 9]
    assert changed[5:10, 7:12].sum() == changed.sum()  # as far as two convolutions of 3 × 3 reach


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ArgumentError, match="there is no translator 'vnet'; choose one of: resnet, subpixel, unet"):
        build_translator("vnet", TranslationSpec(16, 1, 1))
    with pytest.raises(ArgumentError, match="multiples of 4, at least 8 pixels, but are 18"):
        build_translator("resnet", TranslationSpec(18, 1, 1))
    with pytest.raises(ArgumentError, match="subpixel enlarges images of 1 channels, and cannot give them 3"):
        build_translator("subpixel", TranslationSpec(16, 1, 3, enlarged=2))
    with pytest.raises(ArgumentError, match="patches of 16, 34, 70, 142 pixels, not of 20"):
        build_translator("resnet", TranslationSpec(16, 1, 1), patch=20)


def test_halvings_follow_the_size():
    assert [TRANSLATORS["unet"].stride(TranslationSpec(size, 1, 1)) for size in (8, 28, 64, 256)] == [2, 4, 16, 32]


@pytest.mark.parametrize(("model", "patch"), [("unet", 34), ("resnet", 16), ("subpixel", 70)])
def test_describe_prints_every_layer_and_the_receptive_field(model, patch, capsys):
    assert main(["describe", model, "--patch", str(patch), "--width", "4", "--image-size", "32"]) == 0
    printed = capsys.readouterr().out
    assert f"each logit scores {patch} × {patch} pixels" in printed
    assert "ConvTranspose" in printed or model == "subpixel"


# --- the step of pairs -----------------------------------------------------------------------------------------------


def moved_by(optimizer, loss):
    optimizer.step(grad(loss, optimizer.parameters))


def assert_alike(networks, twins):
    """All parameters and running statistics."""
    for network, twin in zip(networks, twins, strict=True):
        others = twin.state_dict()
        for name, array in network.state_dict().items():
            np.testing.assert_allclose(array, others[name], atol=2e-6, err_msg=name)


def test_what_g_minimises_is_its_formula():
    """A step moves D by its loss, then G by the gradient of the sum of its parts."""
    gan, twin = make("unet", learning_rate=1e-3), make("unet", learning_rate=1e-3)
    before = {name: p.data.copy() for name, p in gan.generator.named_parameters()}
    x, y = images(4, 16, 16, 2), images(4, 16, 16, 1, seed=1)
    seen = []

    def look(z):
        seen.append(z)
        return z[:, ::2, ::2]

    outcome = translation_step(
        gan, x, y, weights=PairWeights(pixel=0.3, feature=0.2, feature_map=look, adversarial=0.5)
    )
    assert outcome.pixel.item() == pytest.approx(np.abs(seen[0].data - y.data).mean(), rel=1e-5)
    assert outcome.feature.item() == pytest.approx(np.abs(seen[0].data - y.data)[:, ::2, ::2].mean(), rel=1e-5)

    fake, discriminate = twin.generator(x), twin.discriminator
    moved_by(twin.d_optimizer, softplus(-discriminate(beside(x, y))) + softplus(discriminate(beside(x, fake.detach()))))
    loss = 0.3 * ops.l1(fake, y) + 0.2 * ops.l1(fake[:, ::2, ::2], y[:, ::2, ::2])
    moved_by(twin.g_optimizer, loss + 0.5 * softplus(-discriminate(beside(x, fake))))
    assert_alike((gan.generator, gan.discriminator), (twin.generator, twin.discriminator))
    for name, p in gan.generator.named_parameters():
        assert np.abs(p.data - before[name]).max() > 0


def beside(source, image):
    return ops.concatenate([source, image], axis=3)


def softplus(logits):
    """−log σ(−logits), of all patches."""
    return ops.mean(ops.softplus(logits))


@pytest.mark.parametrize("objective", ["non-saturating", "least-squares", "relativistic"])
def test_a_translator_learns_a_simple_translation(objective):
    """Black for white."""
    gan = build_translator("unet", TranslationSpec(8, 1, 1), width=8, patch=16, learning_rate=2e-3)
    shapes = np.sign(rng().standard_normal((64, 2, 2, 1))).repeat(4, axis=1).repeat(4, axis=2).astype("float32")
    losses = []
    for step in range(60):
        x = Tensor(shapes[rng(step).permutation(64)[:16]])
        losses.append(translation_step(gan, x, -x, LossConfig(objective=objective), index=step).pixel.item())
    assert losses[0] > 0.5
    assert np.mean(losses[-5:]) < 0.1


def test_d_sees_the_source_beside_the_image():
    gan, x = make("subpixel"), images(2, 4, 4, 1)
    y = images(2, 16, 16, 1)
    with_it = gan.discriminate(y, x).logits.data
    assert np.abs(gan.discriminate(y, -x).logits.data - with_it).max() > 0
    alone = make("subpixel", paired=False)
    assert alone.discriminate(y).logits.shape == with_it.shape


# --- the step of cycles ----------------------------------------------------------------------------------------------


def cycle(**options):
    kind = TranslationSpec(8, 1, 1)
    forth, back = (
        build_translator("resnet", kind, paired=False, width=4, patch=16, seed=seed, **options) for seed in (0, 1)
    )
    return Cycle(forth, back, (History(4, (8, 8, 1)), History(4, (8, 8, 1))))


def test_cycles_are_their_formulas():
    both = cycle()
    a, b = images(2, 8, 8, 1), images(2, 8, 8, 1, seed=1)
    g, f = both.forth.generator, both.back.generator
    there, home = f(g(a)).data, g(f(b)).data
    same = np.abs(g(b).data - b.data).mean() + np.abs(f(a).data - a.data).mean()
    outcome = cycle_step(both, a, b)
    assert outcome.cycle.item() == pytest.approx(np.abs(there - a.data).mean() + np.abs(home - b.data).mean(), rel=1e-4)
    assert outcome.identity.item() == pytest.approx(same, rel=1e-4)
    assert cycle_step(both, a, b, weights=CycleWeights(identity=0)).identity is None


def test_every_network_moves_by_its_formula():
    """With a full history, instance noise, and weights that are all different, beside the same written out."""
    loss_config, weights = (
        LossConfig("least-squares", instance_noise=0.3, noise_steps=10, seed=3),
        CycleWeights(0.7, 0.2),
    )
    both, twin = cycle(learning_rate=1e-3), cycle(learning_rate=1e-3)
    a, b = images(4, 8, 8, 1), images(4, 8, 8, 1, seed=1)
    for one in (both, twin):
        for number, history in enumerate(one.histories):
            history.exchange(images(4, 8, 8, 1, seed=2 + number).data, rng())
    noise = {(seed, who): make_rng(seed, f"instance noise of {who}", 0) for seed in seeds(3) for who in "DG"}
    cycle_step(both, a, b, loss_config, weights, index=5)

    g, f = twin.forth, twin.back
    fakes = g.generator(a), f.generator(b)
    sides = list(zip((g, f), (b, a), fakes, seeds(3), strict=True))

    def noisy(x, seed, who):
        return x + Tensor((0.15 * noise[seed, who].standard_normal(x.shape)).astype("float32"))

    for number, (side, real, fake, seed) in enumerate(sides):
        earlier = Tensor(twin.histories[number].exchange(fake.data, make_rng(3, f"history {number}", 5)))
        assert 0 < np.abs(earlier.data - fake.data).max(axis=(1, 2, 3)).astype(bool).sum() < 4
        outputs = [side.discriminator(noisy(x, seed, "D")) for x in (real, earlier)]
        moved_by(side.d_optimizer, 0.5 * ops.mean((outputs[0] - 1) ** 2) + 0.5 * ops.mean(outputs[1] ** 2))
    played = [0.5 * ops.mean((side.discriminator(noisy(fake, seed, "G")) - 1) ** 2) for side, _, fake, seed in sides]
    cycled = ops.l1(f.generator(fakes[0]), a) + ops.l1(g.generator(fakes[1]), b)
    same = ops.l1(g.generator(b), b) + ops.l1(f.generator(a), a)
    loss = played[0] + played[1] + 0.7 * cycled + 0.2 * same
    count = len(g.g_optimizer.parameters)
    gradients = grad(loss, g.g_optimizer.parameters + f.g_optimizer.parameters)
    g.g_optimizer.step(gradients[:count])
    f.g_optimizer.step(gradients[count:])
    assert_alike(networks_of(both), networks_of(twin))


def seeds(seed):
    """Seeds of the noise of the first and of the second D."""
    return seed, int(make_rng(seed, "seed of the way back").integers(2**31))


def networks_of(both):
    return [net for side in (both.forth, both.back) for net in (side.generator, side.discriminator)]


def test_all_four_networks_learn():
    both = cycle()
    before = [p.data.copy() for net in networks_of(both) for p in net.parameters()]
    cycle_step(both, images(2, 8, 8, 1), images(2, 8, 8, 1, seed=1))
    after = [p.data for net in networks_of(both) for p in net.parameters()]
    changed = [np.abs(x - y).max() > 0 for x, y in zip(before, after, strict=True)]
    assert np.mean(changed) > 0.9  # biases in front of an instance norm may rest


def test_running_statistics_are_of_what_each_translates():
    """Those of the translator to B are of A only: not of A made of B, nor of B itself."""
    kind, shape = TranslationSpec(8, 1, 1), (8, 8, 1)
    sides = [build_translator("unet", kind, paired=False, width=4, patch=16, seed=seed) for seed in (0, 1)]
    twins = [build_translator("unet", kind, paired=False, width=4, patch=16, seed=seed) for seed in (0, 1)]
    a, b = images(4, *shape), images(4, *shape, seed=1)
    cycle_step(Cycle(*sides, (History(4, shape), History(4, shape))), a, b)
    for side, twin, x in zip(sides, twins, (a, b), strict=True):
        twin.generator(x)
        expected = twin.generator.state_dict()
        for name, array in side.generator.state_dict().items():
            if "running" in name:
                np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_a_history_holds_no_more_than_its_capacity_and_gives_back_what_it_was_given():
    history, seen = History(3, (1, 1, 1)), set()
    for n in range(40):
        batch = np.full((2, 1, 1, 1), n, "float32")
        given = history.exchange(batch, rng(n))
        assert set(given.ravel()) <= seen | {float(n)}
        seen.add(float(n))
    assert history.count.data == 3
    late = [history.exchange(np.full((1, 1, 1, 1), 100.0 + n, "float32"), rng(n)).item() < 100 + n for n in range(200)]
    assert 0.3 < np.mean(late) < 0.7


def test_no_history_is_no_history():
    batch = np.ones((2, 1, 1, 1), "float32")
    np.testing.assert_array_equal(History(0, (1, 1, 1)).exchange(batch, rng()), batch)
