"""Spectra and labels of the compiled files."""

from dataclasses import dataclass, fields

import h5py
import numpy as np

from astroNN.config import MAGIC_NUMBER
from paper.settings import LABELS

__all__ = ["Sample", "learned", "read_labels"]

#: a label that fewer stars have is not learned
LEAST_LABELS = 20


@dataclass
class Sample:
    """Spectra and labels of a compiled file.

    Attributes
    ----------
    spectra, spectra_err, mask : array, shape (n, 7514)
    labels, labels_err : array, shape (n, 22)
        NaN where missing, and in columns that the file lacks.
    star : array of int
        The same number for all spectra of a star.
    """

    spectra: np.ndarray
    spectra_err: np.ndarray
    mask: np.ndarray
    labels: np.ndarray
    labels_err: np.ndarray
    star: np.ndarray

    @classmethod
    def read(cls, path):
        """All spectra of a file that step 2 compiled."""
        with h5py.File(path, "r") as file:
            pixels = file["spectra"][()], file["spectra_err"][()], file["mask"][()].astype(bool)
            star = file["star"][()]
        return cls(*pixels, *read_labels(path), star)

    def take(self, rows):
        """Some of the rows."""
        return Sample(*(getattr(self, field.name)[rows] for field in fields(self)))


def read_labels(path):
    """Labels of a compiled file and their errors, shape (n, 22); NaN where missing, and in columns that it lacks."""
    with h5py.File(path, "r") as file:
        return tuple(np.stack([_column(file, name + end) for name in LABELS], axis=1) for end in ("", "_err"))


def learned(labels):
    """Which labels enough stars have to learn them."""
    return np.isfinite(labels).sum(axis=0) >= LEAST_LABELS


def _column(file, name):
    if name not in file:
        return np.full(len(file["spectra"]), np.nan, "float32")
    values = file[name][()]
    return np.where(values == MAGIC_NUMBER, np.nan, values)
