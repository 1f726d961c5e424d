"""Samples with known truth that `models.py` trains and tests the networks on.

Spectra are those of `simulate_apogee`, images of galaxies those of `simulate_galaxies`, handwritten digits the 1,797
real ones that come with scikit-learn. Masses, parallaxes, echelle diagrams and power spectra of light curves are made
here from the labels of the simulated stars, by simple relations: they show whether a network can learn, not how well
it does on real light curves.
"""

import functools
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from astroNN.datasets import simulate_apogee, simulate_galaxies
from astroNN.models import ApogeeBCNNCensored

LABELS = tuple(ApogeeBCNNCensored().targetname)
# The simulator has one carbon and one titanium abundance, whatever the lines that show it.
COLUMNS = tuple({"C1": "C", "Ti2": "Ti"}.get(name, name) for name in LABELS)
STRETCH = slice(4000, 4512)  # of the 7,514 pixels, in the middle chip: for the networks that are slow on all
SOLAR_LOGG, SOLAR_TEFF = 4.438, 5772.0
ZERO_POINT = -0.05  # mas, of the made parallaxes
N_TEST = 1000


class Stars(NamedTuple):
    """Simulated giants with the 22 labels of `ApogeeBCNNCensored`."""

    spectra: np.ndarray
    mask: np.ndarray
    labels: np.ndarray
    labels_err: np.ndarray
    truth: np.ndarray

    def true(self, name):
        return self.truth[:, LABELS.index(name)].astype(float)

    def part(self, rows):
        return Stars(*(array[rows] for array in self))


@functools.cache
def giants(n_train, n_test=N_TEST, seed=11):
    """Giants to train on and to test with; signal to noise 50 to 300, 5% bad pixels, 10% of the labels missing."""
    measured = tuple(dict.fromkeys(COLUMNS))
    survey = simulate_apogee(n_train + n_test, labels=measured, seed=seed)
    columns = [measured.index(name) for name in COLUMNS]
    tables = (table[:, columns] for table in (survey.labels, survey.labels_err, survey.labels_true))
    stars = Stars(survey.spectra, survey.mask, *tables)
    return stars.part(slice(n_train)), stars.part(slice(n_train, None))


def luminosity(stars, mass):
    """Logarithm of the luminosity [Lsun] of stars of a mass [Msun], from gravity and temperature."""
    return np.log10(mass) - (stars.true("logg") - SOLAR_LOGG) + 4.0 * np.log10(stars.true("teff") / SOLAR_TEFF)


def stars_with_masses(stars, rng):
    """Spectra with luminosity (0.05 dex) and Teff (100 K) behind, mask, the two alone, and true masses [Msun]."""
    n = len(stars.spectra)
    mass = rng.uniform(0.8, 2.0, n)
    columns = np.column_stack(
        [luminosity(stars, mass) + rng.normal(0, 0.05, n), stars.true("teff") + rng.normal(0, 100, n)]
    )
    mask = np.column_stack([stars.mask, np.zeros((n, 2), bool)])
    return np.column_stack([stars.spectra, columns]), mask, columns, mass


class Parallaxes(NamedTuple):
    """Input of `ApogeeDR14GaiaDR2BCNN`, parallaxes [mas] as measured, and the truth."""

    columns: np.ndarray
    mask: np.ndarray
    parallax: np.ndarray
    error: np.ndarray
    true_parallax: np.ndarray
    magnitude: np.ndarray


def stars_with_parallaxes(stars, rng):
    """Giants of 1.1 Msun at 0.3 to 4 kpc, parallaxes with errors of 0.03 to 0.08 mas and a zero point."""
    n, teff = len(stars.spectra), stars.true("teff")
    correction = 2.6 - 0.9 * (teff - 4500.0) / 1000.0  # of bolometric to Ks magnitudes, made up
    absolute = 4.74 - 2.5 * luminosity(stars, 1.1) - correction
    true_parallax = 1.0 / rng.uniform(0.3, 4.0, n)
    magnitude = absolute - 5.0 * np.log10(true_parallax) + 10.0
    error = rng.uniform(0.03, 0.08, n)
    parallax = true_parallax + ZERO_POINT + rng.normal(0, error)
    columns = np.column_stack([stars.spectra, magnitude + rng.normal(0, 0.02, n), teff + rng.normal(0, 100, n)])
    mask = np.column_stack([stars.mask, np.zeros((n, 2), bool)])
    return Parallaxes(columns, mask, parallax, error, true_parallax, magnitude)


