"""What all APOGEE tools share: the default data release and star identifiers."""

import os
from collections.abc import Hashable

import numpy as np

from astroNN.shared.folders import data_folder
from astroNN.shared.messages import tell

__all__ = ["apogee_default_dr", "apogee_env", "apogeeid_digit"]

LATEST_DR = 17

# Reduction version, as the environment variable RESULTS_VERS names it, to data release.
RELEASE_OF_RESULTS_VERS = {"v402": 11, "v603": 12, "l30e.2": 13, "l31c.2": 14, "l33": 16, "dr17": 17}


def apogee_default_dr(dr=None):
    """Data release to work with.

    Parameters
    ----------
    dr : int, optional
        SDSS data release. Default: the one of the environment variable ``RESULTS_VERS`` (``v402``, ``v603``,
        ``l30e.2``, ``l31c.2``, ``l33``, ``dr17``), or 17 when that is not set.

    Returns
    -------
    int
        `dr`, except that 15, which brought no new APOGEE spectra, becomes 14.

    Raises
    ------
    ValueError
        If `dr` is a list or array of releases, or ``RESULTS_VERS`` is set to a version that is not known.

    Examples
    --------
    >>> apogee_default_dr(14)
    14
    """
    if dr is None:
        version = os.environ.get("RESULTS_VERS")
        if version is None:
            return LATEST_DR
        if version not in RELEASE_OF_RESULTS_VERS:
            raise ValueError(
                f"apogee_default_dr: the environment variable RESULTS_VERS is {version!r}; known versions "
                f"are {', '.join(RELEASE_OF_RESULTS_VERS)}. Correct it, unset it, or give `dr`."
            )
        return RELEASE_OF_RESULTS_VERS[version]
    if isinstance(dr, np.ndarray) and dr.ndim == 0:
        dr = dr.item()
    if not isinstance(dr, Hashable):
        raise ValueError(f"apogee_default_dr: `dr` must be one data release, such as {LATEST_DR}, got {dr!r}.")
    if dr == 15:
        tell("APOGEE DR15 has the spectra of DR14: DR14 is used.")
        return 14
    return dr


def apogee_env():
    """Folder of the local mirror of SDSS files, from the environment variable ``SDSS_LOCAL_SAS_MIRROR``.

    Returns
    -------
    str or None
        None, with one warning, if the variable is not set. Downloads then go to ``~/.astroNN/sdss``.
    """
    return data_folder("SDSS_LOCAL_SAS_MIRROR", "mirror of SDSS files (it holds `dr14/`, `dr17/`, ...)", "sdss")


def apogeeid_digit(arr):
    """Keep the digits of APOGEE identifiers.

    Parameters
    ----------
    arr : str, bytes, or sequence of them
        Identifiers such as ``"2M00380508+5608579"``. FITS tables give bytes.

    Returns
    -------
    str or ndarray of str
        One string for one identifier, else an array of the shape of `arr`.

    Examples
    --------
    >>> apogeeid_digit("2M00380508+5608579")
    '2003805085608579'
    """
    if isinstance(arr, (str, bytes)):
        return _digits(arr)
    identifiers = np.asarray(arr)
    digits = np.array([_digits(one) for one in identifiers.ravel()], dtype=str)
    return digits.reshape(identifiers.shape)


def _digits(identifier):
    text = identifier.decode("ascii") if isinstance(identifier, bytes) else str(identifier)
    return "".join(character for character in text if character in "0123456789")
