"""The networks, the objectives, and the training step: who is updated by what."""

import numpy as np
import pytest

import rawgan_kernels
from rawgan import Tensor, grad, nn, ops
from rawgan.errors import ArgumentError
from rawgan.gan import (
    MODELS,
    OBJECTIVES,
    ImageSpec,
    LossConfig,
    PointSpec,
    build,
    discriminator_step,
    generator_step,
    layer_costs,
    split_size,
    train_step,
    training_bytes,
)


def small(model="dcgan", size=8, channels=1, **options):
    return build(model, ImageSpec(size, channels), width=4, noise_size=6, **options)


def batch(gan, count=6, seed=0):
    rng = np.random.default_rng(seed)
    return Tensor(rng.uniform(-1, 1, (count, *gan.spec.shape)).astype(np.float32)), gan.noise(seed, "test", count)


def shapes_through(network, x):
    return [row.output[1:] for row in layer_costs(network, x)]


def everything(network, optimizer):
    """All that a step could change: weights, running statistics, moments, the step count, gradients."""
    state = {name: x.numpy().copy() for name, x in network.state_tensors().items()}
    for moment, arrays in optimizer.state.items():
        state |= {f"{moment}{index}": array.copy() for index, array in enumerate(arrays)}
    state["steps"] = np.array(optimizer.steps)
    state["grads"] = np.array([p.grad is not None for p in network.parameters()])
    return state


def assert_same(before, after):
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


# --- networks ----------------------------------------------------------------------------------------------------


def test_the_tutorial_discriminator_at_28_is_the_tutorials():
    gan = build("tutorial", ImageSpec(28, 1))
    linear = [layer for _, layer in gan.discriminator.children() if hasattr(layer, "w")]
    assert [layer.w.shape for layer in linear] == [(784, 512), (512, 256), (256, 128), (128, 64), (64, 1)]
    assert all(layer.b is None for layer in linear)
    kinds = [type(layer).__name__ for _, layer in gan.discriminator.children()]
    assert kinds == ["Flatten"] + ["Linear", "BatchNorm", "LeakyReLU"] * 4 + ["Linear"]
    assert gan.discriminator[3].slope == 0.3
    assert (gan.discriminator[2].momentum, gan.discriminator[2].eps) == (0.01, 1e-3)


def test_the_tutorial_generator_at_64_is_the_tutorials():
    gan = build("tutorial", ImageSpec(64, 3))
    assert shapes_through(gan.generator, gan.noise(0, "test", 2)) == [
        (8192,),
        (8192,),
        (8192,),
        (4, 4, 512),
        *[(8, 8, 256)] * 3,
        *[(16, 16, 128)] * 3,
        *[(32, 32, 64)] * 3,
        *[(64, 64, 3)] * 2,
    ]
    assert gan.generator[0].b is None
    adam = gan.g_optimizer
    (group,) = adam.param_groups
    assert (adam.lr, group["betas"], group["eps"]) == (1e-4, (0.9, 0.999), 1e-7)


def test_the_tutorial_networks_follow_their_pattern_at_the_others_size():
    at_28, at_64 = build("tutorial", ImageSpec(28, 1)), build("tutorial", ImageSpec(64, 3))
    generated = shapes_through(at_28.generator, at_28.noise(0, "test", 2))
    assert (generated[3], generated[4], generated[-1]) == ((7, 7, 128), (14, 14, 64), (28, 28, 1))
    widths = [layer.w.shape for _, layer in at_64.discriminator.children() if hasattr(layer, "w")]
    assert widths == [(12288, 512), (512, 256), (256, 128), (128, 64), (64, 1)]


def test_the_tutorial_draws_weights_as_keras_does():
    w = build("tutorial", ImageSpec(28, 1)).discriminator[1].w.data
    limit = np.sqrt(6 / (784 + 512))
    assert 0.99 * limit < np.abs(w).max() <= limit
    assert w.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)


