"""The report: a table and a figure."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from astroNN.nn.calibration import (
    calibration_report,
    coverage_curve,
    crps,
    expected_calibration_error,
    negative_log_likelihood,
    pit_histogram,
)
from astroNN.nn.distributions import GaussianMixture

pytestmark = pytest.mark.one_backend

NAMES = ["teff", "logg", "feh"]


@pytest.fixture(scope="module")
def case():
    """Spreads right, twice too large, and right about a biased mean; some labels missing."""
    rng = np.random.default_rng(0)
    labels = rng.normal([4500, 2.0, -0.3], [150, 0.3, 0.2], size=(2000, 3))
    pred = labels + rng.normal(size=labels.shape) * [30, 0.1, 0.02] + [0, 0, 0.02]
    labels[:200, 0] = -9999.0
    return pred, np.broadcast_to([30.0, 0.2, 0.02], pred.shape), labels


@pytest.fixture(scope="module")
def report(case):
    return calibration_report(*case, targetname=NAMES)


def test_the_table_holds_what_the_measures_give(case, report):
    table = report.table
    assert list(table["label"]) == NAMES
    np.testing.assert_array_equal(table["stars"], [1800, 2000, 2000])
    for column, measure in (("nll", negative_log_likelihood), ("crps", crps), ("ece", expected_calibration_error)):
        np.testing.assert_allclose(table[column], measure(*case), rtol=1e-12)
    within = coverage_curve(*case, levels=stats.norm.cdf([1, 2]) * 2 - 1).observed
    np.testing.assert_allclose([table["within_1s"], table["within_2s"]], within)
    np.testing.assert_allclose(table["pit_p"], pit_histogram(*case).p_value)
    np.testing.assert_allclose(table["sharpness"], [30.0, 0.2, 0.02])
    np.testing.assert_allclose(table["ece_noise"], np.sqrt(np.pi / 32 / np.array([1800, 2000, 2000])), rtol=0.01)
    residual = case[0][:, 2] - case[2][:, 2]
    np.testing.assert_allclose(table["bias"][2], np.median(residual))
    np.testing.assert_allclose(table["scatter"][2], 1.4826 * stats.median_abs_deviation(residual))


def test_it_tells_right_spreads_from_wrong_ones(report):
    right, too_large, biased = report.table
    assert right["ece"] < 3 * right["ece_noise"] and right["pit_p"] > 0.001
    assert too_large["ece"] > 10 * too_large["ece_noise"] and too_large["within_1s"] > 0.9
    assert biased["pit_p"] < 1e-6 and abs(biased["bias"] - 0.02) < 4 * 1.25 * 0.02 / np.sqrt(2000)


def test_it_prints_every_label_and_column_and_describes_them(report):
    text = str(report)
    assert all(name in text for name in [*NAMES, "within_1s", "ece", "crps"])
    assert all(report.table[name].description for name in report.table.colnames)
    assert "<table" in report._repr_html_()


def test_the_figure_has_two_panels_a_label_and_no_pyplot_state(report, tmp_path):
    before = plt.get_fignums()
    figure, axes = report.plot(tmp_path / "report.png")
    assert axes.shape == (2, 3) and len(figure.axes) == 6
    assert plt.get_fignums() == before
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    np.testing.assert_array_equal(axes[0, 1].lines[1].get_ydata(), report.coverage.observed[:, 1])
    assert axes[0, 0].get_title() == "teff"
    assert report.figure is report.figure


def test_many_labels_go_into_several_rows(report):
    figure, axes = report.plot(columns=2)
    assert axes.shape == (2, 3) and len(figure.axes) == 6
    assert len({round(axis.get_position().y0, 3) for axis in axes[0]}) == 2


def test_nothing_is_written_unless_asked(report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report.plot()
    assert not list(tmp_path.iterdir())


def test_a_label_without_stars_is_reported_as_such(case):
    pred, pred_std, labels = (array[:, :2].copy() for array in case)
    labels[:, 1] = np.nan
    report = calibration_report(pred, pred_std, labels)
    assert list(report.table["label"]) == ["0", "1"]
    assert report.table["stars"][1] == 0 and np.isnan(report.table["ece"][1]) and np.isnan(report.table["bias"][1])
    report.plot()


def test_label_errors_are_added_to_the_spread(case):
    pred, pred_std, labels = case
    noisy = np.where(
        labels == -9999, labels, labels + np.random.default_rng(1).normal(size=labels.shape) * [40, 1, 1]
    )
    labels_err = np.broadcast_to([40.0, 1.0, 1.0], labels.shape)
    report = calibration_report(pred, pred_std, noisy, labels_err)
    assert report.table["ece"][0] < 3 * report.table["ece_noise"][0]
    np.testing.assert_allclose(report.table["sharpness"][0], 50.0)


def test_mixtures_and_draws_are_reported_too():
    rng = np.random.default_rng(2)
    means = np.broadcast_to([-1.0, 1.0], (500, 1, 2)).copy()
    labels = rng.choice([-1.0, 1.0], (500, 1)) + 0.3 * rng.normal(size=(500, 1))
    mixture = GaussianMixture(means, np.full(means.shape, 0.3), np.ones(means.shape))
    of_mixture = calibration_report(mixture, None, labels)
    draws = rng.choice([-1.0, 1.0], (200, 500, 1)) + 0.3 * rng.normal(size=(200, 500, 1))
    of_draws = calibration_report(draws, None, labels)
    for report in (of_mixture, of_draws):
        assert report.table["ece"][0] < 3 * report.table["ece_noise"][0]
        np.testing.assert_allclose(report.table["sharpness"], np.sqrt(1.09), rtol=0.02)
    assert np.isfinite(of_mixture.table["nll"][0]) and np.isnan(of_draws.table["nll"][0])


@pytest.mark.parametrize("names", [["teff"], ["teff", "logg", 3], "teff"])
def test_names_must_fit_the_labels(case, names):
    with pytest.raises(ValueError, match="`targetname` must be 3 names"):
        calibration_report(*case, targetname=names)


def test_a_figure_of_unknown_kind_or_place_is_refused(report, tmp_path):
    with pytest.raises(ValueError, match="must end in"):
        report.plot(tmp_path / "report.txt")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        report.plot(tmp_path / "no" / "report.png")
