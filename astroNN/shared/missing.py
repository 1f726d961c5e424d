"""What "missing" means in arrays: the magic number (-9999.), NaN, or masked. For tensors: `nn/losses/_missing.py`."""

import numpy as np

from astroNN.config import MAGIC_NUMBER

__all__ = ["data_and_mask", "missing_elements", "one_array", "rows_all_missing"]

_N_LOOKED_AT_FIRST = 32


def missing_elements(array, mask=None):
    """Where an array is the magic number, NaN, or marked True in `mask`.

    Parameters
    ----------
    array : array of numbers
        Look before the dtype is changed: half precision holds the magic number rounded.
    mask : array of bool, of as many elements, optional
        True marks further elements as missing.

    Returns
    -------
    array of bool, shape of `array`
        True where missing.
    """
    array = np.asarray(array)
    if array.dtype.kind == "f":
        missing = np.isnan(array) | (array == array.dtype.type(MAGIC_NUMBER))
    else:
        # Compared as numbers: the magic number cast to unsigned bytes would be a valid brightness.
        missing = array == MAGIC_NUMBER
    return missing if mask is None else missing | np.asarray(mask, dtype=bool).reshape(array.shape)


def rows_all_missing(array, mask=None):
    """Which rows have no good element.

    Parameters
    ----------
    array : array of numbers, shape (n, ...)
        Its rows.
    mask : array of bool, of as many elements, optional
        True marks further elements as missing.

    Returns
    -------
    array of bool, shape (n,)
        True where a whole row is missing.
    """
    flat = array.reshape(len(array), -1)
    flat_mask = None if mask is None else np.asarray(mask).reshape(flat.shape)
    # Nearly every row has a good element among a few, and need not be looked at as a whole.
    step = max(1, flat.shape[1] // _N_LOOKED_AT_FIRST)
    missing = missing_elements(flat[:, ::step], None if mask is None else flat_mask[:, ::step]).all(axis=1)
    suspects = np.flatnonzero(missing)
    some_mask = None if mask is None else flat_mask[suspects]
    missing[suspects] = missing_elements(flat[suspects], some_mask).all(axis=1)
    return missing


def one_array(values):
    """Rows in a list as one array that keeps their masks and units, which `np.asarray` drops; else `values`.

    Parameters
    ----------
    values : object
        Whatever was given.

    Returns
    -------
    array or object
        An array of numpy or astropy for a list of masked arrays or quantities; else `values`.
    """
    if isinstance(values, list | tuple):
        if any(np.ma.isMaskedArray(row) for row in values):
            return np.ma.stack(values)
        if any(hasattr(row, "unmasked") or hasattr(row, "unit") for row in values):  # of astropy
            return np.stack(values)
    return values


def data_and_mask(values):
    """Numbers without mask and unit, and the mask of a masked array.

    Parameters
    ----------
    values : array_like
        Masked arrays may be those of numpy or astropy.

    Returns
    -------
    data : ndarray
        Whatever hidden elements hold included.
    mask : ndarray of bool or None
        In the shape of `data`; True is missing. None if `values` can't be masked.
    """
    values = one_array(values)
    if hasattr(values, "unmasked"):  # astropy's masked arrays
        return np.asarray(values.unmasked), np.asarray(values.mask)
    if np.ma.isMaskedArray(values):
        return np.asarray(np.ma.getdata(values)), np.ma.getmaskarray(values)
    return np.asarray(values), None