def test_dcgan_mirrors_itself():
    gan = build("dcgan", ImageSpec(64, 3))
    images = Tensor(np.zeros((2, 64, 64, 3), np.float32))
    made = [s for s in shapes_through(gan.generator, gan.noise(0, "test", 2)) if len(s) == 3]
    outputs = [s for s in shapes_through(gan.discriminator, images) if len(s) == 3]
    unique = list(dict.fromkeys(made))
    assert unique == [(4, 4, 512), (8, 8, 256), (16, 16, 128), (32, 32, 64), (64, 64, 3)]
    assert list(dict.fromkeys(outputs)) == unique[-2::-1]
    w = gan.discriminator[2].w.data
    assert (w.mean(), w.std()) == (pytest.approx(0, abs=1e-3), pytest.approx(0.02, rel=0.02))
    assert [layer.slope for _, layer in gan.discriminator.children() if hasattr(layer, "slope")] == [0.2] * 5
    assert shapes_through(gan.discriminator, images)[-7:] == [(8192,), (64,), (64,), (64,), (128,), (128,), (1,)]
    plain, normed = gan.discriminator[-3].branches[1], gan.discriminator[-3].branches[0]
    assert (plain.w.shape, [type(layer) for layer in normed.layers]) == ((8192, 64), [nn.Linear, nn.BatchNorm])
    assert (gan.d_optimizer.lr, gan.d_optimizer.param_groups[0]["betas"]) == (1e-3, (0.5, 0.999))


@pytest.mark.parametrize("model", ["dcgan", "tutorial", "style"])
@pytest.mark.parametrize(("size", "channels"), [(8, 1), (10, 2), (12, 3), (14, 4), (40, 1), (128, 3)])
def test_any_possible_size_and_channels(model, size, channels):
    gan = build(model, ImageSpec(size, channels), width=2, noise_size=3)
    images = gan.generator(gan.noise(0, "test", 2))
    assert images.shape == (2, size, size, channels)
    assert np.abs(images.data).max() <= 1
    assert gan.discriminator(images).shape == (2, 1)


def test_width_stops_growing_at_eight_times():
    gan = build("dcgan", ImageSpec(128), width=2)
    assert [s[-1] for s in shapes_through(gan.generator, gan.noise(0, "test", 2)) if s[:1] == (4,)] == [16, 16, 16]


@pytest.mark.parametrize("model", ["dcgan", "tutorial", "residual", "attention", "style", "mlp"])
def test_d_can_have_a_width_of_its_own(model):
    kind = PointSpec() if model == "mlp" else ImageSpec(16)
    narrow, wide, mixed = (build(model, kind, width=g, d_width=d) for g, d in ((2, None), (6, 6), (2, 6)))

    def of(network):
        return {name: x.shape for name, x in network.state_dict().items()}

    assert of(mixed.generator) == of(narrow.generator) != of(wide.generator)
    assert of(mixed.discriminator) == of(wide.discriminator) != of(narrow.discriminator)


@pytest.mark.parametrize(
    ("size", "near"), [(27, "24, 28, 32, 20"), (7, "8, 10, 12, 14"), (0, "8, 10, 12, 14"), (65, "56, 64, 80, 48")]
)
def test_impossible_sizes_name_possible_ones(size, near):
    with pytest.raises(ArgumentError) as caught:
        split_size(size)
    nearest = ", ".join(str(n) for n in sorted(int(n) for n in near.split(", ")))
    assert str(caught.value) == (
        f"image size {size}: the networks double an image of 4 to 7 pixels, so a size must be 4, 5, 6 or 7 times "
        f"2, 4, 8, ...\n  sizes near {size}: {nearest}"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "vae"}, f"there is no model 'vae'; choose one of: {', '.join(MODELS)}"),
        ({"channels": 5}, "dcgan: images have 1 to 4 channels, not 5"),
        ({"width": 0}, "dcgan: width must be at least 1, but is 0"),
        ({"d_width": 0}, "dcgan: d_width must be at least 1, but is 0"),
        ({"noise_size": 0}, "dcgan: noise_size must be at least 1, but is 0"),
    ],
)
def test_build_refuses(arguments, message):
    options = {"model": "dcgan", "channels": 1, "width": 2, "noise_size": 3} | arguments
    model, channels = options.pop("model"), options.pop("channels")
    with pytest.raises(ArgumentError) as caught:
        build(model, ImageSpec(8, channels), **options)
    assert str(caught.value) == message


def test_seeds_decide_weights_and_noise():
    first, again, other = small(seed=1), small(seed=1), small(seed=2)
    assert_same(first.generator.state_dict(), again.generator.state_dict())
    assert not np.array_equal(first.generator[0].w.data, other.generator[0].w.data)
    draws = [first.noise(s, p, 3, k).data for s, p, k in [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1)]]
    assert len({draw.tobytes() for draw in draws}) == 4
    np.testing.assert_array_equal(draws[0], again.noise(0, "a", 3).data)


