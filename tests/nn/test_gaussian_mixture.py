"""Mixtures of Gaussians against scipy, scikit-learn and tensorflow-probability."""

import sys

import keras
import numpy as np
import pytest
from keras import ops
from scipy import integrate, optimize, stats

from astroNN.nn.distributions import GaussianMixture

from ..helpers.gradients import value_and_grad

MEAN = np.array([[-1.0, 0.5, 3.0], [0.0, 0.1, -20.0]])
SCALE = np.array([[0.3, 1.0, 0.05], [1.0, 2.0, 0.5]])
WEIGHT = np.array([[0.2, 0.5, 0.3], [0.6, 0.4, 0.0]])
# JAX computes in float32 unless told otherwise; the others keep numpy's float64.
SINGLE = keras.backend.backend() == "jax"
EPS = np.finfo("float32" if SINGLE else "float64").eps


def density(y):
    return (WEIGHT * stats.norm.pdf(np.asarray(y)[..., None], MEAN, SCALE)).sum(axis=-1)


def below(y):
    return (WEIGHT * stats.norm.cdf(np.asarray(y)[..., None], MEAN, SCALE)).sum(axis=-1)


@pytest.fixture
def mixture():
    return GaussianMixture(MEAN, SCALE, WEIGHT)


def test_parameters_are_kept_and_weights_divided_by_their_sum():
    mixture = GaussianMixture(MEAN.astype("float32"), SCALE.astype("float32"), 7 * WEIGHT.astype("float32"))
    assert (mixture.batch_shape, mixture.n_components) == ((2,), 3)
    assert repr(mixture) == "GaussianMixture(batch_shape=(2,), n_components=3, dtype=float32)"
    np.testing.assert_array_equal(mixture.means, MEAN.astype("float32"))
    np.testing.assert_array_equal(mixture.scales, SCALE.astype("float32"))
    np.testing.assert_allclose(mixture.weights, WEIGHT, rtol=1e-6)


def test_density_agrees_with_scipy(mixture):
    y = np.linspace(-4, 4, 101)[:, None]
    with np.errstate(divide="ignore"):
        expected = np.log(density(y))
    # A rounding error of z is multiplied by z: up to (4 - 3) / 0.05 and more for the narrow component, z^2 ~ 1e4.
    np.testing.assert_allclose(mixture.log_prob(y), expected, rtol=40 * EPS, atol=100 * EPS)


def test_density_agrees_with_scikit_learn():
    sklearn_mixture = pytest.importorskip("sklearn.mixture")
    sample = np.random.default_rng(0).normal(size=(50, 1))
    reference = sklearn_mixture.GaussianMixture(3)
    reference.means_, reference.weights_ = MEAN[0][:, None], WEIGHT[0]
    reference.covariances_ = (SCALE[0] ** 2)[:, None, None]
    reference.precisions_cholesky_ = (1 / SCALE[0])[:, None, None]
    ours = GaussianMixture(MEAN[0], SCALE[0], WEIGHT[0]).log_prob(sample[:, 0])
    np.testing.assert_allclose(ours, reference.score_samples(sample), rtol=40 * EPS, atol=100 * EPS)


@pytest.mark.tensorflow_only
def test_tensorflow_probability_gives_the_same_distribution(mixture):
    pytest.importorskip("tensorflow_probability")
    y = np.linspace(-4, 4, 21)[:, None]
    theirs = mixture.to_tfp()
    np.testing.assert_allclose(mixture.log_prob(y), theirs.log_prob(y), rtol=1e-12)
    np.testing.assert_allclose(mixture.cdf(y), theirs.cdf(y), rtol=1e-9)
    np.testing.assert_allclose(mixture.mean(), theirs.mean(), rtol=1e-12)
    np.testing.assert_allclose(mixture.variance(), theirs.variance(), rtol=1e-12)


