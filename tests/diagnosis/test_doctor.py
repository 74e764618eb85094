"""The doctor names a symptom by its figure, names no other, and leaves the subject as it is."""

import dataclasses
import json

import numpy as np
import pytest

from rawgan import Tensor, nn
from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.data import MIXTURES, Batches, to_unit
from rawgan.diagnosis.doctor import examine
from rawgan.diagnosis.gains import MOST_GAIN
from rawgan.diagnosis.held_out import LogitsOfD
from rawgan.diagnosis.probe import Probe, probe
from rawgan.diagnosis.symptoms.d_is_winning import LEAST_D_LOSS
from rawgan.diagnosis.symptoms.d_overfits import d_overfits
from rawgan.diagnosis.symptoms.unlike_data import MOST_UNLIKE, unlike_data
from rawgan.gan import ImageSpec, LossConfig, PointSpec, build, generate
from rawgan.nn import BatchNorm, Conv2d, Dropout, Linear, Sigmoid
from rawgan.storage import RunFolder
from rawgan.tasks import NoiseTask
from rawgan.training import Trainer, train
from rawgan.training.state import arrays_of

COUNT = 32
WARM_UP = 200
"""Steps after which these narrow networks have learned what there is to learn."""


@pytest.fixture(scope="module", autouse=True)
def _quick():
    """The doctor begins earlier."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rawgan.diagnosis.symptom.WARM_UP", WARM_UP)
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Bright spots on black, anywhere and of any size: data that narrow networks learn in a second."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    middle, size = rng.uniform(2, 14, (2, 512, 1, 1)), rng.uniform(2, 5, (512, 1, 1))
    spots = 255 * np.exp(-((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / size**2)
    path = tmp_path_factory.mktemp("data") / "spots.npy"
    np.save(path, spots.astype(np.uint8))
    return TrainConfig.of(
        data=str(path), model="dcgan", image_size=16, channels=1, steps=WARM_UP, width=4, noise_size=8,
        batch_size=COUNT, samples=4, learning_rate=1e-3, sample_every=WARM_UP // 2, augment="none",
    )  # fmt: skip


@pytest.fixture
def spots(config):
    """The same, as networks see it."""
    return np.load(config.data.place)[..., None] / 127.5 - 1


@pytest.fixture(scope="module")
def healthy(config, tmp_path_factory):
    """The folder of a run in which nothing went wrong."""
    folder = RunFolder.create(tmp_path_factory.mktemp("healthy") / "run", "x")
    train(Trainer(config), folder, tell=pytest.fail)
    return folder


@pytest.fixture
def subject(healthy, config):
    """Its networks, to spoil."""
    return Trainer(config, checkpoint=healthy.newest_checkpoint()[0])


def found(subject, real=None, records=None, gan=None, **loss_config):
    """The alarms, by symptom: what is wrong first."""
    gan, real = gan or subject.gan, subject.task.real(0) if real is None else real
    records = records or [{"step": WARM_UP, "d_loss": 1.0, "d_real": 0.6, "d_fake": 0.4}]
    symptoms = examine(gan, real, gan.noise(0, "doctor", COUNT), LossConfig(**loss_config), records)
    assert all(symptom.remedy and symptom.healthy and str(symptom) for symptom in symptoms)
    alarms = {}
    for symptom in symptoms:
        if symptom.alarm:
            alarms.setdefault(symptom.name, symptom)
    return alarms


def layers(network, kind):
    return [module for _, module in network.modules() if isinstance(module, kind)]


def write(tensor, value):
    tensor.data = np.broadcast_to(value, tensor.shape).astype(np.float32).copy()


def test_a_healthy_run_raises_no_alarm(healthy, subject):
    assert not healthy.alarms_file.exists()
    assert found(subject, records=healthy.read_metrics()) == {}


@pytest.mark.parametrize("kinds", [1, 3])
def test_mode_collapse(kinds, subject):
    """A generator stuck on one image, or on a few, all but a little noise."""
    gan = subject.gan
    some = gan.generator(gan.noise(1, "z", kinds * 8)).numpy()[::8]
    grain = 0.005 * np.random.default_rng(0).normal(size=(COUNT, 16, 16, 1))
    stuck = _Stuck(some[np.arange(COUNT) % kinds] + grain)
    gan = dataclasses.replace(gan, generator=nn.Sequential(*gan.generator.layers[:-1], stuck, nn.Tanh()))
    alarms = found(subject, gan=gan)
    assert list(alarms) == ["mode collapse"]
    assert alarms["mode collapse"].value < 0.05
    assert alarms["mode collapse"].place == "generator"


def test_d_is_looked_at_with_real_images(subject):
    """To a G that is stuck, every unit of a dense D would answer the same, and look dead."""
    rng = np.random.default_rng(0)
    dense = nn.Sequential(
        nn.Flatten(),
        Linear(256, 8, rng=rng),
        nn.LeakyReLU(0.2),
        Linear(8, 8, rng=rng),
        nn.ReLU(),
        Linear(8, 1, rng=rng),
    )
    one = np.broadcast_to(subject.task.real(0).numpy()[:1], (COUNT, 16, 16, 1))
    stuck = nn.Sequential(*subject.gan.generator.layers[:-1], _Stuck(one, 0.0), nn.Tanh())
    alarms = found(subject, gan=dataclasses.replace(subject.gan, generator=stuck, discriminator=dense))
    assert "mode collapse" in alarms
    assert "dead units" not in alarms


class _Stuck(nn.Module):
    """Paints what it was told to, whatever comes."""

    def __init__(self, images, rest=0.01):
        self.target, self.rest = images.astype(np.float32), rest

    def forward(self, x):
        return x * self.rest + Tensor(np.arctanh(np.clip(self.target, -0.99, 0.99)))


def test_d_is_winning(subject):
    records = [{"step": step, "d_loss": 1e-4, "d_real": 0.9999, "d_fake": 0.0001} for step in range(1, WARM_UP + 1)]
    alarms = found(subject, records=records)
    assert list(alarms) == ["D is winning"]
    symptom = alarms["D is winning"]
    assert symptom.value == pytest.approx(100 * 1e-4 / (2 * np.log(2)))
    assert symptom.place == "discriminator, D(real) 1.000, D(fake) 0.000"
    assert symptom.figure == "loss over 100 steps, relative to a D that guesses"


@pytest.mark.parametrize(
    ("loss_config", "lowest", "guessing"),
    [
        ({"objective": "least-squares"}, 0, 0.25),
        ({"objective": "hinge"}, 0, 2),
        ({"objective": "relativistic"}, 0, np.log(2)),
        ({"smooth_real": 0.1}, -0.1 * np.log(0.1) - 0.9 * np.log(0.9), None),
    ],
)
def test_d_is_winning_by_every_objective(loss_config, lowest, guessing, subject):
    """Its loss counts from the lowest one that there is, up to that of a D that guesses."""
    step = {"step": WARM_UP, "d_real": 1, "d_fake": 0}
    assert list(found(subject, records=[step | {"d_loss": lowest}], **loss_config)) == ["D is winning"]
    if guessing is not None:
        share = 1.1 * LEAST_D_LOSS / 100
        assert found(subject, records=[step | {"d_loss": lowest + share * (guessing - lowest)}], **loss_config) == {}


def test_a_critic_does_not_win(subject):
    certain = {"step": WARM_UP, "d_loss": -50, "d_real": 1, "d_fake": 0}
    assert found(subject, records=[certain], objective="wasserstein") == {}


def test_the_loss_of_g_goes_flat_under_minimax_alone(subject):
    last = subject.gan.discriminator.layers[-1]
    write(last.b, -20)
    alarms = found(subject, objective="minimax")
    assert alarms["D is winning"].figure == "slope of G's loss, relative to that against a D that guesses"
    assert alarms["D is winning"].remedy.startswith("--objective non-saturating")
    assert "D is winning" not in found(subject)


class _Memory(nn.Module):
    """Calls images real that it has seen before, and no others."""

    def __init__(self, known):
        self.known = {each.tobytes() for each in known}

    def forward(self, x):
        return Tensor(np.array([[5.0 if each.tobytes() in self.known else -5.0] for each in x.numpy()], np.float32))


@pytest.mark.parametrize("overfits", [True, False])
def test_d_overfits(overfits, config):
    task = Trainer(config).task
    known = to_unit(task.data.images)
    if not overfits:
        known = np.concatenate([known, to_unit(task.held_out.images)])
    gan = dataclasses.replace(task.gan, discriminator=nn.Sequential(_Memory(known)))
    logits = task._look.logits(gan, WARM_UP)
    assert [len(each) for each in logits] == [COUNT, COUNT, COUNT]
    (symptom,) = d_overfits(logits)
    assert (symptom.value, symptom.alarm) == (1.0 if overfits else 0.0, overfits)
    assert symptom.place == f"discriminator, {COUNT} held-out images"
    assert symptom.remedy.startswith("--augment diffaugment")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [10, 256])
def test_chance_is_no_overfitting(count, seed):
    """Logits of one distribution for all real images; and of a D that guesses, of which nothing can be said."""
    rng = np.random.default_rng(seed)
    training, held_out, generated = rng.normal(size=(3, count)).astype(np.float32)
    for apart in (1.0, 5.0):
        assert not any(each.alarm for each in d_overfits(LogitsOfD(training, held_out, generated - apart)))
    assert d_overfits(LogitsOfD(training, held_out, training + 0.1)) == []
    (found,) = d_overfits(LogitsOfD(training + 4, held_out + 1, generated))
    assert found.alarm or count == 10
    assert found.value == pytest.approx(0.75, abs=0.3)
    assert d_overfits(None) == []


def test_training_images_are_those_of_the_last_epoch(config, monkeypatch):
    """Not those of the latest step, which D has just seen."""
    task, dealt = Trainer(config).task, []
    batch, look = task.batches.batch, task._look
    monkeypatch.setattr(task.batches, "batch", lambda index: dealt.append(index) or batch(index))
    look._held_out = Batches(task.held_out, 10, 0, "cpu", "held out")  # five of them, of which four are taken
    look.logits(task.gan, 100)
    assert dealt == [86, 89, 93, 96]  # of 14 batches an epoch
    dealt.clear()
    look.logits(task.gan, 2)
    assert dealt == [0, 1]


@pytest.mark.parametrize(
    ("spoil", "figure"),
    [
        (lambda x: 127.5 * (x + 1), "largest size of a number"),
        (lambda x: (x + 1) / 2, "smallest number"),
        (lambda x: x * 0 + x[:1], "deviation among images"),
    ],
)
def test_data_out_of_range(spoil, figure, subject):
    """Bytes; the tutorial's [0, 1]; one image over and over. They are found before the first step."""
    real = Tensor(spoil(subject.task.real(0).numpy()))
    alarms = found(subject, real=real, records=[{"step": 0}])
    assert list(alarms) == ["data out of range"]
    assert alarms["data out of range"].figure == figure
    assert alarms["data out of range"].place == "data"


