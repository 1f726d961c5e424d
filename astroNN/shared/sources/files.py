"""Rows of many files, one file behind the other, as if they were one array."""

import os
import threading
import warnings
from collections import OrderedDict

import numpy as np

from astroNN.shared.sources.formats import opened
from astroNN.shared.sources.rows import Rows

__all__ = ["FileRows"]

_MOST_OPEN = 8  # files at a time


class FileRows(Rows):
    """Rows of files that don't fit into memory together, for `fit` and `predict`.

    Files are opened when their rows are asked for, and no more than eight are open at a time. A list of paths given
    to `fit` or `predict` becomes one of these; make it yourself where a file holds several data sets.

    Parameters
    ----------
    paths : path or list of paths
        HDF5 (``.h5``, ``.hdf5``, ``.hdf``), NumPy (``.npy``), images in FITS (``.fits``), or stores of zarr
        (``.zarr``).
    dataset : str, optional
        Name of the data set in each file: of HDF5 and zarr its path, of FITS the name of the extension. Default:
        ``spectra``, or the only one there is with several numbers a row.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If one is damaged or not whole.
    KeyError
        If one has no such data set.
    ValueError
        If the extension of a file is another, no file has a row (one without, among others, is left out with a
        warning), or the rows of two files differ in shape or kind of number.

    Examples
    --------
    >>> spectra = FileRows(["north.h5", "south.h5"], dataset="visits/flux")  # doctest: +SKIP
    >>> net.fit(spectra, labels)  # doctest: +SKIP
    """

    def __init__(self, paths, dataset=None):
        paths = [paths] if isinstance(paths, str | os.PathLike) else paths
        self._paths, self._dataset = [os.fspath(path) for path in paths], dataset
        if not self._paths:
            raise ValueError("FileRows: `paths` is empty; give the path of at least one file.")
        self._lock, self._open = threading.Lock(), OrderedDict()
        try:
            parts = self._with_rows([self._look_at(number) for number in range(len(self._paths))])
            for path, part in zip(self._paths, parts, strict=True):
                _check_alike(self._paths[0], parts[0], path, part)
        finally:
            self.close()
        self._starts = np.cumsum([0, *(part["shape"][0] for part in parts)])
        name = self._paths[0] if len(parts) == 1 else f"{self._paths[0]} and {len(parts) - 1} more files"
        shape = (self._starts[-1], *parts[0]["shape"][1:])
        super().__init__(name, shape, parts[0]["dtype"], max(part["chunk_rows"] for part in parts))

    def read(self, start, stop):
        first, last = np.searchsorted(self._starts, [start, stop - 1], side="right") - 1
        blocks = []
        with self._lock:
            for number in range(first, last + 1):
                begins, ends = self._starts[number], self._starts[number + 1]
                if begins < ends:
                    blocks.append(self._rows_of(number)[max(start, begins) - begins : min(stop, ends) - begins])
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def close(self):
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_open")}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock(), _open=OrderedDict())

    def _with_rows(self, parts):
        """Those of the files that have rows; the others are forgotten."""
        empty = [path for path, part in zip(self._paths, parts, strict=True) if part["shape"][0] == 0]
        if len(empty) == len(parts):
            raise ValueError(f"{empty[0]!r} has no rows: the shape of its data is {parts[0]['shape']}.")
        if empty:
            warnings.warn(
                f"{len(empty)} of {len(parts)} files have no rows and are left out; the first is {empty[0]!r}.",
                stacklevel=4,
            )
            self.close()  # what is open is known by its number
            self._paths = [path for path in self._paths if path not in empty]
        return [part for part in parts if part["shape"][0]]

    def _look_at(self, number):
        """Shape, dtype and chunk of one file."""
        rows = self._rows_of(number)
        return {"shape": rows.shape, "dtype": rows.dtype, "chunk_rows": rows.chunk_rows}

    def _rows_of(self, number):
        """One file, opened; the one that was used least recently is closed if they become too many."""
        if number not in self._open:
            while len(self._open) >= _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[number] = opened(self._paths[number], self._dataset)
        self._open.move_to_end(number)
        return self._open[number]


def _check_alike(first_path, first, path, part):
    if part["shape"][1:] != first["shape"][1:]:
        raise ValueError(
            f"The files have different grids: a row of {path!r} has the shape {part['shape'][1:]}, one of "
            f"{first_path!r} {first['shape'][1:]}. Resample them to one grid, or train on them separately."
        )
    if part["dtype"].kind != first["dtype"].kind or part["dtype"].itemsize != first["dtype"].itemsize:
        raise ValueError(
            f"The files hold different kinds of numbers: {path!r} {part['dtype']}, {first_path!r} {first['dtype']}. "
            "Store them as one kind."
        )