def test_noise_is_standard_normal():
    z = small().noise(0, "test", 5000).data
    assert (z.mean(), z.std(), (np.abs(z) < 1).mean()) == pytest.approx((0, 1, 0.6827), abs=0.02)


# --- the step ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_the_discriminator_step_never_reaches_the_generator(model):
    gan = small(model)
    real, z = batch(gan)
    train_step(gan, real, z)  # so that there are moments that could change
    fake = gan.generator(z)
    before = everything(gan.generator, gan.g_optimizer)
    changed = everything(gan.discriminator, gan.d_optimizer)
    discriminator_step(gan, real, fake.detach())
    assert_same(before, everything(gan.generator, gan.g_optimizer))
    after = everything(gan.discriminator, gan.d_optimizer)
    assert all(not np.array_equal(changed[name], after[name]) for name in changed if name != "grads")


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_generator_step_never_touches_the_discriminator(model, objective):
    gan = small(model)
    real, z = batch(gan)
    train_step(gan, real, z)
    fake = gan.generator(z)
    before = everything(gan.discriminator, gan.d_optimizer)
    changed = everything(gan.generator, gan.g_optimizer)
    generator_step(gan, fake, real, LossConfig(objective))
    assert_same(before, everything(gan.discriminator, gan.d_optimizer))
    after = everything(gan.generator, gan.g_optimizer)
    still = {name for name in changed if np.array_equal(changed[name], after[name])}
    assert {name for name in still if "running" not in name and name != "grads"} == set()
    assert not gan.discriminator.buffers_frozen


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_training_step_is_a_step_of_the_discriminator_then_one_of_the_generator(objective):
    gan, twin = small(), small()
    real, z = batch(gan)
    outcome = train_step(gan, real, z, LossConfig(objective))
    fake = twin.generator(z)
    d_loss, d_real, d_fake = discriminator_step(twin, real, fake.detach(), LossConfig(objective)).values()
    (g_loss,) = generator_step(twin, fake, real, LossConfig(objective)).values()
    assert [x.item() for x in outcome[:4]] == [x.item() for x in (d_loss, g_loss, d_real, d_fake)]
    assert_same(everything(gan.generator, gan.g_optimizer), everything(twin.generator, twin.g_optimizer))


def test_generated_images_are_discriminated_again_after_the_update():
    gan, twin = small(), small()
    real, z = batch(gan)
    outcome = train_step(gan, real, z)
    discriminator_step(twin, real, twin.generator(z).detach())
    outputs = twin.discriminator(twin.generator(z))
    assert outcome.g_loss.item() == ops.bce_with_logits(outputs, 1.0).item()


def test_the_generator_step_computes_no_weight_gradient_of_the_discriminator(monkeypatch):
    gan = small()
    real, z = batch(gan)
    fake = gan.generator(z)
    asked = []
    kernel = rawgan_kernels.conv2d_weight_grad
    monkeypatch.setattr(
        rawgan_kernels, "conv2d_weight_grad", lambda x, gy, w: asked.append(gy.shape) or kernel(x, gy, w)
    )
    generator_step(gan, fake, real)
    assert asked == [(6, 4, 4, 4)]  # the one convolution of G; D's would be a second
    discriminator_step(gan, fake.detach(), fake.detach())
    assert len(asked) == 3


def test_objectives_are_their_formulas():
    gan, twin = small(), small()
    real, z = batch(gan)
    logits = gan.discriminator(gan.generator(z)).data.astype(np.float64)
    d = 1 / (1 + np.exp(-logits))
    plain = generator_step(gan, gan.generator(z), real)["g_loss"]
    assert plain.item() == pytest.approx(-np.log(d).mean(), rel=1e-6)
    minimax = generator_step(twin, twin.generator(z), real, LossConfig("minimax"))["g_loss"]
    assert minimax.item() == pytest.approx(np.log(1 - d).mean(), rel=1e-6)


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_the_discriminator_minimises_its_formula_and_sees_real_and_generated_images_apart(model):
    gan, twin = small(model), small(model)
    real, z = batch(gan)
    fake = gan.generator(z).detach()
    d_real, d_fake = (1 / (1 + np.exp(-twin.discriminator(x).data.astype(np.float64))) for x in (real, fake))
    outcome = discriminator_step(gan, real, fake)
    expected = -np.log(d_real).mean() - np.log(1 - d_fake).mean(), d_real.mean(), d_fake.mean()
    assert [x.item() for x in outcome.values()] == pytest.approx(expected, rel=1e-6)