@pytest.mark.parametrize(("statistic", "off"), [("running_mean", 5.0), ("running_var", 100.0)])
def test_batch_norm_drift(statistic, off, subject):
    norm = layers(subject.gan.generator, BatchNorm)[-1]
    tensor = getattr(norm, statistic)
    tensor.data = tensor.data + np.float32(off) * norm.running_var.numpy()
    tensor.data += norm.running_var.numpy() ** 0.5 * (off if statistic == "running_mean" else 0)
    alarms = found(subject)
    assert list(alarms) == ["batch norm drift"]
    assert alarms["batch norm drift"].place == f"generator, layer {_position(subject.gan.generator, norm)} BatchNorm"


def test_statistics_of_d_are_never_used(subject):
    for norm in layers(subject.gan.discriminator, BatchNorm):
        write(norm.running_mean, 100)
    assert found(subject) == {}


def _position(network, layer):
    return next(name for name, module in network.modules() if module is layer)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_dead_units(network, subject):
    whole = subject.gan.networks[network]
    norm = [layer for layer in whole.layers if isinstance(layer, BatchNorm)][-1]
    most = norm.gamma.size * 3 // 4
    norm.gamma.data[:most] = 0
    norm.beta.data[:most] = -1
    alarms = found(subject)
    assert list(alarms) == ["dead units"]
    assert alarms["dead units"].place == f"{network}, layer {_position(whole, norm)} BatchNorm"
    assert alarms["dead units"].value == 75


