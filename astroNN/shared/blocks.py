"""Blocks of rows, so that memory does not grow with their number."""

import math

import numpy as np

__all__ = ["as_slice", "row_blocks"]

_MOST_BYTES = 2**26  # of a block in float32: 2,176 APOGEE spectra, or 576 images of GaMorNet


def row_blocks(n_rows, row_shape, multiple=64):
    """Slices that together are all rows, in order.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    row_shape : tuple of int
        Shape of one row, which is taken to be float32.
    multiple : int, optional
        A block, but for the last, has a multiple of so many rows, at least one such. Default 64.

    Yields
    ------
    slice

    Examples
    --------
    >>> list(row_blocks(1000, (167, 167, 1)))
    [slice(0, 576, None), slice(576, 1000, None)]
    """
    fitting = _MOST_BYTES // (4 * max(1, math.prod(row_shape)))
    size = multiple * max(1, fitting // multiple)
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def as_slice(rows):
    """Row numbers that follow one another as a slice, by which arrays give rows uncopied; others as they are.

    Parameters
    ----------
    rows : array of int, shape (n_rows,)
        Row numbers.

    Returns
    -------
    slice or array of int
        A slice, if each number is the one before and 1.

    Examples
    --------
    >>> as_slice(np.arange(3, 6))
    slice(3, 6, None)
    """
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
