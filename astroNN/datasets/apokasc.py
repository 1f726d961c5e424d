"""Surface gravities of APOKASC by asteroseismology, from VizieR."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astroNN.config import MAGIC_NUMBER
from astroNN.shared.columns import column_values

__all__ = ["load_apokasc"]

CATALOGUE = "J/ApJS/215/19"  # Pinsonneault et al. 2014
# Columns by which the two tables are known, whatever their order: the surface gravity of each, as astropy spells it.
GRAVITIES = {"gold": "log_g_", "basic": "log.g2"}


def load_apokasc(combine=True, as_table=False):
    """Coordinates and surface gravities of the stars of APOKASC.

    Parameters
    ----------
    combine : bool, optional
        True (default): the gold sample and the basic sample after one another. False: each for itself.
    as_table : bool, optional
        Return a table with names and units, with the column ``sample``; gaps are NaN. Default False.

    Returns
    -------
    ra, dec : array, shape (n_stars,)
        Coordinates [degrees].
    logg : array, shape (n_stars,)
        Surface gravity [log10 cm/s2]. If `combine` is False, six arrays are returned: those of the gold sample, then
        those of the basic sample.

    Raises
    ------
    ConnectionError
        If VizieR can't be reached, or does not give the tables.
    ImportError
        If astroquery is not installed.

    References
    ----------
    Pinsonneault et al. 2014, ApJS 215, 19.
    """
    tables = _query()
    samples = [_sample(tables, name, column) for name, column in GRAVITIES.items()]
    if as_table:
        names = np.repeat(list(GRAVITIES), [len(sample[0]) for sample in samples])
        columns = dict(zip(("ra", "dec", "logg"), map(np.concatenate, zip(*samples, strict=True)), strict=True))
        return QTable(columns | {"sample": names}, units={"ra": u.deg, "dec": u.deg})
    if combine:
        samples = [tuple(np.concatenate(columns) for columns in zip(*samples, strict=True))]
    return tuple(np.where(np.isnan(column), MAGIC_NUMBER, column) for sample in samples for column in sample)


def _query():
    try:
        from astroquery.vizier import Vizier
    except ImportError as error:
        raise ImportError("load_apokasc needs astroquery: pip install astroquery") from error
    # A client of its own: the row limit of Vizier is shared by everybody else.
    client = Vizier(columns=["**", "_RA", "_DE"], row_limit=-1)
    try:
        return list(client.get_catalogs(CATALOGUE).values())
    except OSError as error:
        raise ConnectionError(f"load_apokasc: VizieR can't be reached ({error}).") from error


def _sample(tables, name, gravity):
    needed = ("_RA", "_DE", gravity)
    table = next((table for table in tables if set(needed) <= set(table.colnames)), None)
    if table is None:
        given = "; ".join(", ".join(table.colnames) for table in tables) or "no table"
        raise ConnectionError(
            f"load_apokasc: VizieR's {CATALOGUE} has no table with {', '.join(needed)} (the {name} sample); "
            f"its tables have: {given}."
        )
    return tuple(column_values("load_apokasc", column, table[column])[0] for column in needed)
