"""What all sources of rows have in common: a shape, a dtype, and rows by slices or by their numbers."""

import math
import operator

import numpy as np

__all__ = ["Rows", "SelectedRows", "UnreadableRowsError", "take_rows"]

_SMALL_GAP = 2**17  # bytes that are read rather than jumped over: a read of its own takes as long
_MOST_BYTES = 2**25  # of one read


class UnreadableRowsError(OSError):
    """Rows can't be read; it says which, and of which file."""


class Rows:
    """Rows that are read when they are asked for. Kinds of them define `read`.

    They look like an array where code only asks for shapes and rows. What comes back is an array in memory.

    Parameters
    ----------
    name : str
        For errors.
    shape : tuple of int
        Of all rows together.
    dtype : numpy.dtype
        As it is stored.
    chunk_rows : int, optional
        Rows that are stored together, and read together whatever is asked for. Default 1.
    """

    # Errors of `read` that tell of damage.
    damage = (OSError, EOFError)

    def __init__(self, name, shape, dtype, chunk_rows=1):
        self.name = name
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)
        self.chunk_rows = max(1, int(chunk_rows))

    def read(self, start, stop):
        """Consecutive rows.

        Parameters
        ----------
        start, stop : int
            First row, and one past the last.

        Returns
        -------
        ndarray, shape (stop - start, ...)
            In memory.
        """
        raise NotImplementedError

    def close(self):
        """Close files that were opened for reading; rows that are asked for later open them again."""

    @property
    def ndim(self):
        """Number of axes, that of the rows included."""
        return len(self.shape)

    @property
    def size(self):
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def row_bytes(self):
        """Bytes of one row."""
        return max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)

    def __len__(self):
        return self.shape[0]

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}: {self.shape}, {self.dtype}>"

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype=dtype)

    def __iter__(self):
        return (self[row] for row in range(len(self)))

    def __getitem__(self, rows):
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            return self._checked_read(start, stop) if step == 1 else self._by_number(np.arange(start, stop, step))
        if np.ndim(rows) == 0:
            row = operator.index(rows)
            row += len(self) if row < 0 else 0
            self._check_numbers(np.array([row]))
            return self._checked_read(row, row + 1)[0]
        rows = np.asarray(rows)
        return self._by_number(np.flatnonzero(rows) if rows.dtype == bool else rows)

    def _by_number(self, rows):
        """Rows in any order, each read once."""
        rows = rows.astype("int64")
        rows = np.where(rows < 0, rows + len(self), rows)
        self._check_numbers(rows)
        if (np.diff(rows) > 0).all():
            return self._rising(rows)
        rows, places = np.unique(rows, return_inverse=True)
        return self._rising(rows)[places]

    def _rising(self, rows):
        parts = list(self._reads(rows))
        if len(parts) == 1 and len(rows) == rows[-1] - rows[0] + 1:
            return self._checked_read(int(rows[0]), int(rows[-1]) + 1)
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for part in parts:
            first, last = int(rows[part.start]), int(rows[part.stop - 1])
            block = self._checked_read(first, last + 1)[rows[part] - first]
            # Some read other numbers than they store: scaled ones, or NaN in place of what a mask hides.
            result = result.astype(np.result_type(result, block), copy=False)
            result[part] = block
        return result

    def _reads(self, rows):
        """Parts of rising numbers that are read in one go: no wide gap in between, and not too much."""
        chunk = self.chunk_rows
        gap = max(chunk, _SMALL_GAP // self.row_bytes)
        n_chunks = max(1, _MOST_BYTES // (chunk * self.row_bytes))
        cuts = np.append(np.flatnonzero(np.diff(rows) > gap) + 1, len(rows))
        start = 0
        while start < len(rows):
            cut = cuts[np.searchsorted(cuts, start, side="right")]
            # No chunk is begun that the next read would need again.
            beyond = (rows[start] // chunk + n_chunks) * chunk
            stop = min(int(cut), int(np.searchsorted(rows, beyond)))
            yield slice(start, stop)
            start = stop

    def _checked_read(self, start, stop):
        if stop <= start:
            return np.empty((0, *self.shape[1:]), self.dtype)
        try:
            block = self.read(start, stop)
        except (UnreadableRowsError, FileNotFoundError, PermissionError):
            raise  # of the source below this one: nothing is to be added
        except self.damage as error:
            raise UnreadableRowsError(
                f"{self.name}: rows {start} to {stop - 1} can't be read ({error}). Is the file damaged, or not "
                "whole? Copy or download it again."
            ) from error
        if block.shape != (stop - start, *self.shape[1:]):
            raise ValueError(
                f"{self.name}: rows {start} to {stop - 1} came in the shape {block.shape}; its shape is {self.shape}."
            )
        return block

    def _check_numbers(self, rows):
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"{self.name} has {len(self)} rows; asked for were rows {rows.min()} to {rows.max()}.")


class SelectedRows(Rows):
    """Some rows of a source, still to be read.

    Parameters
    ----------
    source : Rows
        All rows.
    rows : array of int
        Numbers of those that are selected, rising.
    """

    def __init__(self, source, rows):
        # As dense as these are, a chunk holds so many of them.
        chunk_rows = source.chunk_rows * len(rows) // max(1, len(source))
        super().__init__(source.name, (len(rows), *source.shape[1:]), source.dtype, chunk_rows)
        self._source, self._rows = source, np.asarray(rows)

    def read(self, start, stop):
        return self._source[self._rows[start:stop]]

    def close(self):
        self._source.close()


def take_rows(array, rows):
    """Rows of an array; of a source a source of them, so that nothing is read yet.

    Parameters
    ----------
    array : ndarray or Rows
        All rows.
    rows : array of int
        Numbers of rows; of a source rising.

    Returns
    -------
    ndarray or SelectedRows
        As many as `rows`.
    """
    return SelectedRows(array, rows) if isinstance(array, Rows) else array[rows]
