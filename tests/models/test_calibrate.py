"""With what factors a trained Bayesian network multiplies its spreads."""

import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, load_folder

N_STARS, N_PIXELS = 600, 60


@pytest.fixture(scope="module")
def survey():
    """Spectra, their errors and labels; every label moves twenty pixels."""
    rng = np.random.default_rng(3)
    labels = rng.normal(size=(N_STARS, 2)).astype("float32")
    spectra_err = np.repeat(rng.uniform(0.01, 0.1, (N_STARS, 1)), N_PIXELS, axis=1).astype("float32")
    spectra = 1.0 - 0.1 * np.repeat(labels, [30, 30], axis=1) + spectra_err * rng.normal(size=spectra_err.shape)
    return spectra.astype("float32"), spectra_err, labels


def trained(survey, with_errors):
    spectra, spectra_err, labels = survey
    net = ApogeeBCNN(dropout_rate=0.1)
    net.seed, net.verbose, net.max_epochs, net.mc_num, net.val_size = 1, 0, 10, 20, 0.3
    net.fit(spectra, labels, inputs_err=spectra_err if with_errors else None)
    return net


@pytest.fixture(scope="module")
def net_with_errors(survey):
    return trained(survey, with_errors=True)


def ratio(net, survey, name, inputs_err):
    spectra = survey[0][:64]
    inputs_err = survey[1][:64] if inputs_err else None
    calibrated = net.predict(spectra, inputs_err)[1][name]
    return calibrated / net.predict(spectra, inputs_err, calibrated=False)[1][name]


@pytest.mark.parametrize("name", ["total", "model", "predictive", "propagated"])
def test_with_errors_of_the_pixels_all_spreads_get_the_factors_found_with_them(net_with_errors, survey, name):
    factor = net_with_errors.calibration_propagated.factor
    np.testing.assert_allclose(ratio(net_with_errors, survey, name, True), np.tile(factor, (64, 1)), rtol=1e-5)


@pytest.mark.parametrize("name", ["total", "model", "predictive"])
def test_without_errors_of_the_pixels_all_spreads_get_the_factors_found_without(net_with_errors, survey, name):
    factor = net_with_errors.calibration.factor
    np.testing.assert_allclose(ratio(net_with_errors, survey, name, False), np.tile(factor, (64, 1)), rtol=1e-5)


def test_the_part_of_the_pixels_needs_a_smaller_factor_since_the_same_errors_are_shared_by_more(net_with_errors):
    # Same residuals and a larger predicted total: the factor is smaller for every label.
    assert (net_with_errors.calibration_propagated.factor < net_with_errors.calibration.factor).all()


def test_a_network_trained_without_errors_of_the_pixels_uses_the_only_factors_it_has(survey):
    net = trained(survey, with_errors=False)
    assert net.calibration_propagated is None
    factor = net.calibration.factor
    np.testing.assert_allclose(ratio(net, survey, "propagated", True), np.tile(factor, (64, 1)), rtol=1e-5)


def test_both_sets_of_factors_are_saved_and_loaded(net_with_errors, tmp_path):
    loaded = load_folder(net_with_errors.save(tmp_path / "run"))
    for attribute in ("calibration", "calibration_propagated"):
        saved, found = getattr(net_with_errors, attribute), getattr(loaded, attribute)
        np.testing.assert_array_equal(found.factor, saved.factor)
        np.testing.assert_array_equal(found.factor_err, saved.factor_err)
