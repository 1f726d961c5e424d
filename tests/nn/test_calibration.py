import json

import numpy as np
import pytest
from scipy import stats

from astroNN.nn.calibration import MINIMUM_STARS, SpreadCalibration, coverage, fit_spread_calibration

pytestmark = pytest.mark.one_backend


def stars(rng, factor, n=400, label_error=0.7, sigma_scatter=0.3, z_scatter=0.0):
    """Residuals whose true spread is `factor` times the predicted one, plus label errors that vary by star."""
    size = (n, len(factor))
    sigma = np.exp(sigma_scatter * rng.normal(size=size))
    labels_err = label_error * np.exp(0.3 * rng.normal(size=size))
    errors = rng.normal(size=size) * sigma * np.asarray(factor) * np.exp(z_scatter * rng.normal(size=size))
    return errors + rng.normal(size=size) * labels_err, sigma, labels_err


def calibration_of(*factor):
    return SpreadCalibration(np.array(factor), np.full(len(factor), 0.1), np.full(len(factor), 400))


def test_known_factors_are_found_within_their_errors():
    truth = np.array([0.5, 0.55, 0.6, 0.65])
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(60):
        found = fit_spread_calibration(*stars(rng, truth))
        pulls.append((found.factor - truth) / found.factor_err)
    pulls = np.array(pulls)
    # 4 pulls a trial, correlated through the common mean: at least 60 independent ones. Pooling moves the outer
    # labels inwards alike, which leaves the mean; the errors allow for heavy tails, so they are on the large side.
    assert abs(pulls.mean()) < 4 / np.sqrt(60)
    assert 0.5 < pulls.std() < 1 + 4 / np.sqrt(2 * 60)


def test_many_stars_with_exact_labels_give_the_root_mean_square():
    residuals, sigma, _ = stars(np.random.default_rng(2), [0.4, 2.5], n=50_000, label_error=0.0)
    found = fit_spread_calibration(residuals, sigma)
    # Grid of 1%, and 1/sqrt(2 n) = 0.3% of sampling.
    np.testing.assert_allclose(found.factor, np.sqrt(np.mean((residuals / sigma) ** 2, axis=0)), rtol=0.015)
    np.testing.assert_array_equal(found.n_stars, [50_000, 50_000])


def test_label_errors_are_not_taken_for_the_networks_own():
    residuals, sigma, labels_err = stars(np.random.default_rng(3), [0.6], n=20_000, label_error=2.0)
    with_errors, without = (
        fit_spread_calibration(residuals, sigma, labels_err),
        fit_spread_calibration(residuals, sigma),
    )
    assert abs(with_errors.factor[0] - 0.6) < 4 * with_errors.factor_err[0] < 0.4
    assert without.factor[0] > 2.0  # sqrt(0.6^2 + 2^2)


def test_the_scale_of_a_label_does_not_matter():
    residuals, sigma, labels_err = stars(np.random.default_rng(4), [0.6, 0.6])
    unit = np.array([200.0, 0.05])  # K, dex
    a = fit_spread_calibration(residuals, sigma, labels_err)
    b = fit_spread_calibration(residuals * unit, sigma * unit, labels_err * unit)
    np.testing.assert_allclose(a.factor, b.factor, rtol=1e-9)


def test_a_factor_that_falls_with_the_spread_biases_it_less_than_the_gaussian_likelihood():
    """The reason for the flatter weights: errors of trained networks go like sigma^0.6 or so."""
    rng = np.random.default_rng(5)
    sigma = np.exp(0.5 * rng.normal(size=(40_000, 1)))
    labels_err = np.ones_like(sigma)
    errors = 0.6 * sigma**0.6 * rng.normal(size=sigma.shape)
    residuals = errors + rng.normal(size=sigma.shape) * labels_err
    grid = np.linspace(0.3, 1.0, 141)
    variance = grid**2 * sigma**2 + labels_err**2
    likelihood = stats.norm.logpdf(residuals, scale=np.sqrt(variance)).sum(axis=0)
    wanted = np.sqrt(np.mean((errors / sigma) ** 2))
    found = fit_spread_calibration(residuals, sigma, labels_err).factor[0]
    assert abs(found - wanted) < 0.7 * abs(grid[likelihood.argmax()] - wanted)


