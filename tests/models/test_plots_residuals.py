"""Residuals of APOGEE networks: the numbers in the figures, and their files."""

import re

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from astroNN.models import ApogeeCNN

pytestmark = pytest.mark.one_backend

NAMES = ["teff", "Al", "Ti2"]
N_STARS = 40


@pytest.fixture
def net():
    network = ApogeeCNN()
    network.targetname = list(NAMES)
    return network


@pytest.fixture
def labels():
    rng = np.random.default_rng(4)
    return rng.normal([4500.0, -0.3, 0.1], [200.0, 0.3, 0.2], (N_STARS, 3))


@pytest.fixture
def predictions(labels):
    return labels + np.random.default_rng(5).normal([5.0, 0.0, 0.02], [30.0, 0.05, 0.04], labels.shape)


def stars_in(axes):
    return next(line for line in axes.lines if line.get_label() == "a star").get_xydata()


def numbers_in(axes):
    """What the note in the corner says, by its first words."""
    text = axes.texts[0].get_text().replace("\u2212", "-")
    found = re.findall(r"^(median|scatter / label scatter|scatter) (-?[\d.]+)", text, re.MULTILINE)
    return {name: float(number) for name, number in found}


def test_every_label_has_its_residuals(net, predictions, labels):
    figures = net.aspcap_residue_plot(predictions, labels)
    assert list(figures) == NAMES
    for column, name in enumerate(NAMES):
        residuals = predictions[:, column] - labels[:, column]
        np.testing.assert_allclose(stars_in(figures[name][1]), np.stack([labels[:, column], residuals], axis=1))


def test_missing_labels_and_predictions_are_left_out(net, predictions, labels):
    labels[0, 1], labels[1, 1], predictions[2, 1] = -9999.0, np.nan, np.nan
    figures = net.aspcap_residue_plot(predictions, labels)
    assert [len(stars_in(figures[name][1])) for name in NAMES] == [N_STARS, N_STARS - 3, N_STARS]
    np.testing.assert_allclose(stars_in(figures["Al"][1])[:, 0], labels[3:, 1])


def test_the_annotation_gives_median_robust_scatter_and_its_share(net, predictions, labels):
    labels[5, 0] = np.nan
    axes = net.aspcap_residue_plot(predictions, labels)["teff"][1]
    residuals = np.delete(predictions[:, 0] - labels[:, 0], 5)
    scatter = 1.4826 * median_abs_deviation(residuals)
    spread = 1.4826 * median_abs_deviation(np.delete(labels[:, 0], 5))
    found = numbers_in(axes)
    # One decimal is printed of temperatures, three of the ratio.
    assert found["median"] == pytest.approx(np.median(residuals), abs=0.051)
    assert found["scatter"] == pytest.approx(scatter, abs=0.051)
    assert found["scatter / label scatter"] == pytest.approx(scatter / spread, abs=0.00051)


def test_the_axis_reaches_half_the_range_of_the_labels_and_counts_what_is_outside(net, predictions, labels):
    half = np.ptp(labels[:, 1]) / 2
    predictions[3, 1] = labels[3, 1] + 1.5 * half
    axes = net.aspcap_residue_plot(predictions, labels)["Al"][1]
    np.testing.assert_allclose(axes.get_ylim(), (-half, half))
    assert f"1 of {N_STARS} stars outside" in axes.texts[0].get_text()


@pytest.mark.parametrize("residual", [0.0, 0.25])
def test_equal_labels_have_an_axis_too(net, residual):
    axes = net.aspcap_residue_plot(np.full((3, 3), 1.0 + residual), np.ones((3, 3)))["Al"][1]
    np.testing.assert_allclose(axes.get_ylim()[1], 1.2 * residual or 1.0)
    assert "label scatter" not in axes.texts[0].get_text()  # there is none to divide by


def test_a_label_that_no_star_has_is_said_to_be_missing(net, predictions, labels):
    labels[:, 1] = np.nan
    _, axes = net.aspcap_residue_plot(predictions, labels)["Al"]
    assert axes.texts[0].get_text() == "no star has this label and a prediction"


def test_names_and_units_stand_at_the_axes(net, predictions, labels):
    figures = net.aspcap_residue_plot(predictions, labels)
    assert [figures[name][1].get_title() for name in NAMES] == [r"$T_{\mathrm{eff}}$", "[Al/H]", "[TiII/H]"]
    assert figures["teff"][1].get_xlabel() == r"label $T_\mathrm{eff}$ [K]"
    assert figures["Ti2"][1].get_ylabel() == "prediction \u2212 label, [TiII/H] [dex]"


