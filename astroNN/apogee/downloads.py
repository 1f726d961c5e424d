"""Tables of APOGEE from the archive of SDSS: catalogues and value-added catalogues.

They keep their places in the archive, below the folder of `apogee_env`, or ``~/.astroNN/sdss``. The archive is
that of the setting ``sdss`` in the section ``Downloads`` of the configuration file.
"""

from astroNN.apogee.apogee_shared import apogee_default_dr
from astroNN.apogee.archive import archive_file, from_archive
from astroNN.shared.deprecation import deprecated_copy_signature

__all__ = [
    "allstar",
    "allstar_cannon",
    "allvisit",
    "apogee_astroNN",
    "apogee_astronn",
    "apogee_distances",
    "apogee_rc",
    "apogee_vac_rc",
]


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


@deprecated_copy_signature(apogee_rc)
def apogee_vac_rc(dr=None, flag=None):
    """Deprecated: use `apogee_rc`.

    Parameters
    ----------
    dr : int, optional
        Data release, as of `apogee_rc`.
    flag : int, optional
        1 fetches the file even if it is there.

    Returns
    -------
    str or False
        What `apogee_rc` gives.
    """
    return apogee_rc(dr, flag)


# The name that the documentation had.
apogee_astroNN = apogee_astronn


def _table(name, dr, flag):
    wanted = archive_file(name, apogee_default_dr(dr))
    return from_archive(wanted.path, wanted.known_hash, flag)
