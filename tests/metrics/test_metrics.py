"""Distances, manifolds, modes, neighbours and mixtures against closed forms, explicit loops and simulations."""

import math

import numpy as np
import pytest

from bench.experiments.metrics_check import MetricsCheckConfig, agrees
from rawgan.errors import ArgumentError, DTypeError, ShapeError
from rawgan.metrics import (
    PRDC,
    Moments,
    class_histogram,
    classifier_score,
    collapsed_modes,
    confusion_matrix,
    fid,
    frechet_distance,
    kid,
    modes_covered,
    moments,
    nearest_images,
    perfect_kl,
    perfect_modes,
    prdc,
    reverse_kl,
)
from rawgan.metrics.figures.kid import ROWS as KID_ROWS
from rawgan.metrics.figures.nearest import ROWS as NEAREST_ROWS
from rawgan.metrics.figures.prdc import ROWS


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def covariance(rng, size, rank):
    a = rng.normal(size=(size, rank))
    return a @ a.T


# --- distances -------------------------------------------------------------------------------------------------------


def test_frechet_distance_of_gaussians_with_the_same_axes(rng):
    """Then the standard deviations along these are all that matters, whatever way they point."""
    axes, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    a, b, difference = rng.uniform(0, 3, 6), rng.uniform(0, 3, 6), rng.normal(size=6)
    gaussians = [Moments(mean, axes * std**2 @ axes.T) for mean, std in ((np.zeros(6), a), (difference, b))]
    assert frechet_distance(*gaussians) == pytest.approx((difference**2).sum() + ((a - b) ** 2).sum(), rel=1e-12)


@pytest.mark.parametrize("rank", [5, 3])
def test_frechet_distance_by_the_eigenvalues_of_the_product(rank, rng):
    """A product that is not symmetric: another way to the same trace, good for singular covariances too."""
    a, b = covariance(rng, 5, rank), covariance(rng, 5, 5)
    roots = np.sqrt(np.linalg.eigvals(a @ b).astype(complex)).real.sum()
    zero = np.zeros(5)
    found = frechet_distance(Moments(zero, a), Moments(zero, b))
    assert found == pytest.approx(np.trace(a) + np.trace(b) - 2 * roots, rel=1e-6)


def test_fid_of_singular_features(rng):
    x = rng.normal(size=(20, 50))  # fewer samples than features
    x[:, 7] = 3  # and one that says nothing
    assert fid(x, x) == pytest.approx(0, abs=1e-6)
    assert fid(x, x + 2) == pytest.approx(50 * 4, rel=1e-6)


def test_fid_and_kid_do_not_depend_on_the_order_or_the_axes_of_features(rng):
    x, y = rng.normal(size=(60, 4)), rng.normal(1, 2, size=(70, 4))
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    for distance in (fid, kid):
        expected = pytest.approx(distance(x, y), rel=1e-10)
        assert distance(rng.permutation(x), rng.permutation(y)) == expected
        assert distance(y, x) == expected
        assert distance(x @ turn, y @ turn) == expected
        assert distance(x.astype(np.float32), y) == pytest.approx(distance(x, y), rel=1e-5)


def test_kid_is_the_mean_over_pairs(rng):
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(5, 3))

    def k(a, b):
        return (sum(float(p * q) for p, q in zip(a, b, strict=True)) / 3 + 1) ** 3

    def within(points):
        pairs = [(i, j) for i in range(len(points)) for j in range(len(points)) if i != j]
        return sum(k(points[i], points[j]) for i, j in pairs) / len(pairs)

    expected = within(x) + within(y) - 2 * sum(k(a, b) for a in x for b in y) / 35
    assert kid(x, y) == pytest.approx(expected, rel=1e-12)


