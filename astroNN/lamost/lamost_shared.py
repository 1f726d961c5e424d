"""What all LAMOST tools share: the data release, the folder of files, the catalogue."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from astroNN.shared.folders import data_folder, download_root
from astroNN.shared.messages import tell

__all__ = ["lamost_default_dr", "lamost_env", "load_allstar_dr5"]

RELEASES = (5,)

# Stellar parameters of DR5 matched with 2MASS, APASS, SDSS, UCAC4, Pan-STARRS and ALLWISE by J. Carlin.
ALLSTAR_DR5 = Path("DR5") / "LAMO5_2MS_AP9_SD14_UC4_PS1_AW_Carlin_M.fits"


def lamost_default_dr(dr=None):
    """LAMOST data release to work with.

    Parameters
    ----------
    dr : int, optional
        Data release: 5 is the only one known. Default: 5, with a message.

    Returns
    -------
    int
        The release given, or the default.

    Raises
    ------
    ValueError
        If the release is not known.

    Examples
    --------
    >>> lamost_default_dr(5)
    5
    """
    if dr is None:
        tell(f"LAMOST: `dr` is not given, DR{RELEASES[-1]} is used.")
        return RELEASES[-1]
    # An array compares element by element.
    if np.ndim(dr) or dr not in RELEASES:
        raise ValueError(f"lamost_default_dr: `dr` must be one of {', '.join(map(str, RELEASES))}, got {dr!r}.")
    return int(dr)


def lamost_env():
    """Folder of LAMOST files, from the environment variable ``LASMOT_DR5_DATA`` (spelled like this).

    Returns
    -------
    str or None
        None, with one warning, if the variable is not set.
    """
    return data_folder("LASMOT_DR5_DATA", "LAMOST files (it holds `DR5/`)", "lamost")


def load_allstar_dr5():
    """Open the catalogue of stellar parameters of DR5.

    Returns
    -------
    HDUList
        Of ``DR5/LAMO5_2MS_AP9_SD14_UC4_PS1_AW_Carlin_M.fits`` in the folder of `lamost_env`, else in
        ``~/.astroNN/lamost``.

    Raises
    ------
    FileNotFoundError
        If it is not there. The survey offers no plain download of it.
    OSError
        If it is damaged.
    """
    path = download_root(lamost_env(), "lamost") / ALLSTAR_DR5
    if not path.is_file():
        raise FileNotFoundError(
            f"load_allstar_dr5: there is no file {path}. Get {ALLSTAR_DR5.name} (a value-added catalogue of LAMOST "
            f"DR5) and put it there, or set LASMOT_DR5_DATA to the folder that holds DR5/."
        )
    try:
        return fits.open(path)
    except OSError as error:
        raise OSError(
            f"load_allstar_dr5: {path} can't be read as a FITS file ({error}). It may be damaged: get it again."
        ) from error
