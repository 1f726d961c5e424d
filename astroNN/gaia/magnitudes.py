r"""Apparent, absolute and "fake" magnitudes.

The fakemag is a luminosity that is linear in the parallax, so that Gaussian errors of parallaxes, and parallaxes
that noise has made negative, stay what they are (Leung & Bovy 2019, MNRAS 489, 2079, section 2.2; Anderson et al.
2018, AJ 156, 145):

.. math:: F = \varpi_\mathrm{mas}\, 10^{m / 5} = 10^{M / 5 + 2} .
"""

import warnings

import numpy as np
from astropy import units as u

from astroNN.config import MAGIC_NUMBER
from astroNN.gaia._columns import errors_in_unit, numbers_in, result, to_unit
from astroNN.gaia.gaia_shared import default_parallax_unit
from astroNN.shared.callers import users_level

__all__ = [
    "absmag_to_fakemag",
    "extinction_correction",
    "fakemag_to_absmag",
    "fakemag_to_mag",
    "mag_to_absmag",
    "mag_to_fakemag",
]

#: apparent magnitudes below it mean "not measured" in survey tables (-99.99, -999, ...)
LOWEST_MAGNITUDE = -90.0
#: extinctions below it mean the same
LOWEST_EXTINCTION = -1.0

MAG_PER_FRACTION = 5.0 / np.log(10.0)  # d(5 log10 x) / d(ln x)


def mag_to_fakemag(mag, parallax, parallax_err=None):
    """Fakemag of an apparent magnitude and a parallax.

    Parameters
    ----------
    mag : number or array_like
        Apparent magnitude.
    parallax : number, array_like or Quantity
        Parallax [mas]; a Quantity in any angle, or a distance. A parallax may be zero or negative.
    parallax_err : number, array_like or Quantity, optional
        Its error; without a unit in that in which the parallax was given.

    Returns
    -------
    fakemag : float or ndarray
        The magic number where a magnitude (NaN, magic, below -90) or a parallax is missing.
    fakemag_err : float or ndarray
        Only with `parallax_err`: the error from the parallax alone, 10^(0.2 mag) times that [mas].

    Raises
    ------
    UnitConversionError
        If a unit is neither a parallax nor a distance.
    ValueError
        If a parallax is infinite, such as that at a distance of zero, an error is negative, or shapes disagree.

    Examples
    --------
    >>> mag_to_fakemag(10.0, 5.0)
    500.0
    >>> mag_to_fakemag([10.0, -9999.0], [5.0, 1.0], [0.5, 0.1])
    (array([  500., -9999.]), array([   50., -9999.]))
    """
    mag = apparent_magnitude("mag_to_fakemag", mag)
    measured = to_unit("mag_to_fakemag", "parallax", parallax, default_parallax_unit)
    _refuse("mag_to_fakemag", "parallax", np.isinf(measured.values), "infinite, or distances of zero")
    per_mas = 10.0 ** (0.2 * mag)
    fakemag = measured.values * per_mas
    if parallax_err is None:
        return result(fakemag, missing=np.isnan(fakemag))
    errors = errors_in_unit("mag_to_fakemag", "parallax_err", parallax_err, measured)
    fakemag, fakemag_err = np.broadcast_arrays(fakemag, errors * per_mas)
    return result(fakemag, fakemag_err, missing=np.isnan(fakemag))


def mag_to_absmag(mag, parallax, parallax_err=None):
    """Absolute magnitude of an apparent magnitude and a parallax.

    Parameters
    ----------
    mag : number or array_like
        Apparent magnitude.
    parallax : number, array_like or Quantity
        Parallax [mas]; a Quantity in any angle, or a distance.
    parallax_err : number, array_like or Quantity, optional
        Its error; without a unit in that in which the parallax was given.

    Returns
    -------
    absmag : float or ndarray
        Equal to mag + 5 (log10 parallax - 2). The magic number where a magnitude (NaN, magic, below -90) or a
        parallax is missing.
    absmag_err : float or ndarray
        Only with `parallax_err`: 5 / ln 10 times the fractional error of the parallax.

    Raises
    ------
    UnitConversionError
        If a unit is neither a parallax nor a distance.
    ValueError
        If a parallax is zero or negative, which no absolute magnitude belongs to, an error is negative, or shapes
        disagree.

    Examples
    --------
    >>> round(mag_to_absmag(10.0, 5.0), 5)
    3.49485
    """
    mag = apparent_magnitude("mag_to_absmag", mag)
    measured = to_unit("mag_to_absmag", "parallax", parallax, default_parallax_unit)
    refuse_not_positive(
        "mag_to_absmag", "parallax", measured.values, "`mag_to_fakemag` takes parallaxes of either sign"
    )
    absmag = mag + 5.0 * (np.log10(measured.values) - 2.0)
    if parallax_err is None:
        return result(absmag, missing=np.isnan(absmag))
    errors = errors_in_unit("mag_to_absmag", "parallax_err", parallax_err, measured)
    absmag, absmag_err = np.broadcast_arrays(absmag, MAG_PER_FRACTION * errors / measured.values)
    return result(absmag, absmag_err, missing=np.isnan(absmag))