def stars_with_diagrams(stars, rng):
    """Echelle diagrams of stars of log g 1.8 to 3.3, Teff and [Fe/H] with errors, and true log g."""
    n, logg = len(stars.spectra), stars.true("logg")
    keep = (logg > 1.8) & (logg < 3.3)
    numbers = np.column_stack([stars.true("teff") + rng.normal(0, 80, n), stars.true("Fe") + rng.normal(0, 0.1, n)])
    diagrams = echelle_diagrams(frequency_of_maximum(stars), rng)
    return diagrams[keep], numbers[keep], logg[keep]


def digit_samples(n_train=1400):
    """Images of 8x8 pixels, 0 to 255, and digits, to train on and to test with."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    images, classes = (data.images * (255.0 / 16.0)).astype("float32")[order], data.target[order]
    return (images[:n_train], classes[:n_train]), (images[n_train:], classes[n_train:])


def frequency_of_maximum(stars):
    """nu_max [microhertz] by the scaling relation."""
    return 3090.0 * 10.0 ** (stars.true("logg") - SOLAR_LOGG) / np.sqrt(stars.true("teff") / SOLAR_TEFF)


def echelle_diagrams(nu_max, rng, orders=24, phases=32):
    """Power of oscillations by order and phase, 0 to 255: ridges of degree 0, 1 and 2, and noise of four spectra."""
    separation = 0.267 * nu_max**0.764
    order = np.arange(orders)[None, :, None]
    phase = (np.arange(phases)[None, None, :] + 0.5) / phases
    middle, width = (nu_max / separation)[:, None, None], (0.28 * nu_max**0.88 / separation / 2.355)[:, None, None]
    envelope = np.exp(-0.5 * ((order + phase - middle) / (1.0 + width)) ** 2)
    epsilon = (0.634 + 0.63 * np.log10(separation))[:, None, None]
    power = 1.0
    for shift, height in ((0.0, 8.0), (0.5, 6.0), (-0.12, 4.0)):
        away = (phase - epsilon - shift + 0.5) % 1.0 - 0.5
        power = power + height * envelope / (1.0 + (away / 0.03) ** 2)
    return np.minimum(255.0, 25.0 * power * rng.gamma(4.0, 0.25, power.shape)).astype("float32")


def power_spectra(stars, rng, bins=256):
    """Logarithms of power spectra of light curves, granulation and oscillations: observed, and without noise."""
    nu, nu_max = np.geomspace(3.0, 280.0, bins), frequency_of_maximum(stars)[:, None]
    granulation = 3500.0 * nu_max**-0.6
    power = 50.0 + granulation**2 / nu_max / (1.0 + (nu / (0.9 * nu_max)) ** 4)
    width = 0.28 * nu_max**0.88
    power += 3e7 * nu_max**-2.3 * np.exp(-0.5 * ((nu - nu_max) / width) ** 2)
    truth = np.log10(power)
    return truth + np.log10(rng.gamma(10.0, 0.1, truth.shape)), truth


def galaxy_sample(n, seed, pixels=48):
    """Middles of images as of CANDELS, the arsinh of their counts as 0 to 255, and classes: disk, between, bulge."""
    galaxies = simulate_galaxies(n, survey="CANDELS", seed=seed)
    first = (galaxies.images.shape[1] - pixels + 1) // 2
    images = np.arcsinh(galaxies.images[:, first : first + pixels, first : first + pixels])
    images = 255.0 * (images - images.min()) / (images.max() - images.min())
    return images.astype("float32"), galaxies.labels.argmax(axis=1)
