"""Measures of calibration against scipy, numerical integrals and exact draws."""

import keras
import numpy as np
import pytest
from scipy import integrate, stats

from astroNN.nn.calibration import (
    coverage_curve,
    crps,
    expected_calibration_error,
    negative_log_likelihood,
    pit,
    pit_histogram,
    sharpness,
)
from astroNN.nn.distributions import GaussianMixture

pytestmark = pytest.mark.one_backend

MEANS, SCALES, WEIGHTS = np.array([-1.0, 0.5, 3.0]), np.array([0.5, 0.2, 1.0]), np.array([0.5, 0.3, 0.2])
# Mixtures are float32 unless arrays are float64, and JAX has no float64 unless told: rounding of the parameters.
ROUNDING = 1e-5


def gaussian_stars(n=4000, seed=0, labels_err=None):
    """Labels drawn from just the distributions that are predicted."""
    rng = np.random.default_rng(seed)
    pred = rng.normal(size=(n, 2)) * [200.0, 0.3] + [4500.0, 2.0]
    pred_std = np.exp(0.3 * rng.normal(size=(n, 2))) * [30.0, 0.05]
    total = pred_std if labels_err is None else np.hypot(pred_std, labels_err)
    return pred, pred_std, pred + total * rng.normal(size=(n, 2))


def mixture(n=1):
    return GaussianMixture(*(np.broadcast_to(values, (n, 1, 3)).copy() for values in (MEANS, SCALES, WEIGHTS)))


def mixture_cdf(y, err=0.0):
    return float(np.sum(WEIGHTS * stats.norm.cdf(y, MEANS, np.hypot(SCALES, err))))


def integrated_crps(cdf, label):
    """The definition: the integral of the squared distance of the distribution function from the label's step."""
    below = integrate.quad(lambda y: cdf(y) ** 2, label - 40, label, points=[-5, 0], limit=400)[0]
    above = integrate.quad(lambda y: (1 - cdf(y)) ** 2, label, label + 40, points=[label + 1, label + 5], limit=400)[
        0
    ]
    return below + above


# CRPS


@pytest.mark.parametrize("label", [-3.0, 0.2, 5.0])
@pytest.mark.parametrize("err", [0.0, 0.7])
def test_crps_of_a_gaussian_is_the_integral_of_its_definition(label, err):
    found = crps([[1.0]], [[0.8]], [[label]], [[err]])
    expected = integrated_crps(lambda y: stats.norm.cdf(y, 1.0, np.hypot(0.8, err)), label)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("label", [-3.0, 0.4, 5.0])
@pytest.mark.parametrize("err", [0.0, 0.7])
def test_crps_of_a_mixture_is_the_integral_of_its_definition(label, err):
    found = crps(mixture(), None, [[label]], [[err]])
    np.testing.assert_allclose(found, integrated_crps(lambda y: mixture_cdf(y, err), label), rtol=ROUNDING)


def test_crps_of_draws_is_the_integral_over_their_steps():
    draws = np.array([0.0, 1.0, 1.0, 4.0])
    # By hand, label 2: F = 1/4 on (0, 1), 3/4 on (1, 4), the step at 2: 1/16 + 9/16 + 2 * 1/16.
    np.testing.assert_allclose(crps(draws[:, None, None], None, [[2.0]]), 12 / 16, rtol=1e-12)


def test_crps_of_many_draws_goes_to_that_of_their_distribution():
    draws = np.random.default_rng(0).normal(size=(100_000, 1, 1))
    # Its error is of the order of the standard error of the mean absolute deviation, 0.6 / sqrt(100,000).
    np.testing.assert_allclose(crps(draws, None, [[0.3]]), crps([[0.0]], [[1.0]], [[0.3]]), atol=5 * 0.6 / 1e5**0.5)


