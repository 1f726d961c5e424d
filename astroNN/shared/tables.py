"""Tables from files, by the ends of their names."""

import importlib.util
import os

from astropy.table import Table

__all__ = ["read_table"]

_FORMATS = {
    ".fits": "fits",
    ".fit": "fits",
    ".fits.gz": "fits",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".csv": "ascii.csv",
    ".ecsv": "ascii.ecsv",
    ".parquet": "parquet",
}


def read_table(path, caller):
    """Table in a FITS, HDF5, CSV, ECSV or Parquet file.

    Parameters
    ----------
    path : str or path-like
        Which kind it is, is told by the end of its name. Of several tables in a file the first is read.
    caller : str
        For errors.

    Returns
    -------
    astropy.table.Table
        In memory, with the units that the file tells.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its kind is unknown, or it can't be read as what its name says.
    ImportError
        For Parquet, if neither pyarrow nor fastparquet is installed.
    """
    name = os.fspath(path)
    kind = next((kind for suffix, kind in _FORMATS.items() if name.lower().endswith(suffix)), None)
    if kind is None:
        raise ValueError(
            f"{caller}: {name!r} is no table by its name, which must end in {', '.join(_FORMATS)}. Read it yourself, "
            "and give the table."
        )
    if not os.path.isfile(name):
        raise FileNotFoundError(f"{caller}: there is no file {name!r}.")
    if kind == "parquet":
        return _read_parquet(name, caller)
    try:
        return Table.read(name, format=kind)
    except Exception as error:  # whatever the reader of the format raises on foreign bytes
        raise ValueError(
            f"{caller}: {name!r} could not be read as a table ({type(error).__name__}: {error}). It may be "
            "truncated, or of another kind than its name says."
        ) from error


def _read_parquet(name, caller):
    if importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"{caller}: {name!r} needs the package pyarrow: pip install pyarrow")
    import pyarrow as pa
    import pyarrow.parquet

    try:
        read = pyarrow.parquet.read_table(name)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(
            f"{caller}: {name!r} could not be read as Parquet ({error}). It may be truncated."
        ) from error
    table = Table({column: read[column].to_numpy() for column in read.column_names})
    for field in read.schema:
        unit = (field.metadata or {}).get(b"unit")
        table[field.name].unit = unit.decode() if unit else None
    return table
