"""Tables of labels that are given by the path of their file."""

import os

import h5py
from astropy.table import Table

from astroNN.models._label_tables import error_names
from astroNN.shared.sources import is_path
from astroNN.shared.tables import read_table

__all__ = ["table_of"]


def table_of(argument, labels, wanted=None):
    """The table in a file of labels; what is no path comes back as it is.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    labels : object
        Path of a table, of which `read_table` tells the kinds. Of an HDF5 file without a table the data sets of one
        number a star are the columns, as in the files of the simulator and of `H5Compiler`.
    wanted : list of str, optional
        Columns to take, if the table has them all. Default: all but the errors of others.

    Returns
    -------
    Table, or `labels`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its extension is another, it is damaged, or it holds no table.
    ImportError
        If pyarrow is needed and not installed.
    """
    if not is_path(labels):
        return labels
    path = os.fspath(labels)
    table = _data_sets(path) or read_table(path, f"`{argument}`")
    if argument == "labels_err":
        return table
    wanted = wanted if isinstance(wanted, list | tuple) and len(wanted) else None
    if wanted is None or not set(wanted) <= set(table.colnames):
        wanted = _labels_among(table.colnames)
    return table[list(wanted)]


def _data_sets(path):
    """Data sets of an HDF5 file without a table; None if it is no such file."""
    try:
        with h5py.File(path, "r") as file:
            flat = {name: data for name, data in file.items() if isinstance(data, h5py.Dataset) and data.ndim == 1}
            if not flat or any(data.dtype.names for data in flat.values()):
                return None
            return Table({name: data[:] for name, data in flat.items()})
    except OSError:
        return None  # missing, damaged, or of another kind: who reads tables will tell


def _labels_among(names):
    """Names of columns that are neither errors of another one nor numbers of rows that pandas has stored."""
    errors = {error for name in names for error in error_names(name)}
    return [name for name in names if name.lower() not in errors and not name.startswith("__index_level_")]