@pytest.mark.parametrize(("factor", "symptom"), [(1e4, "exploding layers"), (1e-4, "vanishing layers")])
@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_exploding_and_vanishing_layers(network, factor, symptom, subject):
    """Weights in front of a batch norm, which hides from what follows that they are of another size."""
    whole = subject.gan.networks[network]
    layer = layers(whole, Conv2d if network == "discriminator" else Linear)[-1]
    layer.w.data = layer.w.data * np.float32(factor * (10 if factor > 1 else 1))
    symptom = found(subject)[symptom]
    assert symptom.place == f"{network}, layer {_position(whole, layer)} {type(layer).__name__}"
    assert not 1 / MOST_GAIN < symptom.value < MOST_GAIN


def test_gradients_that_vanish_on_the_way_back(subject):
    """Behind a few saturated sigmoids, G's gradient is so small that not even Adam makes up for it."""
    first, *others = subject.gan.generator.layers
    flat = [module for _ in range(3) for module in (_Scaled(), Sigmoid())]
    generator = nn.Sequential(first, *flat, *others)
    gan = dataclasses.replace(subject.gan, generator=generator)
    figures = examine(
        gan, subject.task.real(0), gan.noise(0, "z", COUNT), LossConfig(), [{"step": WARM_UP, "d_loss": 1.0}]
    )
    by_figure = {symptom.figure: symptom for symptom in figures}
    symptom = by_figure["gradient of a weight, divided by Adam's ε"]
    assert (symptom.alarm, symptom.name, symptom.place) == (True, "vanishing layers", "generator, 0.w")


