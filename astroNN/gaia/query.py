"""Parallaxes and photometry of the current data release, for the stars that you have, from the archive of ESA."""

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table

from astroNN.shared.checks import check_rows
from astroNN.shared.columns import as_degrees, column_values, in_unit
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.missing import data_and_mask

__all__ = ["query_gaia"]

TABLE = "gaiadr3.gaia_source"
EPOCH = 2016.0  # of the coordinates of DR3
#: columns of the result and their units
COLUMNS = {
    "source_id": None,
    "ra": u.deg,
    "dec": u.deg,
    "pmra": u.mas / u.yr,
    "pmdec": u.mas / u.yr,
    "parallax": u.mas,
    "parallax_error": u.mas,
    "ruwe": None,
    "phot_g_mean_mag": u.mag,
    "phot_bp_mean_mag": u.mag,
    "phot_rp_mean_mag": u.mag,
}
UNKNOWN = -1  # number of a star without identifier or coordinates, for which nothing is asked
# What the archive takes as one table of stars, and answers within its time limit.
STARS_PER_QUERY = 5000


def query_gaia(source_id=None, ra=None, dec=None, radius=1.0, offset=None, client=None):
    """Gaia DR3 astrometry and photometry of a list of stars.

    Parameters
    ----------
    source_id : array_like of int, shape (n_stars,), optional
        DR3 source identifiers; or else give coordinates.
    ra, dec : array_like or Quantity, shape (n_stars,), optional
        ICRS [degrees] at epoch 2016. Nothing is asked for stars whose identifier is masked, or that have no
        coordinates.
    radius : float or Quantity, optional
        The nearest source closer than this [arcsec] is taken. Default: 1.
    offset : float or function, optional
        Correction of the zero point of the parallaxes, added to them. A number [mas]; or a function of the table of
        results that gives one number [mas] for each row, such as that of Lindegren et al. 2021, which the package
        ``gaiadr3-zeropoint`` has. Those of `parallax_offset` by name are for DR2, and refused. Default: none.
    client : object, optional
        What asks the archive. Default: ``astroquery.gaia.Gaia``.

    Returns
    -------
    QTable
        A row for every star, in the order given: ``source_id`` (0 if there is none), ``ra``, ``dec``, ``pmra``,
        ``pmdec``, ``parallax``, ``parallax_error``, ``ruwe``, ``phot_g_mean_mag``, ``phot_bp_mean_mag``,
        ``phot_rp_mean_mag``, with units; NaN where the archive has no value.

    Raises
    ------
    ConfigurationError
        (a ValueError) If neither or both of identifiers and coordinates are given, or `offset` can't be used.
    ConnectionError
        If the archive can't be reached, or answers with an error.
    ImportError
        If astroquery is not installed.
    ValueError
        If identifiers or coordinates are not a column, or declinations are beyond 90 degrees.

    References
    ----------
    Gaia Collaboration 2023, A&A 674, A1; zero point: Lindegren et al. 2021, A&A 649, A4.
    """
    stars, condition = _stars(source_id, ra, dec, radius)
    offset = 0.0 if offset is None or offset is False else offset
    if not callable(offset):  # a function needs what the archive answers; all else is checked before it is asked
        offset = _offsets(offset, len(stars))
    client = _archive() if client is None else client
    found = [
        _ask(client, stars[start : start + STARS_PER_QUERY], condition)
        for start in range(0, len(stars), STARS_PER_QUERY)
    ]
    table = _in_order(found, len(stars))
    table["parallax"] += (_offsets(offset(table), len(table)) if callable(offset) else offset) * u.mas
    return table


