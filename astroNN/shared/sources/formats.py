"""Formats of files from which rows can be read without the rest."""

import os
import warnings
from contextlib import ExitStack, contextmanager

import h5py
import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from astroNN.shared.sources.arrays import ArrayRows
from astroNN.shared.sources.rows import UnreadableRowsError

__all__ = ["FORMATS", "OpenFile", "opened"]

_USUAL_NAME = "spectra"  # as in the files of `H5Compiler` and of the simulator
#: what h5py, zarr and numpy raise on damaged files
_DAMAGE = (OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError)


class OpenFile:
    """A file, open for reading rows: a context, or to be closed.

    Parameters
    ----------
    path : str
        The file, or the folder of a zarr store.

    Attributes
    ----------
    nameless : array or None
        The one array of a file that has no names.
    close : callable
        Closes it.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As `FileRows`.
    ImportError
        If zarr is needed and not installed.
    """

    def __init__(self, path):
        extension = os.path.splitext(path)[1].lower()
        if extension not in FORMATS:
            raise ValueError(
                f"{path!r}: rows can't be read from files with the extension {extension!r}. Give one of "
                f"{', '.join(FORMATS)}, or load the data yourself."
            )
        if not os.path.exists(path):
            raise FileNotFoundError(f"There is no file {path!r}.")
        self.path = path
        with ExitStack() as stack:
            with self._damage_told():
                held = FORMATS[extension](path, stack)
            self.close = stack.pop_all().close
        self.nameless, self._arrays = (held, {}) if _is_array(held) else (None, held)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def array(self, name):
        """The array of a name.

        Parameters
        ----------
        name : str
            In FITS in upper or lower case.

        Returns
        -------
        array or None
            Still in the file; None if there is none of this name.
        """
        with self._damage_told():
            held = self._arrays[name] if name in self._arrays else None
        return held if _is_array(held) else None

    def names(self):
        """Names of the arrays.

        Returns
        -------
        list of str
            Without what is no array, such as groups.
        """
        with self._damage_told():
            names = list(self._arrays)
        return [name for name in names if self.array(name) is not None]

    def rows(self, array):
        """Rows of one of the arrays.

        Parameters
        ----------
        array : array
            What `array` or `chosen` gives.

        Returns
        -------
        ArrayRows
            Readable as long as the file is open.

        Raises
        ------
        ValueError
            If it is a single number, or empty.
        """
        if not array.shape:  # of a single number (), of an empty data set of HDF5 None
            raise ValueError(f"{self.path!r} has no rows: the shape of its data is {array.shape}.")
        return _StoredRows(array, self.path)

    def chosen(self, dataset=None):
        """The array of a name, or the one that is meant where none is given; see `FileRows`.

        Parameters
        ----------
        dataset : str, optional
            Its name. Default: the usual one, or the only one with several numbers a row.

        Returns
        -------
        array
            Still in the file.

        Raises
        ------
        KeyError
            If there is no such array, or several that could be meant.
        ValueError
            If a name is given, and the file holds one array without a name.
        """
        if self.nameless is not None:
            if dataset is not None:
                raise ValueError(f"{self.path!r} holds one array without a name, got dataset={dataset!r}.")
            return self.nameless
        in_fits = isinstance(self._arrays, _Images)
        what, usual = ("image", _USUAL_NAME.upper()) if in_fits else ("data set", _USUAL_NAME)
        if dataset is not None:
            if (array := self.array(dataset)) is None:
                raise KeyError(f"{self.path!r} has no {what} {dataset!r}; it has {sorted(self._arrays)}.")
            return array
        names = [name for name in self.names() if len(self.array(name).shape or ()) > 1]
        if usual in names or len(names) == 1:
            return self.array(usual if usual in names else names[0])
        raise KeyError(
            f"{self.path!r} has no {what} {usual!r}, and of others with several numbers a row it has {names}. Name "
            "one: astroNN.datasets.FileRows(paths, dataset=...)."
        )

    @contextmanager
    def _damage_told(self):
        try:
            yield
        except PermissionError:
            raise
        except _DAMAGE as error:
            raise UnreadableRowsError(
                f"{self.path}: the file can't be read ({error}). It may be damaged, not whole, or no file of this "
                "kind: copy or download it again."
            ) from error


class _StoredRows(ArrayRows):
    """Rows of an array in an open file, of which whatever its library raises tells that it is damaged."""

    damage = _DAMAGE


def opened(path, dataset=None):
    """Rows of a file, see `FileRows`, which is open until they are closed.

    Parameters
    ----------
    path : str
        The file, or the folder of a zarr store.
    dataset : str, optional
        Name of the array in it.

    Returns
    -------
    ArrayRows
        Its `close` closes the file.

    Raises
    ------
    OSError, KeyError, ValueError, ImportError
        As `OpenFile` and `OpenFile.chosen`.
    """
    with ExitStack() as stack:
        file = stack.enter_context(OpenFile(path))
        rows = file.rows(file.chosen(dataset))
        rows.close = stack.pop_all().close
    return rows


def _is_array(held):
    return hasattr(held, "shape")


def _hdf5(path, stack):
    return stack.enter_context(h5py.File(path, "r"))


def _npy(path, stack):
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _zarr(path, stack):
    try:
        import zarr
    except ImportError as error:
        raise ImportError(f"Reading {path!r} needs zarr: pip install zarr.") from error
    try:
        return zarr.open(path, mode="r")
    except FileNotFoundError as error:  # so zarr says that something is no store
        raise OSError(str(error)) from error


def _fits(path, stack):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.filterwarnings("error", message=".*truncated", category=AstropyWarning)
        try:
            hdus = stack.enter_context(fits.open(path, memmap=False, lazy_load_hdus=False))
        except AstropyWarning as error:
            raise OSError(str(error)) from error
    images = {hdu.name or str(k): hdu for k, hdu in enumerate(hdus) if hdu.is_image and len(hdu.shape) > 1}
    return _Images(images)


class _Images(dict):
    """Images of a FITS file, by names in which small and capital letters are the same."""

    def __contains__(self, name):
        return super().__contains__(name.upper())

    def __getitem__(self, name):
        return _Section(super().__getitem__(name.upper()))


class _Section:
    """An image of FITS, of which rows are read, scaled, without the rest."""

    def __init__(self, hdu):
        self._section, self.shape = hdu.section, hdu.shape
        self.dtype = self[:1].dtype.newbyteorder("=")

    def __getitem__(self, rows):
        block = self._section[rows.start or 0 : rows.stop]
        return block.astype(block.dtype.newbyteorder("="), copy=False)


#: extension to a function that gives what is in a file, an array or arrays by name; what has to be closed on a stack
FORMATS = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".hdf": _hdf5,
    ".npy": _npy,
    ".fits": _fits,
    ".fit": _fits,
    ".zarr": _zarr,
}