def test_draws_of_a_label_with_an_error_count_as_gaussians_of_that_width():
    draws = MEANS[:, None, None]
    equal = GaussianMixture(MEANS[None, None], np.full((1, 1, 3), 0.4), np.ones((1, 1, 3)))
    for measure in (crps, pit):
        np.testing.assert_allclose(
            measure(draws, None, [[0.3]], [[0.4]]), measure(equal, None, [[0.3]]), rtol=ROUNDING
        )


def test_crps_of_a_mixture_of_equal_components_is_that_of_the_gaussian():
    same = GaussianMixture(np.full((1, 1, 4), 2.0), np.full((1, 1, 4), 0.5), np.ones((1, 1, 4)))
    np.testing.assert_allclose(crps(same, None, [[1.4]]), crps([[2.0]], [[0.5]], [[1.4]]), rtol=ROUNDING)


def test_mixtures_judged_in_blocks_are_the_same_as_one_by_one():
    n_components = 300  # 44 stars to a block
    rng = np.random.default_rng(1)
    means, labels = rng.normal(size=(100, 1, n_components)), rng.normal(size=(100, 1))
    all_at_once = crps(
        GaussianMixture(means, np.full(means.shape, 0.3), np.ones(means.shape)), None, labels, average=False
    )
    one = GaussianMixture(means[77:78], np.full((1, 1, n_components), 0.3), np.ones((1, 1, n_components)))
    np.testing.assert_allclose(all_at_once[77], crps(one, None, labels[77:78]), rtol=1e-9)


def test_crps_scales_with_the_unit_of_the_label():
    pred, pred_std, labels = gaussian_stars(50)
    np.testing.assert_allclose(
        crps(pred * 1000, pred_std * 1000, labels * 1000), 1000 * crps(pred, pred_std, labels), rtol=1e-9
    )


# Likelihood


def test_likelihood_of_a_gaussian_is_that_of_scipy():
    pred, pred_std, labels = gaussian_stars(100)
    labels_err = np.full(labels.shape, [20.0, 0.02])
    expected = -stats.norm.logpdf(labels, pred, np.hypot(pred_std, labels_err))
    np.testing.assert_allclose(
        negative_log_likelihood(pred, pred_std, labels, labels_err, average=False), expected, rtol=1e-10
    )
    np.testing.assert_allclose(
        negative_log_likelihood(pred, pred_std, labels, labels_err), expected.mean(axis=0), rtol=1e-10
    )


def test_likelihood_of_a_mixture_is_the_sum_of_its_components():
    expected = -np.log(np.sum(WEIGHTS * stats.norm.pdf(0.4, MEANS, np.hypot(SCALES, 0.3))))
    np.testing.assert_allclose(negative_log_likelihood(mixture(), None, [[0.4]], [[0.3]]), expected, rtol=ROUNDING)


def test_a_mixture_far_from_the_label_has_a_finite_likelihood():
    found = negative_log_likelihood(mixture(), None, [[500.0]])
    np.testing.assert_allclose(found, 0.5 * 497**2 + 0.5 * np.log(2 * np.pi) - np.log(0.2), rtol=ROUNDING)


def test_draws_have_no_likelihood():
    with pytest.raises(ValueError, match="draws have no density"):
        negative_log_likelihood(np.zeros((5, 3, 1)), None, np.zeros((3, 1)))


@pytest.mark.parametrize("score", [negative_log_likelihood, crps])
@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_the_right_spread_has_the_best_score(score, factor):
    pred, pred_std, labels = gaussian_stars()
    assert (score(pred, pred_std, labels) < score(pred, factor * pred_std, labels)).all()


# PIT and coverage


@pytest.mark.parametrize("labels_err", [None, np.array([40.0, 0.03])])
def test_pit_of_exact_draws_is_uniform(labels_err):
    pred, pred_std, labels = gaussian_stars(labels_err=labels_err)
    errors = None if labels_err is None else np.broadcast_to(labels_err, labels.shape)
    values = pit(pred, pred_std, labels, errors)
    for column in values.T:
        assert stats.kstest(column, "uniform").pvalue > 0.001


