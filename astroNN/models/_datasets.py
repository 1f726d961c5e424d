"""Rows that are read from a file while a network predicts from them."""

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.models import _data
from astroNN.shared import checks
from astroNN.shared.missing import missing_elements
from astroNN.shared.sources import Rows, as_sources, is_path, is_stored

__all__ = ["DatasetRows", "PredictsDatasets"]


class PredictsDatasets:
    """Mixin of networks that predict from a file row by row."""

    def predict_dataset(self, file):
        """Predict from a data set that is read block by block, whole never.

        Parameters
        ----------
        file : object with `len` and index-list access
            ``file[[0, 1, 2]]`` gives the spectra or images of rows 0 to 2, in physical units; an HDF5 data set, for
            example. The numbers asked for always rise. Missing pixels are NaN or the magic number.

        Returns
        -------
        array or tuple
            What `predict` returns for the same rows, and the same numbers.

        Raises
        ------
        AttributeError
            If the network was not trained.
        TypeError
            If `file` has no length, or gives no rows for a list of numbers.
        ValueError
            If it holds no rows, rows of another shape than the network's, or infinite values; or if the network has
            other inputs than ``"input"``.

        Examples
        --------
        >>> with h5py.File("spectra.h5") as file:  # doctest: +SKIP
        ...     pred, pred_std = net.predict_dataset(file["spectra"])
        """
        return self._predict_dataset(file)

    def _predict_dataset(self, file, **settings):
        self.has_model_check()
        names = sorted(self._input_shape.keys())
        if names != ["input"]:
            raise ValueError(
                f"predict_dataset reads one data set, but this network has the inputs {names}: use `predict`."
            )
        source = as_sources("file", file) if _is_known(file) else file
        if isinstance(source, Rows) and len(source):
            inputs, masks = _data.checked_inputs(self, source)
            return self._predict_rows(inputs, lambda: _data.empty_stars(inputs, masks), **settings)
        rows = DatasetRows(file, self._input_shape["input"])
        return self._predict_rows({"input": rows}, lambda: rows.empty, **settings)


def _is_known(file):
    """Whether rows can be read by slices; any other object need only know lists of numbers."""
    is_list_of_paths = isinstance(file, list | tuple) and len(file) > 0 and all(map(is_path, file))
    return is_list_of_paths or isinstance(file, Rows) or is_stored(file)


class DatasetRows:
    """Rows of a data set as the blocks of a prediction read them: each once, in order, checked as they come.

    Parameters
    ----------
    file : object with `len` and index-list access
        ``file[[0, 1, 2]]`` gives rows 0 to 2 (an HDF5 data set, for example); numbers always rise.
    known : tuple of int
        Shape of one star that the network takes.

    Attributes
    ----------
    empty : array of bool, shape (n_stars,)
        Which of the rows read so far have no good pixel.

    Raises
    ------
    TypeError
        If `file` has no length, or gives no rows for a list of numbers.
    ValueError
        If it has no rows, or rows of another shape, or infinite values.
    """

    def __init__(self, file, known):
        if isinstance(file, str | bytes | dict) or not hasattr(file, "__len__") or not hasattr(file, "__getitem__"):
            raise TypeError(
                "predict_dataset: `file` must have a length and give rows for a list of their numbers, like a data "
                f"set of h5py, got {type(file).__name__}. Open a file first: h5py.File(path)['spectra']."
            )
        if len(file) == 0:
            raise ValueError("predict_dataset: `file` has no rows.")
        self._file, self._known = file, known
        self.empty = np.zeros(len(file), dtype=bool)

    def __len__(self):
        return len(self.empty)

    def __getitem__(self, rows):
        block = checks.as_named_arrays("file", self._read(rows), "input")["input"]
        block = _data.in_known_shape("file", np.asarray(block), self._known)
        flat = block.reshape(len(block), -1)
        infinite = np.isinf(flat).any(axis=1)
        if infinite.any():
            raise ValueError(
                f"`file` holds infinite values (the first in row {rows[np.argmax(infinite)]}). Set bad pixels to NaN "
                f"or {MAGIC_NUMBER}."
            )
        self.empty[rows] = missing_elements(flat).all(axis=1)
        return block

    def _read(self, rows):
        # Of arrays slices cost nothing; other objects may know lists alone.
        is_array = isinstance(self._file, np.ndarray)
        index = slice(int(rows[0]), int(rows[-1]) + 1) if is_array else [int(row) for row in rows]
        try:
            block = self._file[index]
        except TypeError as error:
            raise TypeError(
                f"predict_dataset: `file` ({type(self._file).__name__}) gives no rows for a list of their numbers: "
                f"{error}. Use `predict` for arrays and lists."
            ) from error
        if len(block) != len(rows):
            raise ValueError(f"predict_dataset: {len(rows)} rows were asked for, `file` gave {len(block)}.")
        return block