def test_pooling_makes_the_factors_of_labels_with_a_common_cause_more_precise():
    rng = np.random.default_rng(6)
    alone, pooled = [], []
    for _ in range(30):
        data = stars(rng, [0.6] * 8, n=200, label_error=1.0)
        pooled.append(fit_spread_calibration(*data).factor)
        alone.append(fit_spread_calibration(*(array[:, :1] for array in data)).factor[0])
    assert np.std(np.array(pooled)[:, 0]) < 0.8 * np.std(alone)


def test_calibrated_spreads_cover_what_gaussian_ones_should():
    rng = np.random.default_rng(7)
    residuals, sigma, labels_err = stars(rng, [0.5, 0.6], n=3000, label_error=0.5)
    found = fit_spread_calibration(residuals, sigma, labels_err)
    errors = rng.normal(size=sigma.shape) * sigma * [0.5, 0.6]
    one, two = coverage(errors, found.apply({"total": sigma})["total"])
    # d(coverage)/d(ln f) = 0.48 and 0.22; ln f is good to about 5%; sampling 0.9%; three standard deviations.
    np.testing.assert_allclose(one, 0.6827, atol=0.08)
    np.testing.assert_allclose(two, 0.9545, atol=0.04)


@pytest.mark.parametrize("missing", [np.nan, -9999.0])
def test_missing_labels_are_left_out(missing):
    residuals, sigma, labels_err = stars(np.random.default_rng(8), [0.6, 0.5])
    kept = residuals[:300], sigma[:300], labels_err[:300]
    residuals[300:], labels_err[300:] = missing, missing
    found = fit_spread_calibration(residuals, sigma, labels_err)
    np.testing.assert_array_equal(found.factor, fit_spread_calibration(*kept).factor)
    np.testing.assert_array_equal(found.n_stars, 300)


def test_a_label_that_no_star_has_gets_the_common_factor_and_a_warning():
    residuals, sigma, labels_err = stars(np.random.default_rng(9), [0.5, 0.5, 0.5])
    residuals[:, 1] = np.nan
    with pytest.warns(UserWarning, match=r"label\(s\) \[1\] have fewer than 50"):
        found = fit_spread_calibration(residuals, sigma, labels_err)
    assert found.factor[[0, 2]].min() * 0.9 < found.factor[1] < found.factor[[0, 2]].max() * 1.1
    assert found.factor_err[1] > found.factor_err[0]


def test_label_errors_that_explain_more_than_all_residuals_give_a_small_finite_factor():
    residuals, sigma, labels_err = stars(np.random.default_rng(10), [0.5, 0.5, 0.5], label_error=1.0)
    residuals[:, 0] = 0.5 * labels_err[:, 0]
    found = fit_spread_calibration(residuals, sigma, labels_err)
    assert 0.05 < found.factor[0] < 0.5
    assert found.factor[0] < found.factor[1]


def test_stars_without_a_predicted_spread_are_left_out():
    residuals, sigma, labels_err = stars(np.random.default_rng(11), [0.6])
    sigma[::4] = 0.0
    sigma[1::4] = np.nan
    found = fit_spread_calibration(residuals, sigma, labels_err)
    np.testing.assert_array_equal(found.n_stars, 200)
    assert np.isfinite(found.factor).all()


def test_too_few_stars_give_no_calibration_but_a_warning():
    data = stars(np.random.default_rng(12), [0.6], n=MINIMUM_STARS - 1)
    with pytest.warns(UserWarning, match="no label has 50 usable stars"):
        assert fit_spread_calibration(*data) is None


def test_absurd_spreads_are_told():
    residuals, sigma, _ = stars(np.random.default_rng(13), [500.0])
    with pytest.warns(UserWarning, match="is the network trained"):
        fit_spread_calibration(residuals, sigma)


def test_apply_scales_every_component_and_keeps_the_sum_of_squares():
    rng = np.random.default_rng(14)
    parts = {name: rng.random((5, 2), dtype=np.float32) for name in ("model", "predictive", "propagated")}
    given = {**parts, "total": np.sqrt(sum(part**2 for part in parts.values()))}
    before = {name: spread.copy() for name, spread in given.items()}
    found = calibration_of(0.5, 2.0).apply(given)
    for name in given:
        np.testing.assert_array_equal(given[name], before[name])
        np.testing.assert_array_equal(found[name], before[name] * np.array([0.5, 2.0], "float32"))
        assert found[name].dtype == np.float32
    np.testing.assert_allclose(found["total"] ** 2, sum(found[name] ** 2 for name in parts), rtol=1e-5)


