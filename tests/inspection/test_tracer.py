"""The tracer: what it tells of is what the engine computes, and the step is bit-identical without it."""

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops, optim
from rawgan.autograd import recording
from rawgan.config.noise import TrainConfig
from rawgan.config.translation import CycleConfig, EnhanceConfig
from rawgan.inspection.events import LayerGradient, LayerOutput, ParameterUpdate, PartBegins, Value
from rawgan.inspection.tracer import trace
from rawgan.training import Trainer

SMALL = {"steps": 5, "width": 2, "batch_size": 4, "image_size": 8}
DIGITS = {**SMALL, "noise_size": 4}
CONFIGS = {
    "style": (TrainConfig, {**DIGITS, "penalty_every": 1, "g_penalty": "path-length"}),
    "dcgan": (TrainConfig, {**DIGITS, "model": "dcgan", "d_steps": 2, "g_steps": 2}),
    "classes": (TrainConfig, {**DIGITS, "model": "residual", "conditional": "projection", "augment": "ada"}),
    "pairs": (TrainConfig, {**DIGITS, "model": "residual", "objective": "relativistic", "penalty": "r1+r2"}),
    "points": (TrainConfig, {"data": "ring8", "steps": 5, "width": 4, "batch_size": 8}),
    "enhancer": (EnhanceConfig, {**SMALL, "factor": 2, "patch": 16}),
    "cyclegan": (CycleConfig, {**SMALL, "image_size": 16, "patch": 16, "style": "inverted"}),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A file of 16 random images of 16 × 16 pixels, labelled."""
    path = tmp_path_factory.mktemp("data") / "images.npz"
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16), np.uint8)
    np.savez(path, images=images, labels=np.arange(16) % 3)
    return str(path)


def trainer_of(name, place):
    kind, options = CONFIGS[name]
    trainer = Trainer(kind.of(**{"data": place, **options}))
    trainer.step(1)
    return trainer


def events_of(trainer):
    events = []
    trace(lambda: trainer.step(2), trainer.gan.networks, events.append)
    return events


@pytest.mark.parametrize("name", CONFIGS)
def test_a_step_is_bit_identical_when_traced(name, place):
    plain, traced = trainer_of(name, place), trainer_of(name, place)
    record = plain.step(2)
    events = []
    trace(lambda: events.append(traced.step(2)), traced.gan.networks, events.append)
    assert record in events
    ours, theirs = plain.checkpoint().arrays, traced.checkpoint().arrays
    assert {name: array.tobytes() for name, array in ours.items()} == {
        name: array.tobytes() for name, array in theirs.items()
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_every_parameter_is_updated_as_often_as_its_network(name, place):
    trainer = trainer_of(name, place)
    optimisers = trainer.config.optimiser
    times = {"generator": getattr(optimisers, "g_steps", 1), "discriminator": getattr(optimisers, "d_steps", 1)}
    found = [(event.network, event.parameter) for event in events_of(trainer) if isinstance(event, ParameterUpdate)]
    wanted = [
        (network, f"layer {name}")
        for network, module in trainer.gan.networks.items()
        for name, _ in module.named_parameters()
        for _ in range(times[network.removeprefix("back_")])
    ]
    assert sorted(found) == sorted(wanted)


def test_parts_come_in_the_order_of_the_tutorial(place):
    trainer = Trainer(TrainConfig.of(**DIGITS, data=place, model="dcgan"))
    events = []
    trace(lambda: trainer.step(1), trainer.gan.networks, events.append)
    parts = [f"{event.part.network}{event.part.number}" for event in events if isinstance(event, PartBegins)]
    assert " ".join(parts) == "G1 G2 D1 D2 D3 D4 D1 D2 D3 D4 D4 G3 G4 G5"
    assert [event.name for event in events if isinstance(event, Value)] == [
        "noise", "generated", "real", "real_logits", "d_loss_real",
        "generated", "generated_logits", "d_loss_generated", "generated_logits", "g_loss",
    ]  # fmt: skip


def test_values_are_those_of_the_step(place):
    trainer = trainer_of("style", place)
    events = []
    record = None

    def step():
        nonlocal record
        record = trainer.step(2)

    trace(step, trainer.gan.networks, lambda event: events.append((event, np.copy(getattr(event, "array", 0)))))
    values = {event.name: array for event, array in events if isinstance(event, Value)}
    assert values["d_loss_real"] + values["d_loss_generated"] == np.float32(record["d_loss"])
    assert values["g_loss"] == np.float32(record["g_loss"])
    assert values["penalty"] == np.float32(record["penalty"])
    assert np.array_equal(values["real"], trainer.task.real(1).numpy())


def test_layers_and_their_gradients_are_those_of_the_engine():
    rng = np.random.default_rng(0)
    network = nn.Sequential(
        nn.Linear(3, 4, rng=rng),
        nn.Residual(nn.Sequential(nn.Linear(4, 4, rng=rng), nn.Tanh())),
        nn.Linear(4, 1, rng=rng),
    )
    x = Tensor(rng.standard_normal((5, 3), "float32"))
    made = [network[0](x)]
    inner = [network[1].main[0](made[0])]
    inner.append(network[1].main[1](inner[0]))
    made += [made[0] + inner[1]]
    made += [network[2](made[1])]
    wanted = [made[0], *inner, made[1], made[2]]
    gradients = grad(ops.mean(made[-1] * made[-1]), wanted)
    sgd, events = optim.SGD(network.parameters(), lr=0.1), []

    def step():
        y = network(x)
        sgd.step(grad(ops.mean(y * y), sgd.parameters))

    trace(step, {"net": network}, events.append)
    outputs = {event.layer: event.array for event in events if isinstance(event, LayerOutput)}
    names = ["0 Linear", "1.main.0 Linear", "1.main.1 Tanh", "1 Residual", "2 Linear"]
    assert [name.removeprefix("layer ").partition("(")[0] for name in outputs] == names
    for array, tensor in zip(outputs.values(), wanted, strict=True):
        np.testing.assert_array_equal(array, tensor.numpy())
    back = {event.layer: event.array for event in events if isinstance(event, LayerGradient)}
    assert [*back] == [*outputs][::-1]  # the walk goes from the newest to the oldest
    for name, gradient in zip(outputs, gradients, strict=True):
        np.testing.assert_allclose(back[name], gradient.numpy(), rtol=1e-5, atol=1e-8)


def test_gradients_reach_the_layers_of_g_through_d(place):
    trainer = Trainer(TrainConfig.of(**DIGITS, data=place, model="dcgan"))
    events = events_of(trainer)
    last = max(n for n, event in enumerate(events) if isinstance(event, PartBegins))
    networks = [event.network for event in events[last:] if isinstance(event, LayerGradient)]
    outputs = {(e.network, e.layer) for e in events if isinstance(e, LayerOutput)}
    assert networks == sorted(networks)  # D's layers first
    assert {(e.network, e.layer) for e in events[last:] if isinstance(e, LayerGradient)} == outputs


def test_an_update_has_the_numbers_of_the_optimiser():
    w = nn.Parameter(np.array([1.0, -2.0], "float32"))
    network = nn.Module()
    network.w = w
    adam, events = optim.Adam([w], lr=0.1, betas=(0.5, 0.75)), []
    gradient = np.array([0.5, 4.0], "float32")
    trace(lambda: adam.step([Tensor(gradient)]), {"net": network}, events.append)
    (event,) = events
    assert (event.network, event.parameter, event.optimizer) == ("net", "layer w", "Adam, learning rate 0.1")
    assert event.rule.startswith("w ← w − lr · m̂ / (√v̂ + eps)")
    np.testing.assert_array_equal(event.gradient, gradient)
    np.testing.assert_allclose(event.moments["m"], gradient / 2)
    np.testing.assert_allclose(event.moments["v"], gradient**2 / 4)
    np.testing.assert_array_equal(event.before, np.array([1.0, -2.0], "float32"))
    np.testing.assert_allclose(event.after, [0.9, -2.1], rtol=1e-6)


def test_a_penalty_is_walked_back_twice(place):
    trainer = trainer_of("style", place)
    penalty, inside = [], False
    for event in events_of(trainer):
        if isinstance(event, PartBegins):
            inside = event.part.title.startswith("add the penalty on D")
        elif inside and isinstance(event, LayerGradient):
            penalty.append(event.layer)
    first = next(layer for layer in penalty if layer.startswith("layer 0 "))
    assert penalty.count(first) == 2


def test_recording_is_left_as_it_was():
    with recording(False):
        trace(lambda: nn.Tanh()(np.ones(2, "float32")), {"net": nn.Tanh()}, print)
