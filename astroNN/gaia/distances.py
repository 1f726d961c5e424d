"""Distances and parallaxes from luminosities and apparent magnitudes."""

import numpy as np
from astropy import units as u

from astroNN.gaia._columns import numbers_in, refuse_negative, result
from astroNN.gaia.magnitudes import apparent_magnitude, positive_fakemag

__all__ = ["absmag_to_pc", "fakemag_to_parallax", "fakemag_to_pc"]


def absmag_to_pc(absmag, mag):
    """Distance at which an absolute magnitude looks like an apparent one.

    Parameters
    ----------
    absmag : number or array_like
        Absolute magnitude.
    mag : number or array_like
        Apparent magnitude in the same band, without extinction.

    Returns
    -------
    Quantity [pc]
        -9999 pc where a magnitude is missing; a single missing one gives the plain magic number.

    Examples
    --------
    >>> absmag_to_pc([1.0, -9999.0], [2.0, 1.0]).round(4)
    <Quantity [   15.8489, -9999.    ] pc>
    """
    absmag = numbers_in("absmag_to_pc", "absmag", absmag, u.mag)
    distance = 10.0 ** ((apparent_magnitude("absmag_to_pc", mag) - absmag) / 5.0 + 1.0)
    return result(distance, missing=np.isnan(distance), unit=u.pc)


def fakemag_to_pc(fakemag, mag, fakemag_err=None):
    """Distance at which a fakemag looks like an apparent magnitude.

    Parameters
    ----------
    fakemag : number or array_like
        Fakemag.
    mag : number or array_like
        Apparent magnitude in the same band, without extinction.
    fakemag_err : number or array_like, optional
        Error of the fakemag.

    Returns
    -------
    distance : Quantity [pc]
        1000 10^(0.2 mag) / fakemag; -9999 pc where a magnitude or fakemag is missing, or the fakemag is zero or
        negative. A single one of these gives the plain magic number.
    distance_err : Quantity [pc]
        Only with `fakemag_err`: the fractional error of the fakemag times the distance.

    Examples
    --------
    >>> distance, error = fakemag_to_pc(300.0, 10.0, 100.0)
    >>> distance.round(2), error.round(2)
    (<Quantity 333.33 pc>, <Quantity 111.11 pc>)
    """
    fakemag, mag = positive_fakemag("fakemag_to_pc", fakemag), apparent_magnitude("fakemag_to_pc", mag)
    return _with_error("fakemag_to_pc", 1000.0 * 10.0 ** (0.2 * mag) / fakemag, fakemag, fakemag_err, u.pc)


def fakemag_to_parallax(fakemag, mag, fakemag_err=None):
    """Parallax at which a fakemag looks like an apparent magnitude.

    Parameters
    ----------
    fakemag : number or array_like
        Fakemag.
    mag : number or array_like
        Apparent magnitude in the same band, without extinction.
    fakemag_err : number or array_like, optional
        Error of the fakemag.

    Returns
    -------
    parallax : Quantity [mas]
        Equal to fakemag / 10^(0.2 mag); -9999 mas where a magnitude or fakemag is missing, or the fakemag is zero or
        negative. A single one of these gives the plain magic number.
    parallax_err : Quantity [mas]
        Only with `fakemag_err`: the fractional error of the fakemag times the parallax.

    Examples
    --------
    >>> fakemag_to_parallax(300.0, 10.0)
    <Quantity 3. mas>
    """
    fakemag, mag = positive_fakemag("fakemag_to_parallax", fakemag), apparent_magnitude("fakemag_to_parallax", mag)
    return _with_error("fakemag_to_parallax", fakemag / 10.0 ** (0.2 * mag), fakemag, fakemag_err, u.mas)


def _with_error(caller, values, fakemag, fakemag_err, unit):
    if fakemag_err is None:
        return result(values, missing=np.isnan(values), unit=unit)
    errors = numbers_in(caller, "fakemag_err", fakemag_err, u.mas)
    refuse_negative(caller, "fakemag_err", errors)
    values, errors = np.broadcast_arrays(values, np.abs(errors / fakemag * values))
    return result(values, errors, missing=np.isnan(values), unit=unit)
