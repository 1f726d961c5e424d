"""Speed of `apogee_continuum` against fitting star by star with numpy, in one run on the same spectra.

    python benchmarks/apogee_continuum.py --n-spectra 2000 --repeats 5

Prints the medians of interleaved repeats, their ratio, and the largest difference of the two results.
"""

import argparse
import time

import numpy as np
from numpy.polynomial import Chebyshev

from astroNN.apogee import apogee_continuum, continuum_mask

DR = 14
CHIPS = (slice(0, 3028), slice(3028, 5523), slice(5523, 7514))


def make_spectra(n_spectra, seed):
    """Curved continua with noise and 2 % missing pixels."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, 7514)
    spectra = (300 + 50 * x + 30 * x**2) * (1 + 0.02 * rng.standard_normal((n_spectra, 7514)))
    errors = 3.0 * (1 + rng.random(spectra.shape))
    spectra[rng.random(spectra.shape) < 0.02] = np.nan
    return spectra, errors


def star_by_star(spectra, errors):
    """The same normalisation and cleaning with one call of numpy's fit for each star and chip."""
    mask = continuum_mask(DR)
    flux, err = spectra.copy(), errors.copy()
    for chip in CHIPS:
        pixels = np.arange(chip.stop - chip.start)
        for row in range(len(spectra)):
            use = mask[chip] & np.isfinite(spectra[row, chip])
            weights = 1.0 / (errors[row, chip][use] ** 2 + 1e-8)
            fit = Chebyshev.fit(pixels[use], spectra[row, chip][use], 2, w=weights)(pixels)
            flux[row, chip] /= fit
            err[row, chip] /= fit
    bad = ~np.isfinite(flux) | ~np.isfinite(err)
    flux[flux < 0] = 0.0
    flux[bad] = err[bad] = 1.0
    return flux, err


def seconds(function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-spectra", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    spectra, errors = make_spectra(arguments.n_spectra, arguments.seed)
    times = {"all at once": [], "star by star": []}
    for _ in range(arguments.repeats):
        taken, (flux, err) = seconds(apogee_continuum, spectra, errors, dr=DR)
        times["all at once"].append(taken)
        taken, (expected_flux, expected_err) = seconds(star_by_star, spectra, errors)
        times["star by star"].append(taken)
    difference = max(np.abs(flux - expected_flux).max(), np.abs(err - expected_err).max())
    print(f"{arguments.n_spectra} spectra of 7514 pixels, median of {arguments.repeats} interleaved repeats")
    for name, taken in times.items():
        print(f"{name:13s} {np.median(taken):8.3f} s  {arguments.n_spectra / np.median(taken):9.0f} spectra/s")
    print(f"ratio         {np.median(times['star by star']) / np.median(times['all at once']):8.2f}")
    print(f"largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
