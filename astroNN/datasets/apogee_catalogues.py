"""Distances of APOGEE stars from the survey's value-added catalogues, fetched when they are not at hand."""

import numpy as np
from astropy import units as u
from astropy.io import fits

from astroNN.apogee import allstar, apogee_default_dr, apogee_distances, apogee_rc
from astroNN.gaia import extinction_correction, mag_to_absmag, mag_to_fakemag
from astroNN.shared.catalogue_results import as_results, cut_fraction, kept_rows
from astroNN.shared.columns import column_values
from astroNN.shared.errors import NotOnServerError
from astroNN.shared.setting_checks import check_one_of

__all__ = ["load_apogee_distances", "load_apogee_rc"]

#: what is given, and its unit
UNITS = {"distance": u.pc, "absmag": u.mag, "fakemag": u.mas}

# Names of the quantiles of the distance [kpc] in the catalogues that there have been.
DISTANCES = (("BPG_dist50", "BPG_dist16", "BPG_dist84"), ("dist50", "dist16", "dist84"))
KPC = 1000.0  # pc


def load_apogee_rc(dr=None, unit="distance", extinction=True, as_table=False):
    """Coordinates and distances of red clump stars.

    Parameters
    ----------
    dr : int, optional
        Data release: 13, 14, 16 or 17. Default: see `astroNN.apogee.apogee_default_dr`.
    unit : {"distance", "absmag", "fakemag"}, optional
        Distance [pc] (default), or absolute magnitude or fakemag in the K band.
    extinction : bool, optional
        Take the extinction AK_TARG off the magnitudes. Default True.
    as_table : bool, optional
        Return a table with names and units, in which gaps are NaN. Default False.

    Returns
    -------
    ra, dec : array, shape (n_stars,)
        Coordinates [degrees].
    values : array, shape (n_stars,)
        What `unit` says; -9999 where it is missing.

    Raises
    ------
    ConnectionError
        If the catalogue is not at hand and can't be fetched.
    ValueError
        If `unit` or the release is not known.

    References
    ----------
    Bovy et al. 2014, ApJ 790, 127.
    """
    check_one_of("unit", unit, UNITS)
    with fits.open(_at_hand("load_apogee_rc", apogee_rc(dr))) as hdus:
        catalogue = hdus[1].data
        distance = _column(catalogue, "RC_DIST") * KPC
        values, _ = _in_unit(unit, distance, None, catalogue, extinction)
        columns = {
            "ra": (_column(catalogue, "RA"), u.deg),
            "dec": (_column(catalogue, "DEC"), u.deg),
            unit: (values, UNITS[unit]),
        }
    return as_results(columns, np.ones(len(distance), bool), False, (), as_table)


