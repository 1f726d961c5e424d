"""What "missing" means in arrays of numpy: the magic number (-9999.) or NaN. For tensors: `nn/losses/_missing.py`."""

import numpy as np

from astroNN.config import MAGIC_NUMBER

__all__ = ["missing_elements"]


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
    array of bool, in the shape of `array`
    """
    array = np.asarray(array)
    if array.dtype.kind == "f":
        missing = np.isnan(array) | (array == array.dtype.type(MAGIC_NUMBER))
    else:
        # Compared as numbers: the magic number cast to unsigned bytes would be a valid brightness.
        missing = array == MAGIC_NUMBER
    return missing if mask is None else missing | np.asarray(mask, dtype=bool).reshape(array.shape)