@pytest.mark.tensorflow_only
def test_without_tensorflow_probability_the_error_says_how_to_get_it(mixture, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_probability", None)
    with pytest.raises(ImportError, match="pip install tensorflow-probability tf-keras"):
        mixture.to_tfp()


def test_on_other_backends_the_error_names_the_alternatives(mixture, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="to_tfp needs the TensorFlow backend.*jax.*log_prob"):
        mixture.to_tfp()


def test_cumulative_probability_agrees_with_scipy_deep_into_the_lower_tail(mixture):
    y = np.linspace(-11, 6, 60)[:, None]
    expected = below(y)
    assert expected[:, 1].min() < 1e-7  # 1 + erf would have no digit left
    # The relative slope of the tail is z ** 2: rounding of z at 33 sigma costs 1e3 units in the last place.
    keep = expected > 1e-30
    np.testing.assert_allclose(np.asarray(mixture.cdf(y))[keep], expected[keep], rtol=3e3 * EPS)


def test_moments_agree_with_quadrature():
    for mean, scale, weight in zip(MEAN, SCALE, WEIGHT, strict=True):
        mixture = GaussianMixture(mean, scale, weight)

        def moment(function, m=mean, s=scale, w=weight):
            value, _ = integrate.quad(
                lambda y: function(y) * (w * stats.norm.pdf(y, m, s)).sum(), -30, 30, points=list(m), limit=500
            )
            return value

        centre = moment(lambda y: y)
        assert float(mixture.mean()) == pytest.approx(centre, rel=1e-6, abs=1e-6)
        spread = moment(lambda y: (y - centre) ** 2)  # noqa: B023
        assert float(mixture.variance()) == pytest.approx(spread, rel=1e-6)
        assert float(mixture.stddev()) == pytest.approx(spread**0.5, rel=1e-6)


def test_quantiles_agree_with_roots_found_by_scipy(mixture):
    q = np.array([1e-9, 1e-4, 0.1587, 0.2, 0.5, 0.7, 0.8413, 0.9999])[:, None]
    expected = np.array(
        [
            [optimize.brentq(lambda y, k=k, p=p: below(np.array([y, y]))[k] - p, -40, 40, xtol=1e-14) for k in (0, 1)]
            for p in q[:, 0]
        ]
    )
    # The rounding of q, and that of z (6 at most) times the relative slope of the tail, z; that of y; and brentq.
    error = 40 * EPS * q / density(expected) + 4 * EPS * np.abs(expected) + 1e-13
    assert np.all(np.abs(np.asarray(mixture.quantile(q)) - expected) < error)


def test_a_quantile_inverts_the_cumulative_probability(mixture):
    y = np.random.default_rng(1).normal(size=(200, 2)) * 0.7
    q = np.asarray(mixture.cdf(y))
    # Both the rounding of the probability and that of y.
    error = 8 * EPS * (1 + q / density(y))
    assert np.all(np.abs(np.asarray(mixture.quantile(q)) - y) < error)


def test_quantiles_of_single_precision_are_good_to_single_precision():
    rng = np.random.default_rng(2)
    mean, scale = rng.normal(size=(500, 4)), 10 ** rng.uniform(-3, 1, (500, 4))
    weight = rng.dirichlet(np.ones(4), 500)
    single = GaussianMixture(*(x.astype("float32") for x in (mean, scale, weight)))
    for q in (0.0013, 0.1587, 0.5, 0.8413, 0.9987):
        found = np.asarray(single.quantile(q), "float64")
        # Judged by the probability: that of the neighbouring float32 on each side, and rounding of sums and of q.
        z = (found[:, None] - mean) / scale
        reached = (weight * stats.norm.cdf(z)).sum(axis=1)
        slope = (weight * stats.norm.pdf(z) / scale).sum(axis=1)
        resolution = np.finfo("float32").eps * (8 + 4 * slope * np.maximum(np.abs(mean).max(axis=1), np.abs(found)))
        assert np.all(np.abs(reached - q) < resolution)


def test_several_quantiles_broadcast_and_grow(mixture):
    quantiles = np.asarray(mixture.quantile(np.array([0.16, 0.5, 0.84])[:, None]))
    assert quantiles.shape == (3, 2)
    assert np.all(np.diff(quantiles, axis=0) > 0)
    # One rounding of float32: compilers order sums by the shape.
    np.testing.assert_allclose(quantiles[1], mixture.quantile(0.5), rtol=2.5e-7)


def test_derivatives_of_a_quantile_are_those_of_a_gaussian():
    def quantile(mean, scale):
        return GaussianMixture(mean, scale, ops.ones_like(mean)).quantile(0.9)

    _, (by_mean, by_scale) = value_and_grad(quantile, [[2.0]], [[3.0]])
    assert by_mean == pytest.approx(1.0, rel=1e-5)
    assert by_scale == pytest.approx(stats.norm.ppf(0.9), rel=1e-5)


def test_samples_have_the_moments_of_the_mixture(mixture):
    n = 20_000
    draws = np.asarray(mixture.sample(n, seed=3), "float64")
    assert draws.shape == (n, 2)
    mean, variance = np.asarray(mixture.mean()), np.asarray(mixture.variance())
    assert np.all(np.abs(draws.mean(axis=0) - mean) < 4 * np.sqrt(variance / n))
    fourth = (WEIGHT * (3 * SCALE**4 + 6 * SCALE**2 * (d := MEAN - mean[:, None]) ** 2 + d**4)).sum(axis=1)
    assert np.all(np.abs(draws.var(axis=0) - variance) < 4 * np.sqrt((fourth - variance**2) / n))
    for k in (0, 1):
        result = stats.kstest(draws[:, k], lambda y, k=k: below(np.stack([y, y], axis=-1))[:, k])
        assert result.pvalue > 1e-4


def test_choice_and_deviate_of_a_sample_are_independent():
    mixture = GaussianMixture([-50.0, 50.0], [1.0, 1.0], [0.5, 0.5])
    draws = np.asarray(mixture.sample(20_000, seed=1))
    right = draws > 0
    deviates = draws - np.where(right, 50, -50)
    assert abs(np.corrcoef(right, deviates)[0, 1]) < 4 / np.sqrt(20_000)


def test_seeds_repeat_samples_and_generators_move_on(mixture):
    np.testing.assert_array_equal(mixture.sample(5, seed=1), mixture.sample(5, seed=1))
    assert np.all(np.asarray(mixture.sample(5, seed=1)) != np.asarray(mixture.sample(5, seed=2)))
    generator = keras.random.SeedGenerator(1)
    assert np.all(np.asarray(mixture.sample(5, generator)) != np.asarray(mixture.sample(5, generator)))
    keras.utils.set_random_seed(4)
    first = np.asarray(mixture.sample(5))
    assert np.all(first != np.asarray(mixture.sample(5)))
    keras.utils.set_random_seed(4)
    np.testing.assert_array_equal(first, mixture.sample(5))


def test_a_sample_of_one_mixture_or_of_many_axes_has_the_batch_shape():
    assert tuple(GaussianMixture([0.0, 1.0], [1.0, 1.0], [1.0, 1.0]).sample(7, 0).shape) == (7,)
    many = GaussianMixture(np.arange(24.0).reshape(2, 4, 3) * 100, np.ones((2, 4, 3)), np.ones((2, 4, 3)))
    draws = np.asarray(many.sample(50, 0))
    assert draws.shape == (50, 2, 4)
    # Every draw lies near a component of its own mixture: means are 100 apart, scales 1.
    nearest = np.round(draws / 100)
    assert np.all(nearest // 3 == np.arange(8).reshape(2, 4))


def test_physical_units_move_every_figure_with_them(mixture):
    std, mean = np.array([700.0, 0.3]), np.array([4800.0, -0.2])
    physical = mixture.scaled(std, mean)
    np.testing.assert_allclose(physical.mean(), np.asarray(mixture.mean()) * std + mean, rtol=10 * EPS)
    np.testing.assert_allclose(physical.variance(), np.asarray(mixture.variance()) * std**2, rtol=100 * EPS)
    y = np.array([0.3, 0.4])
    np.testing.assert_allclose(
        physical.log_prob(y * std + mean), np.asarray(mixture.log_prob(y)) - np.log(std), rtol=1e5 * EPS
    )
    assert physical.batch_shape == (2,)


def test_errors_convolve_the_density(mixture):
    err = 0.4
    wide = mixture.convolved(err)
    for y in (-1.3, 0.2, 2.9):
        for k in (0, 1):
            points = [m for m in MEAN[k] if abs(m - y) < 6] + [y]
            expected, _ = integrate.quad(
                lambda t, k=k, y=y: density(np.array([t, t]))[k] * stats.norm.pdf(y, t, err),
                y - 6, y + 6, points=points, limit=500,
            )  # fmt: skip
            assert float(wide.log_prob(y)[k]) == pytest.approx(np.log(expected), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(wide.variance(), np.asarray(mixture.variance()) + err**2, rtol=100 * EPS)


@pytest.mark.parametrize("distance", [50.0, 500.0])
def test_density_and_gradient_far_in_the_tail_are_those_of_the_nearest_component(distance):
    def log_prob(y, mean):
        return GaussianMixture(mean, ops.ones_like(mean), ops.ones_like(mean)).log_prob(y)

    value, (by_y, by_mean) = value_and_grad(log_prob, [distance + 1.0], [[-1.0, 1.0]])
    expected = -0.5 * distance**2 - 0.5 * np.log(2 * np.pi) - np.log(2)
    assert value[0] == pytest.approx(expected, rel=1e-6)
    assert by_y[0] == pytest.approx(-distance, rel=1e-6)
    np.testing.assert_allclose(by_mean, [[0.0, distance]], rtol=1e-6, atol=1e-30)


def test_a_component_without_weight_takes_no_part_and_has_a_finite_gradient():
    def log_prob(weight):
        return GaussianMixture(ops.convert_to_tensor([0.0, 100.0]), ops.ones(2), weight).log_prob(100.0)

    value, (gradient,) = value_and_grad(log_prob, [1.0, 0.0])
    assert value == pytest.approx(-0.5 * 100.0**2 - 0.5 * np.log(2 * np.pi), rel=1e-6)
    assert np.isfinite(gradient).all()


def test_parameters_of_the_layer_are_logarithms():
    parameters = np.stack([MEAN, np.log(SCALE), np.log(WEIGHT + 1e-9)], axis=-2)
    mixture = GaussianMixture.from_parameters(parameters)
    np.testing.assert_allclose(mixture.log_prob([0.3, 0.4]), np.log(density([0.3, 0.4])), rtol=1e-6)
    with pytest.raises(
        ValueError, match=r"`parameters` must have the shape \(\.\.\., 3, n_components\).*\(2, 4, 3\)"
    ):
        GaussianMixture.from_parameters(np.ones((2, 4, 3)))


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, 1.5, np.nan, [0.5, 0.0]])
def test_probabilities_outside_zero_and_one_are_refused(mixture, q):
    with pytest.raises(ValueError, match="`q` must lie between 0 and 1, both excluded"):
        mixture.quantile(q)


def test_probabilities_in_a_tensor_give_nan_outside_zero_and_one(mixture):
    found = np.asarray(mixture.quantile(ops.convert_to_tensor([[0.0], [0.5], [1.0], [2.0]])))
    np.testing.assert_array_equal(np.isnan(found), [[True] * 2, [False] * 2, [True] * 2, [True] * 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], [1.0], [1.0, 1.0]), r"same shape .*\(2,\), \(1,\), \(2,\)"),
        ((0.0, 1.0, 1.0), "same shape"),
        (([0.0], [0.0], [1.0]), "`scale` must be positive"),
        (([0.0], [float("nan")], [1.0]), "`scale` must be positive"),
        (([0.0, 0.0], [1.0, 1.0], [1.5, -0.5]), "`weight` must not be negative"),
        (([0.0], [1.0], [0.0]), "`weight` must not be .* zero for all"),
    ],
)
def test_impossible_parameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(*arguments)


