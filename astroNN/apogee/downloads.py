"""Files of APOGEE from the archive of SDSS: catalogues, value-added catalogues, and spectra.

They keep their places in the archive, below the folder of `apogee_env`, or ``~/.astroNN/sdss``. The archive is
that of the setting ``sdss`` in the section ``Downloads`` of the configuration file.
"""

import functools
from pathlib import Path
from urllib.parse import quote

from astropy.io import fits

from astroNN import config
from astroNN.apogee._archive import SPECTRA, archive_file
from astroNN.apogee.apogee_shared import apogee_default_dr, apogee_env
from astroNN.shared.deprecation import deprecated_copy_signature
from astroNN.shared.downloads import download_or_false
from astroNN.shared.folders import download_root
from astroNN.shared.messages import tell

__all__ = [
    "allstar",
    "allstar_cannon",
    "allvisit",
    "apogee_astroNN",
    "apogee_astronn",
    "apogee_distances",
    "apogee_rc",
    "apogee_vac_rc",
    "combined_spectra",
    "visit_spectra",
]

SOUTHERN_TELESCOPE = "lco25m"


def allstar(dr=None, flag=None):
    """Fetch the catalogue of all stars: one row a star, with the labels of ASPCAP.

    Parameters
    ----------
    dr : int, optional
        Data release: 13, 14, 16 or 17. Default: see `apogee_default_dr`.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks or refuses it.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such file.
    """
    return _table("allstar", dr, flag)


def allvisit(dr=None, flag=None):
    """Fetch the catalogue of all visits: one row a visit.

    Parameters
    ----------
    dr : int, optional
        Data release: 13, 14, 16 or 17. Default: see `apogee_default_dr`.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks or refuses it.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such file.
    """
    return _table("allvisit", dr, flag)


def allstar_cannon(dr=None, flag=None):
    """Fetch the catalogue of labels by The Cannon.

    Parameters
    ----------
    dr : int, optional
        Data release: 14 only. Default: see `apogee_default_dr`.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks or refuses it.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such file.
    """
    return _table("allstar_cannon", dr, flag)


def apogee_astronn(dr=None, flag=None):
    """Fetch the value-added catalogue of labels, distances and ages by astroNN.

    Parameters
    ----------
    dr : int, optional
        Data release: 16 or 17. Default: see `apogee_default_dr`.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks or refuses it.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such file.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255 and MNRAS 489, 2079; Mackereth et al. 2019, MNRAS 489, 176.
    """
    return _table("apogee_astronn", dr, flag)


def apogee_rc(dr=None, flag=None):
    """Fetch the value-added catalogue of red clump stars.

    Parameters
    ----------
    dr : int, optional
        Data release: 13, 14, 16 or 17. Default: see `apogee_default_dr`.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks or refuses it.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such file.

    References
    ----------
    Bovy et al. 2014, ApJ 790, 127.
    """
    return _table("apogee_rc", dr, flag)


def apogee_distances(dr=None, flag=None):
    """Fetch the value-added catalogue of distances: BPG (DR 14) or StarHorse (DR 16, 17).

    Parameters
    ----------
    dr : int, optional
        Data release: 14, 16 or 17. Default: see `apogee_default_dr`.
    flag : int, optional
        1 fetches the file even if it is there. Default: only if it is not, or is damaged.

    Returns
    -------
    str or False
        Path of the file; False, with a warning, if the server lacks or refuses it.

    Raises
    ------
    ConnectionError
        If the server can't be reached, or sends a file with a wrong checksum twice.
    OSError
        If the file can't be written.
    ValueError
        If the release has no such file.

    References
    ----------
    Santiago et al. 2016, A&A 585, A42 (BPG); Queiroz et al. 2020, A&A 638, A76 (StarHorse).
    """
    return _table("apogee_distances", dr, flag)


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
    Location, or field and telescope, are looked up in the catalogue of `allstar` if they are not given: the first
    row of the star, on `telescope` if that is given.
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


@deprecated_copy_signature(apogee_rc)
def apogee_vac_rc(dr=None, flag=None):
    """Deprecated: use `apogee_rc`."""
    return apogee_rc(dr, flag)


#: the name that the documentation had
apogee_astroNN = apogee_astronn


def _table(name, dr, flag):
    wanted = archive_file(name, apogee_default_dr(dr))
    return _from_archive(wanted.path, wanted.known_hash, flag)


def _from_archive(path, known_hash=None, flag=None, verbose=1):
    url = config.download_url_reader("sdss") + quote(path, safe="/+")
    place = download_root(apogee_env(), "sdss") / path
    return download_or_false(url, place, known_hash=known_hash, force=flag == 1, progress=bool(verbose))


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
    listed = _from_archive(folder + checksums, flag=flag, verbose=0)
    if listed is False:
        return False
    known_hash = _listed_hash(Path(listed), file)
    path = _from_archive(folder + file, known_hash, flag, verbose)
    if path:
        tell(f"{caller}: {path}", verbose)
    return path


def _with_place(caller, dr, star, place, by_field, verbose):
    """Location, or field and telescope, with what is not given looked up in the catalogue of stars."""
    needed = ("field", "telescope") if by_field else ("location",)
    found = {name: None if value is None else str(value).strip() for name, value in place.items()}
    if any(found[name] is None for name in needed):
        telescope = found["telescope"] if by_field else None
        row = _row_of_star(caller, dr, star, telescope)
        tell(f"{caller}: {', '.join(f'{name} {row[name]}' for name in needed)} of {star} by allStar.", verbose)
        found |= {name: found[name] or row[name] for name in needed}
    return found


def _row_of_star(caller, dr, star, telescope):
    """Location, field and telescope of the first row of a star in allStar."""
    path = allstar(dr)
    if path is False:
        raise ValueError(
            f"{caller}: the catalogue of stars of DR{dr} can't be had, so give the place of the spectrum: `location` "
            "before DR16, `field` and `telescope` since."
        )
    for row in _rows_by_star(path, Path(path).stat().st_mtime_ns).get(star, ()):
        if telescope in (None, row["telescope"]):
            return row
    where = "" if telescope is None else f" with telescope {telescope}"
    raise ValueError(f"{caller}: there is no star {star!r}{where} in the catalogue of DR{dr} ({path}).")


@functools.lru_cache(maxsize=2)
def _rows_by_star(path, modified):
    """Rows of allStar by star; `modified` makes a file that was replaced be read again."""
    with fits.open(path, memmap=True) as hdus:
        table = hdus[1].data
        names = set(table.columns.names)
        columns = {
            ours: table[theirs].astype(str) if theirs in names else [""] * len(table)
            for ours, theirs in {"location": "LOCATION_ID", "field": "FIELD", "telescope": "TELESCOPE"}.items()
        }
        rows = {}
        for number, star in enumerate(table["APOGEE_ID"]):
            row = {name: column[number].strip() for name, column in columns.items()}
            rows.setdefault(star.strip(), []).append(row)
    return rows


def _listed_hash(path, file):
    """Checksum of a file by the archive's list, which is the one of the same name or, if there is none, unknown."""
    stem = file.removesuffix(".fits")
    entries = [line.split() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    entries = [(entry[0], entry[-1].lstrip("*").rpartition("/")[2]) for entry in entries if len(entry) >= 2]
    exact = [digest for digest, name in entries if name == file]
    alike = [digest for digest, name in entries if stem in name]
    # A list may name a file with a suffix; several such names tell nothing.
    found = exact or (alike if len(alike) == 1 else [])
    return f"sha1:{found[0]}" if found else None
