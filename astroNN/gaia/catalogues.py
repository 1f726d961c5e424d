"""Catalogues of parallaxes that established scripts use: TGAS, Anderson et al. 2017, Gaia DR2 for APOGEE DR14."""

import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits

from astroNN.gaia.downloads import TGAS_FILES, tgas_folder
from astroNN.gaia.gaia_shared import gaia_env
from astroNN.gaia.zero_point import parallax_offset
from astroNN.shared.catalogue_results import as_results, cut_fraction, kept_rows
from astroNN.shared.columns import column_values
from astroNN.shared.deprecation import REMOVAL_VERSION
from astroNN.shared.errors import FolderError
from astroNN.shared.folders import download_root

__all__ = ["anderson_2017_parallax", "gaiadr2_parallax", "tgas_load"]

TGAS_COLUMNS = {
    "ra": ("ra", u.deg),
    "dec": ("dec", u.deg),
    "pmra": ("pmra", u.mas / u.yr),
    "pmdec": ("pmdec", u.mas / u.yr),
    "parallax": ("parallax", u.mas),
    "parallax_err": ("parallax_error", u.mas),
    "gmag": ("phot_g_mean_mag", u.mag),
}

ANDERSON_FILE = "anderson_2017_dr14_parallax.npz"
GAIADR2_FILE = "gaiadr2_apogeedr14_parallax.npz"


def tgas_load(cuts=True, as_table=False):
    """Read the Tycho-Gaia Astrometric Solution of Gaia DR1.

    Parameters
    ----------
    cuts : bool or float, optional
        Keep stars with a positive parallax whose relative error is below this; True (default) is 0.2.
    as_table : bool, optional
        Return a table with names and units. Default False.

    Returns
    -------
    dict of arrays, or QTable
        ``ra``, ``dec`` [degrees], ``pmra``, ``pmdec`` [mas/yr], ``parallax``, ``parallax_err`` [mas], ``gmag``.

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ValueError
        If `cuts` can't be used.
    """
    fraction = cut_fraction("tgas_load", cuts)
    folder = tgas_folder()
    parts = []
    for name in TGAS_FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"tgas_load: there is no file {folder / name}. `astroNN.gaia.tgas()` fetches it.")
        with fits.open(folder / name) as hdus:
            parts.append(_tgas_columns(hdus[1].data))
    columns = {
        name: (np.concatenate([part[name] for part in parts]), unit) for name, (_, unit) in TGAS_COLUMNS.items()
    }
    keep = kept_rows(columns["parallax"][0], columns["parallax_err"][0], fraction)
    results = as_results(columns, keep, False, (), as_table)
    return results if as_table else dict(zip(columns, results, strict=True))


def _tgas_columns(table):
    return {ours: column_values("tgas_load", theirs, table[theirs])[0] for ours, (theirs, _) in TGAS_COLUMNS.items()}


def anderson_2017_parallax(cuts=True, filename=None, as_table=False):
    """Read the improved TGAS parallaxes of Anderson et al. for stars of APOGEE DR14. Deprecated: use Gaia DR3.

    Parameters
    ----------
    cuts : bool or float, optional
        Keep stars with a positive parallax whose relative error is below this; True (default) is 0.2.
    filename : str or Path, optional
        The file ``anderson_2017_dr14_parallax.npz`` with the arrays ra, dec, parallax, parallax_err. Default: the one
        of this name in the folder of `gaia_env`, or ``~/.astroNN/gaia``.
    as_table : bool, optional
        Return a table with names and units. Default False.

    Returns
    -------
    ra, dec : array, shape (n_stars,)
        Coordinates [degrees].
    parallax, parallax_err : array, shape (n_stars,)
        Parallaxes and their errors [mas].

    Raises
    ------
    FileNotFoundError
        If there is no such file: it is not part of this version.
    ValueError
        If the file lacks an array, or `cuts` can't be used.

    References
    ----------
    Anderson, Hogg, Leistedt, Price-Whelan & Bovy 2018, AJ 156, 145.
    """
    _warn_of_age("anderson_2017_parallax")
    fraction = cut_fraction("anderson_2017_parallax", cuts)
    where = "matched the catalogue of Anderson et al. 2018 (AJ 156, 145) with APOGEE DR14"
    names = ("ra", "dec", "parallax", "parallax_err")
    ra, dec, parallax, error = _arrays("anderson_2017_parallax", filename, ANDERSON_FILE, names, where)
    return _parallaxes(ra, dec, parallax, error, fraction, False, as_table)