def load_apogee_distances(dr=None, unit="distance", cuts=True, extinction=True, keepdims=False, as_table=False):
    """Coordinates and distances of all stars of a release.

    Parameters
    ----------
    dr : int, optional
        Data release: 14 (BPG distances), 16 or 17 (StarHorse). Default: see `astroNN.apogee.apogee_default_dr`.
    unit : {"distance", "absmag", "fakemag"}, optional
        Distance [pc] (default), or absolute magnitude or fakemag in the K band.
    cuts : bool or float, optional
        Keep stars whose relative error of the distance is below this; True (default) is 0.2.
    extinction : bool, optional
        Take the extinction AK_TARG off the magnitudes. Default True.
    keepdims : bool, optional
        Keep all rows of the catalogue of stars, and mark those that did not pass the cuts by -9999. Default False.
    as_table : bool, optional
        Return a table with names and units, in which gaps are NaN. Default False.

    Returns
    -------
    ra, dec : array, shape (n_stars,)
        Coordinates [degrees].
    values, errors : array, shape (n_stars,)
        What `unit` says and its error; -9999 where it is missing.

    Raises
    ------
    ConnectionError
        If a catalogue is not at hand and can't be fetched.
    ValueError
        If `unit`, `cuts` or the release is not known.

    Notes
    -----
    The value is the median of the distance, the error the width from its 16th to its 84th percentile, as it has
    always been here: for a Gaussian twice the standard deviation. Rows are those of `astroNN.apogee.allstar`, in its
    order; stars that it has and the catalogue of distances does not are missing.

    References
    ----------
    Santiago et al. 2016, A&A 585, A42 (BPG); Queiroz et al. 2020, A&A 638, A76 (StarHorse).
    """
    check_one_of("unit", unit, UNITS)
    fraction = cut_fraction("load_apogee_distances", cuts)
    dr = apogee_default_dr(dr)
    path = _at_hand("load_apogee_distances", apogee_distances(dr))
    with fits.open(path) as distances, fits.open(_at_hand("load_apogee_distances", allstar(dr))) as stars:
        catalogue = stars[1].data
        rows = _rows_of(catalogue, distances[1].data)
        median, low, high = (_of_rows(distances[1].data, name, rows) * KPC for name in _quantiles(distances[1], path))
        ra, dec = _column(catalogue, "RA"), _column(catalogue, "DEC")
        width = high - low
        values, errors = _in_unit(unit, median, width, catalogue, extinction)
    keep = kept_rows(median, width, fraction)
    of_unit = UNITS[unit]
    columns = {"ra": (ra, u.deg), "dec": (dec, u.deg), unit: (values, of_unit), f"{unit}_err": (errors, of_unit)}
    return as_results(columns, keep, keepdims, ("ra", "dec"), as_table)


def _at_hand(caller, path):
    if path is False:
        raise NotOnServerError(f"{caller}: the catalogue is not at hand, and the server does not give it.")
    return path


def _column(table, name):
    return column_values("APOGEE's catalogue", name, table[name])[0]


def _in_unit(unit, distance, distance_err, catalogue, extinction):
    """Distances [pc] and their errors as they are, or as luminosities in the K band; NaN where missing."""
    distance = np.where(distance > 0, distance, np.nan)
    if unit == "distance":
        return distance, distance_err
    mag = _column(catalogue, "K")
    if extinction:
        mag = extinction_correction(mag, _column(catalogue, "AK_TARG"))
    convert = mag_to_absmag if unit == "absmag" else mag_to_fakemag
    parallax = 1000.0 / distance  # mas
    # The relative errors of a parallax and of its distance are the same.
    parallax_err = np.zeros_like(parallax) if distance_err is None else parallax * distance_err / distance
    return tuple(column_values(convert.__name__, unit, values)[0] for values in convert(mag, parallax, parallax_err))


def _quantiles(hdu, path):
    for names in DISTANCES:
        if set(names) <= set(hdu.columns.names):
            return names
    known = " or ".join(names[0] for names in DISTANCES)
    raise ValueError(
        f"load_apogee_distances: {path} has no distances known here ({known}); it has {', '.join(hdu.columns.names)}."
    )


def _rows_of(stars, distances):
    """Row of the catalogue of distances for every star, -1 for none."""
    if "APOGEE_ID" not in distances.columns.names:
        if len(distances) != len(stars):
            raise ValueError(
                f"load_apogee_distances: {len(distances)} distances without APOGEE_ID can't be assigned to the "
                f"{len(stars)} rows of the catalogue of stars: are both of the same release?"
            )
        return np.arange(len(stars))
    if len(distances) == len(stars) and (distances["APOGEE_ID"] == stars["APOGEE_ID"]).all():
        return np.arange(len(stars))
    # A star observed in several fields has several rows; the first one counts.
    first = {}
    for row, star in enumerate(distances["APOGEE_ID"]):
        first.setdefault(star.strip(), row)
    return np.array([first.get(star.strip(), -1) for star in stars["APOGEE_ID"]])


def _of_rows(table, name, rows):
    return np.where(rows >= 0, _column(table, name)[rows], np.nan)
