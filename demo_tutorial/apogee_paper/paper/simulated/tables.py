"""Tables of the simulated archive: allStar, the truth, and a benchmark of clusters."""

import numpy as np
from astropy.io import fits
from astropy.table import Table

from astroNN.config import MAGIC_NUMBER
from paper.simulated.stars import ALL_LABELS, CLUSTERS

__all__ = ["allstar_hdus", "cluster_lines", "truth_table"]

#: elements in the order of the columns X_H; of DR17 without those that were given up
ELEMENTS = {
    14: "C CI N O Na Mg Al Si P S K Ca Ti TiII V Cr Mn Fe Co Ni Cu Ge Ce Rb Y Nd".split(),
    17: "C CI N O Na Mg Al Si S K Ca Ti TiII V Cr Mn Fe Co Ni Ce".split(),
}
# The simulator has one carbon and one titanium.
SIMULATED_AS = {"CI": "C", "TiII": "Ti"}
PARAMETERS = ("teff", "logg", None, "M", None, None, "alpha")
BAD, WARN = 1 << 0, 1 << 8  # edge of the grid: beyond it, and near


def allstar_hdus(stars, dr):
    """The catalogue of the stars.

    Returns
    -------
    HDUList
    """
    n = len(stars)
    table = dict(stars.columns)
    for column, name in (("TEFF", "teff"), ("LOGG", "logg"), ("M_H", "M"), ("ALPHA_M", "alpha"), ("FE_H", "Fe")):
        table[column], table[f"{column}_ERR"] = (np.float32(part[name]) for part in (stars.label, stars.label_err))
    table["FE_H_FLAG"] = _flags(stars, "Fe")
    table["PARAMFLAG"] = np.stack([_flags(stars, name) for name in PARAMETERS], axis=1)
    table["PARAM"] = np.stack([_values(stars.label, name, n) for name in PARAMETERS], axis=1)
    names = [SIMULATED_AS.get(element, element) for element in ELEMENTS[dr]]
    table["X_H"] = np.stack([_values(stars.label, name, n) for name in names], axis=1)
    table["X_H_ERR"] = np.stack([_values(stars.label_err, name, n) for name in names], axis=1)
    table["ELEMFLAG"] = np.stack([_flags(stars, name) for name in names], axis=1)
    record = np.rec.fromarrays(list(table.values()), dtype=[(k, v.dtype, v.shape[1:]) for k, v in table.items()])
    kind = f"S{max(map(len, ELEMENTS[dr]))}"
    symbols = np.rec.fromarrays([np.array([ELEMENTS[dr]], kind)], dtype=[("ELEM_SYMBOL", kind, (len(names),))])
    note = fits.Header(
        {"COMMENT": "simulated stars, by make_simulated_sas.py of astroNN; nothing of it was observed"}
    )
    return fits.HDUList(
        [fits.PrimaryHDU(header=note), fits.BinTableHDU(record), fits.ImageHDU(), fits.BinTableHDU(symbols)]
    )


def truth_table(stars):
    """Exact labels of every star, once."""
    once = np.unique(stars.columns["APOGEE_ID"], return_index=True)[1]
    columns = {"APOGEE_ID": stars.columns["APOGEE_ID"][once], "CLUSTER": stars.cluster[once].astype("S8")}
    return Table(columns | {name: stars.true[name][once] for name in ALL_LABELS})


def cluster_lines(stars, rng):
    """The members in the format of table 4 of Meszaros et al. 2013, with its errors."""
    lines = []
    for row in np.flatnonzero(stars.cluster != ""):
        true = {name: values[row] for name, values in stars.true.items()}
        teff, logg, metals = true["teff"] + rng.normal(0, 100), true["logg"] + rng.normal(0, 0.15), true["M"]
        metals += rng.normal(0, 0.08)
        ratios = [true["C"] - true["M"], true["N"] - true["M"], true["alpha"]]
        h = stars.columns["H"][row]
        numbers = [
            0.0,
            teff,
            teff,
            logg,
            logg,
            metals,
            metals,
            *ratios,
            stars.snr[row],
            h + 0.7,
            h,
            h - 0.15,
            100,
            0.08,
        ]
        digits = [2, 1, 1, 2, 2, 2, 2, 2, 2, 2, 1, 3, 3, 3, 1, 3]
        texts = [f"{number:.{some}f}" for number, some in zip(numbers, digits, strict=True)]
        lines.append(" ".join([stars.columns["APOGEE_ID"][row].decode(), f"{stars.cluster[row]:8s}", *texts]))
    assert {line.split()[1] for line in lines} == {cluster.name for cluster in CLUSTERS}
    return lines


def _values(labels, name, n):
    return np.float32(labels[name]) if name in labels else np.full(n, MAGIC_NUMBER, "f4")


def _flags(stars, name):
    """Bad where a label is wrong, a warning that harms nothing at every tenth star."""
    n = len(stars)
    wrong = stars.wrong.get(name, np.zeros(n, bool))
    return np.where(wrong, BAD, 0).astype("i4") | np.where(np.arange(n) % 10 == 0, WARN, 0).astype("i4")
