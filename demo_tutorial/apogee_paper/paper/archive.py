"""Where catalogue and spectra of a release lie in the archive, and how missing ones are fetched."""

from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from astroNN.apogee import allstar, visit_spectra
from astroNN.apogee.archive import SPECTRA, archive_file

__all__ = ["allstar_path", "fetch_spectra", "spectra_folder", "spectrum_paths", "text"]

SOUTH = "lco25m"


def allstar_path(settings, fetch=False):
    """The file allStar of the release.

    Parameters
    ----------
    settings : Settings
    fetch : bool, optional
        Fetch it if it is not there. Default False.

    Raises
    ------
    SystemExit
        If it is not there and not to be fetched, or can't be had.
    """
    path = Path(settings.sas) / archive_file("allstar", settings.dr).path
    if not path.is_file() and not (fetch and allstar(settings.dr)):
        raise SystemExit(
            f"There is no {path}. Is --sas the root of the archive? --fetch asks the server of SDSS for it."
        )
    return path


def spectra_folder(settings):
    """Folder below which the apStar files of a release lie."""
    before = SPECTRA["visit", settings.dr].folder.split("{")[0].removesuffix("apo25m/")
    return Path(settings.sas) / before


def spectrum_paths(settings, table):
    """The apStar file of every row of allStar, or None where there is none.

    Parameters
    ----------
    settings : Settings
    table : mapping of str to array
        The columns APOGEE_ID, FIELD, LOCATION_ID, TELESCOPE and, if there is one, FILE.

    Returns
    -------
    list of (Path or None)
    """
    names = getattr(table, "names", None) or getattr(table, "colnames", None) or list(table)
    columns = {name: text(table[name]) for name in ("APOGEE_ID", "FIELD", "LOCATION_ID", "TELESCOPE")}
    files = text(table["FILE"]) if "FILE" in names else None
    found = []
    for row, star in enumerate(columns["APOGEE_ID"]):
        place = {name.lower(): columns[name][row] for name in ("FIELD", "TELESCOPE")}
        place["location"] = columns["LOCATION_ID"][row]
        name = files[row] if files is not None and files[row] else _file_name(settings.dr, star, place["telescope"])
        found.append(next((path / name for path in _folders(settings, place) if (path / name).is_file()), None))
    return found


def fetch_spectra(settings, table):
    """Fetch the apStar files of stars that are not there; one after the other, so that it can be stopped.

    Returns
    -------
    int
        How many are there now.
    """
    paths = spectrum_paths(settings, table)
    columns = [text(table[name]) for name in ("APOGEE_ID", "FIELD", "LOCATION_ID", "TELESCOPE")]
    missing = [row for row, path in enumerate(paths) if path is None]
    n_there = len(paths) - len(missing)
    for row in tqdm(missing, desc="fetching", unit="star", disable=None):
        star, field, location, telescope = (column[row] for column in columns)
        place = {"location": int(location)} if settings.dr < 16 else {"field": field, "telescope": telescope}
        n_there += bool(visit_spectra(settings.dr, apogee=star, verbose=0, **place))
    return n_there


def text(column):
    """A column as texts without blanks around them, whatever FITS made of it."""
    column = np.asarray(column)
    column = column.astype(str) if column.dtype.kind != "S" else np.char.decode(column, "ascii")
    return np.char.strip(column)


def _file_name(dr, star, telescope):
    prefix = "asStar" if telescope == SOUTH else "apStar"
    return SPECTRA["visit", dr].file.format(prefix=prefix, star=star)


def _folders(settings, place):
    """Folders that the file may lie in: before DR16 those of the 1 m telescope have names of fields."""
    folder = SPECTRA["visit", settings.dr].folder
    yield Path(settings.sas) / folder.format(**place)
    if settings.dr < 16:
        yield Path(settings.sas) / folder.replace("apo25m/{location}", "apo1m/{field}").format(**place)
