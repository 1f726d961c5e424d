"""Reading the arguments of the mirrors: numbers in float64, what is missing, and units."""

import numpy as np
from astropy import units

from astroNN.shared.missing import missing_elements

__all__ = ["as_quantity", "check_both_quantities", "numbers", "pair", "plain_numbers"]


def as_quantity(argument, x):
    """A list of quantities, such as ``[1 * units.pc, 2 * units.pc]``, as one quantity; anything else as it is.

    The unit is that of the first element. Missing elements become NaN before the conversion of units.

    Raises
    ------
    TypeError
        If some elements have a unit and others none.
    astropy.units.UnitConversionError
        If the units are not of one kind.
    """
    if not isinstance(x, (list, tuple)):
        return x
    parts = [as_quantity(argument, part) for part in x]
    with_unit = [isinstance(part, units.Quantity) for part in parts]
    if not any(with_unit):
        return x
    if not all(with_unit):
        raise TypeError(f"`{argument}` mixes quantities and numbers without unit: give all of them a unit, or none.")
    unit, rows = parts[0].unit, []
    for part in parts:
        values, missing = numbers(argument, part)
        values = np.where(missing, np.nan, values)
        rows.append(_converted(argument, part, values, unit, f"the unit '{unit}' of its first element"))
    try:
        return units.Quantity(rows, unit)
    except ValueError as error:
        raise TypeError(f"`{argument}` can't be made an array ({error}); its rows must be of one length.") from error


def numbers(argument, x):
    """Values of an argument as they stand, and where they are missing.

    Parameters
    ----------
    argument : str
        Its name, for errors.
    x : array, list, number, Quantity or list of quantities
        Magic number or NaN marks a missing element, and so do the masks of ``numpy.ma`` and of astropy.

    Returns
    -------
    values : array of float64
        Of a quantity, in its own unit.
    missing : array of bool
        Decided before any conversion of units: -9999 kpc is no distance, and 9999000 pc of it neither.

    Raises
    ------
    TypeError
        If these are not real numbers.
    """
    x = as_quantity(argument, x)
    hidden = x.mask if isinstance(x, np.ma.MaskedArray) or hasattr(x, "unmasked") else False
    x = getattr(x, "unmasked", x)
    try:
        values = np.asarray(x.value if isinstance(x, units.Quantity) else x)
    except ValueError as error:
        raise TypeError(f"`{argument}` can't be made an array ({error}); its rows must be of one length.") from error
    if values.dtype.kind not in "buif":
        raise TypeError(f"`{argument}` must hold real numbers, got dtype {values.dtype}.")
    missing = missing_elements(values) | np.asarray(hidden, dtype=bool)
    return values.astype("float64"), missing


def plain_numbers(argument, x):
    """Values and gaps of an argument that can have no unit; one such as per cent is resolved."""
    x = as_quantity(argument, x)
    values, missing = numbers(argument, x)
    return _converted(argument, x, values, units.dimensionless_unscaled, "a number without unit"), missing


def check_both_quantities(x, y):
    """Raise `TypeError` if only one of two arguments has a unit."""
    x, y = as_quantity("x", x), as_quantity("y", y)
    with_unit = [isinstance(argument, units.Quantity) for argument in (x, y)]
    if any(with_unit) and not all(with_unit):
        name, other, quantity = ("x", "y", x) if with_unit[0] else ("y", "x", y)
        raise TypeError(
            f"`{name}` has the unit '{quantity.unit}' and `{other}` has none: give both as quantities of astropy, or "
            f"neither (`{name}.value`)."
        )


def pair(x, y):
    """Two arrays of one shape, in the unit of the first, and where either is missing.

    Parameters
    ----------
    x, y : array, list or Quantity
        Both with a unit, or neither. One of them may be a single number.

    Returns
    -------
    x, y : arrays of float64
    missing : array of bool

    Raises
    ------
    TypeError
        If only one has a unit.
    astropy.units.UnitConversionError
        If the units are not of one kind.
    ValueError
        If the shapes differ.
    """
    x, y = as_quantity("x", x), as_quantity("y", y)
    check_both_quantities(x, y)
    x_values, x_missing = numbers("x", x)
    y_values, y_missing = numbers("y", y)
    if x_values.shape != y_values.shape and x_values.ndim and y_values.ndim:
        raise ValueError(
            f"`x` and `y` must have the same shape (or one be a single number), got {x_values.shape} and "
            f"{y_values.shape}."
        )
    if isinstance(x, units.Quantity):
        y_values = _converted("y", y, y_values, x.unit, f"the unit '{x.unit}' of `x`, or one of that kind")
    return *np.broadcast_arrays(x_values, y_values), x_missing | y_missing


def _converted(argument, x, values, unit, needed):
    """Values of an argument in another unit, if it has one."""
    if not isinstance(x, units.Quantity):
        return values
    try:
        return x.unit.to(unit, values)
    except units.UnitConversionError as error:
        raise units.UnitConversionError(
            f"`{argument}` has the unit '{x.unit}', which can't be converted; it needs {needed}."
        ) from error
