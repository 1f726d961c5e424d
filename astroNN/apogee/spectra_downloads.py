"""Spectra of APOGEE from the archive of SDSS: combined ones, and visits.

They keep their places in the archive, as the tables of `astroNN.apogee.downloads` do.
"""

import functools
import warnings
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroNN.apogee.apogee_shared import apogee_default_dr
from astroNN.apogee.archive import SPECTRA, from_archive
from astroNN.apogee.downloads import allstar
from astroNN.shared.callers import users_level
from astroNN.shared.downloads import listed_hashes
from astroNN.shared.errors import ChecksumError
from astroNN.shared.messages import tell

__all__ = ["combined_spectra", "visit_spectra"]

SOUTHERN_TELESCOPE = "lco25m"
TELESCOPES = ("apo25m", SOUTHERN_TELESCOPE, "apo1m")


def combined_spectra(dr=None, location=None, field=None, apogee=None, telescope=None, verbose=1, flag=None):
    """Fetch the combined spectrum of a star as ASPCAP normalised it (aspcapStar).

    Parameters
    ----------
    dr : int, optional
        Data release: 13, 14, 16 or 17. Default: see `apogee_default_dr`.
    location : int, optional
        Location ID, before DR 16.
    field : str, optional
        Name of the field, DR 16 and later.
    apogee : str
        APOGEE ID, such as "2M00380508+5608579".
    telescope : str, optional
        "apo25m", "lco25m" or "apo1m", DR 16 and later.
    verbose : int, optional
        0 says nothing and shows no progress. Default 1.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks it or its folder.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such spectra, or the star is not in its catalogue.

    Notes
    -----
    Location, or field and telescope, are looked up in the catalogue of `allstar` if they are not given: in the first
    row of the star that has what is given. A file that the archive's list of checksums lacks comes with a warning.
    """
    place = {"location": location, "field": field, "telescope": telescope}
    return _spectrum("combined", "combined_spectra", dr, apogee, place, verbose, flag)


def visit_spectra(
    dr=None, location=None, field=None, apogee=None, telescope=None, verbose=1, flag=None, commission=False
):
    """Fetch the visits of a star and their combination (apStar; asStar of the southern telescope).

    Parameters
    ----------
    dr : int, optional
        Data release: 13, 14, 16 or 17. Default: see `apogee_default_dr`.
    location : int, optional
        Location ID, before DR 16.
    field : str, optional
        Name of the field, DR 16 and later.
    apogee : str
        APOGEE ID, such as "2M00380508+5608579".
    telescope : str, optional
        "apo25m", "lco25m" or "apo1m", DR 16 and later.
    verbose : int, optional
        0 says nothing and shows no progress. Default 1.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.
    commission : bool, optional
        True for spectra of the commissioning (apStarC). Default False.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks it or its folder.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such spectra, or the star is not in its catalogue.

    Notes
    -----
    As of `combined_spectra`.
    """
    place = {"location": location, "field": field, "telescope": telescope}
    return _spectrum("visit", "visit_spectra", dr, apogee, place, verbose, flag, commission)


