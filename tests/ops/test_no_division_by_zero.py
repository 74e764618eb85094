"""Norms, deviations, counts and sums that are 0: values and derivatives are right there, not NaN."""

import math
import warnings

import numpy as np
import pytest

import rawgan_kernels
from rawgan import Tensor, grad, nn, ops, optim
from rawgan.config.noise import TrainConfig
from rawgan.data import ring8
from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptoms.d_is_winning import d_is_winning
from rawgan.diagnosis.symptoms.data_out_of_range import data_out_of_range
from rawgan.diagnosis.symptoms.mode_collapse import mode_collapse
from rawgan.diagnosis.symptoms.unlike_data import unlike_data
from rawgan.gan import ImageSpec, LossConfig, build
from rawgan.gan.penalties import PENALTIES
from rawgan.inference import slerp
from rawgan.metrics import fid, kid, prdc, psnr, ssim
from rawgan.metrics.figures import prdc as prdc_module
from rawgan.metrics.figures.classifier_score import classifier_score
from rawgan.metrics.figures.reverse_kl import perfect_kl, reverse_kl
from rawgan.nn.spectral_norm import TINY
from rawgan.pictures import plot_losses
from rawgan.pictures.scatter import save_scatter
from rawgan.testing import CHECKS, gradcheck
from rawgan.training import Trainer

FULL = np.random.default_rng(1).normal(size=(6, 4))
ROWS, COLUMNS = np.array([[1.0], [0], [0], [1], [0], [1]]), np.array([1.0, 0, 0, 1])
RANK_1 = np.outer(FULL[:, 0], FULL[0])

# --- spectral norm ----------------------------------------------------------------------------------------------------


def normed(w, dtype="float32", u=None):
    """A SpectralNorm around a Linear of these weights."""
    rng = np.random.default_rng(0)
    layer = nn.SpectralNorm(nn.Linear(*w.shape, bias=False, rng=rng), rng=rng).to(dtype=dtype)
    layer.layer.w.data = w.astype(dtype)
    if u is not None:
        layer.u.data = np.asarray(u, dtype)
    return layer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-11, 1e-6, 1, 1e6, 1e30, 1e37])
@pytest.mark.parametrize(
    "w", [FULL, FULL * ROWS, FULL * COLUMNS, RANK_1], ids=["full", "zero rows", "zero columns", "rank 1"]
)
def test_spectral_norm_is_right_for_weights_of_any_rank_and_size(w, scale, dtype):
    layer = normed(w * scale, dtype)
    for _ in range(200):
        y = layer.weight()
    largest = np.linalg.svd((w * scale).astype(dtype).astype("float64"), compute_uv=False)[0]
    np.testing.assert_allclose(y.data, w * scale / largest, rtol=1e-5, atol=1e-7)
    assert np.linalg.norm(layer.u.data) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "w", [FULL, FULL * ROWS, RANK_1, FULL * 1e-10, FULL * 1e30], ids=["full", "zero rows", "rank 1", "small", "large"]
)
def test_spectral_norm_has_its_derivatives_at_orders_1_and_2(w):
    layer = normed(w, "float64").eval()
    size = np.abs(w).max()

    def scaled(x):
        """Weights of any size by a variable that is near 1, as the steps of differences are."""
        own, attributes = layer.layer.w, vars(layer.layer)
        attributes["w"] = x * size
        try:
            return layer.weight()
        finally:
            attributes["w"] = own

    report = gradcheck(scaled, w / size, checks=CHECKS.keys() - {"dtype"})  # u is of float64
    assert max(report.error(1), report.error(2)) < 1e-6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "w", [0 * FULL, FULL * 1e-43, FULL * 1e-20, np.full((6, 4), 0.9 * TINY)], ids=["0", "e-43", "e-20", "e-12"]
)
def test_weights_that_are_next_to_nothing_stay_as_they_are(w, dtype):
    layer = normed(w, dtype)
    before = layer.u.data.copy()
    y = layer.weight()
    np.testing.assert_array_equal(y.data, w.astype(dtype))
    np.testing.assert_array_equal(layer.u.data, before)  # not 0, from which it would never come back
    upstream = Tensor(FULL.astype(dtype))
    (g,) = grad(ops.sum(y * upstream), [layer.layer.w], create_graph=True)
    np.testing.assert_allclose(g.data, FULL, rtol=1e-6)
    (gg,) = grad(ops.sum(g * g), [layer.layer.w])
    assert np.abs(gg.data).max() < 1e-10


