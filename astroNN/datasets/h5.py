"""`H5Loader`: spectra and labels from an HDF5 file, ready for training."""

from pathlib import Path

import h5py
import numpy as np

from astroNN.config import MAGIC_NUMBER

__all__ = ["ALL_TARGETS", "H5Loader"]

#: what target="all" stands for, in this order
ALL_TARGETS = "teff logg M alpha C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni fakemag".split()


class H5Loader:
    """Load spectra and labels from an HDF5 file.

    The file holds `spectra` (n, pixels) and, with `load_err`, `spectra_err`; one dataset of shape (n,) for each
    target and, with `load_err`, `<target>_err`. `in_flag` (n,) is 0 for combined spectra and 1 for single
    visits; without it all spectra count as combined. Further datasets with n rows (`mask`, `RA`, `SNR`, ...) are
    read with `load_entry`. `SimulatedSurvey.to_h5` writes such files.

    Parameters
    ----------
    filename : str or Path
        The file; ".h5" is added where the file is not found without it.
    target : str or list of str
        One label, several, or "all": every one of `ALL_TARGETS` that the file holds.

    Attributes
    ----------
    filename : str
        As given.
    target : str or list of str
        As given; "all" becomes the list of labels found.
    h5path : str
        Full path of the file.
    currentdir : str
        Working folder when the loader was made.
    load_combined : bool
        True (default): combined spectra; False: single visits.
    load_err : bool
        True: `load` also returns errors. Default False.
    exclude9999 : bool
        True: leave out stars with a missing (-9999 or NaN) target. Default False.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file can't be read as HDF5, say since it is truncated.
    KeyError
        If a target or needed dataset is not in the file.

    Examples
    --------
    >>> loader = H5Loader("apogee.h5", target=["teff", "logg"])  # doctest: +SKIP
    >>> loader.load_err = True  # doctest: +SKIP
    >>> spectra, labels, spectra_err, labels_err = loader.load()  # doctest: +SKIP
    """

    def __init__(self, filename, target="all"):
        self.filename = str(filename)
        self.currentdir = str(Path.cwd())
        self.h5path = str(_find(filename))
        self.load_combined = True
        self.load_err = False
        self.exclude9999 = False
        self.target = target

    @property
    def target(self):
        """Label or list of labels that `load` reads; "all" becomes the list of labels found."""
        return self._target

    @target.setter
    def target(self, target):
        with self._open() as f:
            self._target = self._known_targets(f, target)

    def load_allowed_index(self):
        """Rows that `load` and `load_entry` read.

        Returns
        -------
        int array, shape (n_selected,)
            In rising order.
        """
        with self._open() as f:
            return self._rows(f)

    def load(self):
        """Read spectra and labels.

        Returns
        -------
        spectra : array, shape (n_selected, n_pixels)
            As they stand in the file.
        labels : array, shape (n_selected,) or (n_selected, n_targets)
            One axis for a single target, two for a list or "all".
        spectra_err, labels_err : arrays of the same shapes
            Only with `load_err`.
        """
        with self._open() as f:
            rows = self._rows(f)
            result = (self._read(f, "spectra", rows), self._labels(f, rows))
            if self.load_err:
                result += (self._read(f, "spectra_err", rows), self._labels(f, rows, "_err"))
        return result

    def load_entry(self, name):
        """Read any dataset, the same rows that `load` reads.

        Parameters
        ----------
        name : str
            Such as "SNR", or "mask".

        Returns
        -------
        array, shape (n_selected, ...)
            The rows of the selected spectra.
        """
        self.h5name_check(name)
        with self._open() as f:
            return self._read(f, name, self._rows(f))

    @staticmethod
    def h5name_check(h5name):
        """Raise ValueError if a name is None.

        Parameters
        ----------
        h5name : str or None
            Of a file, or of a data set in it.

        Raises
        ------
        ValueError
            If it is None.
        """
        if h5name is None:
            raise ValueError("H5Loader: the name is None; give the name of a file or of a dataset in it.")

    def _open(self):
        try:
            return h5py.File(self.h5path, "r")
        except OSError as error:
            raise OSError(
                f"H5Loader: {self.h5path} can't be read as HDF5 ({error}). It may be truncated or of another format: "
                f"copy or download it again."
            ) from error

    def _known_targets(self, f, target):
        self.h5name_check(target)
        if isinstance(target, str) and target == "all":
            found = [name for name in ALL_TARGETS if name in f]
            if not found:
                raise KeyError(
                    f"H5Loader: target='all' needs at least one of {', '.join(ALL_TARGETS)} in {self.h5path}, "
                    f"which has {_names(f)}. Name your targets instead."
                )
            return found
        targets = [target] if isinstance(target, str) or not np.iterable(target) else list(target)
        if not targets or not all(isinstance(name, str) for name in targets):
            raise ValueError(f"H5Loader: `target` must be a name, a list of names or 'all', got {target!r}.")
        for name in targets:
            dataset = self._dataset(f, name)
            if len(dataset.shape) != 1 or dataset.dtype.kind not in "biuf":
                raise ValueError(
                    f"H5Loader: target {name!r} must have one number for each star; in {self.h5path} its shape is "
                    f"{dataset.shape} and its type {dataset.dtype}. Use load_entry({name!r}) to read it."
                )
        return target if isinstance(target, str) else targets

    def _dataset(self, f, name):
        if not isinstance(f.get(name), h5py.Dataset):
            raise KeyError(f"H5Loader: there is no dataset {name!r} in {self.h5path}; it has {_names(f)}.")
        return f[name]

    def _target_list(self):
        return [self.target] if isinstance(self.target, str) else list(self.target)

    def _rows(self, f):
        n = len(self._dataset(f, "spectra"))
        in_flag = f["in_flag"][()] if "in_flag" in f else np.zeros(n, int)
        if in_flag.shape != (n,):
            raise ValueError(f"H5Loader: `in_flag` has shape {in_flag.shape} for {n} spectra in {self.h5path}.")
        allowed = in_flag == (0 if self.load_combined else 1)
        if self.exclude9999:
            for name in self._target_list():
                values = self._column(f, name, n)
                allowed &= ~(np.isnan(values) | (values == MAGIC_NUMBER))
        return np.flatnonzero(allowed)

    def _column(self, f, name, n):
        values = self._dataset(f, name)[()]
        if values.shape != (n,):
            raise ValueError(f"H5Loader: {name!r} has shape {values.shape} for {n} spectra in {self.h5path}.")
        return values

    def _read(self, f, name, rows):
        dataset = self._dataset(f, name)
        n = len(self._dataset(f, "spectra"))
        if not dataset.shape or len(dataset) != n:
            raise ValueError(
                f"H5Loader: {name!r} has shape {dataset.shape}, not one row for each of the {n} spectra "
                f"in {self.h5path}."
            )
        # Reading a list of single rows is slow in HDF5; most files are read whole, or nearly so.
        if len(rows) == n:
            return dataset[()]
        return dataset[()][rows] if len(rows) > n // 2 else dataset[rows]

    def _labels(self, f, rows, suffix=""):
        n = len(self._dataset(f, "spectra"))
        columns = [self._column(f, name + suffix, n)[rows] for name in self._target_list()]
        return columns[0] if isinstance(self.target, str) else np.stack(columns, axis=1)


def _find(filename):
    H5Loader.h5name_check(filename)
    for path in (Path(filename), Path(f"{filename}.h5")):
        if path.is_file():
            return path.resolve()
    raise FileNotFoundError(f"H5Loader: there is neither {filename} nor {filename}.h5 in {Path.cwd()}.")


def _names(f):
    return ", ".join(sorted(name for name in f if isinstance(f[name], h5py.Dataset))) or "no dataset"