def test_a_guessing_discriminator_has_the_documented_losses():
    gan = small()
    for p in gan.discriminator.parameters():
        p.data *= 0
    real, z = batch(gan)
    d_loss, d_real, d_fake = discriminator_step(gan, real, gan.generator(z).detach()).values()
    assert (d_loss.item(), d_real.item(), d_fake.item()) == (pytest.approx(2 * np.log(2)), 0.5, 0.5)


def test_steps_repeat_bit_for_bit():
    gans = small(), small()
    for step in range(3):
        for gan in gans:
            train_step(gan, *batch(gan, seed=step))
    first, second = (everything(g.generator, g.g_optimizer) | everything(g.discriminator, g.d_optimizer) for g in gans)
    assert_same(first, second)


def test_the_generator_learns_what_the_images_look_like():
    """Images of one grey, each its own shade of dark: G has to find the shade and give up its noise."""
    gan = build("dcgan", ImageSpec(8), width=8, noise_size=8, learning_rate=2e-3)
    shades = np.random.default_rng(0).uniform(-0.9, -0.7, (100, 16, 1, 1, 1)).astype(np.float32)
    for step, shade in enumerate(shades):
        real = Tensor(np.broadcast_to(shade, (16, 8, 8, 1)).copy())
        train_step(gan, real, gan.noise(0, "train", 16, step))
    made = gan.generator.eval()(gan.noise(0, "samples", 64)).data
    assert abs(made.mean() + 0.8) < 0.2
    assert made.std() < 0.3


# --- what it costs -----------------------------------------------------------------------------------------------


def test_layer_costs_count_as_the_kernels_say():
    gan = build("dcgan", ImageSpec(28), width=64)
    g = layer_costs(gan.generator, gan.noise(0, "test", 128))
    assert g[0].flops == 2 * 128 * 100 * 6272
    assert g[4].flops == 2 * 128 * 7 * 7 * 4 * 4 * 128 * 64
    assert (g[2].flops, g[3].flops, g[1].flops) == (8 * 128 * 6272, 128 * 6272, 0)
    assert (g[2].parameters, g[2].activation_bytes, g[2].output) == (256, 4 * 128 * 6272, (128, 7, 7, 128))
    d = layer_costs(gan.discriminator, Tensor(np.zeros((128, 28, 28, 1), np.float32)))
    assert d[2].flops == 2 * 128 * 7 * 7 * 4 * 4 * 64 * 128
    assert sum(row.parameters for row in d) == sum(p.size for p in gan.discriminator.parameters())


def test_describing_changes_nothing():
    gan = small()
    before = everything(gan.generator, gan.g_optimizer)
    training_bytes(gan, 4)
    assert_same(before, everything(gan.generator, gan.g_optimizer))


def test_training_bytes_account_for_weights_and_moments():
    gan = small()
    account = training_bytes(gan, 4)
    arrays = [x.data.nbytes for net in (gan.generator, gan.discriminator) for x in net.state_tensors().values()]
    parameters = [[p.data.nbytes for p in net.parameters()] for net in (gan.generator, gan.discriminator)]
    assert account["weights"] == sum(arrays)
    assert account["optimizer"] == 2 * sum(map(sum, parameters))
    assert account["gradients"] == max(map(sum, parameters))


def test_r1_penalty_trains_through_the_second_derivative():
    """The public API carries a gradient penalty: exact, through batch norm, down to the first weights of D.

    The steps are small, so that no LeakyReLU passes its kink on the way: there the penalty jumps.
    """
    network = small().discriminator.to(dtype="float64")
    images = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1))
    w = network[0].w

    def penalty():
        x = Tensor(images, requires_grad=True)
        (gx,) = grad(network(x).sum(), x, create_graph=True)
        return (gx * gx).sum()

    (gw,) = grad(penalty(), w)
    start, direction = w.data.copy(), np.random.default_rng(1).normal(size=w.shape)
    values = []
    for move in (1e-7, -1e-7):
        w.data = start + move * direction
        values.append(penalty().item())
    assert (gw.data * direction).sum() == pytest.approx((values[0] - values[1]) / 2e-7, rel=1e-5)
