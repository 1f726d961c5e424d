"""What the headers and tables of the survey's files tell of a star, whichever reduction names it how."""

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.shared.missing import missing_elements

__all__ = [
    "HELIOCENTRIC_VELOCITY_KEYWORDS",
    "OBSERVED_VELOCITY_KEYWORDS",
    "facts_of",
    "first_value",
    "identifier",
    "number",
    "parameters",
]

# Positions in PARAM and FPARAM (DR13 to DR17: teff, logg, log10 vmicro, [M/H], [C/M], [N/M], [alpha/M], ...).
PARAM_INDEX = {"teff": 0, "logg": 1, "metals": 3, "alpham": 6}

# Header keywords that name the same quantity in different reductions, the first one found counts.
ID_KEYWORDS = ("OBJID", "OBJ", "OBJECT")
#: of the velocity that was observed [km/s]
OBSERVED_VELOCITY_KEYWORDS = ("VRAD", "VREL")
#: of the velocity against the Sun, or the barycentre [km/s]
HELIOCENTRIC_VELOCITY_KEYWORDS = ("VHELIO", "VHBARY")

# Facts of the header: their names here, and the keyword.
FACTS = {
    "ra": "RA",
    "dec": "DEC",
    "field": "FIELD",
    "location": "LOCID",
    "telescope": "TELESCOP",
    "plate": "PLATE",
    "mjd": "MJD5",
    "fiber": "FIBERID",
    "exptime": "EXPTIME",
    "n_visits": "NVISITS",
    "vscatter": "VSCATTER",
    "j": "J",
    "h": "H",
    "k": "K",
}


def number(header, keywords):
    """First of the keywords that holds a finite number.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Where to look.
    keywords : iterable of str
        Names of the same quantity, the best one first.

    Returns
    -------
    float or None
        None if all lack it, or hold the magic number.
    """
    for keyword in keywords:
        value = header.get(keyword)
        if isinstance(value, (int, float)) and np.isfinite(value) and value != MAGIC_NUMBER:
            return float(value)
    return None


def first_value(headers, keywords):
    """First of the keywords that one of the headers has, as a plain number or string; None if all lack it.

    Parameters
    ----------
    headers : iterable of astropy.io.fits.Header
        Where to look, in this order for each keyword.
    keywords : iterable of str
        Names of the same quantity, the best one first.

    Returns
    -------
    str, int, float or None
        Neither an empty string nor a missing number.
    """
    for keyword in keywords:
        for header in headers:
            value = header.get(keyword)
            value = value.item() if isinstance(value, np.generic) else value
            if isinstance(value, str) and value.strip():
                return value.strip()
            if isinstance(value, int | float) and not missing_elements(value).any():
                return value
    return None


def facts_of(header):
    """Position, observation and magnitudes, under one name whatever the reduction.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Primary header of a spectrum.

    Returns
    -------
    dict
        ``ra``, ``dec`` [deg], ``field``, ``location``, ``telescope``, ``plate``, ``mjd``, ``fiber``, ``exptime`` [s],
        ``n_visits``, ``vscatter`` [km/s], ``j``, ``h`` and ``k`` [mag]: those that it has.
    """
    found = {name: first_value([header], [keyword]) for name, keyword in FACTS.items()}
    return {name: value for name, value in found.items() if value is not None}


def identifier(header):
    """Name of the star.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Primary header of a spectrum.

    Returns
    -------
    str
        Such as ``"2M19060637+4717296"``; empty if it has none.
    """
    return next((str(header[keyword]).strip() for keyword in ID_KEYWORDS if keyword in header), "")


def parameters(hdus, column):
    """Stellar parameters that ASPCAP found.

    Parameters
    ----------
    hdus : HDUList
        Of an aspcapStar file.
    column : str
        Of its table: ``"PARAM"``, calibrated, or ``"FPARAM"``, as fitted.

    Returns
    -------
    dict of float
        ``teff`` [K], ``logg``, ``metals`` and ``alpham`` [dex]; empty if the table lacks the column.
    """
    table = hdus[4].data
    if column not in table.names:
        return {}
    values = np.atleast_1d(table[column][0])
    return {name: float(values[index]) for name, index in PARAM_INDEX.items() if index < len(values)}
