"""What goes into a conversion and what comes out: units, gaps, numbers and columns of tables."""

from typing import NamedTuple

import numpy as np
from astropy import units as u

from astroNN.config import MAGIC_NUMBER
from astroNN.gaia.gaia_shared import default_parallax_unit
from astroNN.shared.columns import column_values, in_unit

__all__ = ["Measured", "errors_in_unit", "numbers_in", "refuse_negative", "result", "to_unit"]

# A parallax and the distance that stands for it; their fractional errors are the same to first order.
OTHER_KIND = {u.mas: u.pc, u.pc: u.mas}


class Measured(NamedTuple):
    """A column in the unit of a formula, and as the user gave it."""

    values: np.ndarray
    unit: u.Unit
    given_unit: u.Unit


def to_unit(caller, argument, values, unit):
    """A column in the unit `unit`, which is also that of numbers without one; distances are parallaxes, too.

    Parameters
    ----------
    caller, argument : str
        For errors.
    values : number, sequence, array, Quantity, Column, masked array or Series
        Magic number, NaN and masked elements are missing.
    unit : Unit
        A parallax or a distance.

    Returns
    -------
    Measured

    Raises
    ------
    UnitConversionError
        If the values have another kind of unit.
    ValueError
        If a distance is negative.
    """
    given, given_unit = column_values(caller, argument, values)
    given_unit = unit if given_unit is None else given_unit
    with np.errstate(divide="ignore"):
        converted = _convert(caller, argument, given, given_unit, unit, u.parallax())
    lost = np.isnan(converted) & ~np.isnan(given)  # no parallax belongs to a negative distance
    if lost.any():
        raise ValueError(
            f"{caller}: {int(lost.sum())} of {lost.size} values of `{argument}` are negative distances. Set them to "
            f"{MAGIC_NUMBER} or NaN, which come out as {MAGIC_NUMBER}."
        )
    return Measured(converted, unit, given_unit)


def numbers_in(caller, argument, values, unit):
    """A column of magnitudes or the like in the unit `unit`, which is also that of numbers without one.

    Returns
    -------
    ndarray of float64
        NaN where missing. Magnitudes of a system, such as AB, are what they are.

    Raises
    ------
    UnitConversionError
        If they have another kind of unit.
    """
    numbers, given = column_values(caller, argument, values)
    if given is None or given == u.dimensionless_unscaled or getattr(given, "function_unit", None) == unit:
        return numbers
    return in_unit(caller, argument, numbers, given, unit)


def errors_in_unit(caller, argument, errors, measured):
    """Errors of a column in its unit.

    Parameters
    ----------
    caller, argument : str
        For errors.
    errors : number, array or Quantity
        One standard deviation, of the parallax or of the distance. Without a unit they are in that in which the user
        gave the values.
    measured : Measured
        The values.

    Returns
    -------
    ndarray of float64
        NaN where missing, and where the error is that of a distance, but the parallax is zero or negative.

    Raises
    ------
    UnitConversionError
        If the errors are neither a parallax nor a distance.
    ValueError
        If an error is negative.
    """
    numbers, unit = column_values(caller, argument, errors)
    refuse_negative(caller, argument, numbers)
    unit = measured.given_unit if unit is None else unit
    if unit.is_equivalent(measured.unit):
        return _convert(caller, argument, numbers, unit, measured.unit, [])
    other = OTHER_KIND[measured.unit]
    numbers = _convert(caller, argument, numbers, unit, other, [])
    with np.errstate(invalid="ignore"):
        values = np.where(measured.values > 0, measured.values, np.nan)
    return numbers / _convert(caller, argument, values, measured.unit, other, u.parallax()) * values


def refuse_negative(caller, argument, errors):
    """Raise if an error is negative."""
    with np.errstate(invalid="ignore"):
        if (errors < 0).any():
            raise ValueError(
                f"{caller}: `{argument}` holds negative errors (the lowest is {np.nanmin(errors):g}). Errors are "
                f"standard deviations; mark unknown ones by {MAGIC_NUMBER} or NaN."
            )


def result(*arrays, missing, unit=None):
    """What a conversion gives: the magic number where something is missing, plain numbers for plain numbers.

    Parameters
    ----------
    *arrays : ndarray
        Value, and perhaps its error, of equal shapes.
    missing : ndarray of bool
        Where the inputs allow no result.
    unit : Unit, optional
        Of the results.

    Returns
    -------
    float, ndarray or Quantity, or a tuple of them
        A single missing value is the plain magic number, whatever the unit.
    """
    found = []
    for array in arrays:
        with np.errstate(invalid="ignore"):
            absent = np.broadcast_to(missing, array.shape) | np.isnan(array)
        filled = np.where(absent, MAGIC_NUMBER, array)
        if filled.ndim == 0:
            filled = float(filled)
            found.append(filled if unit is None or absent else filled * unit)
        else:
            found.append(filled if unit is None else filled * unit)
    return found[0] if len(found) == 1 else tuple(found)


def _convert(caller, argument, numbers, given, unit, equivalencies):
    needed = f"a parallax (such as {default_parallax_unit}) or a distance (such as pc)"
    return in_unit(caller, argument, numbers, given, unit, needed, equivalencies)
