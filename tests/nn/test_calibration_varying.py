"""Factors that vary with the predicted spread."""

import json

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, load_folder
from astroNN.nn.calibration import SpreadCalibration, fit_spread_calibration, negative_log_likelihood

pytestmark = pytest.mark.one_backend


def stars(rng, factor, slope, n=400, label_error=0.5, sigma_scatter=0.4):
    """Residuals whose true spread is factor * sigma^(1 + slope), plus label errors that vary by star."""
    size = (n, len(factor))
    sigma = np.exp(sigma_scatter * rng.normal(size=size))
    labels_err = label_error * np.exp(0.3 * rng.normal(size=size))
    errors = rng.normal(size=size) * np.asarray(factor) * sigma ** (1 + np.asarray(slope))
    return errors + rng.normal(size=size) * labels_err, sigma, labels_err


def varying(**changes):
    settings = {
        "factor": [0.5, 0.8], "factor_err": [0.05, 0.05], "n_stars": [400, 300], "slope": [-0.5, 0.2],
        "slope_err": [0.1, 0.1], "pivot": [30.0, 0.05], "lowest": [10.0, 0.02], "highest": [90.0, 0.2],
    }  # fmt: skip
    return SpreadCalibration(**{**settings, **changes})


def test_a_slope_is_found_within_its_errors():
    truth = np.array([-0.4, -0.3, -0.3, -0.2])
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(8):
        found = fit_spread_calibration(*stars(rng, [0.6] * 4, truth, n=2000), vary=True)
        pulls.append((found.slope - truth) / found.slope_err)
    pulls = np.array(pulls)
    # 8 independent trials. The prior pulls slopes to 0 by a part of their error; the errors allow for tails heavier
    # than these, so that the pulls scatter by less than 1.
    assert abs(pulls.mean()) < 4 / np.sqrt(8)
    assert 0.3 < pulls.std() < 1 + 4 / np.sqrt(2 * 8)


def test_without_a_slope_the_constant_factors_come_back():
    rng = np.random.default_rng(2)
    data = stars(rng, [0.5, 0.6, 0.7], [0, 0, 0], n=3000)
    constant, found = fit_spread_calibration(*data), fit_spread_calibration(*data, vary=True)
    assert (np.abs(found.slope) < 3 * found.slope_err).all()
    at_pivot = found.factor_at(found.pivot[None])[0]
    assert (np.abs(at_pivot - constant.factor) < 2 * constant.factor_err).all()


def test_few_stars_leave_the_slope_near_zero_and_uncertain():
    rng = np.random.default_rng(3)
    found = [fit_spread_calibration(*stars(rng, [0.6], [-0.4], n=60, label_error=1.0), vary=True) for _ in range(5)]
    slopes, errors = (np.array([getattr(f, name)[0] for f in found]) for name in ("slope", "slope_err"))
    # Of the prior alone, 0.2 for the mean and a scatter of about 0.1 beside it.
    assert (errors > 0.18).all()
    assert np.abs(slopes.mean()) < 0.2


def test_one_spread_for_all_stars_says_nothing_of_a_slope():
    residuals = np.random.default_rng(4).normal(size=(400, 2))
    found = fit_spread_calibration(residuals, np.ones((400, 2)), vary=True)
    np.testing.assert_allclose(found.slope, 0.0, atol=0.01)
    constant = fit_spread_calibration(residuals, np.ones((400, 2)))
    np.testing.assert_allclose(found.factor, constant.factor, rtol=0.03)
    np.testing.assert_allclose(found.lowest, found.highest)


def test_labels_inform_each_other():
    rng = np.random.default_rng(5)
    alone, pooled = [], []
    for _ in range(5):
        data = stars(rng, [0.6] * 6, [-0.4] * 6, n=300)
        pooled.append(fit_spread_calibration(*data, vary=True).slope[0])
        alone.append(fit_spread_calibration(*(array[:, :1] for array in data), vary=True).slope[0])
    assert np.mean(np.abs(np.array(pooled) + 0.4)) < np.mean(np.abs(np.array(alone) + 0.4))


def test_a_label_that_no_star_has_gets_what_the_others_have():
    residuals, sigma, labels_err = stars(np.random.default_rng(6), [0.6] * 3, [-0.4] * 3, n=2000)
    residuals[:, 1] = np.nan
    with pytest.warns(UserWarning, match=r"label\(s\) \[1\] have fewer than 50"):
        found = fit_spread_calibration(residuals, sigma, labels_err, vary=True)
    assert found.slope[[0, 2]].min() - 0.1 < found.slope[1] < found.slope[[0, 2]].max() + 0.1
    assert found.slope_err[1] > found.slope_err[0]


@pytest.mark.parametrize("slope", [-0.4, 0.4])
def test_where_the_factor_varies_other_stars_are_described_better(slope):
    rng = np.random.default_rng(7)
    data, others = (stars(rng, [0.6, 0.6], [slope, slope], n=n, label_error=0.2) for n in (2000, 20_000))
    scores = []
    for vary in (False, True):
        calibration = fit_spread_calibration(*data, vary=vary)
        residuals, sigma, labels_err = others
        spread = calibration.apply({"total": sigma})["total"]
        scores.append(negative_log_likelihood(np.zeros_like(sigma), spread, residuals, labels_err))
    assert (scores[1] < scores[0]).all()


