"""From what a user names, files, folders, patterns or tables of paths, to the list of files."""

import glob
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from astroNN.shared.sources.formats import FORMATS
from astroNN.shared.tables import read_table

__all__ = ["InputFile", "input_files", "kind_of"]

#: kinds of files, of many spectra in rows or of one, by the ends of their names
SUFFIXES = {
    "rows": tuple(suffix for suffix in FORMATS if suffix not in (".fits", ".fit")),
    "fits": (".fits", ".fit", ".fits.gz", ".fit.gz", ".fits.fz"),
    "table": (".csv", ".ecsv", ".parquet"),
}
_PATH_COLUMNS = ("path", "file", "filename")


@dataclass(frozen=True)
class InputFile:
    """A file with spectra."""

    #: where it is, and as the user named it
    path: str
    name: str
    kind: str
    #: what a table of paths says of it, by column
    facts: dict = field(default_factory=dict)


def kind_of(path):
    """``"rows"``, ``"fits"`` or ``"table"``, by the end of a file's name; None for others."""
    name = os.path.normpath(path).lower()
    return next((kind for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)


def input_files(inputs, out):
    """Every file that the inputs stand for, in their order, each once.

    Parameters
    ----------
    inputs : str, path-like, table, or list of these
        Files of spectra (HDF5, .npy, stores of zarr, FITS); folders, for all such files in them and below; patterns
        with ``*``, ``?`` or ``**``; tables with a column ``path`` (also ``file`` or ``filename``), or files of such
        (CSV, ECSV, Parquet). Paths in the file of a table are relative to its folder.
    out : Path
        The catalogue, which is no input.

    Returns
    -------
    list of InputFile

    Raises
    ------
    FileNotFoundError
        If something named does not exist, or a folder or pattern stands for no file.
    ValueError
        If the kind of a file is unknown, a table has no column of paths, or `out` is among the files.
    TypeError
        If an input is none of these.
    """
    several = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    found = [file for one in several for file in _files_of(one, os.path.abspath(out))]
    if not found:
        raise ValueError("predict_catalogue: `inputs` is empty; name at least one file.")
    once = {}
    for file in found:
        once.setdefault(file.path, file)
    if len(once) < len(found):
        warnings.warn(
            f"predict_catalogue: {len(found) - len(once)} files were named more than once and are used once.",
            stacklevel=3,
        )
    if os.path.abspath(out) in once:
        raise ValueError(f"predict_catalogue: `out` {str(out)!r} is one of the inputs; give another name.")
    return list(once.values())


def _files_of(one, out):
    if hasattr(one, "columns"):
        return _files_in_table(one, Path(), "a table")
    if not isinstance(one, str | os.PathLike):
        raise TypeError(
            f"predict_catalogue: `inputs` must be paths or tables with paths, got a {type(one).__name__}. Arrays are "
            "for `predict`."
        )
    path = os.path.expanduser(os.fspath(one))
    if os.path.isdir(path) and not _is_store(path):
        return _files_in_folder(path, out)
    if glob.has_magic(path) and not os.path.exists(path):
        return _files_of_pattern(path, out)
    if os.path.isfile(path) and kind_of(path) == "table":
        return _files_in_table(read_table(path, "predict_catalogue"), Path(path).parent, path)
    return [_input_file(path)]


def _is_store(path):
    """Whether something is a store of zarr, which is a folder."""
    return os.path.isdir(path) and os.path.normpath(path).lower().endswith(".zarr")


def _is_there(path):
    return os.path.isfile(path) or _is_store(path)


def _input_file(path, facts=None):
    if not _is_there(path):
        raise FileNotFoundError(f"predict_catalogue: there is no file {path!r}.")
    kind = kind_of(path)
    if kind in (None, "table"):
        known = ", ".join(suffix for name in ("rows", "fits") for suffix in SUFFIXES[name])
        raise ValueError(f"predict_catalogue: {path!r} is no file of spectra by its name, which must end in {known}.")
    return InputFile(os.path.abspath(path), path, kind, facts or {})


def _files_in_folder(folder, out):
    """Files of spectra in a folder and below, but for hidden ones and an earlier catalogue."""
    found = []
    for root, folders, names in os.walk(folder):
        stores = [name for name in folders if _is_store(os.path.join(root, name))]
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in stores)
        paths = [os.path.join(root, name) for name in sorted([*names, *stores]) if not name.startswith(".")]
        found += [
            _input_file(path)
            for path in paths
            if kind_of(path) not in (None, "table") and os.path.abspath(path) != out
        ]
    if not found:
        raise FileNotFoundError(
            f"predict_catalogue: there is no file of spectra in the folder {folder!r}: HDF5, .npy, zarr or FITS."
        )
    return found


def _files_of_pattern(pattern, out):
    named = sorted(glob.glob(pattern, recursive=True))
    paths = [path for path in named if _is_there(path) and os.path.abspath(path) != out]
    if not paths:
        raise FileNotFoundError(f"predict_catalogue: no file is named like {pattern!r}.")
    return [_input_file(path) for path in paths]


def _files_in_table(table, folder, name):
    columns = {column.lower(): column for column in map(str, table.columns)}
    column = next((columns[known] for known in _PATH_COLUMNS if known in columns), None)
    if column is None:
        raise ValueError(
            f"predict_catalogue: {name} needs a column 'path' (or 'file', 'filename') with the names of files of "
            f"spectra; it has {', '.join(map(str, table.columns))}."
        )
    paths = [os.path.normpath(os.path.join(folder, str(path).strip())) for path in table[column]]
    others = {key: _known(table[key]) for key in map(str, table.columns) if key != column}
    # What is not known of a file is left out.
    facts = [{key: values[k] for key, values in others.items() if values[k] is not None} for k in range(len(paths))]
    return [_input_file(path, of_file) for path, of_file in zip(paths, facts, strict=True)]


def _known(column):
    """Values of a column, None where there is none or no single one."""
    mask = getattr(column, "mask", None)
    if mask is None and hasattr(column, "isna"):  # of pandas
        mask = column.isna().to_numpy()
    mask = np.zeros(len(column), bool) if mask is None else np.broadcast_to(mask, np.shape(column))
    values = column.tolist()
    return [None if np.ndim(value) or np.any(bad) else value for value, bad in zip(values, mask, strict=True)]