def test_pit_of_a_mixture_is_its_distribution_function():
    labels = np.linspace(-3, 5, 9)[:, None]
    expected = [[mixture_cdf(y)] for y in labels[:, 0]]
    np.testing.assert_allclose(pit(mixture(9), None, labels), expected, atol=1e-6)


def test_pit_of_draws_from_the_distribution_of_the_label_is_uniform():
    rng = np.random.default_rng(3)
    values = pit(rng.normal(size=(9, 20_000, 1)), None, rng.normal(size=(20_000, 1)))
    # Ten ranks, all equally probable.
    counts = np.bincount(np.round(values[:, 0] * 10 - 0.5).astype(int), minlength=10)
    assert stats.chisquare(counts).pvalue > 0.001
    np.testing.assert_allclose(np.unique(values), (np.arange(10) + 0.5) / 10)


def test_coverage_curve_of_exact_draws_is_the_diagonal_within_its_errors():
    pred, pred_std, labels = gaussian_stars()
    curve = coverage_curve(pred, pred_std, labels)
    pulls = (curve.observed - curve.levels[:, None]) / curve.err
    assert np.abs(pulls).max() < 4.5  # of 198, neighbours alike
    np.testing.assert_allclose(curve.err[49], np.sqrt(0.5 * 0.5 / 4000))
    np.testing.assert_array_equal(curve.n_stars, [4000, 4000])


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_coverage_of_wrong_spreads_is_what_the_error_function_says(factor):
    pred, pred_std, labels = gaussian_stars()
    curve = coverage_curve(pred, factor * pred_std, labels, levels=[0.5, 0.9])
    expected = 2 * stats.norm.cdf(factor * stats.norm.ppf(0.5 + 0.5 * curve.levels)) - 1
    err = np.sqrt(expected * (1 - expected) / 4000)
    assert (np.abs(curve.observed - expected[:, None]) < 4 * err[:, None]).all()


def test_a_mixture_and_the_same_distribution_by_draws_agree():
    rng = np.random.default_rng(4)
    labels = rng.choice(MEANS, 500, p=WEIGHTS)[:, None] + 0.1
    component = rng.choice(3, size=(4000, 500, 1), p=WEIGHTS)
    draws = MEANS[component] + SCALES[component] * rng.normal(size=component.shape)
    exact, drawn = pit(mixture(500), None, labels), pit(draws, None, labels)
    assert np.abs(exact - drawn).max() < 4.5 * np.sqrt(0.25 / 4000)


def test_the_histogram_counts_every_star_once_and_knows_its_scatter():
    pred, pred_std, labels = gaussian_stars(1000)
    found = pit_histogram(pred, pred_std, labels, n_bins=5)
    np.testing.assert_array_equal(found.counts.sum(axis=0), 1000)
    np.testing.assert_allclose(found.expected, 200.0)
    np.testing.assert_allclose(found.err, np.sqrt(1000 * 0.2 * 0.8))
    expected = [stats.chisquare(column).pvalue for column in found.counts.T]
    np.testing.assert_allclose(found.p_value, expected)
    assert (found.p_value > 0.001).all()
    too_small = pit_histogram(pred, 0.5 * pred_std, labels)
    assert (too_small.p_value < 1e-6).all() and (too_small.counts[[0, -1]] > 1.5 * too_small.expected).all()


# One number


def test_calibration_error_is_the_mean_distance_from_the_diagonal():
    pred, pred_std, labels = gaussian_stars()
    curve = coverage_curve(pred, 2 * pred_std, labels)
    found = expected_calibration_error(pred, 2 * pred_std, labels)
    np.testing.assert_allclose(found, np.abs(curve.observed - curve.levels[:, None]).mean(axis=0), rtol=1e-12)
    levels = np.arange(1, 100) / 100
    expected = np.mean(2 * stats.norm.cdf(2 * stats.norm.ppf(0.5 + 0.5 * levels)) - 1 - levels)
    np.testing.assert_allclose(found, expected, atol=4 * 0.5 / np.sqrt(4000))


