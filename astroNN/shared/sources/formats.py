"""Formats of files from which rows can be read without the rest."""

import os
import warnings
from contextlib import ExitStack

import h5py
import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from astroNN.shared.sources.arrays import ArrayRows
from astroNN.shared.sources.rows import UnreadableRowsError

__all__ = ["FORMATS", "Opened", "opened"]

_USUAL_NAME = "spectra"  # as in the files of `H5Compiler` and of the simulator


class Opened:
    """One file, open.

    Attributes
    ----------
    rows : Rows
        Its data.
    close : callable
        Closes it.
    """

    def __init__(self, rows, close):
        self.rows, self.close = rows, close


def opened(path, dataset=None):
    """Open a file for reading rows.

    Parameters
    ----------
    path : str
        The file, or the folder of a zarr store.
    dataset : str, optional
        See `FileRows`.

    Returns
    -------
    Opened

    Raises
    ------
    FileNotFoundError, OSError, KeyError, ValueError
        As `FileRows`.
    ImportError
        If zarr is needed and not installed.
    """
    extension = os.path.splitext(path)[1].lower()
    if extension not in FORMATS:
        raise ValueError(
            f"{path!r}: rows can't be read from files with the extension {extension!r}. Give one of "
            f"{', '.join(FORMATS)}, or load the data yourself."
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no file {path!r}.")
    with ExitStack() as stack:
        try:
            array = FORMATS[extension](path, dataset, stack)
        except PermissionError:
            raise
        except (OSError, EOFError, TypeError) as error:
            raise UnreadableRowsError(
                f"{path!r} can't be read ({error}). It may be damaged, not whole, or no file of this kind: copy or "
                "download it again."
            ) from error
        if not array.shape:  # of a single number (), of an empty data set of HDF5 None
            raise ValueError(f"{path!r} has no rows: the shape of its data is {array.shape}.")
        return Opened(ArrayRows(array, path), stack.pop_all().close)


def _hdf5(path, dataset, stack):
    return _of_group(path, stack.enter_context(h5py.File(path, "r")), dataset, h5py.Dataset)


def _npy(path, dataset, stack):
    _refuse_name(path, dataset)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:  # as numpy says that a file is shorter than its header says
        raise OSError(str(error)) from error


def _zarr(path, dataset, stack):
    try:
        import zarr
    except ImportError as error:
        raise ImportError(f"Reading {path!r} needs zarr: pip install zarr.") from error
    store = zarr.open(path, mode="r")
    return store if isinstance(store, zarr.Array) else _of_group(path, store, dataset, zarr.Array)


def _fits(path, dataset, stack):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.filterwarnings("error", message=".*truncated", category=AstropyWarning)
        try:
            hdus = stack.enter_context(fits.open(path, memmap=False, lazy_load_hdus=False))
        except AstropyWarning as error:
            raise OSError(str(error)) from error
    images = {hdu.name or str(k): hdu for k, hdu in enumerate(hdus) if hdu.is_image and len(hdu.shape) > 1}
    if dataset is None:
        return _Section(images[_meant(path, list(images), _USUAL_NAME.upper(), "image")])
    if dataset.upper() not in images:
        raise KeyError(f"{path!r} has no image {dataset!r}; it has {sorted(images)}.")
    return _Section(images[dataset.upper()])


class _Section:
    """An image of FITS, of which rows are read, scaled, without the rest."""

    def __init__(self, hdu):
        self._section, self.shape = hdu.section, hdu.shape
        self.dtype = self[:1].dtype.newbyteorder("=")

    def __getitem__(self, rows):
        block = self._section[rows.start or 0 : rows.stop]
        return block.astype(block.dtype.newbyteorder("="), copy=False)


def _of_group(path, group, dataset, kind):
    """The data set of a name, or the one that is meant where none is given."""
    if dataset is not None:
        if not isinstance(group.get(dataset), kind):
            raise KeyError(f"{path!r} has no data set {dataset!r}; it has {sorted(group.keys())}.")
        return group[dataset]
    tables = [name for name in group if isinstance(group.get(name), kind) and len(group[name].shape or ()) > 1]
    return group[_meant(path, tables, _USUAL_NAME, "data set")]


def _meant(path, names, usual, what):
    """The name that is usual, or the only one."""
    if usual in names or len(names) == 1:
        return usual if usual in names else names[0]
    raise KeyError(
        f"{path!r} has no {what} {usual!r}, and of others with several numbers a row it has {names}. Name one: "
        "astroNN.datasets.FileRows(paths, dataset=...)."
    )


def _refuse_name(path, dataset):
    if dataset is not None:
        raise ValueError(f"{path!r} holds one array without a name, got dataset={dataset!r}.")


#: extension to a function that gives an array of a file, what has to be closed on a stack
FORMATS = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".npy": _npy,
    ".fits": _fits,
    ".fit": _fits,
    ".zarr": _zarr,
}
