"""Columns of numbers, whatever table they come from, with their units and gaps."""

import numpy as np
from astropy import units as u

from astroNN.config import MAGIC_NUMBER
from astroNN.shared.missing import data_and_mask, missing_elements, one_array

__all__ = ["as_column", "as_degrees", "column_values", "in_unit"]


def column_values(caller, argument, values):
    """Numbers as float64 and NaN where missing, without their unit.

    Parameters
    ----------
    caller, argument : str
        For errors.
    values : number, sequence, array, Quantity, Column, masked array or Series
        Magic number, NaN and masked elements are missing.

    Returns
    -------
    values : ndarray of float64
        A new array in the shape of `values`.
    unit : Unit or None
        That of a Quantity, or of a column that has one.

    Raises
    ------
    TypeError
        If `values` are not numbers.
    """
    values = one_array(values)
    unit = getattr(values, "unit", None)
    numbers, mask = data_and_mask(values)
    if numbers.dtype.kind == "O":  # a column of pandas or a list with None
        numbers = np.array([np.nan if number is None else number for number in numbers.ravel()]).reshape(
            numbers.shape
        )
    if numbers.dtype.kind not in "iuf":
        raise TypeError(
            f"{caller}: `{argument}` must hold numbers, got {type(values).__name__} of type {numbers.dtype}. Mark "
            f"missing values by {MAGIC_NUMBER} or NaN."
        )
    return np.where(missing_elements(numbers, mask), np.nan, numbers).astype("float64"), unit


def as_column(caller, argument, values, unit):
    """Numbers of one column in a unit, which is also that of numbers without one; float64, NaN where missing.

    Parameters
    ----------
    caller, argument : str
        For errors.
    values : array_like or Quantity
        A single number is a column of one.
    unit : Unit
        The unit wanted.

    Returns
    -------
    float64 array, shape (n_rows,)
        In `unit`.

    Raises
    ------
    ValueError
        If `values` have more than one axis.
    """
    numbers, given = column_values(caller, argument, values)
    numbers = np.atleast_1d(numbers)
    if numbers.ndim != 1:
        raise ValueError(
            f"{caller}: `{argument}` must be a column of numbers, got an array of shape {numbers.shape}."
        )
    return numbers if given is None else in_unit(caller, argument, numbers, given, unit)


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

    Returns
    -------
    float64 array, shape (n_rows,)
        In degrees.

    Raises
    ------
    ValueError
        If angles are infinite, beyond the limit, or not a column.
    """
    column = as_column(caller, argument, angles, u.deg)
    wrong = np.isinf(column) if limit is None else np.abs(column) > limit
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{caller}: `{argument}` must be an angle in degrees"
            + ("" if limit is None else f" from -{limit:g} to {limit:g}")
            + f", got {column[row]:g} in row {row}. Give other units as a Quantity; missing values may be NaN."
        )
    return column


def in_unit(caller, argument, numbers, given, unit, needed=None, equivalencies=()):
    """Numbers in another unit.

    Parameters
    ----------
    caller, argument : str
        For errors.
    numbers : array
        The numbers.
    given, unit : Unit
        Their unit, and the one wanted.
    needed : str, optional
        What would do, for the error.
    equivalencies : sequence, optional
        Of `astropy.units`.

    Returns
    -------
    ndarray of float64
        In `unit`.

    Raises
    ------
    UnitConversionError
        If `given` is another kind of unit.
    """
    try:
        return np.asarray(u.Quantity(numbers, given).to_value(unit, equivalencies=list(equivalencies)))
    except u.UnitConversionError as error:
        raise u.UnitConversionError(
            f"{caller}: `{argument}` has the unit '{given}', which can't be converted to '{unit}'. Give "
            f"{needed or f'an equivalent of {unit}, or numbers in {unit}'}."
        ) from error
