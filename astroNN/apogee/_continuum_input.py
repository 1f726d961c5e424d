"""What the continuum functions are given, checked: errors name function, argument and what came."""

import operator

import numpy as np
from astropy import units as u

from astroNN.apogee.chips import PixelCountError
from astroNN.shared.columns import in_unit
from astroNN.shared.missing import data_and_mask, missing_elements, one_array

__all__ = ["as_mask", "check_shapes", "checked_degree", "flux_and_error"]


def flux_and_error(spectra, spectra_err, caller):
    """Floats without mask and unit: masked elements are NaN, and the errors are in the unit of the flux."""
    flux, unit = _floats(spectra, caller, "spectra")
    err, err_unit = _floats(spectra_err, caller, "spectra_err")
    if err_unit is None or err_unit == unit:
        return flux, err
    needed = "errors in the unit of `spectra`" + (", which has none" if unit is None else "")
    unit = u.dimensionless_unscaled if unit is None else unit
    return flux, in_unit(caller, "spectra_err", err, err_unit, unit, needed)


def _floats(values, caller, argument):
    """Floats in the machine's byte order (FITS files are big-endian), and their unit; float32 stays float32."""
    values = one_array(values)
    numbers, mask = data_and_mask(values)
    if numbers.dtype.kind not in "fiub":
        raise ValueError(f"{caller}: `{argument}` must be an array of real numbers, got type {numbers.dtype}.")
    if numbers.dtype == np.float16:  # which holds the magic number rounded
        mask = missing_elements(numbers, mask)
    floats = numbers.astype(np.result_type(numbers.dtype.newbyteorder("="), np.float32), copy=False)
    return floats if mask is None else np.where(mask, np.nan, floats), getattr(values, "unit", None)


def check_shapes(spectra, spectra_err, caller):
    """Raise unless both are of the same shape, (n_spectra, n_pixels)."""
    if spectra.ndim != 2:
        raise PixelCountError(
            f"{caller}: `spectra` must have one axis (pixels) or two (spectra, pixels), got shape {spectra.shape}."
        )
    if spectra.shape != spectra_err.shape:
        raise ValueError(
            f"{caller}: `spectra` and `spectra_err` must have equal shapes, got {spectra.shape} and "
            f"{spectra_err.shape}. If the errors are unknown, give np.ones_like(spectra)."
        )


def as_mask(cont_mask, caller):
    """Continuum pixels as booleans, (n_pixels,); masked elements are none."""
    mask, hidden = data_and_mask(cont_mask)
    if hidden is not None:
        mask = np.where(hidden, False, mask)
    if mask.ndim == 2 and len(mask) == 1:
        mask = mask[0]
    if mask.ndim != 1:
        raise ValueError(
            f"{caller}: `cont_mask` must be one mask for all spectra, of shape (n_pixels,), got shape {mask.shape}."
        )
    if mask.dtype.kind not in "biu" or not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"{caller}: `cont_mask` must be boolean (or integers 0 and 1), got other values, of type {mask.dtype}. "
            f"Pixel numbers become a mask by `mask[numbers] = True`."
        )
    return mask.astype(bool)


def checked_degree(deg, caller):
    """The degree as an int; raise unless it is a whole number of at least 0."""
    try:
        degree = -1 if isinstance(deg, bool) else operator.index(deg)
    except TypeError:
        degree = -1
    if degree < 0:
        raise ValueError(f"{caller}: `deg` must be a whole number of at least 0, got {deg!r}.")
    return degree
