import numpy as np
import pytest

from astroNN.config import MAGIC_NUMBER
from astroNN.datasets import H5Loader, simulate_apogee
from astroNN.datasets.simulator.atmosphere import ELEMENTS
from astroNN.datasets.simulator.synthesis import spectra_from_labels


def test_shapes_and_types_are_as_documented():
    survey = simulate_apogee(12)
    assert survey.spectra.shape == survey.spectra_err.shape == survey.mask.shape == (12, 7514)
    assert survey.spectra.dtype == survey.spectra_err.dtype == survey.labels.dtype == np.float32
    assert survey.mask.dtype == bool and len(survey) == 12
    assert survey.labels.shape == survey.labels_err.shape == survey.labels_true.shape == (12, 21)
    assert survey.wavelength.shape == (7514,) and survey.snr.shape == (12,)


def test_the_same_seed_gives_the_same_arrays_and_another_seed_others():
    first, again, other = simulate_apogee(20, seed=5), simulate_apogee(20, seed=5), simulate_apogee(20, seed=6)
    for name in ("spectra", "spectra_err", "mask", "labels", "labels_err", "snr"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert (getattr(first, name) != getattr(other, name)).any()


def test_a_smaller_survey_is_the_beginning_of_a_larger_one():
    small, large = simulate_apogee(7, seed=2), simulate_apogee(300, seed=2)  # more than one block of stars
    np.testing.assert_array_equal(small.spectra, large.spectra[:7])
    np.testing.assert_array_equal(small.labels, large.labels[:7])


def test_the_block_size_changes_nothing():
    teff, logg = np.linspace(3800, 5000, 23), np.linspace(1, 3, 23)
    abundances = {el: np.zeros(23) for el in ELEMENTS}
    whole = spectra_from_labels(teff, logg, abundances, block=23)
    np.testing.assert_array_equal(whole, spectra_from_labels(teff, logg, abundances, block=5))


def test_the_choice_of_labels_changes_neither_spectra_nor_the_other_labels():
    few, many = simulate_apogee(10, labels=("Mg", "teff")), simulate_apogee(10)
    np.testing.assert_array_equal(few.spectra, many.spectra)
    for name in ("Mg", "teff"):
        np.testing.assert_array_equal(few.label(name), many.label(name))


def test_noise_is_as_large_as_the_errors_say():
    survey = simulate_apogee(40, snr=100.0, bad_pixels=0.0, seed=1)
    clean = simulate_apogee(40, snr=1e9, bad_pixels=0.0, seed=1).spectra
    z = (survey.spectra - clean) / survey.spectra_err
    n = z.size
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.std() - 1.0) < 5 / np.sqrt(2 * n) + 1e-4  # 5 standard errors, and float32
    # The SNR is that of the undisturbed continuum: the median pixel is nearly there.
    assert 0.95 < np.median(survey.spectra_err) * 100.0 < 1.05


def test_bad_pixels_are_flagged_and_set_to_one():
    survey = simulate_apogee(100, bad_pixels=0.1, seed=3)
    # Runs of 4 correlate the pixels: the effective number is at least a quarter.
    n = survey.mask.size / 4
    assert abs(survey.mask.mean() - 0.1) < 5 * np.sqrt(0.1 * 0.9 / n)
    assert (survey.spectra[survey.mask] == 1.0).all() and (survey.spectra_err[survey.mask] == 1.0).all()
    assert not simulate_apogee(3, bad_pixels=0.0).mask.any()


def test_missing_labels_are_magic_in_label_and_error():
    survey = simulate_apogee(200, missing=0.3, seed=4)
    gone = survey.labels == MAGIC_NUMBER
    assert abs(gone.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / gone.size)
    np.testing.assert_array_equal(gone, survey.labels_err == MAGIC_NUMBER)
    assert (survey.labels_true != MAGIC_NUMBER).all()
    assert (simulate_apogee(50, missing=0.0).labels != MAGIC_NUMBER).all()