class _Scaled(nn.Module):
    def forward(self, x):
        return x * 10.0 + 8.0


def test_saturated_output(subject):
    *_, last, _ = subject.gan.generator.layers
    last.w.data = last.w.data * np.float32(200)
    alarms = found(subject)
    assert "saturated output" in alarms
    assert alarms["saturated output"].value > 90
    black_and_white = Tensor(np.sign(subject.task.real(0).numpy() + 0.5))
    assert "saturated output" not in found(subject, real=black_and_white)


# --- samples that are not yet like the data --------------------------------------------------------------------------


def unlike(real, samples, count=256):
    """The verdict on samples beside real images, or points, of the same number."""
    seen = dataclasses.replace(LIKE, real=real[:count], samples=samples[:count])
    (symptom,) = unlike_data(seen)
    assert symptom.name == "not trained yet, or unlike the data"
    assert not symptom.alarm
    return symptom


LIKE = Probe(*[np.zeros((2, 2))] * 4, dimensions=2, pull=1.0, layers=[], updates={}, eps=0.0, tanh=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [8, 64, 256])
@pytest.mark.parametrize("data", ["spots", "ring8", "grid25"])
def test_real_samples_are_like_the_data(data, count, seed, spots):
    rng = np.random.default_rng(seed)
    if data == "spots":
        real, others = np.split(rng.permutation(spots), 2)
    else:
        real, others = np.split(MIXTURES[data]().sample(2 * count, rng), 2)
    symptom = unlike(real, others, count)
    assert not symptom.pending
    assert abs(symptom.value) < (0.1 if count > 8 else 0.6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_samples_that_are_something_else_are_not(scale, spots):
    """Noise; the mean image; half of it all; few modes; each whatever the unit."""
    rng, half = np.random.default_rng(0), len(spots) // 2
    real, others = spots[:half], spots[half:]
    for samples in (
        rng.uniform(-1, 1, others.shape),
        others.mean(0, keepdims=True) + 0.1 * rng.normal(size=others.shape),
        others * -1.0,
        others[:1].repeat(half, 0),
    ):
        assert unlike(real * scale, samples * scale).pending
    ring = MIXTURES["ring8"]().sample(256, rng)
    assert unlike(ring * scale, np.abs(ring) * scale).pending


def test_data_that_is_all_one_image_says_nothing(subject):
    assert unlike_data(dataclasses.replace(LIKE, samples=np.ones((2, 2)))) == []


def test_a_network_that_is_not_trained_waits_and_does_not_alarm(subject, config):
    fresh = Trainer(config).gan
    assert "not trained yet, or unlike the data" not in found(subject, gan=fresh)
    figures = examine(
        fresh, subject.task.real(0), fresh.noise(0, "z", COUNT), LossConfig(), [{"step": WARM_UP, "d_loss": 1.0}]
    )
    (symptom,) = [symptom for symptom in figures if symptom.pending]
    assert symptom.value > 2 * MOST_UNLIKE


def test_samples_are_those_of_the_average(subject):
    """Samples as a person gets them, whatever G itself has become."""
    gan, latent = subject.gan, subject.gan.noise(0, "z", COUNT)
    write(gan.generator.layers[0].w, 0)
    seen = probe(gan, subject.task.real(0), latent, LossConfig())
    assert np.array_equal(seen.samples, generate(gan.average, latent))
    assert not np.array_equal(seen.samples, seen.evaluated)


# --- units of which a wide network has enough -----------------------------------------------------------------------


@pytest.mark.parametrize(("alive", "ill"), [(64, False), (5, False), (3, True), (0, True)])
def test_a_wide_network_on_points_may_turn_off_what_it_does_not_need(alive, ill):
    """Points have two dimensions, for which four units of a ReLU are enough."""
    gan = build("mlp", PointSpec(), noise_size=2, width=32)
    second = layers(gan.generator, Linear)[1]
    second.b.data[: 64 - alive] = -1e3
    real = Tensor(MIXTURES["ring8"]().sample(64, np.random.default_rng(0)).astype("float32"))
    figures = examine(gan, real, gan.noise(0, "z", 64), LossConfig(), [{"step": WARM_UP, "d_loss": 1.0}])
    (symptom,) = [symptom for symptom in figures if symptom.name == "dead units"]
    assert symptom.alarm == ill
    if alive < 64:
        assert symptom.place.startswith("generator, layer 3 ReLU")
        assert symptom.value >= 100 * (1 - alive / 64)


def test_a_layer_on_images_needs_half_of_its_units():
    """Noise of eight dimensions, and images of more: 16 of 16 units would just be enough."""
    rng = np.random.default_rng(0)
    linear = Linear(8, 16, rng=rng)
    linear.b.data[:9] = -1e3
    network = nn.Sequential(linear, nn.ReLU(), Linear(16, 256, rng=rng), nn.Reshape(16, 16, 1), nn.Tanh())
    gan = dataclasses.replace(build("dcgan", ImageSpec(16), noise_size=8, width=4), generator=network, ema=None)
    real = Tensor(rng.uniform(-1, 1, (COUNT, 16, 16, 1)).astype("float32"))
    figures = examine(gan, real, gan.noise(0, "z", COUNT), LossConfig(), [{"step": WARM_UP, "d_loss": 1.0}])
    (symptom,) = [symptom for symptom in figures if symptom.name == "dead units"]
    assert (symptom.alarm, symptom.most) == (True, 50.0)


def test_points_have_no_range(subject):
    """Without a tanh, G makes numbers of any size, and none of them is saturated."""
    *others, _ = subject.gan.generator.layers
    gan = dataclasses.replace(subject.gan, generator=nn.Sequential(*others))
    assert (
        not {"data out of range", "saturated output"} & found(subject, gan=gan, real=subject.task.real(0) * 5.0).keys()
    )


@pytest.mark.parametrize("conditional", ["projection", "auxiliary"])
def test_a_conditional_gan(conditional, subject):
    gan = build("dcgan", ImageSpec(16), width=4, conditional=conditional, classes=3)
    labels, z = np.arange(COUNT) % 3, gan.noise(0, "z", COUNT)
    latent = gan.latent(z, labels)
    symptoms = examine(gan, subject.task.real(0), latent, LossConfig(), [{"step": WARM_UP, "d_loss": 1.0}], labels)
    assert {symptom.name for symptom in symptoms} >= {"mode collapse", "dead units", "vanishing layers"}
    assert not {"exploding layers", "vanishing layers"} & {symptom.name for symptom in symptoms if symptom.alarm}


def test_nothing_is_judged_too_early(subject):
    write(subject.gan.generator.layers[0].w, 0)
    assert "mode collapse" in found(subject)
    assert found(subject, records=[{"step": WARM_UP - 1}]) == {}


def test_the_patient_stays_as_it_is(subject):
    """Bit for bit: weights, running statistics, moments, modes, gradients, and what is drawn next."""
    rng = np.random.default_rng(0)
    old = subject.gan
    dropping = nn.Sequential(*old.discriminator.layers, Dropout(0.5, rng=rng))
    normed = nn.Sequential(*(nn.SpectralNorm(x, rng=rng) if isinstance(x, Linear) else x for x in dropping.layers))
    gan = dataclasses.replace(old, discriminator=normed)
    gan.generator.layers[2].training = False
    before, modes = arrays_of(gan), _modes(gan)
    following = np.random.default_rng()
    following.bit_generator.state = rng.bit_generator.state
    probe(gan, subject.task.real(0), gan.noise(0, "z", COUNT), LossConfig())
    after = arrays_of(gan)
    assert before.keys() == after.keys()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert _modes(gan) == modes
    assert rng.random() == following.random()
    assert all(p.grad is None for network in gan.networks.values() for p in network.parameters())


def _modes(gan):
    modules = [module for network in gan.networks.values() for _, module in network.modules()]
    return [(module.training, module.buffers_frozen, "forward" in vars(module)) for module in modules]


# --- in a run --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ill(config, monkeypatch):
    """A run of a few steps on data that lies in [0, 1]: found whenever the doctor looks."""
    batch = NoiseTask.real
    monkeypatch.setattr(NoiseTask, "real", lambda self, index: (batch(self, index) + 1.0) * 0.5)
    return config.replace(steps=7, sample_every=2, checkpoint_every=3)


def test_an_alarm_is_told_and_kept_once(ill, tmp_path):
    folder, told = RunFolder.create(tmp_path / "run", "x"), []
    train(Trainer(ill), folder, tell=told.append)
    assert [text.split(":")[:2] for text in told] == [["step 2", " data out of range"]]
    (line,) = map(json.loads, folder.alarms_file.read_text().splitlines())
    assert (line["step"], line["symptom"], line["value"], line["most"]) == (2, "data out of range", 0.0, -0.1)
    assert line["remedy"].startswith("scale it to [−1, 1]")


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_a_resumed_run_has_the_same_alarms(stop, ill, tmp_path):
    whole, parts = (RunFolder.create(tmp_path / name, "x") for name in ("whole", "parts"))
    train(Trainer(ill), whole)
    train(Trainer(ill.replace(steps=stop)), parts)
    train(Trainer(ill, checkpoint=parts.newest_checkpoint()[0]), parts)
    for name in ("alarms_file", "metrics_file"):
        assert getattr(parts, name).read_bytes() == getattr(whole, name).read_bytes()


def test_looking_changes_no_bit_of_the_run(config, tmp_path, monkeypatch):
    monkeypatch.setattr("rawgan.diagnosis.symptom.WARM_UP", 1)

    def left(name):
        folder = RunFolder.create(tmp_path / name, "x")
        train(Trainer(config.replace(steps=6, sample_every=2, ema=0.9, spectral_norm=True)), folder)
        return folder.checkpoints()[-1].read_bytes(), folder.metrics_file.read_bytes()

    looked_at = left("with")
    monkeypatch.setattr(NoiseTask, "examine", lambda *arguments: [])
    assert left("without") == looked_at


# --- rawgan diagnose -------------------------------------------------------------------------------------------------


def test_diagnose_a_healthy_run(healthy, capsys):
    assert main(["diagnose", str(healthy.path)]) == 0
    printed = capsys.readouterr().out
    assert "ALARM" not in printed
    assert "while training" not in printed
    said = json.loads((healthy.path / "diagnosis.json").read_text())
    assert {symptom["symptom"] for symptom in said["symptoms"]} == {
        "data out of range", "mode collapse", "D is winning", "D overfits", "batch norm drift", "dead units",
        "exploding layers", "vanishing layers", "saturated output", "not trained yet, or unlike the data",
    }  # fmt: skip
    assert not any(symptom["alarm"] for symptom in said["symptoms"])
    assert all(symptom["symptom"] in printed for symptom in said["symptoms"])
    assert (healthy.path / "diagnosis.png").stat().st_size > 10_000


def test_diagnose_a_sick_run(ill, tmp_path, capsys):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(Trainer(ill), folder)
    np.save(tmp_path / "bright.npy", np.full((COUNT, 16, 16), 200, np.uint8))
    folder.write_config(folder.read_config() | {"data": str(tmp_path / "bright.npy")})
    assert main(["diagnose", str(folder.path)]) == 1
    printed = capsys.readouterr().out
    assert "ALARM" in printed
    assert "data out of range: scale it to [−1, 1]" in printed
    assert f"other symptoms are examined from step {WARM_UP} on" in printed
    assert "while training, from step 2 on: data out of range" in printed


@pytest.mark.parametrize(("steps", "code"), [(60, 1), (61, 0)])
def test_diagnose_a_run_that_needs_more_steps(steps, code, config, tmp_path, capsys, monkeypatch):
    """A run that has ended is not healthy; one that goes on may be."""
    monkeypatch.setattr("rawgan.diagnosis.symptom.WARM_UP", 60)
    monkeypatch.setattr("rawgan.diagnosis.symptoms.unlike_data.MOST_UNLIKE", -10.0)
    folder, told = RunFolder.create(tmp_path / "run", "x"), []
    training = Trainer(config.replace(steps=steps, sample_every=60))  # the doctor looks when a picture is made
    train(training, folder, tell=told.append, should_stop=lambda: training.reached == 60)
    assert main(["diagnose", str(folder.path)]) == code
    printed = capsys.readouterr().out
    assert "NOT YET" in printed
    assert "ALARM" not in printed
    assert "not trained yet, or unlike the data: train for longer" in printed
    assert not folder.alarms_file.exists()
    assert [text.split(":")[:2] for text in told] == (
        [["step 60", " not trained yet, or unlike the data"]] if code else []
    )


def test_diagnose_says_what_is_no_run(tmp_path, capsys):
    assert main(["diagnose", str(tmp_path / "none")]) == 1
    assert "does not exist" in capsys.readouterr().err