def gaiadr2_parallax(cuts=True, keepdims=False, offset=False, filename=None, as_table=False):
    """Read the Gaia DR2 parallaxes of the stars of APOGEE DR14. Deprecated: use Gaia DR3, see `query_gaia`.

    Parameters
    ----------
    cuts : bool or float, optional
        Keep stars with a positive parallax whose relative error is below this; True (default) is 0.2.
    keepdims : bool, optional
        Keep all rows, which are those of allStar, and mark those that did not pass by -9999. Default False.
    offset : bool, float, str or function, optional
        Correction of the zero point, see `parallax_offset`. Default: none.
    filename : str or Path, optional
        The file ``gaiadr2_apogeedr14_parallax.npz`` with the arrays RA, DEC, parallax, parallax_error, g. Default:
        the one of this name in the folder of `gaia_env`, or ``~/.astroNN/gaia``.
    as_table : bool, optional
        Return a table with names and units, in which gaps are NaN. Default False.

    Returns
    -------
    ra, dec : array, shape (n_stars,)
        Coordinates [degrees].
    parallax, parallax_err : array, shape (n_stars,)
        Parallaxes and their errors [mas].

    Raises
    ------
    FileNotFoundError
        If there is no such file: it is not part of this version.
    ValueError
        If the file lacks an array, or `cuts` or `offset` can't be used.
    """
    _warn_of_age("gaiadr2_parallax")
    fraction = cut_fraction("gaiadr2_parallax", cuts)
    where = "matched the catalogue allStar of APOGEE DR14, row by row, with Gaia DR2"
    names = ("RA", "DEC", "parallax", "parallax_error", "g")
    ra, dec, parallax, error, g_mag = _arrays("gaiadr2_parallax", filename, GAIADR2_FILE, names, where)
    parallax = parallax + parallax_offset(offset, parallax, g_mag)
    return _parallaxes(ra, dec, parallax, error, fraction, keepdims, as_table)


def _parallaxes(ra, dec, parallax, error, fraction, keepdims, as_table):
    columns = {"ra": (ra, u.deg), "dec": (dec, u.deg), "parallax": (parallax, u.mas), "parallax_err": (error, u.mas)}
    return as_results(columns, kept_rows(parallax, error, fraction), keepdims, ("ra", "dec"), as_table)


def _arrays(caller, filename, default, names, where):
    path = Path(filename).expanduser() if filename is not None else download_root(gaia_env(), "gaia") / default
    if not path.is_file():
        raise FileNotFoundError(
            f"{caller}: there is no file {path}. {default} came with versions 1.0 and 1.1 of astroNN (in "
            f"astroNN/data), whose authors {where}; it is not part of this one. Give the path of yours as "
            "`filename`, or put it there."
        )
    try:
        # Pickled objects are code: they are refused.
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                raise FolderError(
                    f"{caller}: {path} lacks the arrays {', '.join(missing)}; it has {', '.join(file.files)}."
                )
            arrays = [column_values(caller, name, file[name])[0] for name in names]
    except FolderError:
        raise
    except (OSError, ValueError, TypeError, EOFError, AttributeError) as error:
        raise FolderError(f"{caller}: {path} can't be read as an npz file of numbers ({error}).") from error
    if len({array.shape for array in arrays}) > 1:
        raise FolderError(f"{caller}: the arrays in {path} have different lengths.")
    return arrays


def _warn_of_age(name):
    warnings.warn(
        f"{name}() is deprecated and will go in version {REMOVAL_VERSION}: its parallaxes are those of an old data "
        "release; see query_gaia().",
        DeprecationWarning,
        stacklevel=3,
    )
