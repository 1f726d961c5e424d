"""Luminosities in units of the Sun's, as logarithms, from magnitudes in one band.

A band's luminosity, not a bolometric one: log10(L / Lsun) = 0.4 (Msun - M), with the Sun's absolute magnitude of
`astroNN.gaia.solar_absmag_bands`.
"""

import numpy as np
from astropy import units as u

from astroNN.gaia._columns import numbers_in, result
from astroNN.gaia.gaia_shared import solar_absmag_bands
from astroNN.gaia.magnitudes import positive_fakemag

__all__ = ["absmag_to_logsol", "fakemag_to_logsol", "logsol_to_absmag", "logsol_to_fakemag"]


def fakemag_to_logsol(fakemag, band="K"):
    """Luminosity of a fakemag.

    Parameters
    ----------
    fakemag : number or array_like
        Fakemag.
    band : str, optional
        One of `solar_absmag_bands`. Default: "K".

    Returns
    -------
    float or ndarray
        Logarithm (base 10) of the luminosity in the band [Lsun]; the magic number where the fakemag is missing, zero
        or negative.

    Raises
    ------
    ValueError
        If the band is not known.

    Examples
    --------
    >>> round(fakemag_to_logsol(100.0), 3)
    1.308
    """
    sun = _of_the_sun("fakemag_to_logsol", band)
    fakemag = positive_fakemag("fakemag_to_logsol", fakemag)
    return result(0.4 * (sun - 5.0 * (np.log10(fakemag) - 2.0)), missing=np.isnan(fakemag))


def absmag_to_logsol(absmag, band="K"):
    """Luminosity of an absolute magnitude.

    Parameters
    ----------
    absmag : number or array_like
        Absolute magnitude.
    band : str, optional
        One of `solar_absmag_bands`. Default: "K".

    Returns
    -------
    float or ndarray
        Logarithm (base 10) of the luminosity in the band [Lsun]; the magic number where the absolute magnitude is
        missing.

    Raises
    ------
    ValueError
        If the band is not known.

    Examples
    --------
    >>> absmag_to_logsol(3.27)
    0.0
    """
    sun = _of_the_sun("absmag_to_logsol", band)
    absmag = numbers_in("absmag_to_logsol", "absmag", absmag, u.mag)
    return result(0.4 * (sun - absmag), missing=np.isnan(absmag))


def logsol_to_absmag(logsol, band="K"):
    """Absolute magnitude of a luminosity.

    Parameters
    ----------
    logsol : number or array_like
        Logarithm (base 10) of the luminosity in the band [Lsun].
    band : str, optional
        One of `solar_absmag_bands`. Default: "K".

    Returns
    -------
    float or ndarray
        The magic number where the luminosity is missing.

    Raises
    ------
    ValueError
        If the band is not known.

    Examples
    --------
    >>> logsol_to_absmag(0.0)
    3.27
    """
    sun = _of_the_sun("logsol_to_absmag", band)
    logsol = numbers_in("logsol_to_absmag", "logsol", logsol, u.dex)
    return result(sun - logsol / 0.4, missing=np.isnan(logsol))


def logsol_to_fakemag(logsol, band="K"):
    """Fakemag of a luminosity.

    Parameters
    ----------
    logsol : number or array_like
        Logarithm (base 10) of the luminosity in the band [Lsun].
    band : str, optional
        One of `solar_absmag_bands`. Default: "K".

    Returns
    -------
    float or ndarray
        The magic number where the luminosity is missing.

    Raises
    ------
    ValueError
        If the band is not known.

    Examples
    --------
    >>> round(logsol_to_fakemag(1.308), 6)
    100.0
    """
    sun = _of_the_sun("logsol_to_fakemag", band)
    logsol = numbers_in("logsol_to_fakemag", "logsol", logsol, u.dex)
    return result(10.0 ** (0.2 * (sun - logsol / 0.4) + 2.0), missing=np.isnan(logsol))


def _of_the_sun(caller, band):
    if band not in solar_absmag_bands:
        raise ValueError(
            f"{caller}: the Sun's absolute magnitude in `band` {band!r} is not known; known are "
            f"{', '.join(solar_absmag_bands)}."
        )
    return solar_absmag_bands[band]
