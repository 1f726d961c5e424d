"""Rows of data that stay where they are (files, stores, graphs of tasks) until they are asked for."""

from astroNN.shared.sources.ahead import ReadAhead, read_ahead
from astroNN.shared.sources.arrays import ArrayRows, is_stored
from astroNN.shared.sources.files import FileRows
from astroNN.shared.sources.known import as_sources, is_path
from astroNN.shared.sources.rows import Rows, SelectedRows, UnreadableRowsError, take_rows

__all__ = [
    "ArrayRows",
    "FileRows",
    "ReadAhead",
    "Rows",
    "SelectedRows",
    "UnreadableRowsError",
    "as_sources",
    "is_path",
    "is_stored",
    "read_ahead",
    "take_rows",
]
