"""Files of Gaia DR1 from the archive of ESA."""

import warnings

from astroNN import config
from astroNN.gaia.gaia_shared import gaia_env
from astroNN.shared.callers import users_level
from astroNN.shared.deprecation import REMOVAL_VERSION
from astroNN.shared.downloads import download, listed_hashes
from astroNN.shared.folders import download_root

__all__ = ["gaia_source", "tgas", "tgas_folder"]

TGAS = "gdr1/tgas_source/fits/"
TGAS_FILES = tuple(f"TgasSource_000-000-{number:03d}.fits" for number in range(16))
TGAS_CHECKSUMS = "MD5SUM.txt"

GAIA_SOURCE = "gdr1/gaia_source/fits/"
GAIA_SOURCE_FILES = tuple(
    f"GaiaSource_000-{middle:03d}-{last:03d}.fits"
    for middle in range(21)
    for last in range(256 if middle < 20 else 111)
)


def tgas(flag=None):
    """Fetch the Tycho-Gaia Astrometric Solution of Gaia DR1: 16 files, 1.2 GB.

    Parameters
    ----------
    flag : int, optional
        1 fetches the files even if they are there. Default: only those that are not, or are damaged.

    Returns
    -------
    list of str
        Paths of the files, below the folder of `gaia_env`, or ``~/.astroNN/gaia``.

    Raises
    ------
    ConnectionError
        If a file can't be fetched, or has a wrong checksum twice.
    OSError
        If a file can't be written.

    References
    ----------
    Michalik, Lindegren & Hobbs 2015, A&A 574, A115; Gaia Collaboration 2016, A&A 595, A2.
    """
    checksums = _fetch(TGAS, TGAS_CHECKSUMS, flag=flag, progress=False)
    md5 = listed_hashes(checksums, "md5")
    unlisted = [name for name in TGAS_FILES if name not in md5]
    if unlisted:
        warnings.warn(
            f"tgas: {checksums} lists no checksum of {', '.join(unlisted)}: what was fetched of them is not checked.",
            stacklevel=users_level(),
        )
    return [str(_fetch(TGAS, name, md5.get(name), flag)) for name in TGAS_FILES]


def tgas_folder():
    """Folder in which `tgas` keeps its files.

    Returns
    -------
    pathlib.Path
        Below the folder of `gaia_env`, or ``~/.astroNN/gaia``. It need not exist.
    """
    return download_root(gaia_env(), "gaia") / "Gaia" / TGAS


def gaia_source(dr=None, flag=None):
    """Fetch all sources of Gaia DR1: 5,231 files, of some 40 MB each. Deprecated: ask `query_gaia` for your stars.

    Parameters
    ----------
    dr : int, optional
        Data release: 1 only, the default.
    flag : int, optional
        1 fetches the files even if they are there. Default: only those that are not.

    Returns
    -------
    list of str
        Paths of the files.

    Raises
    ------
    ConnectionError
        If a file can't be fetched.
    OSError
        If a file can't be written.
    ValueError
        If the release is another one.
    """
    if dr not in (None, 1):
        raise ValueError(
            f"gaia_source: `dr` must be 1, got {dr!r}. Later releases are too large for files: ask `query_gaia` for "
            "your stars."
        )
    warnings.warn(
        f"gaia_source() is deprecated and will go in version {REMOVAL_VERSION}: ask query_gaia() for the stars that "
        "you need.",
        DeprecationWarning,
        stacklevel=2,
    )
    return [str(_fetch(GAIA_SOURCE, name, flag=flag)) for name in GAIA_SOURCE_FILES]


def _fetch(folder, name, known_hash=None, flag=None, progress=True):
    url = config.download_url_reader("gaia") + folder + name
    path = download_root(gaia_env(), "gaia") / "Gaia" / folder / name
    return download(url, path, known_hash=known_hash, force=flag == 1, progress=progress)
