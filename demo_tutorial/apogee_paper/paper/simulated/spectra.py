"""Files apStar and aspcapStar of simulated stars: visits with noise and bad pixels, and their combination."""

import numpy as np
from astropy.io import fits

from astroNN.apogee import chips_pix_info
from astroNN.datasets.simulator import synthesize_giants

__all__ = ["apstar_hdus", "aspcapstar_hdus", "clean_spectra", "observed"]

N_GRID, NO_ERROR = 8575, 1e10
BAD_RUN, BAD_RUNS = 4, 80  # bad pixels come in runs: four per cent of the pixels
BAD_BITS = (0, 1, 2, 5, 12)  # bad pixel, cosmic ray, saturated, bad flat, strong sky line
COUNTS = 250.0  # flux at H = 12 [1e-17 erg/s/cm2/Angstrom]


def clean_spectra(stars):
    """Normalised spectra without noise, shape (n, 7514), from the true labels."""
    elements = {name: stars.true[name] for name in stars.true if name not in ("teff", "logg", "M", "alpha")}
    return synthesize_giants(stars.true["teff"], stars.true["logg"], **elements)


def observed(clean, err_shape, snr, n_visits, rng):
    """Visits of a star and their combination.

    Parameters
    ----------
    clean : array, shape (7514,)
    err_shape : array, shape (7514,)
        Error of the normalised flux at a signal to noise ratio of 1.
    snr : float
        Of the combination.
    n_visits : int
    rng : numpy.random.Generator

    Returns
    -------
    flux, err, bits : arrays, shape (n_rows, 7514)
        One row of a single visit, else two combinations (weights by pixel, one weight a visit) and the visits.
    visit_snr : array, shape (n_visits,)
    """
    share = rng.dirichlet(np.full(n_visits, 1.5))  # clouds make some visits poor
    visit_snr = snr * np.sqrt(share)
    err = err_shape / visit_snr[:, None]
    flux = clean + err * rng.standard_normal(err.shape)
    bits = np.stack([_bad_pixels(len(clean), rng) for _ in range(n_visits)])
    # What a bad pixel holds is of no use: only the mask says so.
    flux = np.where(bits > 0, flux * rng.uniform(0.3, 2.0, flux.shape), flux)
    if n_visits == 1:
        return flux, err, bits, visit_snr
    by_pixel = _combined(flux, err, bits, (bits == 0) / err**2)
    by_visit = _combined(flux, err, bits, (bits == 0) * share[:, None])
    stacked = [np.stack(rows) for rows in zip(by_pixel, by_visit, strict=True)]
    return (*(np.concatenate(pair) for pair in zip(stacked, (flux, err, bits), strict=True)), visit_snr)


def _bad_pixels(n_pixels, rng):
    bits = np.zeros(n_pixels, "i2")
    for start in rng.integers(n_pixels - BAD_RUN, size=BAD_RUNS):
        bits[start : start + BAD_RUN] = 1 << rng.choice(BAD_BITS)
    return bits


def _combined(flux, err, bits, weight):
    """Weighted mean; a pixel that is bad in all visits keeps their bits."""
    all_bad = ~(weight > 0).any(axis=0)
    weight = np.where(all_bad, 1.0, weight)
    total = weight.sum(axis=0)
    mean = (weight * flux).sum(axis=0) / total
    std = np.sqrt((weight**2 * err**2).sum(axis=0)) / total
    return mean, std, np.where(all_bad, np.bitwise_or.reduce(bits, axis=0), 0).astype("i2")


def apstar_hdus(facts, flux, err, bits, visit_snr, dr):
    """An apStar file; sky and telluric extensions are there without data.

    Parameters
    ----------
    facts : mapping
        A row of allStar.
    flux, err, bits, visit_snr
        From `observed`.
    dr : int

    Returns
    -------
    HDUList
    """
    continuum = _continuum(facts["H"])
    header = _header(facts, "OBJID")
    for number, snr in enumerate(visit_snr, 1):
        header[f"SNRVIS{number}"] = (float(snr), f"Signal/Noise ratio, visit {number}")
        header[f"VHELIO{number}"] = (0.0, f"Heliocentric velocity (km/s), visit {number}")
    header["NWAVE"] = N_GRID
    grid = {"CRVAL1": 4.179, "CDELT1": 6e-6, "CRPIX1": 1, "CTYPE1": "LOG-LINEAR", "DC-FLAG": 1}
    header.update(grid)
    arrays = (
        (_on_the_grid((flux * continuum).astype("f4"), 0.0), "Flux (10^-17 erg/s/cm^2/Ang)"),
        (_on_the_grid((err * continuum).astype("f4"), NO_ERROR), "Err (10^-17 erg/s/cm^2/Ang)"),
        (_on_the_grid(bits, 1), "Flag"),
        *((None, unit) for unit in ("Sky", "Sky error", "Telluric", "Telluric error", "LSF coefficients")),
    )
    hdus = [fits.ImageHDU(data if data is None or len(data) > 1 else data[0], fits.Header(grid | {"BUNIT": unit}))
            for data, unit in arrays]  # fmt: skip
    names = f"apVisit-{'r8' if dr < 16 else 'dr17'}-0000-00000-000.fits"
    visits = fits.BinTableHDU.from_columns(
        [
            fits.Column("FILE", f"{len(names)}A", array=np.full(len(visit_snr), names)),
            fits.Column("VHELIO", "E", array=np.zeros(len(visit_snr))),
        ]
    )
    return fits.HDUList([fits.PrimaryHDU(header=header), *hdus, visits])


def aspcapstar_hdus(facts, flux, err, bits, clean):
    """An aspcapStar file: the combination over its continuum, bad pixels with the survey's huge errors."""
    err = np.where(bits > 0, NO_ERROR, err)
    arrays = ((flux, 0.0), (err, NO_ERROR), (clean, 0.0))
    images = [fits.ImageHDU(_on_the_grid(one[None].astype("f4"), fill)[0]) for one, fill in arrays]
    table = fits.BinTableHDU.from_columns([fits.Column("PARAM", "7E", array=np.float32(facts["PARAM"])[None])])
    return fits.HDUList([fits.PrimaryHDU(header=_header(facts, "OBJ")), *images, table])


def _header(facts, identifier):
    comment = "simulated, astroNN.datasets.simulate_apogee"
    values = {"J": "J", "H": "H", "K": "K", "RA": "RA", "DEC": "DEC", "SNR": "SNR", "VSCATTER": "VSCATTER"}
    header = fits.Header({keyword: float(facts[name]) for keyword, name in values.items()})
    header[identifier] = (facts["APOGEE_ID"].decode(), comment)
    header["LOCID"], header["NVISITS"] = int(facts["LOCATION_ID"]), int(facts["NVISITS"])
    header["FIELD"], header["TELESCOP"] = facts["FIELD"].decode(), facts["TELESCOPE"].decode()
    header["VHELIO"] = 0.0
    return header


def _continuum(h):
    """A smooth continuum that falls towards the red, as that of a giant."""
    return COUNTS * 10.0 ** (-0.4 * (float(h) - 12.0)) * np.linspace(1.15, 0.85, 7514)


def _on_the_grid(rows, fill):
    """Rows of 7514 pixels on the grid of 8575, with something between the chips."""
    edges = np.reshape(chips_pix_info(dr=14)[:6], (3, 2))
    grid, start = np.full((len(rows), N_GRID), fill, rows.dtype), 0
    for first, last in edges:
        grid[:, first:last] = rows[:, start : start + last - first]
        start += last - first
    return grid
