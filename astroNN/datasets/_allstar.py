"""Stars and labels of the catalogue allStar (DR13 to DR17), with quality cuts."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

from astroNN.config import MAGIC_NUMBER
from astroNN.gaia import extinction_correction, mag_to_fakemag
from astroNN.shared.columns import column_values
from astroNN.shared.errors import ConfigurationError, FolderError
from astroNN.shared.label_names import element_of
from astroNN.shared.missing import missing_elements

__all__ = ["BAD_LABEL_BITS", "Catalogue", "Cuts", "read_catalogue"]

# Bits of PARAMFLAG and ELEMFLAG that make a label bad: edge of the grid or of the calibrated range, failed fits
# (APOGEE_PARAMFLAG of the data model; the bits from 8 on are warnings).
BAD_LABEL_BITS = tuple(range(8))

# Label to column, column of its error, and its place in PARAMFLAG.
PARAMETERS = {
    "teff": ("TEFF", "TEFF_ERR", 0),
    "logg": ("LOGG", "LOGG_ERR", 1),
    "M": ("M_H", "M_H_ERR", 3),
    "alpha": ("ALPHA_M", "ALPHA_M_ERR", 6),
}

# Columns that are handed on, and their names in the file that is compiled.
HANDED_ON = {
    "RA": "RA",
    "DEC": "DEC",
    "SNR": "SNR",
    "K": "Kmag",
    "AK_TARG": "AK_TARG",
    "APOGEE_ID": "APOGEE_ID",
    "FIELD": "FIELD",
    "LOCATION_ID": "LOCATION_ID",
    "TELESCOPE": "TELESCOPE",
}


@dataclass(frozen=True)
class Cuts:
    """Which stars are taken; None takes all."""

    snr: tuple | None
    teff: tuple | None
    fe_h: tuple | None
    vscatter: tuple | None
    starflag: bool
    aspcapflag: bool

    def rows(self, table):
        """Rows that pass all cuts, in rising order."""
        keep = np.ones(len(_column(table, "APOGEE_ID")), dtype=bool)
        for column in ("snr", "teff", "fe_h", "vscatter"):
            limits = getattr(self, column)
            if limits is not None:
                keep &= _within(_floats(_column(table, column.upper())), column, limits)
        for column in ("starflag", "aspcapflag"):
            if getattr(self, column):
                keep &= _flags(_column(table, column.upper())) == 0
        return np.flatnonzero(keep)


class Catalogue:
    """Columns of the stars that are taken.

    Parameters
    ----------
    table : mapping of str to array
        Columns of allStar, of these stars.
    symbols : list of str or None
        Elements in the order of the columns X_H, X_H_ERR, ELEMFLAG; None where there are none.
    rows : array of int
        Their rows in the catalogue.
    n_rows : int
        Rows of the whole catalogue.
    """

    def __init__(self, table, symbols, rows, n_rows):
        self.table, self.symbols, self.rows, self.n_rows = table, symbols, rows, n_rows
        self.stars = [_text(star) for star in table["APOGEE_ID"]]

    def __len__(self):
        return len(self.rows)

    def facts(self):
        """Columns that are handed on, by their names in the compiled file."""
        found = {"catalogue_row": self.rows, "star": np.unique(self.stars, return_inverse=True)[1]}
        for theirs, ours in HANDED_ON.items():
            if theirs in self.table:
                column = np.asarray(self.table[theirs])
                if column.dtype.kind in "SUO":
                    found[ours] = np.char.strip(column.astype("S"))
                else:
                    missing = np.isnan(_floats(self.table[theirs]))
                    found[ours] = np.where(missing, MAGIC_NUMBER, column).astype(column.dtype)
        return found

    def place(self, number):
        """Names of folders that the file of a star may lie in."""
        return [_text(self.table[name][number]) for name in ("FIELD", "LOCATION_ID") if name in self.table]

    def labels(self, names, bad_bits, parallax=None):
        """Labels and their errors, NaN where the survey has none or flags it.

        Parameters
        ----------
        names : list of str
        bad_bits : sequence of int
        parallax : tuple of two arrays, optional
            Parallaxes and errors [mas] of these stars, for "fakemag".

        Returns
        -------
        labels, labels_err : array, shape (n_stars, n_labels)
        """
        columns = [
            self._fakemag(parallax) if name == "fakemag" else self._label(name, sum(1 << bit for bit in bad_bits))
            for name in names
        ]
        return tuple(np.stack(parts, axis=1) for parts in zip(*columns, strict=True))

    def _label(self, name, bad):
        if name in PARAMETERS:
            column, error, place = PARAMETERS[name]
            flags = self._flags("PARAMFLAG", place)
            return _flagged(_column(self.table, column), _column(self.table, error), flags, bad)
        # A name in brackets may be over another element than hydrogen, which the catalogue's columns are not.
        symbol = name if name.startswith("[") else element_of(name) or name
        if self.symbols is not None and symbol.upper() in self.symbols and "X_H" in self.table:
            place = self.symbols.index(symbol.upper())
            values, errors = (_column(self.table, column)[:, place] for column in ("X_H", "X_H_ERR"))
            return _flagged(values, errors, self._flags("ELEMFLAG", place), bad)
        return self._named_element(name, symbol.upper(), bad)

    def _named_element(self, name, symbol, bad):
        """[X/H] of the columns FE_H and X_FE."""
        if "FE_H" not in self.table or (symbol != "FE" and f"{symbol}_FE" not in self.table):
            raise ConfigurationError(
                f"H5Compiler: `labels` has {name!r}, and the catalogue has neither X_H with the list of elements, "
                f"nor the column {symbol}_FE. Leave it out."
            )
        iron, iron_err = _flagged(self.table["FE_H"], _column(self.table, "FE_H_ERR"), self._flags("FE_H_FLAG"), bad)
        if symbol == "FE":
            return iron, iron_err
        ratio, ratio_err = _flagged(
            self.table[f"{symbol}_FE"], _column(self.table, f"{symbol}_FE_ERR"), self._flags(f"{symbol}_FE_FLAG"), bad
        )
        return iron + ratio, np.hypot(iron_err, ratio_err)

    def _flags(self, column, place=None):
        if column not in self.table:
            return np.zeros(len(self), dtype="int64")
        flags = _flags(self.table[column])
        return flags if place is None else flags[:, place]

    def _fakemag(self, parallax):
        if parallax is None:
            raise ConfigurationError("H5Compiler: the label 'fakemag' needs `parallax` and `parallax_err` [mas].")
        mag = extinction_correction(_floats(_column(self.table, "K")), _floats(_column(self.table, "AK_TARG")))
        return tuple(np.where(missing_elements(part), np.nan, part) for part in mag_to_fakemag(mag, *parallax))


def read_catalogue(catalogue, cuts):
    """Stars of a catalogue that pass the cuts.

    Parameters
    ----------
    catalogue : str, Path, Table or DataFrame
        The file allStar, or a table with its columns.
    cuts : Cuts

    Returns
    -------
    Catalogue
    """
    if not isinstance(catalogue, Table) and hasattr(catalogue, "iloc"):  # a DataFrame
        catalogue = Table.from_pandas(catalogue)
    if isinstance(catalogue, Table):
        rows = cuts.rows({name: catalogue[name] for name in catalogue.colnames})
        symbols = catalogue.meta.get("ELEM_SYMBOL")
        table = {name: catalogue[name][rows] for name in catalogue.colnames}
        return Catalogue(table, _upper(symbols), rows, len(catalogue))
    if not isinstance(catalogue, str | os.PathLike):
        raise TypeError(
            f"H5Compiler: `catalogue` must be the path of the file allStar, or a table, got {catalogue!r}. (A "
            "download that gave False had no such file.)"
        )
    path = Path(catalogue).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"H5Compiler: `catalogue`: there is no file {path}. `astroNN.apogee.allstar` fetches it."
        )
    try:
        with fits.open(path, memmap=True) as hdus:
            data = hdus[1].data
            rows = cuts.rows(_ByName(data))
            wanted = _wanted_columns(data.columns.names)
            table, n_rows = {name: np.array(data[name][rows]) for name in wanted}, len(data)
            symbols = hdus[3].data["ELEM_SYMBOL"][0] if len(hdus) > 3 and hdus[3].data is not None else None
    except ConfigurationError:  # a cut that can't be made, which is an AttributeError, too
        raise
    except (OSError, IndexError, TypeError, AttributeError, fits.VerifyError) as error:
        raise FolderError(
            f"H5Compiler: `catalogue`: {path} can't be read as the catalogue allStar ({error}). Fetch it again by "
            "`astroNN.apogee.allstar(flag=1)`."
        ) from error
    return Catalogue(table, _upper(symbols), rows, n_rows)


class _ByName:
    """Columns of a FITS table, with `in` for their names."""

    def __init__(self, data):
        self.data = data

    def __contains__(self, name):
        return name in self.data.columns.names

    def __getitem__(self, name):
        return self.data[name]


def _wanted_columns(names):
    fixed = {*HANDED_ON, "X_H", "X_H_ERR", "ELEMFLAG", "PARAMFLAG", "FE_H", "FE_H_ERR", "FE_H_FLAG"}
    fixed |= {column for pair in PARAMETERS.values() for column in pair[:2]}
    return [name for name in names if name in fixed or name.endswith(("_FE", "_FE_ERR", "_FE_FLAG"))]


def _upper(symbols):
    return None if symbols is None else [_text(symbol).upper() for symbol in np.ravel(symbols)]


def _column(table, name):
    if name not in table:
        raise ConfigurationError(
            f"H5Compiler: the catalogue has no column {name}, which a cut or label needs. Is it allStar? Set the cut "
            "to None, or leave the label out."
        )
    return table[name]


def _floats(values):
    return column_values("H5Compiler", "catalogue", values)[0]


def _flags(values):
    """Bits; none where a table hides them."""
    values = values.filled(0) if np.ma.isMaskedArray(values) else values
    return np.asarray(values).astype("int64")


def _within(values, name, limits):
    try:
        low, high = limits
        low, high = -np.inf if low is None else float(low), np.inf if high is None else float(high)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"H5Compiler: `{name}` must be (lowest, highest), where either may be None, or None, got {limits!r}."
        ) from None
    return (values >= low) & (values <= high)


def _flagged(values, errors, flags, bad):
    """Values and errors, NaN where a value is missing, absurd (below -90) or flagged; errors also where they are."""
    values, errors = _floats(values), _floats(errors)
    missing = ~(values > -90.0) | ((flags & bad) != 0)
    return np.where(missing, np.nan, values), np.where(missing | ~(errors >= 0), np.nan, errors)


def _text(value):
    return (value.decode("ascii") if isinstance(value, bytes) else str(value)).strip()
