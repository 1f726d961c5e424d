"""Where the files of APOGEE lie in the archive of SDSS, and how one is fetched."""

import csv
import functools
from importlib import resources
from typing import NamedTuple
from urllib.parse import quote

from astroNN import config
from astroNN.apogee.apogee_shared import apogee_env
from astroNN.shared.downloads import download_or_false
from astroNN.shared.folders import download_root

__all__ = ["SPECTRA", "ArchiveFile", "SpectrumLayout", "archive_file", "from_archive", "releases_of"]


class ArchiveFile(NamedTuple):
    """A table of the archive.

    Attributes
    ----------
    path : str
        Below the root of the archive.
    known_hash : str or None
        ``sha1:...``, if it is known.
    """

    path: str
    known_hash: str | None


class SpectrumLayout(NamedTuple):
    """Names of spectra of one release; to be formatted with location, telescope, field, star and prefix.

    Attributes
    ----------
    folder, file : str
        Below the root of the archive, and in that folder.
    checksums : str
        List of the SHA-1 of all files in the folder, which lies there, too.
    by_field : bool
        Whether folders are those of telescope and field (DR16 and later), not of a location.
    """

    folder: str
    file: str
    checksums: str
    by_field: bool


_LOCATION, _FIELD = "{location}", "{telescope}/{field}"

#: ("combined" or "visit", release) to names
SPECTRA = {
    ("combined", 13): SpectrumLayout(
        f"dr13/apogee/spectro/redux/r6/stars/l30e/l30e.2/{_LOCATION}/",
        "aspcapStar-r6-l30e.2-{star}.fits",
        "stars_l30e_l30e.2_{location}.sha1sum",
        False,
    ),
    ("combined", 14): SpectrumLayout(
        f"dr14/apogee/spectro/redux/r8/stars/l31c/l31c.2/{_LOCATION}/",
        "aspcapStar-r8-l31c.2-{star}.fits",
        "stars_l31c_l31c.2_{location}.sha1sum",
        False,
    ),
    ("combined", 16): SpectrumLayout(
        f"dr16/apogee/spectro/aspcap/r12/l33/{_FIELD}/",
        "aspcapStar-r12-{star}.fits",
        "r12_l33_{telescope}_{field}.sha1sum",
        True,
    ),
    ("combined", 17): SpectrumLayout(
        f"dr17/apogee/spectro/aspcap/dr17/synspec_rev1/{_FIELD}/",
        "aspcapStar-dr17-{star}.fits",
        "dr17_{synspec}_{telescope}_{field}.sha1sum",
        True,
    ),
    ("visit", 13): SpectrumLayout(
        f"dr13/apogee/spectro/redux/r6/stars/apo25m/{_LOCATION}/",
        "{prefix}-r6-{star}.fits",
        "r6_stars_apo25m_{location}.sha1sum",
        False,
    ),
    ("visit", 14): SpectrumLayout(
        f"dr14/apogee/spectro/redux/r8/stars/apo25m/{_LOCATION}/",
        "{prefix}-r8-{star}.fits",
        "r8_stars_apo25m_{location}.sha1sum",
        False,
    ),
    ("visit", 16): SpectrumLayout(
        f"dr16/apogee/spectro/redux/r12/stars/{_FIELD}/",
        "{prefix}-r12-{star}.fits",
        "r12_stars_{telescope}_{field}.sha1sum",
        True,
    ),
    ("visit", 17): SpectrumLayout(
        f"dr17/apogee/spectro/redux/dr17/stars/{_FIELD}/",
        "{prefix}-dr17-{star}.fits",
        "dr17_stars_{telescope}_{field}.sha1sum",
        True,
    ),
}


@functools.lru_cache(maxsize=1)
def _tables():
    with resources.files("astroNN.data").joinpath("sdss_files.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return {
        (row["table"], int(row["dr"])): ArchiveFile(
            row["folder"] + row["file"], f"sha1:{row['sha1']}" if row["sha1"] else None
        )
        for row in rows
    }


def releases_of(table):
    """Releases that have a table.

    Parameters
    ----------
    table : str
        Name of the function that fetches it, such as "allstar".

    Returns
    -------
    list of int
        In rising order; empty for an unknown table.
    """
    return sorted(dr for name, dr in _tables() if name == table)


def archive_file(table, dr):
    """The table of a release.

    Parameters
    ----------
    table : str
        Name of the function that fetches it, such as "allstar".
    dr : int
        Data release.

    Returns
    -------
    ArchiveFile
        Its place, and what its checksum is.

    Raises
    ------
    ValueError
        If the release has no such table.
    """
    if (table, dr) not in _tables():
        known = ", ".join(map(str, releases_of(table)))
        raise ValueError(f"{table}: `dr` must be one of {known}, got {dr!r}; other releases have no such file.")
    return _tables()[table, dr]


def from_archive(path, known_hash=None, flag=None, verbose=1):
    """Fetch a file of the archive to its place.

    Parameters
    ----------
    path : str
        Below the root of the archive.
    known_hash : str, optional
        ``sha1:...``, to be compared with.
    flag : int, optional
        1 fetches it anew even if it is there.
    verbose : int, optional
        0 shows no progress. Default 1.

    Returns
    -------
    str or False
        The file, below the root of downloads; False, with a warning, if the server lacks it.
    """
    url = config.download_url_reader("sdss") + quote(path, safe="/+")
    place = download_root(apogee_env(), "sdss") / path
    return download_or_false(url, place, known_hash=known_hash, force=flag == 1, progress=bool(verbose))
