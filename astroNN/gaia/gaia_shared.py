"""What all Gaia tools share: the default data release, the folder of files, the Sun's magnitudes."""

from astropy import units as u

from astroNN.shared.folders import data_folder

__all__ = ["default_parallax_unit", "gaia_default_dr", "gaia_env", "solar_absmag_bands"]

LATEST_DR = 3

#: unit of a parallax given without one
default_parallax_unit = u.mas

#: absolute magnitudes of the Sun in the Vega system: Willmer 2018, ApJS 236, 47, table 3;
#: G: Casagrande & VandenBerg 2018, MNRAS 479, L102
solar_absmag_bands = {
    "U": 5.61, "B": 5.44, "V": 4.81, "R": 4.43, "I": 4.10, "J": 3.67, "H": 3.32, "K": 3.27, "Ks": 3.27,
    "u": 5.49, "g": 5.23, "r": 4.53, "i": 4.19, "z": 4.01, "G": 4.67,
}  # fmt: skip


def gaia_default_dr(dr=None):
    """Gaia data release to work with.

    Parameters
    ----------
    dr : int, optional
        Data release. Default: 3.

    Returns
    -------
    int
        The release given, or the default.

    Examples
    --------
    >>> gaia_default_dr(), gaia_default_dr(2)
    (3, 2)
    """
    return LATEST_DR if dr is None else dr


def gaia_env():
    """Folder of Gaia files, from the environment variable ``GAIA_TOOLS_DATA``.

    Returns
    -------
    str or None
        None, with one warning, if the variable is not set. Downloads then go to ``~/.astroNN/gaia``.
    """
    return data_folder("GAIA_TOOLS_DATA", "Gaia files (it holds `Gaia/gdr1/...`)", "gaia")
