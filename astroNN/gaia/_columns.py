"""What goes into a conversion and what comes out: units, gaps, numbers and columns of tables."""

from typing import NamedTuple

import numpy as np
from astropy import units as u

from astroNN.config import MAGIC_NUMBER
from astroNN.gaia.gaia_shared import default_parallax_unit
from astroNN.shared.columns import column_values, in_unit

__all__ = ["Measured", "fractional_errors", "result", "to_unit"]


class Measured(NamedTuple):
    """A column in the unit of a formula, and as the user gave it."""

    values: np.ndarray
    unit: u.Unit
    given: np.ndarray
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
    """
    given, given_unit = column_values(caller, argument, values)
    given_unit = unit if given_unit is None else given_unit
    with np.errstate(divide="ignore"):
        converted = _convert(caller, argument, given, given_unit, unit, u.parallax())
    return Measured(converted, unit, given, given_unit)


def fractional_errors(caller, argument, errors, measured):
    """Errors as fractions of their values, which to first order are those of parallax and distance alike.

    Parameters
    ----------
    caller, argument : str
        For errors.
    errors : number, array or Quantity
        One standard deviation. Without a unit they are in that in which the user gave the values.
    measured : Measured
        The values.

    Returns
    -------
    ndarray of float64
        abs(error / value); NaN where missing.

    Raises
    ------
    UnitConversionError
        If the errors are neither a parallax nor a distance.
    ValueError
        If an error is negative.
    """
    numbers, unit = column_values(caller, argument, errors)
    with np.errstate(invalid="ignore"):
        if (numbers < 0).any():
            raise ValueError(
                f"{caller}: `{argument}` holds negative errors (the lowest is {np.nanmin(numbers):g}). Errors are "
                f"standard deviations; mark unknown ones by {MAGIC_NUMBER} or NaN."
            )
    unit = measured.given_unit if unit is None else unit
    like, like_unit = measured.given, measured.given_unit
    if not unit.is_equivalent(like_unit):  # the error of a parallax for a distance, or the reverse
        like, like_unit = measured.values, measured.unit
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(_convert(caller, argument, numbers, unit, like_unit, []) / like)


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