def test_calibration_error_of_a_perfect_prediction_has_the_size_of_its_noise():
    found = [expected_calibration_error(*gaussian_stars(400, seed)) for seed in range(40)]
    # 80 values; levels are correlated, so that each scatters by about as much as its mean.
    np.testing.assert_allclose(np.mean(found), np.sqrt(np.pi / 32 / 400), rtol=4 / np.sqrt(80))


def test_calibration_error_of_a_classification_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.95, 0.05], [0.3, 0.7], [0.45, 0.55], [0.2, 0.8]])
    labels = np.array([0, 1, 1, 0, -9999])
    # Five bins: (0.8, 1] holds 0.9 right and 0.95 wrong, (0.6, 0.8] 0.7 right, (0.4, 0.6] 0.55 wrong.
    expected = (abs(1 - 1.85) + abs(1 - 0.7) + abs(0 - 0.55)) / 4
    found = expected_calibration_error(probabilities, None, labels, task="classification", n_bins=5)
    assert found == pytest.approx(expected)
    one_hot = np.array([[1, 0], [0, 1], [0, 1], [1, 0], [-9999, -9999]])
    assert expected_calibration_error(probabilities, None, one_hot, task="classification", n_bins=5) == found
    of_second = probabilities[:, 1]
    assert expected_calibration_error(of_second, None, labels, task="classification", n_bins=5) == pytest.approx(
        found
    )


def test_classes_drawn_by_their_probabilities_are_calibrated():
    rng = np.random.default_rng(5)
    probabilities = rng.dirichlet(np.ones(4), 20_000)
    labels = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    found = expected_calibration_error(probabilities, None, labels, task="classification")
    # At most 15 bins, each off by sqrt(0.25 / n_b) on average: sqrt(15 * 0.25 / 20,000) by Cauchy and Schwarz.
    assert found < 1.5 * np.sqrt(15 * 0.25 / 20_000)
    sharper = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert expected_calibration_error(sharper, None, labels, task="classification") > 0.1


def test_sharpness_is_the_root_mean_square():
    np.testing.assert_allclose(sharpness([[3.0, 1.0], [4.0, np.nan]]), [np.sqrt(12.5), 1.0])
    np.testing.assert_allclose(sharpness({"total": np.full((3, 2), 2.0)}), [2.0, 2.0])
    mean = np.sum(WEIGHTS * MEANS)
    np.testing.assert_allclose(
        sharpness(mixture(2)) ** 2, np.sum(WEIGHTS * (SCALES**2 + MEANS**2)) - mean**2, rtol=ROUNDING
    )


# Missing values and bad input

MEASURES = [coverage_curve, pit, pit_histogram, expected_calibration_error, negative_log_likelihood, crps]


