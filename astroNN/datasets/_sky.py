"""Places on the sky as unit vectors: no poles, no jump from 360 to 0 degrees."""

import numpy as np
from astropy import units as u
from astropy.time import Time

from astroNN.shared.columns import as_column

__all__ = ["as_epoch", "as_proper_motion", "move", "unit_vectors"]

PROPER_MOTION = u.mas / u.yr


def as_proper_motion(caller, argument, motions):
    """Proper motions in mas/yr as float64, NaN where missing."""
    return as_column(caller, argument, motions, PROPER_MOTION)


def as_epoch(caller, argument, epoch, one=False):
    """Epoch in Julian years, of every star or, if `one` is True, for all stars only."""
    years = epoch.jyear if isinstance(epoch, Time) else epoch
    years = np.asarray(years, dtype="float64")
    if one and years.ndim:
        raise ValueError(
            f"{caller}: `{argument}` must be one year for all stars, got an array of shape {years.shape}. Only the "
            "second catalogue, which has proper motions, may have an epoch for every star."
        )
    if not np.isfinite(years).all():
        raise ValueError(f"{caller}: `{argument}` must be a year such as 2016.0, got {epoch!r}.")
    return years


def unit_vectors(ra, dec):
    """Cartesian unit vectors, shape (n, 3), of right ascension and declination [degrees]."""
    ra, dec = np.radians(ra), np.radians(dec)
    vectors = np.empty((len(ra), 3))
    across = np.cos(dec)
    np.multiply(across, np.cos(ra), out=vectors[:, 0])
    np.multiply(across, np.sin(ra), out=vectors[:, 1])
    np.sin(dec, out=vectors[:, 2])
    return vectors


def move(ra, dec, pmra, pmdec, years):
    """Unit vectors after some years of uniform motion across the line of sight.

    Parameters
    ----------
    ra, dec : arrays, shape (n,)
        Where the stars are [degrees].
    pmra, pmdec : arrays, shape (n,)
        Proper motions [mas/yr], that in right ascension with the factor cos(dec). NaN counts as 0.
    years : number or array, shape (n,)
        How long.

    Returns
    -------
    array, shape (n, 3)
    """
    east, north = (np.nan_to_num(motion) * years * u.mas.to(u.rad) for motion in (pmra, pmdec))
    ra_rad, dec_rad = np.radians(ra), np.radians(dec)
    to_east = np.stack([-np.sin(ra_rad), np.cos(ra_rad), np.zeros_like(ra_rad)], axis=1)
    to_north = np.stack(
        [-np.sin(dec_rad) * np.cos(ra_rad), -np.sin(dec_rad) * np.sin(ra_rad), np.cos(dec_rad)], axis=1
    )
    vectors = unit_vectors(ra, dec) + east[:, None] * to_east + north[:, None] * to_north
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
