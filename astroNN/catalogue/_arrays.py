"""Rows of a file that holds many spectra, with what lies beside them: masks, errors and columns of facts."""

import errno

import numpy as np

from astroNN.shared.missing import missing_elements
from astroNN.shared.sources.formats import OpenFile

__all__ = ["BLOCK", "SpectraFile", "plain_column", "raise_if_ours"]

#: stars that share dropout masks, and the fewest that are given up where a file is damaged
BLOCK = 64

_SPECTRA = ("spectra", "images")
# Failures of this machine or moment, which say nothing of the file.
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}


def raise_if_ours(error):
    """Raise an error again if it is not the fault of the file: the next call may read it."""
    for one in (error, error.__cause__):
        is_ours = isinstance(one, MemoryError | FileNotFoundError | PermissionError)
        if is_ours or getattr(one, "errno", None) in _OURS:
            raise error


class SpectraFile(OpenFile):
    """A file of many spectra, open while the context lasts.

    Parameters
    ----------
    path : str
        HDF5, .npy or a store of zarr.
    spectra : str, optional
        Name of the data set, where it has one. Default: ``spectra``, or else ``images``.

    Raises
    ------
    OSError
        If the file can't be read.
    ValueError
        If it has no such data set, or that holds no numbers.
    """

    def __init__(self, path, spectra=None):
        super().__init__(path)
        try:
            self._spectra = self.rows(self._checked_array([spectra] if spectra else _SPECTRA))
        except BaseException:
            self.close()
            raise

    def __len__(self):
        return len(self._spectra)

    def check(self, shape, mask, errors):
        """Raise ValueError unless a network for stars of this shape takes the spectra, their masks and errors."""
        given = self._spectra.shape[1:]
        if _without_ones(given) != _without_ones(shape):
            raise ValueError(
                f"predict_catalogue: {self.path!r} has spectra of shape {given}, but the network takes {shape}: they "
                "are on another grid. Bring them to that of the network, or leave the file out."
            )
        self._beside(mask, is_needed=False)
        self._beside(errors, is_needed=True)

    def read(self, rows, mask=None, errors=None):
        """Spectra of some rows, their masks and errors; None for what there is not.

        Parameters
        ----------
        rows : slice
        mask, errors : str, optional
            Names of data sets. A mask that is not there is none; errors must be there.

        Returns
        -------
        spectra, mask, errors : array or None

        Raises
        ------
        OSError
            If the file is damaged.
        ValueError
            If there are no such errors, or shapes differ.
        """
        beside = self._beside(mask, is_needed=False), self._beside(errors, is_needed=True)
        bad, err = (None if held is None else held[rows] for held in beside)
        return _numbers(self._spectra[rows]), None if bad is None else bad.astype(bool), err

    def facts(self, names, rows):
        """Columns of one value a star, by name; those that the file does not have are left out."""
        held = {name: self.array(name) for name in names}
        known = {name: array for name, array in held.items() if getattr(array, "shape", None) == (len(self),)}
        return {name: plain_column(self.rows(array)[rows]) for name, array in known.items()}

    def _checked_array(self, names):
        """The spectra, still to be read."""
        array = next((array for array in (self.nameless, *map(self.array, names)) if array is not None), None)
        if array is None:
            raise ValueError(
                f"predict_catalogue: {self.path!r} has no data set {' or '.join(map(repr, names))}; it has "
                f"{', '.join(self.names()) or 'none'}. Name yours by `spectra`."
            )
        if len(array.shape or ()) < 2 or np.dtype(array.dtype).kind not in "iuf":
            raise ValueError(
                f"predict_catalogue: the spectra in {self.path!r} must be numbers of shape (n_stars, n_pixels), got "
                f"{array.shape} of type {array.dtype}."
            )
        return array

    def _beside(self, name, is_needed):
        """Rows of a data set that lies beside the spectra, in their shape; None if there is none."""
        held = None if name is None else self.array(name)
        if held is None:
            if name is not None and is_needed:
                raise ValueError(f"predict_catalogue: {self.path!r} has no data set {name!r}.")
            return None
        if held.shape != self._spectra.shape:
            raise ValueError(
                f"predict_catalogue: {name!r} in {self.path!r} has the shape {held.shape}, its spectra "
                f"{self._spectra.shape}."
            )
        return self.rows(held)


def _numbers(values):
    if values.dtype.itemsize < 4:
        # Half precision has no -9999: what is missing is found before it becomes another number.
        return np.where(missing_elements(values), np.nan, values).astype("float32")
    return values.astype("float32")


def _without_ones(shape):
    return tuple(size for size in shape if size != 1)


def plain_column(values):
    """Values of a column as every format of catalogues has them: texts as bytes, signed integers, real numbers."""
    values = np.asarray(values)
    if values.dtype.kind in "OTU":
        texts = [value if isinstance(value, bytes) else str(value).encode() for value in values]
        return np.array(texts, dtype="S")
    if values.dtype.kind == "u" and values.size and values.max() > np.iinfo("int64").max:
        return values.astype("S")
    if values.dtype.kind in "bui":
        is_short = values.dtype.itemsize == 1 or values.dtype == np.int16
        return values.astype("int16" if is_short else "int64")
    return values.astype("float32") if values.dtype.itemsize < 4 and values.dtype.kind == "f" else values
