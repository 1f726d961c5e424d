"""From real files to network input, judged by labels that a spectral model made from real giants gives them."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

from astroNN.apogee import (
    ApogeeSpectrum,
    apogee_continuum,
    continuum_mask,
    gap_delete,
    network_input,
    read_apstar,
    read_apvisit,
    read_aspcapstar,
)
from astroNN.datasets import read_spectrum

CHIPS = [slice(0, 3028), slice(3028, 5523), slice(5523, 7514)]
GIANT = "2M17334253-1654573"
GRID = 10.0 ** (4.179 + 6e-6 * np.arange(8575))


def read(shared_data, name):
    readers = {"apStar": read_apstar, "apVisit": read_apvisit, "aspcapStar": read_aspcapstar}
    return readers[name.split("-")[0]](shared_data / "spectra" / name)


class QuadraticModel:
    """Flux as a quadratic polynomial of teff, logg, [Fe/H], [alpha/M] in each pixel (Ness et al. 2015)."""

    def __init__(self, shared_data):
        with np.load(shared_data / "apogee_cannon_model.npz") as model:
            self.coeffs, self.scatter = model["coeffs"].astype(float), model["scatter"].astype(float)
            self.pivots, self.modelled = model["pivots"], model["modelled"]

    def flux(self, labels):
        x = np.asarray(labels) - self.pivots
        i, j = np.triu_indices(4)
        return np.concatenate([[1.0], x, x[i] * x[j]]) @ self.coeffs

    def labels(self, flux, err, mask):
        """Best labels, from several starts: the polynomial has more than one minimum."""
        use = self.modelled & ~mask
        sigma = np.hypot(err, np.maximum(self.scatter, 1e-3))
        units = np.array([100.0, 0.3, 0.2, 0.05])
        starts = [[4600.0, 2.5, 0.0, 0.05], [3900.0, 1.2, -0.1, 0.1], [4800.0, 3.0, -0.5, 0.2]]

        def residual(x):
            return ((flux - self.flux(x * units)) / sigma)[use]

        fits = [least_squares(residual, start / units) for start in starts]
        return min(fits, key=lambda fit: fit.cost).x * units


@pytest.fixture(scope="module")
def model(shared_data):
    return QuadraticModel(shared_data)


# Expected: section 5 of the README of the data, the same inversion with other weights, mask and interpolation.
# Tolerances: the README's statistical errors are 1-4 K and 0.01; changing the weights (photon errors with the
# model's scatter, or none at all) moves the results by up to 5 K, 0.045, 0.01 and 0.01, and a velocity wrong
# by 0.5 km/s the visit's by 4 K, 0.015, 0.01, 0.005. Twice the sum of these, rounded up.
@pytest.mark.parametrize(
    ("name", "expected", "correlation"),
    [
        (f"apStar-r6-{GIANT}.fits", [3792.0, 1.09, -0.05, 0.10], 0.98),
        (f"aspcapStar-r6-l30e.2-{GIANT}.fits", [3789.0, 1.08, -0.05, 0.10], 0.985),
        ("apVisit-r13-9518-57729-104.fits", [4534.0, 2.43, 0.04, 0.10], 0.96),
    ],
)
def test_real_giants_have_the_labels_of_an_independent_inversion(shared_data, model, name, expected, correlation):
    flux, err, mask = (array[0] for array in network_input(read(shared_data, name)))
    labels = model.labels(flux, err, mask)
    np.testing.assert_array_less(np.abs(labels - expected), [25.0, 0.15, 0.06, 0.05])
    well_measured = model.modelled & ~mask & (err < 0.1)
    assert np.corrcoef(flux[well_measured], model.flux(labels)[well_measured])[0, 1] > correlation


def test_the_visit_is_at_rest_in_vacuum_wavelengths_at_the_velocity_of_its_header(shared_data):
    # Air wavelengths would show as 82 km/s, heliocentric ones as 15 km/s.
    visit = read(shared_data, "apVisit-r13-9518-57729-104.fits")
    with np.load(shared_data / "published_network_stats.npz") as published:
        mean = published["input_mean"]
    velocities = np.arange(-75.0, -59.0)
    correlations = []
    for rv in velocities:
        flux, _, mask = (array[0] for array in network_input(dataclasses.replace(visit, rv=rv)))
        correlations.append(np.corrcoef(flux[~mask], mean[~mask])[0, 1])
    assert abs(velocities[np.argmax(correlations)] - visit.rv) <= 1.0


@pytest.mark.parametrize("star", [GIANT, "2M13564148+4342587", "2M19535443+4424541"])
def test_aspcapstar_and_apstar_of_a_star_agree_after_normalisation(shared_data, star):
    flux, _, mask = network_input(
        [read(shared_data, f"aspcapStar-r6-l30e.2-{star}.fits"), read(shared_data, f"apStar-r6-{star}.fits")]
    )
    good = ~mask.any(axis=0)
    # The two come from different steps of the pipeline; without renormalising cool dwarfs differ by 0.03-0.05.
    for chip in CHIPS:
        difference = (flux[0] - flux[1])[chip][good[chip]]
        assert abs(np.median(difference)) < 0.008


def test_the_continuum_of_real_spectra_is_one(shared_data):
    continuum, medians = continuum_mask(dr=14), {}
    for path in sorted((shared_data / "spectra").glob("a[ps]*.fits")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # chips that were not measured
            flux, _, mask = network_input(read_spectrum(path))
        medians[path.name] = np.median(flux[0, continuum & ~mask[0]])
    assert len(medians) == 16
    # An M dwarf, which has no continuum: molecules cover it.
    assert medians.pop("aspcapStar-r6-l30e.2-2M05392474+4038437.fits") == pytest.approx(1.0106, abs=2e-4)
    assert all(abs(median - 1) < 0.01 for median in medians.values()), medians


def test_the_training_sample_has_this_normalisation(shared_data):
    h5py = pytest.importorskip("h5py")
    with h5py.File(shared_data / "apogee_sample_train.h5") as sample:
        flux, err, mask = (sample[name][:300] for name in ("spectra", "spectra_err", "mask"))
    bad = mask.astype(bool)
    renormalised, _ = apogee_continuum(np.where(bad, np.nan, flux), err, dr=14)
    # Spectra that are normalised already stay as they are: one star's level moves by about 0.003 in a chip, the
    # mean of 300 stars by a tenth of it if the two normalisations are the same. Ten times that.
    for chip in CHIPS:
        change = np.where(bad, np.nan, renormalised - flux)[:, chip]
        assert abs(np.nanmean(change)) < 0.002


def make_spectrum(kind="apStar", **changes):
    flux = np.full(8575, 200.0)
    fields = {
        "kind": kind,
        "wavelength": GRID,
        "flux": flux,
        "err": np.full(8575, 4.0),
        "bitmask": np.zeros(8575, dtype="int16"),
        "snr": 50.0,
        "apogee_id": "2M0",
        "rv": 0.0,
    }
    return ApogeeSpectrum(**(fields | changes))


def test_bad_pixels_are_marked_set_to_one_and_kept_out_of_the_fit():
    flux, bits = np.full(8575, 200.0), np.zeros(8575, dtype="int16")
    at = 246 + 89  # a continuum pixel
    flux[at], bits[at] = 1e7, 1
    flux, err, mask = network_input(make_spectrum(flux=flux, bitmask=bits))
    assert flux.shape == err.shape == mask.shape == (1, 7514)
    assert np.flatnonzero(mask[0]).tolist() == [89]
    np.testing.assert_allclose(flux, 1.0)
    np.testing.assert_allclose(np.delete(err[0], 89), 0.02)
    assert err[0, 89] == 1.0


def test_several_spectra_give_one_row_each():
    flux, _, _ = network_input([make_spectrum(), make_spectrum(flux=np.full(8575, 3.0))])
    np.testing.assert_allclose(flux, np.ones((2, 7514)))


def test_a_visit_is_resampled_and_its_gaps_are_masked():
    chips = np.stack(
        [np.linspace(start, stop, 4096) for start, stop in [(16955, 16473), (16435, 15857), (15810, 15142)]]
    )
    visit = make_spectrum(
        kind="apVisit",
        wavelength=chips,
        flux=np.full(chips.shape, 7.0),
        err=np.full(chips.shape, 0.07),
        bitmask=np.zeros(chips.shape, dtype=int),
        rv=300.0,  # moves the chips by 15 Angstrom, so that their red ends go uncovered
    )
    flux, err, mask = network_input(visit)
    wavelength = gap_delete(GRID, dr=14)[0]
    doppler = np.sqrt((1 + 300 / 299792.458) / (1 - 300 / 299792.458))
    uncovered = ~np.any([(wavelength > c.min() / doppler) & (wavelength < c.max() / doppler) for c in chips], axis=0)
    assert uncovered.any() and mask[0][uncovered].all()
    assert mask[0].mean() < uncovered.mean() + 0.005
    np.testing.assert_allclose(flux[0], 1.0, atol=1e-9)
    assert (err[0][~mask[0]] < 0.0101).all()


def test_a_visit_without_velocity_and_an_empty_list_are_errors():
    with pytest.raises(ValueError, match="no radial velocity"):
        network_input(make_spectrum(kind="apVisit", rv=None, filename="apVisit-1.fits"))
    with pytest.raises(ValueError, match="empty"):
        network_input([])


@pytest.mark.parametrize("wrong", ["x.fits", Path("x.fits"), None, np.ones(8575), [np.ones(8575)], ["x.fits"]])
def test_what_is_no_spectrum_is_an_error_that_names_the_readers(wrong):
    with pytest.raises(TypeError, match="network_input: `spectra` must be ApogeeSpectrum.*read_apstar"):
        network_input(wrong)


@pytest.mark.parametrize("kind", ["apStar", "apVisit"])
def test_pixels_of_the_magic_number_are_bad(kind):
    flux = np.full(8575, 200.0)
    at = 246 + 89  # a continuum pixel
    flux[at] = -9999.0
    flux, err, mask = network_input(make_spectrum(kind=kind, flux=flux))
    assert mask[0, 89] and flux[0, 89] == 1.0
    np.testing.assert_allclose(flux, 1.0, atol=1e-9)
    if kind == "apStar":
        assert np.flatnonzero(mask[0]).tolist() == [89] and err[0, 89] == 1.0
