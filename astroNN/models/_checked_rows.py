"""Checks of data that are not in memory: made as they are read, with the errors that arrays in memory get at once."""

from contextlib import closing

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.shared import checks
from astroNN.shared.blocks import row_blocks
from astroNN.shared.missing import rows_all_missing
from astroNN.shared.sources import Rows

__all__ = ["CheckedRows", "ErrorRows", "MaskRows", "as_mask_rows"]

_UNKNOWN = -1


class _Wrapped(Rows):
    """Rows of a source, looked at or changed as they are read."""

    def __init__(self, argument, source, dtype=None, shape=None):
        super().__init__(source.name, shape or source.shape, dtype or source.dtype, source.chunk_rows)
        self._argument, self._source = argument, source

    def close(self):
        self._source.close()


class CheckedRows(_Wrapped):
    """Spectra or images, of which every row is looked at when it is read for the first time.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    source : Rows
        The data.
    mask : array or Rows of bool, optional
        True marks bad elements.
    """

    def __init__(self, argument, source, mask=None):
        super().__init__(argument, source)
        self._mask = mask
        self._empty = np.full(len(source), _UNKNOWN, dtype="int8")

    def read(self, start, stop):
        block = self._source[start:stop]
        if (self._empty[start:stop] == _UNKNOWN).any():
            self._look_at(start, block)
        return block

    def empty(self):
        """Which rows have no good element; those that were never read are read now."""
        unknown = np.flatnonzero(self._empty == _UNKNOWN)
        for some in row_blocks(len(unknown), self.shape[1:]):
            self[unknown[some]]  # looks at them
        return self._empty == 1

    def _look_at(self, start, block):
        flat = block.reshape(len(block), -1)
        infinite = np.isinf(flat).any(axis=1)
        if infinite.any():
            raise ValueError(
                f"`{self._argument}` holds infinite values (the first in row {start + int(np.argmax(infinite))} of "
                f"{self.name}). Set bad pixels to NaN or {MAGIC_NUMBER}, or mark them in `mask`."
            )
        rows = slice(start, start + len(block))
        self._empty[rows] = rows_all_missing(block, None if self._mask is None else self._mask[rows])


class MaskRows(_Wrapped):
    """A mask of bad elements in the shape of the data; see `checks.as_masks`."""

    def __init__(self, source, shape):
        super().__init__("mask", source, bool, shape)

    def read(self, start, stop):
        block = self._source[start:stop]
        if block.dtype != bool and not np.isin(np.unique(block), (0, 1)).all():
            checks.refuse_mask_values(self.name)
        return block.astype(bool).reshape(-1, *self.shape[1:])


class ErrorRows(_Wrapped):
    """Errors of the data, float32, NaN where they are missing; see `checks.check_errors`."""

    def __init__(self, argument, source, shape):
        super().__init__(argument, source, "float32", shape)

    def read(self, start, stop):
        block = self._source[start:stop].reshape(-1, *self.shape[1:])
        return checks.check_errors(self._argument, block, block)

    def check(self, rows):
        """Read some rows, and raise if they can't be used."""
        for some in row_blocks(len(rows), self.shape[1:]):
            self[rows[some]]


def as_mask_rows(mask, inputs):
    """Masks that are not in memory, by input name, and those that are, as they were given."""
    named = mask if isinstance(mask, dict) else {"input": mask}
    outside = {name: rows for name, rows in named.items() if isinstance(rows, Rows)}
    single = {name: rows for name, rows in outside.items() if name in inputs and _is_one_star(rows, inputs[name])}
    for name, rows in single.items():
        with closing(outside.pop(name)):
            single[name] = np.asarray(rows)
    for name, rows in outside.items():
        shape = inputs[name].shape if name in inputs else None
        if shape is None or _plain(rows.shape) != _plain(shape):
            raise ValueError(
                f"`mask` for '{name}' has shape {rows.shape}, but the "
                + (f"input has {tuple(shape)}." if shape else f"inputs are {sorted(inputs)}.")
            )
    inside = {name: rows for name, rows in named.items() if rows is not None and name not in outside} | single
    return {name: MaskRows(rows, inputs[name].shape) for name, rows in outside.items()}, inside or None


def _is_one_star(rows, values):
    """Whether a mask has no axis for the only star of its input."""
    return _plain((1, *rows.shape)) == _plain(values.shape) and _plain(rows.shape) != _plain(values.shape)


def _plain(shape):
    """A shape without a channel axis of size 1."""
    return tuple(shape[:-1]) if len(shape) > 2 and shape[-1] == 1 else tuple(shape)
