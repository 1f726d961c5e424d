"""Mean and standard deviation of arrays with gaps, by blocks, so that no second copy of the data is made."""

from dataclasses import dataclass

import numpy as np

from astroNN.config import MAGIC_NUMBER

__all__ = ["masked_moments", "missing_elements"]

_BLOCK_ELEMENTS = 4_000_000  # 16 MB of float32 at a time


def missing_elements(array, mask=None):
    """Where an array is the magic number, NaN, or marked True in `mask`."""
    missing = np.isnan(array) | (array == np.asarray(MAGIC_NUMBER, array.dtype))
    return missing if mask is None else missing | np.asarray(mask, dtype=bool).reshape(array.shape)


@dataclass(frozen=True)
class Moments:
    """Count, sum and sum of squares of every feature, about a shift close to the mean."""

    count: np.ndarray
    shift: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    def mean(self, kind="feature"):
        """Mean by ``"feature"`` or over the ``"dataset"``, or the constant `kind`; 0 where nothing is present."""
        if kind == "feature":
            return np.where(self.count > 0, self.shift + self.total / np.maximum(self.count, 1), 0.0)
        if kind == "dataset":
            return np.sum(self.total + self.count * self.shift) / max(np.sum(self.count), 1)
        return np.float64(kind)

    def std(self, kind="feature"):
        """Population standard deviation about the mean of the same kind, or the constant `kind`."""
        if kind == "feature":
            mean_offset = self.total / np.maximum(self.count, 1)
            return np.sqrt(np.maximum(self.squares / np.maximum(self.count, 1) - mean_offset**2, 0.0))
        if kind == "dataset":
            offset = self.shift - self.mean("dataset")
            deviations = self.squares + 2 * offset * self.total + self.count * offset**2
            return np.sqrt(np.sum(deviations) / max(np.sum(self.count), 1))
        return np.float64(kind)


def masked_moments(array, mask=None, rows=None):
    """Moments over axis 0 of the elements that are present.

    Parameters
    ----------
    array : array, shape (n, ...)
        Read by blocks of rows.
    mask : array of bool, same shape, optional
        True marks an element as missing.
    rows : array of int, optional
        Rows to use, default all.

    Returns
    -------
    Moments
        Arrays in the shape of one row, in float64.
    """
    rows = np.arange(len(array)) if rows is None else np.asarray(rows)
    step = max(1, _BLOCK_ELEMENTS // max(1, int(np.prod(array.shape[1:]))))
    count = total = squares = 0.0
    shift = None
    for start in range(0, len(rows), step):
        index = rows[start : start + step]
        block = np.asarray(array[index], dtype="float64")
        present = ~missing_elements(block, None if mask is None else mask[index])
        if shift is None:
            # Sums about a value near the mean: squares of 4500 K +- 10 K would otherwise cancel.
            shift = block.sum(0, where=present) / np.maximum(present.sum(0), 1)
        offset = np.where(present, block - shift, 0.0)
        count = count + present.sum(0)
        total = total + offset.sum(0)
        squares = squares + np.square(offset).sum(0)
    return Moments(np.asarray(count), np.asarray(shift), np.asarray(total), np.asarray(squares))
