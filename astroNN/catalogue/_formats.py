"""Catalogues as files, written a block of rows at a time: FITS, HDF5 and Parquet."""

import importlib.util
import io
import warnings
from contextlib import contextmanager

import h5py
import numpy as np
from astropy.io import fits
from astropy.table import QTable, Table
from astropy.table.meta import get_yaml_from_table
from astropy.units import Unit

__all__ = ["check_out", "written"]


def check_out(out, net):
    """Raise unless a catalogue of this name can be written for a network.

    Raises
    ------
    ValueError
        If there is no such format, it is a folder, or FITS can't hold the names of the labels.
    ImportError
        For Parquet, if pyarrow is not installed.
    """
    suffix = out.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"predict_catalogue: `out` must end in {', '.join(FORMATS)}, got {str(out)!r}.")
    if out.is_dir():
        raise ValueError(f"predict_catalogue: `out` {str(out)!r} is a folder; name a file.")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ImportError("predict_catalogue: Parquet needs the package pyarrow: pip install pyarrow")
    names = getattr(net, "template", net).targetname
    foreign = [name for name in names if not str(name).isascii()] if isinstance(names, list | tuple) else []
    if suffix == ".fits" and foreign:
        raise ValueError(f"predict_catalogue: FITS can't name a column {foreign[0]!r}; let `out` end in .h5.")


def written(path, target, types, units, meta, n_rows):
    """Context of a new catalogue, which yields a function that takes its next rows, a structured array.

    Parameters
    ----------
    path : Path
        Where to write.
    target : Path
        Its name in the end, which tells the format.
    types : dict of dtype
        By column.
    units : dict of str
        Of the columns that have one.
    meta : dict
        Where it comes from: texts and numbers by names of at most eight letters.
    n_rows : int
    """
    return FORMATS[target.suffix.lower()](path, np.dtype(list(types.items())), units, meta, n_rows)


@contextmanager
def _fits(path, dtype, units, meta, n_rows):
    table = fits.BinTableHDU(np.zeros(0, dtype), name="CATALOGUE")
    foreign = {}
    for number, name in enumerate(dtype.names, 1):
        if (text := _unit_of_fits(units.get(name))) is not None:
            table.header[f"TUNIT{number}"] = text
        elif name in units:
            foreign[name] = units[name]
            table.header.comments[f"TTYPE{number}"] = f"in {units[name]}"
    table.header.extend(_for_astropy(foreign))
    table.header["NAXIS2"] = n_rows
    table.header.update(meta)
    big_endian = dtype.newbyteorder(">")
    with open(path, "wb") as stream:
        stream.write(fits.PrimaryHDU().header.tostring().encode("ascii"))
        stream.write(table.header.tostring().encode("ascii"))
        yield lambda rows: stream.write(rows.astype(big_endian).tobytes())
        stream.write(b"\0" * (-(n_rows * dtype.itemsize) % 2880))


def _unit_of_fits(unit):
    """A unit as the standard of FITS writes it; None for those that it does not have, such as dex."""
    try:
        return None if unit is None else Unit(unit, parse_strict="silent").to_string("fits")
    except ValueError:
        return None


def _for_astropy(units):
    """Comments by which astropy knows the units of columns that FITS does not have."""
    if not units:
        return []
    table = QTable({name: np.zeros(1) * Unit(unit) for name, unit in units.items()})
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*could not be saved in native FITS format")
        table.write(written, format="fits")
    written.seek(0)
    return [card for card in fits.getheader(written, 1).cards if card.keyword == "COMMENT"]


@contextmanager
def _hdf5(path, dtype, units, meta, n_rows):
    # As astropy writes tables, so that it reads this one with its units.
    empty = Table(np.zeros(0, dtype), meta=meta)
    for name, unit in units.items():
        empty[name].unit = unit
    described = [line.encode() for line in get_yaml_from_table(empty)]
    place = 0
    with h5py.File(path, "w") as file:
        rows_of_file = file.create_dataset("catalogue", (n_rows,), dtype)
        file.create_dataset("catalogue.__table_column_meta__", data=described)

        def write(rows):
            nonlocal place
            rows_of_file[place : place + len(rows)] = rows
            place += len(rows)

        yield write


@contextmanager
def _parquet(path, dtype, units, meta, n_rows):
    import pyarrow as pa
    import pyarrow.parquet

    def field(name):
        kind = pa.string() if dtype[name].kind == "S" else pa.from_numpy_dtype(dtype[name])
        return pa.field(name, kind, metadata={"unit": units[name]} if name in units else None)

    schema = pa.schema([field(name) for name in dtype.names], {key: str(value) for key, value in meta.items()})

    def columns(rows):
        for name in dtype.names:
            values = rows[name]
            yield pa.array(np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values)

    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        yield lambda rows: writer.write_table(pa.Table.from_arrays(list(columns(rows)), schema=schema))


FORMATS = {".fits": _fits, ".h5": _hdf5, ".hdf5": _hdf5, ".parquet": _parquet}