def test_kid_of_more_points_than_a_strip_has_rows(rng):
    x, y = rng.normal(size=(KID_ROWS + 7, 3)), rng.normal(size=(2 * KID_ROWS, 3))
    xx, yy, xy = (((a @ b.T) / 3 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    means = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    assert kid(x, y) == pytest.approx(sum(means) - 2 * xy.mean(), rel=1e-10)


def test_kid_has_no_bias_and_fid_has(rng):
    """For sets of one distribution, however small. Pairs of a point with itself would bring KID to 2.0 on average."""
    draws = rng.normal(size=(400, 2, 10, 4))
    kids = np.array([kid(x, y) for x, y in draws])
    assert abs(kids.mean()) < 4 * kids.std() / math.sqrt(len(kids))
    assert kids.std() < 3
    assert np.mean([fid(x, y) for x, y in draws[:100]]) > 0.5


# --- manifold --------------------------------------------------------------------------------------------------------


def looped(real, generated, k):
    def radius(points, i):
        return sorted(math.dist(points[i], other) for j, other in enumerate(points) if j != i)[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    radii = [radius(generated, i) for i in range(len(generated))]
    balls = [sum(math.dist(x, y) < r for x, r in zip(real, real_radii, strict=True)) for y in generated]
    return (
        np.mean([n > 0 for n in balls]),
        np.mean([any(math.dist(x, y) < r for y, r in zip(generated, radii, strict=True)) for x in real]),
        np.mean(balls) / k,
        np.mean([any(math.dist(x, y) < r for y in generated) for x, r in zip(real, real_radii, strict=True)]),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.5, 1000.0])
def test_prdc_as_defined(k, shift, rng):
    real, generated = rng.normal(size=(40, 3)) + shift, rng.normal(0.7, 0.5, size=(30, 3)) + shift
    assert prdc(real, generated, k) == pytest.approx(looped(real, generated, k), abs=1e-12)


def test_manifold_in_strips_and_in_any_order(rng):
    real, generated = rng.normal(size=(ROWS + 7, 3)), rng.normal(size=(2 * ROWS, 3))
    expected = looped(real, generated, 5)
    assert prdc(real, generated) == pytest.approx(expected, abs=1e-12)
    assert prdc(rng.permutation(real), rng.permutation(generated)) == pytest.approx(expected, abs=1e-12)


def test_manifold_tells_collapse_from_noise(rng):
    real = rng.normal(size=(300, 2))
    collapsed = prdc(real, 0.01 * rng.normal(size=(300, 2)))
    scattered = prdc(real, 20 * rng.normal(size=(300, 2)))
    assert collapsed.precision == 1
    assert collapsed.coverage < 0.1 > collapsed.recall
    assert scattered.precision < 0.05 > scattered.density
    assert prdc(real, np.zeros((300, 2))).recall == 0  # all the same: balls of no size
    assert prdc(np.zeros((9, 2)), np.zeros((9, 2))) == (0, 0, 0, 0)  # their rim is not in them


@pytest.mark.parametrize(("off", "near"), [(0.0, True), (0.5, False)])
def test_the_check_of_the_published_values_can_fail(off, near, capsys):
    """The whole check takes half a minute: python -m bench metrics_check."""
    x = np.random.default_rng(0).standard_normal((2, 300, 30))
    published = PRDC(*(value + off for value in prdc(*x)))
    assert agrees(MetricsCheckConfig(draws=2, samples=300, dimensions=30), published) == near
    assert capsys.readouterr().out.count("density") == 2


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", [fid, kid, prdc])
def test_samples_that_cannot_be_compared(metric, rng):
    x = rng.normal(size=(10, 3))
    broken = x.copy()
    broken[4, 1] = np.nan
    with pytest.raises(ArgumentError, match=r"1 of the 10 samples of .* hold numbers that are not finite"):
        metric(x, broken)
    with pytest.raises(ArgumentError, match="not finite"):
        metric(np.where(np.isnan(broken), np.inf, x), x)
    with pytest.raises(ShapeError, match=r"the same features.*\n  .* \(10, 3\)   .* \(10, 2\)"):
        metric(x, x[:, :2])
    with pytest.raises(ShapeError, match="one row for each sample"):
        metric(x, x.ravel())
    with pytest.raises(ArgumentError, match=r"at least \d samples are needed, but .* has 1"):
        metric(x, x[:1])


def test_further_refusals(rng):
    with pytest.raises(ArgumentError, match="k must be at least 1"):
        prdc(np.zeros((9, 2)), np.zeros((9, 2)), k=0)
    with pytest.raises(ArgumentError, match="at least 6 samples are needed, but generated has 5"):
        prdc(np.zeros((9, 2)), np.zeros((5, 2)))
    with pytest.raises(ShapeError, match="two Gaussians of one space"):
        frechet_distance(moments(np.eye(2)), moments(np.eye(3)))
    with pytest.raises(ArgumentError, match="labels must lie in 0 … 2, but go from 0 to 3"):
        class_histogram([0, 3], 3)
    with pytest.raises(ShapeError, match="labels must be integers"):
        class_histogram([0.5], 3)
    with pytest.raises(ShapeError, match="one name for each label"):
        confusion_matrix([0, 1], [0], 2)
    with pytest.raises(ArgumentError, match="each row must hold probabilities"):
        classifier_score([[0.5, 0.4]])
    with pytest.raises(ShapeError, match="one count and one probability for each class"):
        reverse_kl([1, 2, 3], [0.5, 0.5])
    with pytest.raises(ArgumentError, match="counts must be 0 or more, and not all 0"):
        reverse_kl([0, 0], [0.5, 0.5])
    with pytest.raises(ArgumentError, match=r"sum to 1, not to 0\.9"):
        perfect_kl(10, [0.5, 0.4])
    with pytest.raises(ShapeError, match="a probability for each class"):
        perfect_kl(10, [[1.0]])
    with pytest.raises(ShapeError, match="confusion must be"):
        collapsed_modes(10, [0.5, 0.5])


# --- modes -----------------------------------------------------------------------------------------------------------


def test_classifier_score_of_what_is_known(rng):
    assert classifier_score(np.eye(10)[rng.permutation(np.repeat(np.arange(10), 5))]) == pytest.approx(10)
    assert classifier_score(np.full((7, 10), 0.1)) == pytest.approx(1)
    p = rng.dirichlet(np.ones(4), size=50)
    entropy = -(p * np.log(p)).sum(axis=1).mean()
    mean = p.mean(axis=0)
    assert classifier_score(p) == pytest.approx(math.exp(-(mean * np.log(mean)).sum() - entropy))


def test_reverse_kl_of_what_is_known():
    assert reverse_kl([3, 1], [0.25, 0.75]) == pytest.approx(0.5 * math.log(3))
    assert reverse_kl([1, 1], [0.25, 0.75]) == pytest.approx(0.5 * math.log(4 / 3))  # the other way round, 0.131
    assert reverse_kl([1, 1], [1, 0]) == math.inf
    assert reverse_kl([1, 0], [1, 0]) == 0


@pytest.mark.parametrize(("samples", "published"), [(10_000, 0.051), (26_000, 0.0194), (50_000, 0.010)])
def test_the_kl_of_perfect_samples(samples, published, rng):
    """For 1000 modes, as published, and as simulated."""
    target = np.full(1000, 1e-3)
    drawn = [reverse_kl(rng.multinomial(samples, target), target) for _ in range(20)]
    exact = perfect_kl(samples, target)
    assert exact == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / math.sqrt(20))
    assert exact == pytest.approx(published, abs=0.0009)


def test_the_modes_of_perfect_samples(rng):
    target = np.array([0.5, 0.3, 0.15, 0.04, 0.01, 0.0])
    drawn = rng.multinomial(50, target, size=4000)
    for least in (1, 3):
        assert perfect_modes(50, target, least) == pytest.approx(np.mean((drawn >= least).sum(axis=1)), abs=0.04)
    assert perfect_kl(50, target) == pytest.approx(np.mean([reverse_kl(n, target) for n in drawn]), rel=0.05)
    assert perfect_modes(5, [1.0]) == 1


def test_the_modes_of_collapsed_samples(rng):
    """A generator stuck on one triple, measured with a classifier that errs on a few per cent of the digits."""
    confusion = 0.97 * np.eye(4) + 0.03 * rng.dirichlet(np.ones(4), size=4)
    seen = {1: [], 2: []}
    for _ in range(600):
        digits = rng.integers(4, size=2)
        named = [rng.choice(4, size=200, p=confusion[d]) for d in digits]
        counts = class_histogram(named[0] * 4 + named[1], 16)
        for least, of_draws in seen.items():
            of_draws.append(modes_covered(counts, least))
    for least, of_draws in seen.items():
        error = np.std(of_draws) / math.sqrt(len(of_draws))
        assert collapsed_modes(200, confusion, 2, least) == pytest.approx(np.mean(of_draws), abs=4 * error)


def test_a_class_without_samples_is_taken_for_itself():
    assert confusion_matrix([0, 0], [0, 1], 3).tolist() == [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]


# --- nearest ---------------------------------------------------------------------------------------------------------


def test_the_nearest_image(rng):
    training = rng.integers(0, 256, (NEAREST_ROWS + 50, 2, 2, 3)).astype(np.uint8)
    images = rng.integers(0, 256, (9, 2, 2, 3)).astype(np.uint8)
    images[3] = training[NEAREST_ROWS + 41]
    found = nearest_images(images, training)
    for n, image in enumerate(images):
        apart = [np.sqrt(((image.astype(float) - other) ** 2).mean()) for other in training]
        assert found.which[n] == np.argmin(apart)
        assert found.distance[n] == pytest.approx(min(apart))
    assert (found.which[3], found.distance[3]) == (NEAREST_ROWS + 41, 0)


def test_images_that_have_no_neighbours():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    with pytest.raises(DTypeError, match="must be uint8"):
        nearest_images(images.astype(np.float32), images)
    with pytest.raises(ShapeError, match="all of one size"):
        nearest_images(images, images[:, :2])
    with pytest.raises(ArgumentError, match="at least one image"):
        nearest_images(images[:0], images)
