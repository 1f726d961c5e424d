"""Columns of numbers, whatever table they come from, with their units and gaps."""

import numpy as np
from astropy import units as u

from astroNN.config import MAGIC_NUMBER
from astroNN.shared.missing import missing_elements

__all__ = ["column_values", "in_unit"]


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
    unit, mask = getattr(values, "unit", None), None
    if hasattr(values, "unmasked"):  # astropy's masked Quantity
        values, mask = values.unmasked, values.mask
    elif np.ma.isMaskedArray(values):
        values, mask = np.asarray(values), np.ma.getmaskarray(values)
    numbers = np.asarray(values.value if isinstance(values, u.Quantity) else values)
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