@pytest.mark.parametrize("u", ["zero", "orthogonal"])
def test_an_iteration_that_starts_from_nowhere_finds_its_way(u):
    rng = np.random.default_rng(2)
    start = np.zeros(4)
    if u == "orthogonal":  # to all rows, but for rounding errors
        row = RANK_1[0] / np.linalg.norm(RANK_1[0])
        start = rng.normal(size=4)
        start -= (start @ row) * row
        start /= np.linalg.norm(start)
    layer = normed(RANK_1, u=start)
    expected = RANK_1 / np.linalg.svd(RANK_1, compute_uv=False)[0]
    np.testing.assert_allclose(layer.eval().weight().data, expected, rtol=1e-5)
    (g,) = grad(ops.sum(layer.weight() ** 3), [layer.layer.w])
    assert np.isfinite(g.data).all()


def test_a_layer_that_began_at_zero_learns():
    rng = np.random.default_rng(0)
    layer = nn.SpectralNorm(nn.Linear(3, 2, rng=rng, init=nn.init.normal(0.0)), rng=rng)
    adam, x = optim.Adam(layer.parameters(), 1e-2), rng.normal(size=(64, 3)).astype("float32")
    y = x @ np.array([[0.6, 0], [0, 0.8], [0, 0]], "float32")
    losses = []
    for _ in range(300):
        loss = ops.mse(layer(x), y)
        adam.step(grad(loss, adam.parameters))
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_numbers_that_are_lost_are_not_hidden():
    with np.errstate(all="ignore"):
        for value in (np.nan, np.inf):
            w = FULL.copy()
            w[2, 1] = value
            assert not np.isfinite(normed(w).weight().data).all()


def test_residual_networks_with_spectral_norm_train(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (24, 8, 8), np.uint8))
    training = Trainer(
        TrainConfig.of(
            data=str(path), image_size=8, channels=1, model="residual", spectral_norm=True, objective="hinge", width=2,
            batch_size=8, noise_size=4, samples=4,
        )
    )  # fmt: skip
    for number in range(1, 21):
        assert np.isfinite(list(training.step(number).values())).all()
    for name, u in training.gan.discriminator.named_buffers():
        assert np.linalg.norm(u.data) == pytest.approx(1, abs=1e-5), name


