"""Mean and standard deviation of arrays with gaps, by blocks, so that no second copy of the data is made."""

from dataclasses import dataclass

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.shared.missing import missing_elements

__all__ = ["Moments", "check_no_infinities", "for_features", "masked_moments", "missing_elements"]

_BLOCK_ELEMENTS = 4_000_000  # 16 MB of float32 at a time


@dataclass(frozen=True)
class Moments:
    """Count, mean, and sum of squared deviations from the mean, of every feature; mean 0 where the count is 0."""

    count: np.ndarray
    centre: np.ndarray
    squares: np.ndarray

    def merged(self, other):
        """Moments of two sets of rows together (Chan, Golub & LeVeque 1983, Am. Stat. 37, 242, equation 2.1).

        No sum of squares about a distant number is formed, so that 4500 K +- 1 K keeps its digits in any number of
        blocks.
        """
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        with np.errstate(invalid="ignore"):  # of infinities, for which `check_no_infinities` raises
            offset = other.centre - self.centre
            centre = self.centre + offset * share
            return Moments(count, centre, self.squares + other.squares + offset**2 * self.count * share)

    def mean(self, kind="feature"):
        """Mean by ``"feature"`` or over the ``"dataset"``, or the constant `kind`.

        A feature that no row has takes the mean over the data set; this is 0 where nothing at all is present.
        """
        if kind == "feature":
            return np.where(self.count > 0, self.centre, self.mean("dataset"))
        if kind == "dataset":
            return np.sum(self.count * self.centre) / max(np.sum(self.count), 1)
        return np.float64(kind)

    def std(self, kind="feature"):
        """Population standard deviation about the mean of the same kind, or the constant `kind`.

        1 where there is no scatter: less than float32, in which data are normalised, can tell from none.
        """
        if kind == "feature":
            variance = self.squares / np.maximum(self.count, 1)
        elif kind == "dataset":
            deviations = self.squares + self.count * (self.centre - self.mean("dataset")) ** 2
            variance = np.sum(deviations) / max(np.sum(self.count), 1)
        else:
            return np.float64(kind)
        std = np.sqrt(variance)
        return np.where(std > np.finfo("float32").eps * np.abs(self.mean(kind)), std, 1.0)


def masked_moments(array, mask=None, rows=None):
    """Moments over axis 0 of the elements that are present.

    Parameters
    ----------
    array : array, shape (n,) or (n, ...)
        Read by blocks of rows. One dimension is one feature; no rows at all give counts of 0.
    mask : array of bool, same shape, optional
        True marks an element as missing.
    rows : array of int, optional
        Rows to use, default all.

    Returns
    -------
    Moments
        Arrays in the shape of one row, in float64.
    """
    shape = array.shape[1:] or (1,)
    n_rows = len(array) if rows is None else len(rows)
    step = max(1, _BLOCK_ELEMENTS // max(1, int(np.prod(shape))))
    moments = Moments(np.zeros(shape, "int64"), np.zeros(shape), np.zeros(shape))
    for start in range(0, n_rows, step):
        index = slice(start, start + step) if rows is None else rows[start : start + step]
        block = np.asarray(array[index])
        present = ~missing_elements(block, None if mask is None else mask[index]).reshape(-1, *shape)
        moments = moments.merged(_block_moments(block.reshape(-1, *shape), present))
    return moments


def check_no_infinities(what, moments, array, mask=None, rows=None):
    """Raise `ValueError` if moments came from infinite values, which only then are counted in the array.

    Parameters
    ----------
    what : str
        The array, for the error.
    moments : Moments
        Of the array, mask and rows, which are as in `masked_moments`.
    """
    if np.isfinite(moments.centre).all():
        return
    rows = np.arange(len(array)) if rows is None else np.asarray(rows)
    step = max(1, _BLOCK_ELEMENTS // max(1, moments.centre.size))
    infinite = []
    for start in range(0, len(rows), step):
        index = rows[start : start + step]
        block = np.isinf(np.asarray(array[index]))
        if mask is not None:
            block &= ~np.asarray(mask[index], dtype=bool).reshape(block.shape)
        infinite.extend(index[block.reshape(len(index), -1).any(axis=1)].tolist())
    if infinite:
        raise ValueError(
            f"{what} must be finite, got infinite values in {len(infinite)} of {len(rows)} rows (the first is row "
            f"{infinite[0]}). Set them to NaN or {MAGIC_NUMBER}, or mark them in the mask."
        )


def for_features(statistic, shape):
    """A statistic as it is combined with rows of a shape: a scalar, or of that shape.

    Axes of length one don't matter: images of (28, 28) and (28, 28, 1) have the same statistics.

    Parameters
    ----------
    statistic : float or array
        One number, or one for each feature.
    shape : tuple of int
        Of one row.

    Returns
    -------
    array of float32

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    statistic = np.asarray(statistic, "float32")
    if statistic.size == 1:
        return statistic.reshape(())
    if [n for n in statistic.shape if n != 1] != [n for n in shape if n != 1]:
        raise ValueError(
            f"Normalizer: the data have features of shape {tuple(shape)}, the statistics {statistic.shape}. "
            "Give an array of shape (n_stars, *features), also for a single star."
        )
    return statistic.reshape(shape)


def _block_moments(block, present):
    count = present.sum(0)
    values = np.where(present, block, 0.0).astype("float64", copy=False)
    with np.errstate(invalid="ignore"):  # of infinities, for which `check_no_infinities` raises
        centre = values.sum(0) / np.maximum(count, 1)
        deviations = np.where(present, values - centre, 0.0)
        return Moments(count, centre, np.square(deviations).sum(0))