def bars(axes):
    """Lengths of the error bars along x and along y."""
    container = axes.containers[0]
    segments = [np.array(collection.get_segments()) for collection in container.lines[2]]
    return [np.abs(part[:, 1] - part[:, 0]).max(axis=1) for part in segments]


def test_error_bars_are_those_given_and_none_where_unknown(net, predictions, labels):
    pred_err, labels_err = np.full(labels.shape, 0.05), np.full(labels.shape, 0.02)
    pred_err[4, 1], labels_err[7, 1] = np.nan, -9999.0
    axes = net.aspcap_residue_plot(predictions, labels, pred_err, labels_err)["Al"][1]
    along_x, along_y = bars(axes)
    assert along_y[4] == 0 and along_x[7] == 0
    np.testing.assert_allclose(np.delete(along_y, 4), 0.1, rtol=1e-6)
    np.testing.assert_allclose(np.delete(along_x, 7), 0.04, rtol=1e-6)


def test_the_total_spread_is_taken_from_what_a_bayesian_network_predicts(net, predictions, labels):
    spreads = {"total": np.full(labels.shape, 0.3), "model": np.full(labels.shape, 0.1)}
    (along_y,) = bars(net.aspcap_residue_plot(predictions, labels, spreads)["Al"][1])
    np.testing.assert_allclose(along_y, 0.6, rtol=1e-6)


def test_label_errors_also_give_residuals_against_them(net, predictions, labels):
    labels_err = np.abs(np.random.default_rng(7).normal(0.1, 0.03, labels.shape))
    labels_err[6] = np.nan
    figures = net.aspcap_residue_plot(predictions, labels, test_labels_err=labels_err)
    assert list(figures) == [*NAMES, *(f"{name}_err" for name in NAMES)]
    drawn = stars_in(figures["Al_err"][1])
    expected = np.stack([labels_err[:, 1], predictions[:, 1] - labels[:, 1]], axis=1)
    np.testing.assert_allclose(drawn, np.delete(expected, 6, axis=0), rtol=1e-6)


def test_thousands_of_stars_have_points_all_and_bars_some(net):
    many = np.random.default_rng(8).normal(size=(3000, 3))
    axes = net.aspcap_residue_plot(many + 0.1, many, np.ones_like(many))["Al"][1]
    assert len(stars_in(axes)) == 3000
    assert len(bars(axes)[0]) == 1000


def test_files_are_written_only_when_asked_for(net, predictions, labels, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net.fullfilepath = str(tmp_path)
    net.aspcap_residue_plot(predictions, labels, test_labels_err=0.1 * np.abs(labels))
    assert not list(tmp_path.iterdir())
    net.aspcap_residue_plot(predictions, labels, test_labels_err=0.1 * np.abs(labels), folder=True)
    expected = [f"{name}_test{kind}.png" for name in sorted(NAMES) for kind in ("", "_err")]
    assert sorted(path.name for path in (tmp_path / "ASPCAP_residue").iterdir()) == sorted(expected)


def test_names_with_slashes_stay_inside_the_folder(net, predictions, labels, tmp_path):
    net.targetname = ["[C/H]", "../teff", "Ks-band fakemag"]
    net.aspcap_residue_plot(predictions, labels, folder=tmp_path)
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")]
    names = ["C_H", "Ks-band_fakemag", "teff"]
    assert sorted(written) == [f"ASPCAP_residue/{name}_test.png" for name in names]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_labels": np.zeros((N_STARS, 2))}, "same shape"),
        ({"test_predictions": None}, "`test_predictions` is None"),
        ({"test_predictions": np.zeros((N_STARS, 3, 1))}, r"\(n_stars, n_labels\)"),
        ({"test_predictions": np.full((N_STARS, 3), np.inf)}, "infinite"),
        ({"test_pred_error": np.full((N_STARS, 3), -1.0)}, "negative"),
        ({"test_labels_err": np.zeros((5, 3))}, "must have the shape"),
        ({"folder": 3}, "must be a path"),
        ({"folder": True}, "has no folder: `save` it first"),
        ({"folder": "/nowhere/at/all"}, "does not exist"),
    ],
)
def test_bad_input_is_refused(net, predictions, labels, change, message):
    given = {"test_predictions": predictions, "test_labels": labels} | change
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=message):
        net.aspcap_residue_plot(**given)


@pytest.mark.parametrize(
    ("names", "message"),
    [(["teff", "Al"], "2 names, but there are 3"), (["a", "a", "b"], "share one file"), (None, "0 names")],
)
def test_names_that_do_not_fit_the_labels_are_refused(net, predictions, labels, names, message):
    net.targetname = names
    with pytest.raises(ValueError, match=message):
        net.aspcap_residue_plot(predictions, labels)
