"""Checks of the arrays that users give, made before any work starts. Each error says what came and what is needed."""

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.shared.blocks import row_blocks
from astroNN.shared.errors import RowCountError
from astroNN.shared.missing import missing_elements

__all__ = [
    "as_masks",
    "as_named_arrays",
    "as_vector",
    "as_weights",
    "check_errors",
    "check_finite",
    "check_known_shape",
    "check_rows",
    "refuse_mask_values",
]


def as_named_arrays(argument, data, default_name):
    """Numeric arrays by name, from one array or a dictionary.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    data : array or dict of arrays
        One-dimensional data are one spectrum for inputs, and one label per star for labels: the caller decides.
    default_name : str
        Name for a bare array.

    Returns
    -------
    dict of arrays
        Not copied, if they are arrays already; elements hidden by a numpy mask (``numpy.ma``, astropy's
        ``MaskedColumn``) become NaN.

    Raises
    ------
    TypeError
        If data are not numbers.
    ValueError
        If an array is empty.
    """
    if data is None:
        raise ValueError(f"`{argument}` is None: give an array of shape (n_stars, ...), or a dictionary of arrays.")
    named = data if isinstance(data, dict) else {default_name: data}
    if default_name not in named:
        raise ValueError(f"`{argument}` is a dictionary without the key '{default_name}'; it has {sorted(named)}.")
    return {name: _as_numeric(_label(argument, data, name), array) for name, array in named.items()}


def as_masks(mask, inputs):
    """Masks of bad elements by input name; True marks a bad pixel.

    Parameters
    ----------
    mask : None, array or dict of arrays
        Of the shape of the inputs, but for a channel axis of size 1; a bare array is for ``"input"``.
    inputs : dict of arrays
        The inputs.

    Returns
    -------
    dict of arrays of bool
        Empty without a mask.

    Raises
    ------
    ValueError
        If a name is unknown, a shape differs, or the values are not 0 and 1.
    """
    if mask is None:
        return {}
    masks = {}
    for name, array in (mask if isinstance(mask, dict) else {"input": mask}).items():
        if name not in inputs:
            raise ValueError(f"`mask` names the input '{name}', but the inputs are {sorted(inputs)}.")
        array = np.asarray(array)
        shape = inputs[name].shape
        if array.ndim == len(shape) - 1 and (1, *array.shape) == tuple(shape):
            array = array[None]
        if array.shape == (*shape, 1) or shape == (*array.shape, 1):  # a channel axis on one side only
            array = array.reshape(shape)
        if array.shape != tuple(shape):
            raise ValueError(f"`mask` for '{name}' has shape {array.shape}, but the input has {tuple(shape)}.")
        if array.dtype != bool and not np.isin(np.unique(array), (0, 1)).all():
            refuse_mask_values(name)
        masks[name] = array.astype(bool)
    return masks


def refuse_mask_values(name):
    """Raise for a mask with values besides 0 and 1.

    Parameters
    ----------
    name : str
        Of the input that the mask belongs to.

    Raises
    ------
    ValueError
        Always.
    """
    raise ValueError(
        f"`mask` for '{name}' must be True (or 1) where a pixel is bad, else False (or 0); it holds other "
        "values. Turn a bitmask into this with `astroNN.apogee.bitmask_boolean`."
    )


def as_vector(argument, values, n_rows, dtype=None):
    """One value per star, as an array.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    values : array_like
        What the user gave.
    n_rows : int
        Number of stars.
    dtype : numpy.dtype, optional
        Of the result. Default: that of the values.

    Returns
    -------
    ndarray, shape (n_rows,)
        Not copied, if it is one of this type already.

    Raises
    ------
    RowCountError
        If the shape is another.
    """
    values = np.asarray(values, dtype=dtype)
    if values.shape != (n_rows,):
        raise RowCountError(
            f"`{argument}` must have one value for each of the {n_rows} stars, got shape {values.shape}."
        )
    return values


def as_weights(sample_weight, n_rows):
    """Sample weights, one per star, finite and not negative.

    Parameters
    ----------
    sample_weight : array_like
        What the user gave.
    n_rows : int
        Number of stars.

    Returns
    -------
    float32 array, shape (n_rows,)
        The weights.

    Raises
    ------
    RowCountError
        If the shape is another.
    ValueError
        If one is negative or not finite.
    """
    weights = as_vector("sample_weight", sample_weight, n_rows, "float32")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("`sample_weight` must be finite and not negative; give 0 to a star that shall not count.")
    return weights


def check_rows(**arrays):
    """Raise `RowCountError` unless all arrays (by argument name) have the same number of rows.

    Parameters
    ----------
    **arrays
        Arrays, or None, by the names of the arguments.

    Raises
    ------
    RowCountError
        With all counts.
    """
    counts = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"`{name}` {count}" for name, count in counts.items())
        raise RowCountError(
            f"All arrays must have one row per star, in the same order, but the row counts are {listed}."
        )


