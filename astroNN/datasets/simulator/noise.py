"""Noise, error arrays and bad pixels like those of combined APOGEE spectra."""

from functools import lru_cache

import numpy as np

from astroNN.datasets.simulator.grid import CHIPS, N_PIXELS

__all__ = ["BAD_RUN", "SKY_SHIFT", "add_noise"]

#: length of the runs in which bad pixels come
BAD_RUN = 4
SKY_LINES = 90  # bright airglow lines in the whole band: about as many as in the real one, at made-up places
SKY_FACTOR = 4.0  # error in the middle of a sky line over that beside it
#: pixels; half the range by which stars' velocities (100 km/s) move the sky lines
SKY_SHIFT = 24
EDGE_FACTOR = 0.8  # error at the end of a chip over that in its middle, less one


@lru_cache
def _continuum_error_shape():
    """Error of the continuum over its typical value: lower throughput at the chips' ends."""
    pieces = [1.0 + EDGE_FACTOR * np.linspace(-1.0, 1.0, last - first) ** 6 for first, last in CHIPS]
    shape = np.concatenate(pieces)
    return (shape / np.median(shape)).astype(np.float32)


@lru_cache
def _sky_shape():
    """Errors grow by this factor near sky lines; longer than a spectrum by `SKY_SHIFT` on both sides."""
    pixel = np.arange(N_PIXELS + 2 * SKY_SHIFT)
    rng = np.random.default_rng(20190)  # one fixed sky for all simulations
    lines = rng.uniform(0, len(pixel), SKY_LINES)
    brightness = (SKY_FACTOR - 1.0) * rng.uniform(0.1, 1.0, SKY_LINES)
    excess = sum(b * np.exp(-0.5 * ((pixel - x) / 1.5) ** 2) for x, b in zip(lines, brightness, strict=True))
    return (1.0 + excess).astype(np.float32)


def add_noise(clean, snr, shift, normal, bad_draw, bad_pixels):
    """Noisy flux, error and mask of a block of stars.

    Parameters
    ----------
    clean : array, shape (n, 7514)
        Noiseless flux.
    snr : array, shape (n,)
        Signal-to-noise ratio per pixel of the continuum, away from chip ends and sky lines.
    shift : int array, shape (n,)
        Pixels by which the sky lines move in the star's frame, between -`SKY_SHIFT` and `SKY_SHIFT`.
    normal : array, shape (n, 7514)
        Standard normal numbers.
    bad_draw : array, shape (n, 7514 + BAD_RUN - 1)
        Uniform numbers in [0, 1).
    bad_pixels : float
        Expected fraction of bad pixels.

    Returns
    -------
    flux, err : float32 arrays, shape (n, 7514)
        Bad pixels have flux 1 and error 1, as in the APOGEE pipeline of Leung & Bovy 2019.
    mask : bool array, shape (n, 7514)
        True = bad.
    """
    err = np.sqrt(np.clip(clean, 0.05, None)) * _continuum_error_shape() / snr[:, None].astype(np.float32)
    sky = _sky_shape()
    for row, offset in zip(err, shift, strict=True):
        row *= sky[SKY_SHIFT + offset : SKY_SHIFT + offset + N_PIXELS]
    flux = clean + err * normal
    # A pixel is good if none of the runs that would cover it has started: (1 - p)^BAD_RUN = 1 - bad_pixels.
    started = bad_draw < 1.0 - (1.0 - bad_pixels) ** (1.0 / BAD_RUN)
    mask = np.zeros(clean.shape, bool)
    for k in range(BAD_RUN):
        mask |= started[:, k : k + N_PIXELS]
    flux[mask], err[mask] = 1.0, 1.0
    return np.maximum(flux, 0.0), err, mask
