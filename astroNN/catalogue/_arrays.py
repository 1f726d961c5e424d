"""Rows of a file that holds many spectra: HDF5, or one array of numpy."""

import errno

import h5py
import numpy as np

from astroNN.shared.missing import missing_elements

__all__ = ["BLOCK", "SpectraFile", "plain_column", "raise_if_ours"]

#: stars that share dropout masks, and the fewest that are given up where a file is damaged
BLOCK = 64

_SPECTRA = ("spectra", "images")
# What h5py and numpy raise on damaged files.
_READ_ERRORS = (OSError, RuntimeError, KeyError, EOFError, TypeError, UnicodeDecodeError)
# Failures of this machine or moment, which say nothing of the file.
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ESTALE}


def raise_if_ours(error):
    """Raise an error again if it is not the fault of the file: the next call may read it."""
    for one in (error, error.__cause__):
        if isinstance(one, MemoryError) or getattr(one, "errno", None) in _OURS:
            raise error


class SpectraFile:
    """A file of many spectra, open while the context lasts.

    Parameters
    ----------
    path : str
    kind : {"hdf5", "npy"}
    spectra : str, optional
        Name of the data set. Default: ``spectra``, or else ``images``.

    Raises
    ------
    OSError
        If the file can't be read.
    ValueError
        If it has no such data set, or that holds no numbers.
    """

    def __init__(self, path, kind, spectra=None):
        self.path, self.kind, self._name = path, kind, spectra
        self._file = self._spectra = None

    def __enter__(self):
        try:
            self._open()
            self._check_array()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        if self._file is not None:
            self._file.close()

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
        bad, err = (None if held is None else self._read(held, rows) for held in beside)
        return self._numbers(rows), None if bad is None else bad.astype(bool), err

    def facts(self, names, rows):
        """Columns of one value a star, by name; those that the file does not have are left out."""
        if self._file is None:
            return {}
        known = [name for name in names if getattr(self._file.get(name), "shape", None) == (len(self),)]
        return {name: plain_column(self._read(self._file[name], rows)) for name in known}

    def _open(self):
        try:
            if self.kind == "npy":
                self._spectra = np.load(self.path, mmap_mode="r")
                return
            self._file = h5py.File(self.path, "r")
            self._spectra = next((held for name in self._names() if (held := self._data_set(name)) is not None), None)
            held = ", ".join(name for name in self._file if self._data_set(name) is not None) or "none"
        except (*_READ_ERRORS, ValueError) as error:  # the last is numpy's on a truncated file
            raise_if_ours(error)
            raise OSError(f"it can't be read ({type(error).__name__}: {error})") from error
        if self._spectra is None:
            raise ValueError(
                f"predict_catalogue: {self.path!r} has no data set {' or '.join(map(repr, self._names()))}; it has "
                f"{held}. Name yours by `spectra`."
            )

    def _names(self):
        return [self._name] if self._name else _SPECTRA

    def _data_set(self, name):
        # A name that is listed, but can't be opened, raises here: the file is damaged.
        held = self._file[name] if name in self._file else None
        return held if isinstance(held, h5py.Dataset) else None

    def _check_array(self):
        if self._spectra.ndim < 2 or self._spectra.dtype.kind not in "iuf":
            raise ValueError(
                f"predict_catalogue: the spectra in {self.path!r} must be numbers of shape (n_stars, n_pixels), got "
                f"{self._spectra.shape} of type {self._spectra.dtype}."
            )

    def _numbers(self, rows):
        values = self._read(self._spectra, rows)
        if values.dtype.itemsize < 4:
            # Half precision has no -9999: what is missing is found before it becomes another number.
            return np.where(missing_elements(values), np.nan, values).astype("float32")
        return values.astype("float32")

    def _beside(self, name, is_needed):
        """A data set that lies beside the spectra, in their shape; None if there is none."""
        if name is None or (self._file is None and not is_needed):
            return None
        held = None if self._file is None else self._data_set(name)
        if held is None:
            if is_needed:
                raise ValueError(f"predict_catalogue: {self.path!r} has no data set {name!r}.")
            return None
        if held.shape != self._spectra.shape:
            raise ValueError(
                f"predict_catalogue: {name!r} in {self.path!r} has the shape {held.shape}, its spectra "
                f"{self._spectra.shape}."
            )
        return held

    def _read(self, values, rows):
        try:
            return np.array(values[rows])  # of a memory map the numbers, read here and now
        except _READ_ERRORS as error:
            raise_if_ours(error)
            raise OSError(f"rows {rows.start} to {rows.stop} can't be read: {error}") from error


def _without_ones(shape):
    return tuple(size for size in shape if size != 1)


def plain_column(values):
    """Values of a column as every format of catalogues has them: texts as bytes, signed integers, real numbers."""
    values = np.asarray(values)
    if values.dtype.kind in "OU":
        texts = [value if isinstance(value, bytes) else str(value).encode() for value in values]
        return np.array(texts, dtype="S")
    if values.dtype.kind == "u" and values.size and values.max() > np.iinfo("int64").max:
        return values.astype("S")
    if values.dtype.kind in "bui":
        is_short = values.dtype.itemsize == 1 or values.dtype == np.int16
        return values.astype("int16" if is_short else "int64")
    return values.astype("float32") if values.dtype.itemsize < 4 and values.dtype.kind == "f" else values