def _stars(source_id, ra, dec, radius):
    """Table to be uploaded, and how its rows are found."""
    if (source_id is None) == (ra is None or dec is None) or (source_id is not None and ra is not None):
        raise ConfigurationError("query_gaia: give either `source_id`, or `ra` and `dec`.")
    if source_id is not None:
        # Identifiers have 19 digits: as floats they would name other stars.
        identifiers, mask = data_and_mask(source_id)
        identifiers = np.atleast_1d(identifiers)
        if identifiers.dtype.kind not in "iu" or identifiers.ndim != 1:
            raise ConfigurationError(
                f"query_gaia: `source_id` must be a column of whole numbers, got type {identifiers.dtype} and shape "
                f"{identifiers.shape}. Read them as integers: a float can't hold 19 digits."
            )
        stars = np.where(False if mask is None else mask, UNKNOWN, np.arange(len(identifiers)))
        return Table({"star": stars, "id": identifiers.astype("int64")}), "g.source_id = s.id"
    columns = {"ra": as_degrees("query_gaia", "ra", ra), "dec": as_degrees("query_gaia", "dec", dec, limit=90.0)}
    check_rows(**columns)
    degrees = u.Quantity(radius, radius.unit if isinstance(radius, u.Quantity) else u.arcsec).to_value(u.deg)
    if not 0 < degrees <= 1:
        raise ConfigurationError(
            f"query_gaia: `radius` must be a positive angle [arcsec] of at most a degree, got {radius!r}."
        )
    known = np.isfinite(columns["ra"] + columns["dec"])
    stars = Table({"star": np.where(known, np.arange(len(known)), UNKNOWN), **columns})
    return stars, f"DISTANCE(POINT(g.ra, g.dec), POINT(s.ra, s.dec)) < {degrees:.10f}"


def _ask(client, stars, condition):
    columns = ", ".join(f"g.{name}" for name in COLUMNS)
    distance = ", DISTANCE(POINT(g.ra, g.dec), POINT(s.ra, s.dec)) AS separation" if "ra" in stars.colnames else ""
    query = f"SELECT s.star, {columns}{distance} FROM tap_upload.stars AS s JOIN {TABLE} AS g ON {condition}"
    asked = stars[stars["star"] != UNKNOWN]
    if not len(asked):
        return None
    from requests.exceptions import HTTPError  # only when something is asked

    try:
        return client.launch_job_async(query, upload_resource=asked, upload_table_name="stars").get_results()
    except (HTTPError, SystemError) as error:  # the second is what astroquery raises for a job that failed
        raise ConnectionError(f"query_gaia: the Gaia archive answers with an error ({error}).") from error
    except OSError as error:
        raise ConnectionError(f"query_gaia: the Gaia archive can't be reached ({error}). Try again later.") from error


def _in_order(found, n_stars):
    """One row for every star: of several sources the nearest."""
    columns = {name: np.full(n_stars, np.nan) for name in COLUMNS}
    columns["source_id"] = np.zeros(n_stars, dtype="int64")
    for part in found:
        if part is None or not len(part):
            continue
        # The names of columns come back in upper or lower case, as the server likes.
        by_name = {name.lower(): part[name] for name in part.colnames}
        order = np.arange(len(part))
        if "separation" in by_name:
            order = np.argsort(-np.asarray(by_name["separation"], dtype="float64"), kind="stable")
        rows = np.asarray(by_name["star"], dtype=int)[order]
        for name in COLUMNS:
            values = np.ma.filled(np.ma.asarray(by_name[name]), 0 if name == "source_id" else np.nan)
            columns[name][rows] = values[order]  # the nearest comes last, and stays
    return QTable(columns, units={name: unit for name, unit in COLUMNS.items() if unit is not None})


def _offsets(offset, n_stars):
    """Offsets [mas]: one for all, or one for each star."""
    if isinstance(offset, bool | np.bool_ | str):
        raise ConfigurationError(
            f"query_gaia: `offset` must be a number [mas] or a function of the table, got {offset!r}. The "
            "corrections that `parallax_offset` knows are for DR2; for DR3 see Lindegren et al. 2021 (package "
            "gaiadr3-zeropoint)."
        )
    try:
        numbers, unit = column_values("query_gaia", "offset", offset)
    except TypeError as error:
        raise ConfigurationError(f"{error}") from error
    if numbers.shape not in ((), (n_stars,)) or np.isinf(numbers).any() or (not numbers.ndim and np.isnan(numbers)):
        raise ConfigurationError(
            f"query_gaia: `offset` must be a number [mas], or a function that gives one for each of the {n_stars} "
            f"stars, got {offset!r}."
        )
    return numbers if unit is None else in_unit("query_gaia", "offset", numbers, unit, u.mas)


def _archive():
    try:
        from astroquery.gaia import Gaia
    except ImportError as error:
        raise ImportError("query_gaia needs astroquery: pip install astroquery") from error
    return Gaia
