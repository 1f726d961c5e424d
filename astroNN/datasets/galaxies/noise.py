"""Noise of photons and of the reading of a detector."""

import numpy as np

__all__ = ["observe"]

_STREAM = 1  # of random numbers; stream 0 is that of the parameters


def observe(images, survey, seed):
    """Turn images without noise into observed ones, in place.

    Every galaxy has random numbers of its own, so that its noise depends on the seed and its row alone.

    Parameters
    ----------
    images : float32 array, shape (n, rows, columns)
        Expected counts of the galaxies.
    survey : GalaxySurvey
        Sky, gain and noise.
    seed : int
        Same seed, same noise.
    """
    for row, image in enumerate(images):
        rng = np.random.default_rng([seed, _STREAM, row])
        # An image of a PSF may have pixels below zero; photons have not.
        expected = np.maximum((image.astype(np.float64) + survey.sky) * survey.gain, 0.0)
        electrons = rng.poisson(expected).astype(np.float64)
        electrons += survey.read_noise * rng.standard_normal(image.shape)
        electrons /= survey.gain
        image[:] = electrons - survey.sky if survey.sky_subtracted else electrons
