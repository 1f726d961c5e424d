"""Spectra with errors and masks, checked and read a block of stars at a time."""

import numpy as np

from astroNN.shared.checks import as_masks, as_named_arrays
from astroNN.shared.errors import RowCountError
from astroNN.shared.missing import missing_elements

__all__ = ["SpectraBlocks"]


class SpectraBlocks:
    """Spectra of shape (n_stars, n_pixels), their errors and masks; one spectrum may come without its first axis.

    Parameters
    ----------
    spectra : array or anything that gives rows by their numbers
    spectra_err, mask : the same, in the shape of `spectra`, or None

    Raises
    ------
    ValueError, TypeError
        If they are no numbers, or shapes differ.
    """

    def __init__(self, spectra, spectra_err=None, mask=None):
        self.spectra = self._rows("spectra", spectra)
        self.errors = None if spectra_err is None else self._rows("spectra_err", spectra_err)
        self.mask = None if mask is None else self._rows("mask", mask)
        for name, array in (("spectra_err", self.errors), ("mask", self.mask)):
            if array is not None and tuple(array.shape) != tuple(self.spectra.shape):
                raise RowCountError(
                    f"`{name}` must have the shape {tuple(self.spectra.shape)} of `spectra`, got "
                    f"{tuple(array.shape)}."
                )

    @staticmethod
    def _rows(name, array):
        array = as_named_arrays(name, array, name)[name]
        if len(array.shape) == 1:
            array = np.asarray(array)[None]
        if len(array.shape) != 2:
            raise ValueError(f"`{name}` must have shape (n_stars, n_pixels), got {tuple(array.shape)}.")
        return array

    def __len__(self):
        return self.spectra.shape[0]

    @property
    def n_pixels(self):
        return self.spectra.shape[1]

    @property
    def has_errors(self):
        return self.errors is not None

    def read(self, rows):
        """Spectra (float32, 0 where bad), errors (the same, or None) and good pixels of ascending rows.

        Raises
        ------
        ValueError
            If values are infinite, errors negative, or the mask is none.
        """
        spectra = np.asarray(self.spectra[rows])
        bad = missing_elements(spectra)
        if self.mask is not None:
            bad |= as_masks(np.asarray(self.mask[rows]), {"input": spectra})["input"]
        errors = None
        if self.errors is not None:
            errors = np.asarray(self.errors[rows])
            bad |= missing_elements(errors)
            errors = _finite("spectra_err", errors, bad, rows)
            if (errors < 0).any():
                raise ValueError(
                    f"`spectra_err` holds negative errors (the lowest is {errors.min():g}). Errors are standard "
                    "deviations; mark unknown ones by NaN."
                )
        return _finite("spectra", spectra, bad, rows), errors, ~bad


def _finite(name, values, bad, rows):
    values = np.where(bad, 0.0, values).astype("float32")
    infinite = ~np.isfinite(values).all(axis=1)
    if infinite.any():
        raise ValueError(
            f"`{name}` holds infinite values (the first in row {rows[infinite.argmax()]}). Set bad pixels to NaN, or "
            "mark them in `mask`."
        )
    return values
