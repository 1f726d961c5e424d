"""The data of ``astronn train``: looked at before Keras is, and put into the arguments of `fit`."""

import hashlib

import h5py
import numpy as np
from astropy.table import Table

from astroNN.commands._training_config import refused, similar
from astroNN.shared.missing import missing_elements
from astroNN.shared.tables import read_table

__all__ = ["TrainingData"]

_USUAL_MASK = "mask"


class TrainingData:
    """What the section ``[data]`` names. Labels are read; spectra, and all of their shape, stay in the file.

    Parameters
    ----------
    config : TrainingConfig
        The file of settings.

    Attributes
    ----------
    n_stars : int
        Rows.
    labels : Table, array or None
        Of a list of labels their columns, with the errors where these are asked for.
    mask : str or None
        The data set that is used.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If it can't be read, lacks a data set, or one has another number of rows, or no star has some label.
    """

    def __init__(self, config):
        self.config, data = config, config.data
        with self.opened() as file:
            self.shape = self._dataset(file, "spectra").shape
            self.n_stars = self.shape[0]
            self.mask = _USUAL_MASK if data.mask is None and _USUAL_MASK in file else data.mask or None
            for key in ("mask", "spectra_err"):
                self._check_like_spectra(file, key, self.mask if key == "mask" else data.spectra_err)
            self.labels = self._read_table() if data.table is not None else self._read_labels(file)
            self._columns = {
                key: self._column(file, key, getattr(data, key))[()]
                for key in ("sample_weight", "groups")
                if getattr(data, key) is not None
            }
        self._refuse_empty_labels()

    def opened(self):
        """The HDF5 file, to be closed."""
        path = self.config.data.file
        if not path.is_file():
            raise FileNotFoundError(str(refused(self.config, "[data] file", f"there is no file {str(path)!r}.")))
        try:
            return h5py.File(path, "r")
        except OSError as error:
            raise refused(
                self.config, "[data] file", f"{str(path)!r} can't be read as HDF5, it may be truncated ({error})."
            ) from error

    def arguments(self, file):
        """What `fit` takes besides the spectra, by name.

        Parameters
        ----------
        file : h5py.File
            Open until the training ends.

        Returns
        -------
        dict
        """
        data, given = self.config.data, dict(self._columns)
        if self.mask is not None:
            given["mask"] = file[self.mask]
        if data.spectra_err is not None:
            given["inputs_err"] = file[data.spectra_err]
        if isinstance(data.labels, list):
            given["labels"] = self.labels[data.labels]
        elif data.labels is not None:
            given["labels"] = self.labels
        if data.labels_err:
            given["labels_err"] = self.labels if isinstance(data.labels, list) else self._labels_err
        return given

    def fingerprint(self):
        """What tells these data from others, without reading the spectra."""
        digest = hashlib.sha256()
        for column in self._label_columns():
            digest.update(_bytes(column))
        return [self.config.data.file.stat().st_size, list(self.shape), digest.hexdigest()]

    def _label_columns(self):
        """Labels and their errors; what else a table holds does not matter to the training."""
        data = self.config.data
        if isinstance(data.labels, list):
            errors = [f"{name}_err" for name in data.labels if data.labels_err]
            return [self.labels[name] for name in [*data.labels, *errors] if name in self.labels.colnames]
        return [array for array in (self.labels, getattr(self, "_labels_err", None)) if array is not None]

    def _dataset(self, file, key, name=None):
        """A data set of numbers, by the key that names it."""
        name = name or getattr(self.config.data, key)
        found = file.get(name)
        if not isinstance(found, h5py.Dataset):
            hint = similar(name, list(file)) or f" It has {', '.join(sorted(file)[:30]) or 'nothing'}."
            raise self._refused(key, f"{str(self.config.data.file)!r} has no data set {name!r}.{hint}")
        if not found.shape or found.shape[0] == 0:
            raise self._refused(key, f"the data set {name!r} has no rows.")
        return found

    def _refused(self, key, message):
        return refused(self.config, f"[data] {key}", message)

    def _check_rows(self, key, name, n_rows):
        if n_rows != self.n_stars:
            raise self._refused(key, f"{name!r} has {n_rows} rows, the spectra have {self.n_stars}.")

    def _check_like_spectra(self, file, key, name):
        if name is not None and (found := self._dataset(file, key, name)).shape != self.shape:
            raise self._refused(key, f"{name!r} has the shape {found.shape}, the spectra have {self.shape}.")

    def _column(self, file, key, name):
        """A data set of one number a star."""
        found = self._dataset(file, key, name)
        self._check_rows(key, name, found.shape[0])
        if found.ndim != 1:
            raise self._refused(key, f"{name!r} must have one number a star; its shape is {found.shape}.")
        return found

    def _numbers(self, file, key, name):
        column = self._column(file, key, name)
        if column.dtype.kind not in "iuf":
            raise self._refused(key, f"{name!r} must hold numbers, not {column.dtype}.")
        return column[()]

    def _read_labels(self, file):
        data = self.config.data
        if isinstance(data.labels, list):
            table = Table({name: self._numbers(file, "labels", name) for name in data.labels})
            for name in (f"{label}_err" for label in data.labels if data.labels_err):
                table[name] = self._numbers(file, "labels_err", name)
            return table
        if data.labels is None:
            return None
        if data.labels_err:
            self._labels_err = self._dataset(file, "labels_err", f"{data.labels}_err")[()]
        found = self._dataset(file, "labels")
        self._check_rows("labels", data.labels, found.shape[0])
        return found[()]

    def _read_table(self):
        data = self.config.data
        try:
            table = read_table(data.table, "[data] table")
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f"{self.config.path}: {error}") from error
        for name in data.labels:
            if name not in table.colnames:
                hint = similar(name, table.colnames)
                raise self._refused("labels", f"{str(data.table)!r} has no column {name!r}.{hint}")
        self._check_rows("table", str(data.table), len(table))
        return table

    def _refuse_empty_labels(self):
        names = self.config.data.labels
        for name in names if isinstance(names, list) else ():
            column = np.ma.asarray(self.labels[name])
            if missing_elements(np.ma.getdata(column), np.ma.getmaskarray(column)).all():
                raise self._refused("labels", f"no star has {name!r}: every value is missing. Leave it out.")


def _bytes(column):
    """The same in every process: columns of objects hold addresses, masked ones anything below the mask."""
    column = np.ma.asarray(column)
    try:
        return np.ma.filled(column.astype("float64"), np.nan).tobytes()
    except (TypeError, ValueError):  # classes by name, or None among the numbers
        return "\n".join(map(repr, column.tolist())).encode()