@pytest.mark.parametrize("missing", [np.nan, -9999.0])
@pytest.mark.parametrize("measure", MEASURES)
def test_missing_labels_change_nothing(measure, missing):
    pred, pred_std, labels = gaussian_stars(300)
    labels_err = np.full(labels.shape, [20.0, 0.02])
    kept = measure(pred[:200], pred_std[:200], labels[:200], labels_err[:200])
    labels[200:], labels_err[200:] = missing, missing
    pred[250:] = missing  # a star without a good pixel
    found = measure(pred, pred_std, labels, labels_err)
    if measure is pit:
        assert np.isnan(found[200:]).all()
        found = found[:200]
    for a, b in zip(found, kept, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_label_that_no_star_has_is_nan_everywhere():
    pred, pred_std, labels = gaussian_stars(100)
    labels[:, 1] = np.nan
    for measure in (expected_calibration_error, negative_log_likelihood, crps):
        found = measure(pred, pred_std, labels)
        assert np.isfinite(found[0]) and np.isnan(found[1])
    assert np.isnan(coverage_curve(pred, pred_std, labels).observed[:, 1]).all()
    assert np.isnan(pit_histogram(pred, pred_std, labels).p_value[1])
    assert np.isnan(expected_calibration_error([[0.5, 0.5]], None, [np.nan], task="classification"))


def test_a_dictionary_of_spreads_counts_by_its_total_and_a_mixture_without_a_star_is_left_out():
    pred, pred_std, labels = gaussian_stars(50)
    np.testing.assert_array_equal(crps(pred, {"total": pred_std}, labels), crps(pred, pred_std, labels))
    parameters = np.zeros((2, 1, 3, 1), "float32")
    parameters[1] = np.nan
    found = crps(GaussianMixture.from_parameters(keras.ops.convert_to_tensor(parameters)), None, [[0.0], [0.0]])
    np.testing.assert_allclose(found, (np.sqrt(2) - 1) / np.sqrt(np.pi), rtol=ROUNDING)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pred_std": None}, "without `pred_std`"),
        ({"pred_std": -np.ones((4, 2))}, "`pred_std` are standard deviations and can't be negative"),
        ({"pred_std": np.zeros((4, 2))}, "8 predicted spreads are 0"),
        ({"pred_std": np.ones((4, 3))}, r"`pred_std` has shape \(4, 3\), but `labels` has \(4, 2\)"),
        ({"pred_std": {"model": np.ones((4, 2))}}, "no key 'total'"),
        ({"pred": np.ones((4, 3))}, r"`pred` has shape \(4, 3\)"),
        ({"pred": np.full((4, 2), np.inf)}, "`pred` holds infinite values"),
        ({"labels": np.full((4, 2), np.inf)}, "`labels` holds infinite values"),
        ({"labels_err": np.ones((4, 1))}, r"`labels_err` has shape \(4, 1\)"),
        ({"labels_err": -np.ones((4, 2))}, "`labels_err` are standard deviations"),
        ({"pred": np.ones((3, 4, 1)), "pred_std": None}, "draws must be numbers"),
        ({"pred": np.ones((1, 4, 2)), "pred_std": None}, "at least two"),
        ({"pred": np.full((3, 4, 2), np.inf), "pred_std": None}, "draws hold infinite"),
        ({"pred": mixture(4), "pred_std": None}, "the mixtures have shape"),
        ({"pred": mixture(4)}, "has its own spreads"),
    ],
)
def test_bad_input_is_told(change, message):
    good = {"pred": np.ones((4, 2)), "pred_std": np.ones((4, 2)), "labels": np.ones((4, 2))}
    with pytest.raises(ValueError, match=message):
        crps(**{**good, **change})


@pytest.mark.parametrize("levels", [[0.0, 0.5], [0.5, 1.0], [0.9, 0.5], [], [[0.5]], [np.nan]])
def test_levels_must_be_ascending_probabilities(levels):
    with pytest.raises(ValueError, match="`levels` must be"):
        coverage_curve([[0.0]], [[1.0]], [[0.0]], levels=levels)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[0.9, 0.3]], [0], "sum of 1"),
        ([[1.5, -0.5]], [0], "between 0 and 1"),
        ([[0.5, 0.5]], [2], "numbers of classes from 0 to 1"),
        ([[0.5, 0.5]], [0.5], "numbers of classes"),
        ([[0.5, 0.5]], [[1, 1]], "one-hot"),
        ([[0.5, 0.5]], [0, 1], r"`labels` has shape \(2,\)"),
    ],
)
def test_bad_probabilities_and_classes_are_told(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(probabilities, None, labels, task="classification")


def test_a_classification_takes_no_spreads_and_no_unknown_task():
    with pytest.raises(ValueError, match="no `pred_std`"):
        expected_calibration_error([[0.5, 0.5]], [[1.0, 1.0]], [0], task="classification")
    with pytest.raises(ValueError, match="`task` must be one of"):
        expected_calibration_error([[0.5]], [[1.0]], [[0.0]], task="ranking")
    with pytest.raises(ValueError, match="n_bins"):
        pit_histogram([[0.5]], [[1.0]], [[0.0]], n_bins=1)