# --- penalties --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-16, 1e-10, 1.0, 1e12])
@pytest.mark.parametrize("name", PENALTIES)
def test_the_penalty_of_a_d_of_any_slope_has_its_value_and_gradient(name, scale):
    slope = scale * np.array([0.6, 0.8])
    w = Tensor(slope.reshape(2, 1), requires_grad=True)
    real, fake = Tensor(np.ones((3, 2))), Tensor(np.full((3, 2), -1.0))
    price = PENALTIES[name].value(lambda x: ops.matmul(x, w), real, fake, np.random.default_rng(0))
    (g,) = grad(price, [w])
    if name in ("wgan-gp", "dragan"):
        value, towards = (scale - 1) ** 2, 2 * (scale - 1) * np.array([0.6, 0.8]) * (scale > 1e-15)
    else:
        factor = 2 if name == "r1+r2" else 1
        value, towards = factor * scale**2 / 2, factor * slope
    assert price.item() == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(g.data.ravel(), towards, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_d_that_says_the_same_of_everything_can_be_penalised(name):
    gan = build("residual", ImageSpec(8), width=2, noise_size=3)
    for p in gan.discriminator.parameters():
        p.data[...] = 0
    real = Tensor(np.zeros((4, 8, 8, 1), "float32"))  # images that are all alike
    price = PENALTIES[name].value(lambda x: gan.discriminate(x).logits, real, real, np.random.default_rng(0))
    gradients = grad(price, gan.d_optimizer.parameters, unconnected="zero")
    assert all(np.isfinite(g.data).all() for g in [price, *gradients])


# --- layers of constants ----------------------------------------------------------------------------------------------

CONSTANT = {
    "BatchNorm": (lambda: nn.BatchNorm(3), (4, 2, 2, 3), (0, 1, 2)),
    "BatchNorm of vectors": (lambda: nn.BatchNorm(3), (4, 3), (0,)),
    "LayerNorm": (lambda: nn.LayerNorm((3,)), (4, 3), (1,)),
    "LayerNorm of images": (lambda: nn.LayerNorm((2, 2, 3)), (4, 2, 2, 3), (1, 2, 3)),
    "InstanceNorm": (lambda: nn.InstanceNorm(3), (1, 2, 2, 3), (1, 2)),
    "MinibatchStd": (lambda: nn.MinibatchStd(4), (4, 2, 2, 3), None),
    "MinibatchStd of one": (lambda: nn.MinibatchStd(4), (1, 2, 2, 3), None),
}


@pytest.fixture(params=["reference", "cpu"])
def _backend(request):
    rawgan_kernels.use(request.param)
    yield
    rawgan_kernels.use("auto")


@pytest.mark.usefixtures("_backend")
@pytest.mark.parametrize("value", [0.0, 0.3, -1e4, 1e-30])
@pytest.mark.parametrize("name", CONSTANT)
def test_layers_of_constants_have_their_derivatives(name, value):
    make, shape, axes = CONSTANT[name]
    rng = np.random.default_rng(0)
    for create_graph in (False, True):
        x = Tensor(np.full(shape, value, "float32"), requires_grad=True)
        y = make()(x)
        upstream = rng.normal(size=y.shape).astype("float32")
        (g,) = grad(ops.sum(y * upstream), [x], create_graph=create_graph)
        if axes is None:
            np.testing.assert_allclose(y.data[..., -1], 1e-4, rtol=1e-3)
            np.testing.assert_array_equal(g.data, upstream[..., :3])
        else:
            np.testing.assert_allclose(y.data, 0, atol=1e-4)
            expected = (upstream - upstream.mean(axis=axes, keepdims=True)) / math.sqrt(1e-5)
            np.testing.assert_allclose(g.data, expected, rtol=1e-3, atol=1e-2)
    (gg,) = grad(ops.sum(g * g), [x], unconnected="zero")
    if axes is None:  # the root of the mean square bends there: √(x² + ε²) is ε + ½ x² / ε, with ε = 10⁻⁴
        bend = 2 * upstream[..., 3].sum() / (1e-4 * y.data[..., :3].size)
        np.testing.assert_allclose(gg.data, bend * (g.data - g.data.mean(axis=0)), rtol=1e-3, atol=1e-2)
    else:  # what is normalised changes sign there, and its slope is even
        assert np.abs(gg.data).max() < 1e-3 * np.square(g.data).max() / math.sqrt(1e-5)


# --- noise, figures, pictures -----------------------------------------------------------------------------------------

E0, E1 = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1.0, 1e160, 1e300])
def test_slerp_is_right_for_vectors_of_any_length(scale):
    half = math.sqrt(0.5)
    np.testing.assert_allclose(slerp(E0 * scale, E1 * scale, 0.5), np.array([half, half, 0]) * scale, rtol=1e-12)
    np.testing.assert_allclose(slerp(E0 * scale, E1, 0.5), np.array([half * scale, half, 0]), rtol=1e-12)


@pytest.mark.parametrize(
    ("z0", "z1", "middle"),
    [(0 * E0, 0 * E0, 0 * E0), (0 * E0, E0, E0 / 2), (E0, 0 * E0, E0 / 2), (E0, E0, E0), (E0, -E0, 0 * E0)],
)
def test_slerp_is_the_straight_line_where_there_is_no_great_circle(z0, z1, middle):
    with warnings.catch_warnings(action="error"):
        np.testing.assert_allclose(slerp(z0, z1, [0, 0.5, 1]), [z0, middle, z1], atol=1e-15)