def test_the_factor_follows_the_power_law_inside_and_stays_constant_outside_the_validated_range():
    found = varying().factor_at([[30.0, 0.05], [60.0, 0.1], [900.0, 3.0], [0.0, 0.0]])
    np.testing.assert_allclose(found[0], [0.5, 0.8])
    np.testing.assert_allclose(found[1], [0.5 * 2**-0.5, 0.8 * 2**0.2])
    np.testing.assert_allclose(found[2], [0.5 * 3**-0.5, 0.8 * 4**0.2])
    np.testing.assert_allclose(found[3], [0.5 * 3**0.5, 0.8 * 0.4**0.2])


def test_calibrated_spreads_keep_the_order_of_the_predicted_ones():
    spread = np.sort(np.random.default_rng(8).lognormal(3, 1, 1000))[:, None]
    steepest = SpreadCalibration([0.5], [0.1], [400], [-1.0], [0.1], [20.0], [5.0], [80.0])
    assert (np.diff(steepest.apply({"total": spread})["total"][:, 0]) > -1e-12).all()


def test_all_components_are_scaled_alike():
    rng = np.random.default_rng(9)
    parts = {
        name: rng.random((50, 2), dtype=np.float32) * [60, 0.1] for name in ("model", "predictive", "propagated")
    }
    parts = {name: part.astype("float32") for name, part in parts.items()}
    total = np.sqrt(sum(part**2 for part in parts.values()))
    found = varying().apply({**parts, "total": total})
    assert all(values.dtype == np.float32 for values in found.values())
    np.testing.assert_allclose(found["total"] ** 2, sum(found[name] ** 2 for name in parts), rtol=1e-5)
    np.testing.assert_allclose(found["total"], total * varying().factor_at(total), rtol=1e-6)
    with pytest.raises(ValueError, match="no key 'total'"):
        varying().apply(parts)


def test_it_survives_json_and_a_constant_one_is_stored_as_before():
    read = SpreadCalibration.from_dict(json.loads(json.dumps(varying().to_dict())))
    for name in ("factor", "factor_err", "n_stars", "slope", "slope_err", "pivot", "lowest", "highest"):
        np.testing.assert_array_equal(getattr(read, name), getattr(varying(), name))
    constant = SpreadCalibration([0.5], [0.1], [400])
    assert set(constant.to_dict()) == {"factor", "factor_err", "n_stars"}
    assert not SpreadCalibration.from_dict(constant.to_dict()).varies and read.varies
    assert "slopes with the spread -0.50, 0.20" in str(read)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": [-1.5, 0.0]}, "`slope` must lie from -1 to 1"),
        ({"slope": [float("nan"), 0.0]}, "finite"),
        ({"slope": [0.1]}, "`slope` has 1 values, but `factor` has 2"),
        ({"slope_err": [-0.1, 0.1]}, "none negative"),
        ({"pivot": [0.0, 0.05]}, "lowest <= pivot <= highest"),
        ({"pivot": [95.0, 0.05]}, "lowest <= pivot <= highest"),
        ({"lowest": [0.0, 0.02]}, "must be positive"),
        ({"highest": [1e308, 0.2], "slope": [-1.0, 0.2]}, "zero or infinite"),
        ({"lowest": [1e-300, 0.02], "slope": [-1.0, 0.2]}, "zero or infinite"),
        ({"slope": None}, "got null"),
        ({"n_stars": [1e300, 3]}, "`n_stars` can't be"),
    ],
)
def test_a_stored_calibration_is_not_trusted(change, message):
    with pytest.raises(ValueError, match=message):
        SpreadCalibration.from_dict({**varying().to_dict(), **change})


@pytest.mark.parametrize("missing", ["slope", "pivot", "highest"])
def test_half_a_description_is_refused(missing):
    stored = varying().to_dict()
    del stored[missing]
    with pytest.raises(ValueError, match="needs a dictionary with the keys"):
        SpreadCalibration.from_dict(stored)
    with pytest.raises(ValueError, match="a factor that varies needs"):
        varying(**{missing: None})


def test_a_network_predicts_with_it_and_keeps_it_in_its_folder(tmp_path):
    rng = np.random.default_rng(10)
    spectra = rng.normal(1, 0.05, (80, 40)).astype("float32")
    keras.utils.set_random_seed(0)
    net = ApogeeBCNN()
    net.verbose, net.max_epochs, net.mc_num, net.num_hidden, net.val_size = 0, 1, 4, [4, 4], 0.1
    with pytest.warns(UserWarning, match="Only 8 validation stars"):
        net.fit(spectra, spectra[:, :2])
    raw = net.predict(spectra, calibrated=False)[1]
    total = raw["total"].astype(float)
    middle, low, high = np.median(total, axis=0), total.min(axis=0), total.max(axis=0)
    net.calibration = SpreadCalibration([0.5] * 2, [0.1] * 2, [400] * 2, [-0.5] * 2, [0.1] * 2, middle, low, high)
    net.save(tmp_path / "net")
    for network in (net, load_folder(tmp_path / "net")):
        found = network.predict(spectra)[1]
        np.testing.assert_allclose(found["total"], total * 0.5 * (total / middle) ** -0.5, rtol=1e-4)
        np.testing.assert_allclose(found["model"] * raw["total"], found["total"] * raw["model"], rtol=1e-4)
    wide = network.predict_distribution(spectra, calibrated=False)
    narrow = network.predict_distribution(spectra)
    wide, narrow = (keras.ops.convert_to_numpy(mixture.stddev()) for mixture in (wide, narrow))
    np.testing.assert_allclose(narrow, wide * network.calibration.factor_at(wide), rtol=1e-3)
    assert "times (spread /" in (tmp_path / "net" / "model_card.md").read_text()