def check_known_shape(argument, name, shape, known):
    """Raise unless data have the shape (without rows) that the network was built for.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    name : str
        Of the input or output.
    shape, known : tuple of int
        Shape of one row, as it came and as the network has it.

    Raises
    ------
    ValueError
        If they differ.
    """
    if tuple(shape) != tuple(known):
        hint = ""
        if known[0] == 7514 and shape and shape[0] == 8575:
            hint = " Spectra of 8575 pixels still have the chip gaps: use `astroNN.apogee.gap_delete` first."
        raise ValueError(
            f"`{argument}` '{name}': this network was built for {_per_star(known)}, got {_per_star(shape)}.{hint}"
        )


def check_finite(argument, array):
    """Raise if an array holds an infinity (NaN and the magic number are missing values, which are allowed).

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    array : array or source of rows, shape (n_rows, ...)
        Looked at block by block.

    Raises
    ------
    ValueError
        With the first row that holds an infinity.
    """
    for rows in row_blocks(len(array), array.shape[1:]):
        block = np.asarray(array[rows])
        infinite = np.isinf(block)
        if infinite.any():
            row = rows.start + int(np.argmax(infinite.reshape(len(block), -1).any(axis=1)))
            raise ValueError(
                f"`{argument}` holds infinite values (the first in row {row}). Set bad pixels to NaN or "
                f"{MAGIC_NUMBER}, or mark them in `mask`."
            )


def check_errors(argument, errors, like):
    """Float array of errors in the shape of the values; missing ones are NaN.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    errors : array_like
        Standard deviations.
    like : array
        The values that they belong to.

    Returns
    -------
    float32 array, shape of `like`
        A new array.

    Raises
    ------
    ValueError
        If an error is negative (but for the magic number) or infinite, or the shape differs.
    """
    errors = np.asarray(_as_numeric(argument, errors))
    missing = missing_elements(errors)
    errors = np.where(missing, np.float32(np.nan), errors).astype("float32")
    if errors.ndim == len(like.shape) - 1 and errors.size == np.prod(like.shape):
        errors = errors.reshape(like.shape)
    if errors.shape != tuple(like.shape):
        raise RowCountError(
            f"`{argument}` must have the shape {tuple(like.shape)} of the values it belongs to, got {errors.shape}."
        )
    if (errors < 0).any():
        worst = np.nanmin(errors)
        raise ValueError(
            f"`{argument}` holds negative errors (the lowest is {worst:g}). Errors are standard deviations; mark "
            f"unknown ones by NaN or {MAGIC_NUMBER}."
        )
    if np.isinf(errors).any():
        raise ValueError(f"`{argument}` holds infinite errors; mark unknown ones by NaN or {MAGIC_NUMBER}.")
    return errors


def _as_numeric(argument, array):
    if hasattr(array, "unmasked"):  # astropy's masked arrays, of which NumPy would drop the mask
        array = np.ma.array(array.unmasked, mask=array.mask)
    if isinstance(array, np.ma.MaskedArray):
        array = array.astype(np.result_type(array.dtype, "float32")).filled(np.nan)
    elif not _gives_rows(array):
        array = _to_numpy(argument, array)
    elif isinstance(array, np.ndarray):
        array = np.asarray(array)  # of quantities and columns of astropy the numbers alone; nothing is copied
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"`{argument}` has dtype {array.dtype}; numbers are needed. Rows of unequal length or mixed types make "
            "an object array: build one with `np.stack(...)` and `.astype('float32')`."
        )
    if 0 in array.shape or len(array.shape) == 0:
        raise ValueError(f"`{argument}` is empty or a single number: its shape is {tuple(array.shape)}.")
    return array


def _gives_rows(array):
    """Whether rows can be taken by their numbers: arrays, memory maps, HDF5 data sets, but no tables of pandas."""
    return isinstance(getattr(array, "dtype", None), np.dtype) and not hasattr(array, "iloc")


def _to_numpy(argument, data):
    try:
        array = np.asarray(data)
    except (ValueError, TypeError, RuntimeError) as error:
        raise TypeError(
            f"`{argument}` can't be made an array ({error}). Rows of unequal length have to be brought to one "
            "length; inputs of several kinds go into a dictionary."
        ) from error
    if array.dtype == object and array.ndim == 0:
        # NumPy wraps what it can't look into: generators, data sets of TensorFlow, loaders of torch.
        raise TypeError(
            f"`{argument}` is an object of type {type(data).__name__}, which gives no rows by their numbers: give an "
            "array, a memory map or an HDF5 data set. The Keras model of a network, `net.keras_model.fit`, can be "
            "trained on batches that come one after the other."
        )
    return array


def _label(argument, data, name):
    return f"{argument}['{name}']" if isinstance(data, dict) else argument


def _per_star(shape):
    return f"{'x'.join(map(str, shape))} values per star"