@pytest.mark.parametrize("copies", [1, 5, 6, 8])
def test_balls_of_samples_that_occur_more_than_k_times_are_empty_whatever_is_rounded(copies, monkeypatch):
    strips, rng = prdc_module._strips, np.random.default_rng(1)

    def rounded(x, y):
        """Distances with the errors that a product of matrices makes, which are others on other machines."""
        for start, squares in strips(x, y):
            yield start, squares + rng.uniform(0, 1e-15, squares.shape) * (x * x).sum(axis=1).max()

    monkeypatch.setattr(prdc_module, "_strips", rounded)
    places = np.random.default_rng(0).normal(size=(300 // copies, 17))
    x, y = np.repeat(places, copies, axis=0), np.tile(places, (copies + 1, 1))
    for found in (prdc(x, x), prdc(x, y)):
        if copies <= 5:
            assert (found.precision, found.coverage) == (1, 1)
            assert found.density > 0
        else:
            assert found == (0, 0, 0, 0)
    assert prdc(x, x + 100) == (0, 0, 0, 0)


def test_distances_of_samples_without_spread():
    constant, other = np.full((10, 3), 0.3), np.full((10, 3), 1.3)
    assert fid(constant, constant) == kid(constant, constant) == 0
    assert fid(constant, other) == pytest.approx(3)
    assert np.isfinite(kid(constant, other))


def test_figures_of_empty_classes_and_equal_images():
    assert reverse_kl([5, 0, 0], [0.5, 0.5, 0]) == pytest.approx(math.log(2))
    assert reverse_kl([5, 0, 1], [0.5, 0.5, 0]) == math.inf
    assert perfect_kl(10, [1.0, 0.0]) == 0
    assert classifier_score([[1.0, 0.0], [1.0, 0.0]]) == 1
    black = np.zeros((2, 16, 16, 1), np.uint8)
    assert psnr(black, black).tolist() == [math.inf, math.inf]
    assert np.isfinite(psnr(black, black, finite=True)).all()
    assert ssim(black, black).tolist() == [1, 1]


@pytest.mark.usefixtures("_backend")
@pytest.mark.parametrize("optimizer", [optim.Adam, optim.AdamW, optim.RMSprop])
@pytest.mark.parametrize("eps", [0.0, 1e-60, 1e-8])
def test_a_parameter_without_a_slope_stays_where_it_is(optimizer, eps):
    decay = {"weight_decay": 0.0} if optimizer is optim.AdamW else {}
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    steps = optimizer([w], 1e-3, eps=eps, **decay)
    for _ in range(3):
        steps.step([Tensor([0.0, 1.0, 1e-30])])  # the square of the last one is 0
    assert w.data[0] == 1
    assert 0 < 2 - w.data[1] < 0.05
    assert 0 <= 3 - w.data[2] < 0.05


@pytest.mark.parametrize(
    ("count", "values"),
    [(1, (0.5, math.nan, math.inf, 0.0)), (2, (0.0, math.inf, 0.5, math.nan)), (80, (math.nan, -1.0, 1e308, 0.0))],
)
def test_curves_of_a_constant_are_plotted(count, values, tmp_path):
    """Each panel shows another constant."""
    panels = ("d_loss", "g_loss"), ("d_real", "d_fake"), ("pixel", "cycle"), ("fid",)
    constants = {key: value for keys, value in zip(panels, values, strict=True) for key in keys}
    with warnings.catch_warnings(action="error"):
        plot_losses(tmp_path / "losses.png", [{"step": n + 1, **constants} for n in range(count)])


@pytest.mark.parametrize("value", [0.0, 1e30])
@pytest.mark.parametrize("count", [1, 3])
def test_points_at_one_place_are_drawn(value, count, tmp_path):
    with warnings.catch_warnings(action="error"):
        save_scatter(tmp_path / "points.png", np.full((count, 2), value, "float32"), ring8(), "x")


# --- the doctor -----------------------------------------------------------------------------------------------------


def seen(images):
    return Probe(images, images, images, images, 1, 1.0, [], {}, 0.0, True)


def test_the_doctor_says_nothing_of_the_variety_of_one_image():
    image = np.linspace(-1, 1, 64, dtype="float32").reshape(1, 8, 8, 1)
    with warnings.catch_warnings(action="error"):
        assert not any(symptom.alarm for symptom in data_out_of_range(image, tanh=True))
        assert mode_collapse(seen(image)) == unlike_data(seen(image)) == []
        assert mode_collapse(seen(np.repeat(image, 4, axis=0))) == []  # data with twins of its own


def test_the_doctor_says_nothing_of_a_d_that_has_nothing_to_win():
    loss_config = LossConfig(smooth_real=math.nextafter(0.5, 0), smooth_fake=math.nextafter(0.5, 0))
    records = [{"d_loss": 1.39, "d_real": 0.5, "d_fake": 0.5}]
    with warnings.catch_warnings(action="error"):
        (slope,) = d_is_winning(seen(np.zeros((4, 8, 8, 1), "float32")), loss_config, records)
    assert slope.figure.startswith("slope of G's loss")