def fakemag_to_absmag(fakemag):
    """Absolute magnitude of a fakemag.

    Parameters
    ----------
    fakemag : number or array_like
        Fakemag.

    Returns
    -------
    float or ndarray
        5 (log10 fakemag - 2); the magic number where the fakemag is missing, zero or negative.

    Examples
    --------
    >>> round(fakemag_to_absmag(500.0), 5), fakemag_to_absmag(-3.0)
    (3.49485, -9999.0)
    """
    fakemag = positive_fakemag("fakemag_to_absmag", fakemag)
    return result(5.0 * (np.log10(fakemag) - 2.0), missing=np.isnan(fakemag))


def absmag_to_fakemag(absmag):
    """Fakemag of an absolute magnitude.

    Parameters
    ----------
    absmag : number or array_like
        Absolute magnitude.

    Returns
    -------
    float or ndarray
        10^(0.2 absmag + 2); the magic number where the absolute magnitude is missing.

    Examples
    --------
    >>> absmag_to_fakemag(0.0)
    100.0
    """
    absmag = numbers_in("absmag_to_fakemag", "absmag", absmag, u.mag)
    return result(10.0 ** (0.2 * absmag + 2.0), missing=np.isnan(absmag))


def fakemag_to_mag(fakemag, pc, pc_err=None):
    """Apparent magnitude of a fakemag seen from a distance.

    Parameters
    ----------
    fakemag : number or array_like
        Fakemag.
    pc : number, array_like or Quantity
        Distance [pc]; a Quantity in any length, or a parallax.
    pc_err : number, array_like or Quantity, optional
        Its error; without a unit in that in which the distance was given.

    Returns
    -------
    mag : float or ndarray
        5 log10(fakemag pc / 1000); the magic number where the fakemag is missing, zero or negative, or the distance
        is missing.
    mag_err : float or ndarray
        Only with `pc_err`: 5 / ln 10 times the fractional error of the distance.

    Raises
    ------
    UnitConversionError
        If a unit is neither a distance nor a parallax.
    ValueError
        If a distance is zero or negative, an error is negative, or shapes disagree.

    Examples
    --------
    >>> round(fakemag_to_mag(500.0, 200.0), 6)
    10.0
    """
    fakemag = positive_fakemag("fakemag_to_mag", fakemag)
    measured = to_unit("fakemag_to_mag", "pc", pc, u.pc)
    refuse_not_positive("fakemag_to_mag", "pc", measured.values)
    mag = 5.0 * np.log10(measured.values / 1000.0 * fakemag)
    if pc_err is None:
        return result(mag, missing=np.isnan(mag))
    errors = errors_in_unit("fakemag_to_mag", "pc_err", pc_err, measured)
    mag, mag_err = np.broadcast_arrays(mag, MAG_PER_FRACTION * errors / measured.values)
    return result(mag, mag_err, missing=np.isnan(mag))


def extinction_correction(mag, extinction):
    """Apparent magnitude without extinction.

    Parameters
    ----------
    mag : number or array_like
        Apparent magnitude.
    extinction : number or array_like
        Extinction in the same band [mag]. Below -1, or missing, it is not known and counts as 0.

    Returns
    -------
    float or ndarray
        Magnitude less extinction; the magic number where the magnitude is missing (NaN, magic, below -90).

    Warns
    -----
    UserWarning
        If extinctions are not known; it tells of how many stars.

    Examples
    --------
    >>> extinction_correction([10.0, -99.99], [0.25, 0.25]).tolist()
    [9.75, -9999.0]
    """
    extinction = numbers_in("extinction_correction", "extinction", extinction, u.mag)
    mag, extinction = np.broadcast_arrays(apparent_magnitude("extinction_correction", mag), extinction)
    with np.errstate(invalid="ignore"):
        unknown = np.isnan(extinction) | (extinction < LOWEST_EXTINCTION)
    if unknown.any():
        warnings.warn(
            f"extinction_correction: the extinction of {int(unknown.sum())} of {unknown.size} stars is not known and "
            "counts as 0.",
            stacklevel=users_level(),
        )
    return result(mag - np.where(unknown, 0.0, extinction), missing=np.isnan(mag))


def positive_fakemag(caller, fakemag):
    """Fakemags as float64, NaN where missing or not positive: these are the logarithm of nothing."""
    fakemag = numbers_in(caller, "fakemag", fakemag, u.mas)
    with np.errstate(invalid="ignore"):
        return np.where(fakemag > 0, fakemag, np.nan)


def refuse_not_positive(caller, argument, values, instead=None):
    """Raise if a parallax or distance that is not missing is zero or negative."""
    with np.errstate(invalid="ignore"):
        wrong = (values <= 0) | np.isinf(values)
    _refuse(caller, argument, wrong, "zero, negative or infinite", instead)


def _refuse(caller, argument, wrong, what, instead=None):
    if wrong.any():
        raise ValueError(
            f"{caller}: {int(wrong.sum())} of {wrong.size} values of `{argument}` are {what}. "
            f"Set them to {MAGIC_NUMBER} or NaN, which come out as {MAGIC_NUMBER}"
            + (f"; {instead}." if instead else ".")
        )


def apparent_magnitude(caller, mag):
    """Apparent magnitudes as float64, NaN where missing or below -90, which means the same in survey tables."""
    mag = numbers_in(caller, "mag", mag, u.mag)
    with np.errstate(invalid="ignore"):
        return np.where(mag < LOWEST_MAGNITUDE, np.nan, mag)