def _spectrum(kind, caller, dr, star, place, verbose, flag, commission=False):
    dr = apogee_default_dr(dr)
    if (kind, dr) not in SPECTRA:
        known = ", ".join(str(release) for of_kind, release in SPECTRA if of_kind == kind)
        raise ValueError(f"{caller}: `dr` must be one of {known}, got {dr!r}.")
    if not isinstance(star, str) or not star.strip():
        raise ValueError(f"{caller}: `apogee` must be an APOGEE ID such as '2M00380508+5608579', got {star!r}.")
    star, layout = star.strip(), SPECTRA[kind, dr]
    names = _with_place(caller, dr, star, place, layout.by_field, verbose)
    south = names["telescope"] == SOUTHERN_TELESCOPE
    names |= {
        "star": star,
        "prefix": ("asStar" if south else "apStar") + ("C" if commission else ""),
        # DR17 was processed twice; the lists of northern fields kept the first name.
        "synspec": "synspec_rev1" if south else "synspec",
    }
    folder, file, checksums = (text.format(**names) for text in (layout.folder, layout.file, layout.checksums))
    listed = from_archive(folder + checksums, flag=flag, verbose=0)
    if listed is False:
        return False
    known_hash = _hash_of(file, listed_hashes(listed, "sha1"))
    try:
        path = from_archive(folder + file, known_hash, flag, verbose)
    except ChecksumError:
        # The list that is here may be older than the file.
        newer = _hash_of(file, listed_hashes(from_archive(folder + checksums, flag=1, verbose=0), "sha1"))
        if newer == known_hash:
            raise
        known_hash = newer
        path = from_archive(folder + file, known_hash, flag, verbose)
    if path and known_hash is None:
        warnings.warn(f"{caller}: {path} is not checked: {listed} lists no checksum of it.", stacklevel=users_level())
    if path:
        tell(f"{caller}: {path}", verbose)
    return path


def _with_place(caller, dr, star, place, by_field, verbose):
    """Location, or field and telescope, with what is not given looked up in the catalogue of stars."""
    needed = ("field", "telescope") if by_field else ("location",)
    found = {name: None if value is None else _as_name(value) for name, value in place.items()}
    if found["telescope"] not in (None, *TELESCOPES):
        raise ValueError(f"{caller}: `telescope` must be one of {', '.join(TELESCOPES)}, got {found['telescope']!r}.")
    if any(found[name] is None for name in needed):
        given = {name: value for name, value in found.items() if value is not None}
        row = _row_of_star(caller, dr, star, given)
        tell(f"{caller}: {', '.join(f'{name} {row[name]}' for name in needed)} of {star} by allStar.", verbose)
        found |= {name: row[name] for name in needed}
    return found


def _as_name(value):
    """A location, field or telescope as it stands in the names of folders; tables give bytes and numpy's numbers."""
    if isinstance(value, bytes):
        value = value.decode()
    return str(int(value) if isinstance(value, float | np.floating) and value.is_integer() else value).strip()


def _row_of_star(caller, dr, star, given):
    """Location, field and telescope of the first row of a star in allStar that has what is given."""
    path = allstar(dr)
    if path is False:
        raise ValueError(
            f"{caller}: the catalogue of stars of DR{dr} can't be had, so give the place of the spectrum: `location` "
            "before DR16, `field` and `telescope` since."
        )
    columns = _places(path, Path(path).stat().st_mtime_ns)
    wanted = {"star": star} | {name: value for name, value in given.items() if name in columns}
    rows = np.flatnonzero(np.all([columns[name] == value.encode() for name, value in wanted.items()], axis=0))
    if not rows.size:
        where = ", ".join(f"{name} {value}" for name, value in wanted.items() if name != "star")
        where = f" with {where}" if where else ""
        raise ValueError(f"{caller}: there is no star {star!r}{where} in the catalogue of DR{dr} ({path}).")
    return {name: column[rows[0]].decode() for name, column in columns.items()}


@functools.lru_cache(maxsize=2)
def _places(path, modified):
    """Stars and their places by allStar, as arrays; `modified` makes a file that was replaced be read again."""
    ours = {"APOGEE_ID": "star", "LOCATION_ID": "location", "FIELD": "field", "TELESCOPE": "telescope"}
    with fits.open(path, memmap=True) as hdus:
        rows = np.asarray(hdus[1].data)  # bytes as they are: text takes four times the room, and a second a column
        return {ours[name]: np.strings.strip(rows[name].astype("S")) for name in rows.dtype.names if name in ours}


def _hash_of(file, hashes):
    """Checksum of a file by the archive's list, or None. A list may name it with a suffix; several tell nothing."""
    stem = file.removesuffix(".fits")
    alike = [digest for name, digest in hashes.items() if stem in name]
    return hashes.get(file) or (alike[0] if len(alike) == 1 else None)
