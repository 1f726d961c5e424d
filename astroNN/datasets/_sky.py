"""Places on the sky as unit vectors: no poles, no jump from 360 to 0 degrees."""

import numpy as np
from astropy import units as u
from astropy.time import Time

from astroNN.shared.columns import column_values, in_unit

__all__ = ["as_degrees", "as_epoch", "as_proper_motion", "move", "unit_vectors"]

PROPER_MOTION = u.mas / u.yr


def as_degrees(caller, argument, angles, limit=None):
    """Angles in degrees as float64, NaN where missing.

    Parameters
    ----------
    caller, argument : str
        For errors.
    angles : array_like or Quantity
        Degrees, if they have no unit.
    limit : float, optional
        Largest absolute value allowed.

    Raises
    ------
    ValueError
        If angles are infinite, beyond the limit, or not a column.
    """
    column = _column(caller, argument, angles, u.deg)
    wrong = np.isinf(column) if limit is None else np.abs(column) > limit
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{caller}: `{argument}` must be an angle in degrees"
            + ("" if limit is None else f" from -{limit:g} to {limit:g}")
            + f", got {column[row]:g} in row {row}. Give other units as a Quantity; missing values may be NaN."
        )
    return column


def as_proper_motion(caller, argument, motions):
    """Proper motions in mas/yr as float64, NaN where missing."""
    return _column(caller, argument, motions, PROPER_MOTION)


def as_epoch(caller, argument, epoch):
    """Epoch in Julian years, of one or of every star."""
    years = epoch.jyear if isinstance(epoch, Time) else epoch
    years = np.asarray(years, dtype="float64")
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


def _column(caller, argument, values, unit):
    numbers, given = column_values(caller, argument, values)
    numbers = np.atleast_1d(numbers)
    if numbers.ndim != 1:
        raise ValueError(
            f"{caller}: `{argument}` must be a column of numbers, got an array of shape {numbers.shape}."
        )
    return numbers if given is None else in_unit(caller, argument, numbers, given, unit)
