"""Tables of labels that are given by the path of their file."""

import os

import h5py
import numpy as np
from astropy.table import Table, vstack

from astroNN.models._label_tables import error_names
from astroNN.shared.sources import is_path
from astroNN.shared.tables import read_table

__all__ = ["table_of"]

#: what files of the simulator and of `H5Compiler` hold beside spectra and labels, in lower case
_NO_LABELS = {
    "ak_targ", "apogee_id", "catalogue_row", "dec", "field", "in_flag", "kmag", "location_id", "ra", "snr", "star",
    "telescope", "visit", "wavelength",
}  # fmt: skip


def table_of(argument, labels, wanted=None):
    """The table in a file of labels; what is no path comes back as it is.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    labels : object
        Path of a table, of which `read_table` tells the kinds, or a list of paths, whose tables are put one behind
        the other. Of an HDF5 file without a table the data sets of one number a star are the columns, as in the
        files of the simulator and of `H5Compiler`.
    wanted : list of str, optional
        Columns to take, if the table has them all. Default: those that the file itself calls labels (its attribute
        ``label_names``), else all but the errors of others, and what the files of ours hold beside labels.

    Returns
    -------
    Table, or `labels`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its extension is another, it is damaged, it holds no table, its columns differ in length, or the tables
        of several files in their columns or units.
    ImportError
        If pyarrow is needed and not installed.
    """
    if isinstance(labels, list | tuple) and len(labels) and all(map(is_path, labels)):
        return _stacked(argument, labels, [table_of(argument, path, wanted) for path in labels])
    if not is_path(labels):
        return labels
    path = os.fspath(labels)
    wanted = list(wanted) if isinstance(wanted, list | tuple | np.ndarray) else []
    table = _data_sets(path, argument, wanted)
    if table is not None:
        return table
    table = read_table(path, f"`{argument}`")
    if argument == "labels_err":
        return table
    return table[wanted if wanted and set(wanted) <= set(table.colnames) else _labels_among(table.colnames)]


def _stacked(argument, paths, tables):
    """Tables of several files, one behind the other."""
    first = {name: tables[0][name].unit for name in tables[0].colnames}
    for path, table in zip(paths, tables, strict=True):
        units = {name: table[name].unit for name in table.colnames}
        if units != first:
            raise ValueError(
                f"`{argument}`: the tables of {os.fspath(paths[0])!r} and {os.fspath(path)!r} differ in their "
                f"columns or units: {_listed(first)}; {_listed(units)}. Read them yourself, and give one table."
            )
    return vstack(tables, metadata_conflicts="silent")


def _listed(units):
    return ", ".join(name if unit is None else f"{name} [{unit}]" for name, unit in units.items())


def _data_sets(path, argument, wanted):
    """Data sets of an HDF5 file without a table; None if it is no such file."""
    try:
        with h5py.File(path, "r") as file:
            flat = {name: data for name, data in file.items() if isinstance(data, h5py.Dataset) and data.ndim == 1}
            if not flat or any(data.dtype.names for data in flat.values()):
                return None
            names = _of_stars(file, flat) if argument == "labels_err" else _label_sets(file, flat, wanted)
            lengths = {name: len(flat[name]) for name in names}
            if len(set(lengths.values())) > 1:
                raise ValueError(f"`{argument}`: the data sets of {path!r} differ in length: {lengths}.")
            return Table({name: flat[name][:] for name in names}) if names else None
    except OSError:
        return None  # missing, damaged, or of another kind: who reads tables will tell


def _label_sets(file, flat, wanted):
    """Names of the data sets that are labels: those asked for, those that the file names, or those that may be."""
    for names in (wanted, [str(name) for name in file.attrs.get("label_names", ())]):
        if names and set(names) <= set(flat):
            return names
    names = [name for name in _of_stars(file, flat) if name.lower() not in _NO_LABELS and not name.endswith("_true")]
    return _labels_among(names)


def _of_stars(file, flat):
    """Names of the data sets with a number for each star."""
    numbers = [name for name, data in flat.items() if data.dtype.kind in "biuf"]
    lengths = [len(flat[name]) for name in numbers]
    spectra = file.get("spectra")
    n_stars = len(spectra) if isinstance(spectra, h5py.Dataset) and spectra.ndim > 1 else _most_common(lengths)
    return [name for name, length in zip(numbers, lengths, strict=True) if length == n_stars]


def _most_common(numbers):
    return max(numbers, key=numbers.count, default=0)


def _labels_among(names):
    """Names of columns that are neither errors of another one nor numbers of rows that pandas has stored."""
    errors = {error for name in names for error in error_names(name)}
    return [name for name in names if name.lower() not in errors and not name.startswith("__index_level_")]
