"""What users give a `Normalizer`, as arrays by name."""

import numpy as np

from astroNN.shared.missing import missing_elements

SINGLE = "array"  # the name under which a plain array is kept inside


def by_name(value):
    return value if isinstance(value, dict) else {SINGLE: value}


def called(name):
    """Data in messages: a plain array has no name that its owner knows."""
    return "the data" if name == SINGLE else f"`{name}`"


def masks_by_name(masks, arrays):
    masks = {name: _with_rows(mask) for name, mask in by_name(masks).items() if mask is not None}
    if unknown := set(masks) - set(arrays):
        raise ValueError(
            f"Normalizer: the mask is for {_listed(unknown)}, the data are {_listed(arrays)}. Give a dictionary of "
            "masks for a dictionary of arrays, and one mask for one array."
        )
    for name, mask in masks.items():
        if tuple(mask.shape) != tuple(arrays[name].shape) and mask.size != arrays[name].size:
            raise ValueError(
                f"Normalizer: the mask for {called(name)} has shape {mask.shape}, the data have {arrays[name].shape}."
            )
    return masks


def _with_rows(array):
    """What gives rows by their numbers: as it is, but lists as arrays, and masked arrays with NaN in the gaps."""
    if not isinstance(getattr(array, "dtype", None), np.dtype) or hasattr(array, "iloc"):
        return np.asarray(array)
    if isinstance(array, np.ma.MaskedArray):
        return array.astype(np.result_type(array.dtype, "float32")).filled(np.nan)
    return array


def float_arrays(data):
    return {name: as_float(name, array) for name, array in by_name(data).items()}


def _listed(names):
    return "one array" if set(names) == {SINGLE} else f"a dictionary of {sorted(names)}"


def numbers(name, array):
    """What `_with_rows` gives, if it holds real numbers."""
    try:
        array = _with_rows(array)
    except ValueError as error:
        raise TypeError(f"Normalizer: {called(name)} can't be made an array ({error}).") from error
    if array.dtype.kind not in "buif":
        raise TypeError(f"Normalizer: {called(name)} must hold real numbers, got dtype {array.dtype}.")
    return array


def as_float(name, array):
    """Array of float32, or of float64 as it is, with features; half precision keeps its missing elements."""
    array = np.asarray(numbers(name, array))
    if array.dtype == np.float16:
        array = np.where(missing_elements(array), np.float32(np.nan), array)
    elif array.dtype != np.float64:
        array = array.astype("float32", copy=False)
    return array.reshape(-1, 1) if array.ndim == 1 else array