def test_label_errors_are_the_scatter_about_the_truth():
    survey = simulate_apogee(400, missing=0.0, seed=8)
    z = (survey.labels - survey.labels_true) / survey.labels_err
    assert abs(z.std() - 1.0) < 5 / np.sqrt(2 * z.size) + 1e-3
    exact = simulate_apogee(5, missing=0.0, label_noise=0.0)
    np.testing.assert_array_equal(exact.labels, exact.labels_true)
    assert (exact.labels_err == 0).all()


def test_snr_lies_in_the_range_asked_for():
    snr = simulate_apogee(200, snr=(40.0, 160.0)).snr
    assert snr.min() >= 40.0 and snr.max() <= 160.0
    assert abs(np.median(snr) - 80.0) < 12.0  # log-uniform: the geometric mean, 5 standard errors


def test_the_stars_are_red_giants():
    survey = simulate_apogee(2000, labels=("teff", "logg", "Fe", "alpha"), snr=100.0, seed=9)
    teff, logg, fe, alpha = survey.labels_true.T
    assert teff.min() >= 3600 and teff.max() <= 5500 and logg.min() > 0.3 and logg.max() < 3.7
    assert np.corrcoef(teff, logg)[0, 1] > 0.7  # the giant branch
    assert np.corrcoef(fe, alpha)[0, 1] < -0.5  # metal-poor stars are alpha-rich
    assert 0.2 < fe.std() < 0.7


def test_a_ridge_regression_recovers_the_temperature():
    survey = simulate_apogee(900, labels=("teff",), snr=100.0, missing=0.0, seed=11)
    flux = np.where(survey.mask, np.nan, survey.spectra)
    flux = np.nan_to_num(flux - np.nanmean(flux[:700], axis=0)).astype(np.float64)
    teff = survey.label("teff").astype(np.float64)
    train, test = slice(0, 700), slice(700, 900)
    mean = teff[train].mean()
    dual = np.linalg.solve(flux[train] @ flux[train].T + 3.0 * np.eye(700), teff[train] - mean)
    predicted = mean + flux[test] @ (flux[train].T @ dual)
    error = predicted - survey.label("teff", "labels_true")[test]
    assert 1.4826 * np.median(np.abs(error - np.median(error))) < 100.0


def test_the_file_is_read_by_h5loader(tmp_path):
    survey = simulate_apogee(9, labels=("teff", "logg", "Fe"), seed=1)
    survey.to_h5(tmp_path / "survey.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["survey.h5"]  # no temporary file is left
    loader = H5Loader(tmp_path / "survey", target="all")
    loader.load_err = True
    spectra, labels, spectra_err, labels_err = loader.load()
    np.testing.assert_array_equal(spectra, survey.spectra)
    np.testing.assert_array_equal(spectra_err, survey.spectra_err)
    np.testing.assert_array_equal(labels, survey.labels)
    np.testing.assert_array_equal(labels_err, survey.labels_err)
    np.testing.assert_array_equal(loader.load_entry("mask"), survey.mask)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_stars": 0},
        {"n_stars": 2.5},
        {"labels": ("teff", "mass")},
        {"labels": ()},
        {"labels": ("teff", "teff")},
        {"snr": 0.0},
        {"snr": (100.0, 50.0)},
        {"snr": (1.0, 2.0, 3.0)},
        {"missing": 1.0},
        {"bad_pixels": -0.1},
        {"label_noise": -1.0},
        {"seed": -1},
    ],
)
def test_wrong_arguments_are_named(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        simulate_apogee(**({"n_stars": 2} | wrong))


def test_an_unknown_label_is_named():
    with pytest.raises(KeyError, match="mass"):
        simulate_apogee(2, labels="teff").label("mass")


def test_an_unknown_kind_of_label_is_named():
    with pytest.raises(ValueError, match="kind.*labels_true.*'true'"):
        simulate_apogee(2, labels="teff").label("teff", "true")
