"""What loaders of catalogues share: cuts, gaps, and results as arrays or as a table."""

import numpy as np
from astropy.table import QTable

from astroNN.config import MAGIC_NUMBER

__all__ = ["as_results", "cut_fraction", "kept_rows"]

DEFAULT_CUT = 0.2


def cut_fraction(caller, cuts):
    """Largest relative error that is kept, or None for all.

    Parameters
    ----------
    caller : str
        For errors.
    cuts : bool or float
        True is 0.2.

    Returns
    -------
    float or None
        None for False and None.

    Raises
    ------
    ValueError
        For anything else than these and a positive number.
    """
    if cuts is True:
        return DEFAULT_CUT
    if cuts is False or cuts is None:
        return None
    if isinstance(cuts, bool | np.bool_ | str) or not 0 < cuts < np.inf:
        raise ValueError(f"{caller}: `cuts` must be True (0.2), False, or a largest relative error, got {cuts!r}.")
    return float(cuts)


def kept_rows(values, errors, fraction):
    """Rows with a positive value whose relative error is below a fraction; without one, all rows.

    Parameters
    ----------
    values, errors : array, shape (n_rows,)
        NaN where missing.
    fraction : float or None
        What `cut_fraction` gives.

    Returns
    -------
    array of bool, shape (n_rows,)
        True for rows to keep.
    """
    if fraction is None:
        return np.ones(len(values), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (values > 0) & (errors >= 0) & (errors / values < fraction)


def as_results(columns, keep, keepdims, whole, as_table):
    """Columns without the rows that were cut, or with the magic number in them.

    Parameters
    ----------
    columns : dict of str to (array, Unit)
        What the catalogue gives; NaN where missing.
    keep : array of bool
        Rows that passed the cuts.
    keepdims : bool
        Keep all rows, and mark those that did not pass by the magic number.
    whole : sequence of str
        Columns that are never marked, such as coordinates.
    as_table : bool
        A `QTable` instead of arrays; there gaps are NaN.

    Returns
    -------
    tuple of arrays, or QTable
        In the order of `columns`.
    """
    results = {}
    for name, (values, _) in columns.items():
        values = np.asarray(values, dtype="float64")
        if not keepdims:
            values = values[keep]
        elif name not in whole:
            values = np.where(keep, values, np.nan)
        results[name] = values
    if as_table:
        units = {name: unit for name, (_, unit) in columns.items() if unit is not None}
        return QTable(results, units=units)
    return tuple(np.where(np.isnan(values), MAGIC_NUMBER, values) for values in results.values())
