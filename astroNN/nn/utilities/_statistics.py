"""Mean and standard deviation of arrays with gaps, by blocks, so that no second copy of the data is made."""

from dataclasses import dataclass

import numpy as np

from astroNN.shared.missing import missing_elements

__all__ = ["masked_moments", "missing_elements"]

_BLOCK_ELEMENTS = 4_000_000  # 16 MB of float32 at a time


@dataclass(frozen=True)
class Moments:
    """Count, sum and sum of squares of every feature, about a shift close to the mean."""

    count: np.ndarray
    shift: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    def mean(self, kind="feature"):
        """Mean by ``"feature"`` or over the ``"dataset"``, or the constant `kind`.

        A feature that no row has takes the mean over the data set; this is 0 where nothing at all is present.
        """
        if kind == "feature":
            present = self.shift + self.total / np.maximum(self.count, 1)
            return np.where(self.count > 0, present, self.mean("dataset"))
        if kind == "dataset":
            return np.sum(self.total + self.count * self.shift) / max(np.sum(self.count), 1)
        return np.float64(kind)

    def std(self, kind="feature"):
        """Population standard deviation about the mean of the same kind, or the constant `kind`.

        1 where there is no scatter: less than float32, in which data are normalised, can tell from none.
        """
        if kind == "feature":
            count = np.maximum(self.count, 1)
            variance = self.squares / count - (self.total / count) ** 2
        elif kind == "dataset":
            offset = self.shift - self.mean("dataset")
            deviations = self.squares + 2 * offset * self.total + self.count * offset**2
            variance = np.sum(deviations) / max(np.sum(self.count), 1)
        else:
            return np.float64(kind)
        std = np.sqrt(np.maximum(variance, 0.0))
        return np.where(std > np.finfo("float32").eps * np.abs(self.mean(kind)), std, 1.0)


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
    n_rows = len(array) if rows is None else len(rows)
    step = max(1, _BLOCK_ELEMENTS // max(1, int(np.prod(array.shape[1:]))))
    count = total = squares = 0.0
    shift = None
    for start in range(0, n_rows, step):
        index = slice(start, start + step) if rows is None else rows[start : start + step]
        block = np.asarray(array[index])
        present = ~missing_elements(block, None if mask is None else mask[index])
        block = block.astype("float64")
        if shift is None:
            # Sums about a value near the mean: squares of 4500 K +- 10 K would otherwise cancel.
            shift = block.sum(0, where=present) / np.maximum(present.sum(0), 1)
        offset = np.where(present, block - shift, 0.0)
        count = count + present.sum(0)
        total = total + offset.sum(0)
        squares = squares + np.square(offset).sum(0)
    return Moments(np.asarray(count), np.asarray(shift), np.asarray(total), np.asarray(squares))
