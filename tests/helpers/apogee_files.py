"""Files of APOGEE as the survey's pipeline lays them out, from simulated spectra."""

import numpy as np
from astropy.io import fits

from astroNN.apogee import chips_pix_info

__all__ = ["allstar_hdus", "apstar_hdus", "aspcapstar_hdus", "on_the_grid"]

N_GRID = 8575
ELEMENTS = "C CI N O Na Mg Al Si P S K Ca Ti TiII V Cr Mn Fe Co Ni Cu Ge Ce Rb Y Nd".split()


def on_the_grid(values, fill):
    """Rows of 7514 pixels on the grid of 8575, with something between the chips."""
    edges = np.reshape(chips_pix_info(dr=14)[:6], (3, 2))
    grid = np.full((len(values), N_GRID), fill, np.asarray(values).dtype)
    start = 0
    for first, last in edges:
        grid[:, first:last] = values[:, start : start + last - first]
        start += last - first
    return grid


def apstar_hdus(star, flux, err, bitmask=None, snr=100.0):
    """An apStar file: rows of `flux` are, of several, two combinations and then the visits."""
    bits = np.zeros(np.shape(flux), "i2") if bitmask is None else bitmask
    header = fits.Header({"OBJID": star, "SNR": snr, "NVISITS": max(len(flux) - 2, 1)})
    for visit in range(1, max(len(flux) - 2, 1) + 1):
        header[f"SNRVIS{visit}"] = snr / 2 + visit
    arrays = [on_the_grid(np.float32(flux), 0), on_the_grid(np.float32(err), 1e10), on_the_grid(bits, 1)]
    wavelengths = fits.ImageHDU(np.zeros(8, "f4"))
    return fits.HDUList([fits.PrimaryHDU(header=header), *map(fits.ImageHDU, arrays), wavelengths])


def aspcapstar_hdus(star, flux, err):
    """An aspcapStar file of one spectrum, flux and error over the continuum."""
    arrays = [on_the_grid(np.float32(one)[None], fill)[0] for one, fill in ((flux, 0), (err, 1e10), (flux, 0))]
    table = fits.BinTableHDU.from_columns([fits.Column("PARAM", "7E", array=np.zeros((1, 7)))])
    header = fits.Header({"OBJID": star, "SNR": 100.0})
    return fits.HDUList([fits.PrimaryHDU(header=header), *map(fits.ImageHDU, arrays), table])


def allstar_hdus(stars, seed=0, **columns):
    """The catalogue allStar of DR14: good stars, but for the columns given."""
    rng = np.random.default_rng(seed)
    n = len(stars)
    table = {
        "APOGEE_ID": np.array(stars, "S18"),
        "FIELD": np.full(n, b"F1   ", "S8"),
        "LOCATION_ID": np.full(n, 4424, "i2"),
        "TELESCOPE": np.full(n, b"apo25m", "S8"),
        "RA": rng.uniform(0, 360, n),
        "DEC": rng.uniform(-80, 80, n),
        "K": rng.uniform(8, 12, n).astype("f4"),
        "AK_TARG": np.full(n, 0.1, "f4"),
        "SNR": np.full(n, 250, "f4"),
        "VSCATTER": np.full(n, 0.1, "f4"),
        "STARFLAG": np.zeros(n, "i4"),
        "ASPCAPFLAG": np.zeros(n, "i4"),
        "TEFF": rng.uniform(4200, 5200, n).astype("f4"),
        "TEFF_ERR": np.full(n, 80, "f4"),
        "LOGG": rng.uniform(1, 3, n).astype("f4"),
        "LOGG_ERR": np.full(n, 0.05, "f4"),
        "M_H": rng.uniform(-1, 0.3, n).astype("f4"),
        "M_H_ERR": np.full(n, 0.02, "f4"),
        "ALPHA_M": rng.uniform(0, 0.3, n).astype("f4"),
        "ALPHA_M_ERR": np.full(n, 0.01, "f4"),
        "FE_H": rng.uniform(-1, 0.3, n).astype("f4"),
        "FE_H_ERR": np.full(n, 0.02, "f4"),
        "PARAMFLAG": np.zeros((n, 7), "i4"),
        "ELEMFLAG": np.zeros((n, 26), "i4"),
        "X_H": rng.uniform(-1, 0.3, (n, 26)).astype("f4"),
        "X_H_ERR": np.full((n, 26), 0.03, "f4"),
    } | columns
    record = np.rec.fromarrays(list(table.values()), dtype=[(k, v.dtype, v.shape[1:]) for k, v in table.items()])
    symbols = np.rec.fromarrays([np.array([ELEMENTS], "S5")], dtype=[("ELEM_SYMBOL", "S5", (26,))])
    return fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(record), fits.ImageHDU(), fits.BinTableHDU(symbols)])