def test_apply_refuses_another_number_of_labels():
    with pytest.raises(ValueError, match=r"\(5, 3\), but there are factors for 2 labels"):
        calibration_of(0.5, 0.6).apply({"total": np.ones((5, 3))})


def test_it_survives_json():
    calibration = fit_spread_calibration(*stars(np.random.default_rng(15), [0.5, 0.6]))
    read = SpreadCalibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    for name in ("factor", "factor_err", "n_stars"):
        np.testing.assert_array_equal(getattr(read, name), getattr(calibration, name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": [0.5, -1.0]}, "none negative"),
        ({"factor": [0.5, 0.0]}, "must be positive"),
        ({"factor": [0.5, float("nan")]}, "finite"),
        ({"factor": "0.5"}, "finite numbers"),
        ({"factor": [[0.5, 0.5]]}, "finite numbers"),
        ({"factor": ["half", 1.0]}, "list of numbers"),
        ({"n_stars": [400]}, "`n_stars` has 1 values, but `factor` has 2"),
        ({"version": 2}, "keys"),
    ],
)
def test_a_stored_calibration_is_not_trusted(change, message):
    with pytest.raises(ValueError, match=message):
        SpreadCalibration.from_dict({**calibration_of(0.5, 0.6).to_dict(), **change})


@pytest.mark.parametrize("stored", [[0.5], {"factor": [0.5]}, "x"])
def test_a_stored_calibration_of_another_form_is_refused(stored):
    with pytest.raises(ValueError, match="needs a dictionary with the keys"):
        SpreadCalibration.from_dict(stored)


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("pred_std", np.ones((99, 2)), r"`pred_std` has shape \(99, 2\)"),
        ("labels_err", np.ones((100, 1)), r"`labels_err` has shape \(100, 1\)"),
        ("pred_std", -np.ones((100, 2)), "can't be negative"),
        ("labels_err", np.full((100, 2), -0.1), "can't be negative"),
        ("residuals", np.full((100, 2), np.inf), "`residuals` holds infinite values"),
        ("pred_std", {"model": np.ones((100, 2))}, "no key 'total'"),
        ("residuals", np.ones((100, 2, 1)), r"must have shape \(n_stars, n_labels\)"),
    ],
)
def test_bad_input_is_told(name, bad, message):
    good = {"residuals": np.ones((100, 2)), "pred_std": np.ones((100, 2)), "labels_err": np.ones((100, 2))}
    with pytest.raises(ValueError, match=message):
        fit_spread_calibration(**{**good, name: bad})


def test_a_dictionary_of_spreads_is_read_by_its_total():
    residuals, sigma, labels_err = stars(np.random.default_rng(16), [0.6])
    whole = fit_spread_calibration(residuals, {"total": sigma, "model": sigma / 2}, labels_err)
    np.testing.assert_array_equal(whole.factor, fit_spread_calibration(residuals, sigma, labels_err).factor)


def test_coverage_counts_by_hand_and_leaves_out_missing_ones():
    errors = [[0.5, np.nan], [-1.5, np.nan], [3.0, -9999.0], [np.nan, np.nan]]
    np.testing.assert_allclose(coverage(errors, np.ones((4, 2))), [[1 / 3, np.nan], [2 / 3, np.nan]])


def test_few_factors_are_told_in_full_and_many_as_a_range():
    assert str(calibration_of(0.5, 0.6)) == "0.50 +- 0.10, 0.60 +- 0.10"
    assert str(calibration_of(*np.linspace(0.4, 0.8, 22))) == "22 factors from 0.40 to 0.80, uncertain by 0.10"


def test_a_few_labels_that_are_wrong_altogether_barely_change_the_factor():
    rng = np.random.default_rng(5)
    sigma, labels_err = np.full((400, 1), 2.0), np.full((400, 1), 1.0)
    residuals = rng.normal(size=(400, 1)) * np.hypot(0.6 * sigma, labels_err)
    clean = fit_spread_calibration(residuals, sigma, labels_err)
    residuals[:4] = 1000.0  # 1% of the stars; each would count as (1000 / 1.56)^2 stars
    wrong = fit_spread_calibration(residuals, sigma, labels_err)
    # Four stars counted as 5 sigma add 4 * 24 / 400 to the variance of the residuals, 24%: 0.6 becomes 0.74 at most.
    assert clean.factor[0] < wrong.factor[0] < 0.76