def test_other_bad_arguments_are_refused(mixture):
    for n in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="`n` must be a positive integer"):
            mixture.sample(n)
    with pytest.raises(ValueError, match=r"`y` of shape \(3,\) does not fit mixtures of shape \(2,\)"):
        mixture.log_prob(np.zeros(3))
    with pytest.raises(ValueError, match="`std` must be positive"):
        mixture.scaled(0.0)
    with pytest.raises(ValueError, match=r"`err` of shape \(5, 2\) does not fit"):
        mixture.convolved(np.zeros((5, 2)))


@pytest.mark.parametrize("missing", [-9999.0, np.nan])
@pytest.mark.parametrize("form", [np.asarray, ops.convert_to_tensor, lambda err: ops.cast(err, "bfloat16")])
def test_a_missing_error_counts_as_zero(mixture, missing, form):
    convolved = mixture.convolved(form(np.array([missing, 0.5], "float32")))
    expected = np.stack([SCALE[0], np.sqrt(SCALE[1] ** 2 + 0.25)])
    np.testing.assert_allclose(convolved.scales, expected, rtol=4 * np.finfo("float32").eps)
    np.testing.assert_allclose(mixture.convolved(missing).scales, SCALE, rtol=4 * np.finfo("float32").eps)


@pytest.mark.parametrize("err", [-1.0, [0.1, -0.1], np.array([-2.0])])
def test_a_negative_error_is_refused(mixture, err):
    with pytest.raises(ValueError, match="convolved: `err` must not be negative"):
        mixture.convolved(err)
