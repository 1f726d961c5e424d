"""Which line is whose: identifications for plots of spectra."""

from typing import NamedTuple

import numpy as np

from astroNN.datasets.simulator.atmosphere import ELEMENTS
from astroNN.datasets.simulator.grid import wavelength_grid
from astroNN.datasets.simulator.lines import line_list
from astroNN.datasets.simulator.molecules import molecular_lines
from astroNN.datasets.simulator.synthesis import isolated_depths

__all__ = ["LineIdentification", "line_identifications"]


class LineIdentification(NamedTuple):
    """One line of a spectrum.

    Attributes
    ----------
    name : str
        Of the absorber, such as "Mg I".
    wavelength : float
        In vacuum [Angstrom].
    depth : float
        If it stood alone, as a share of the continuum; NaN of band heads.
    """

    name: str
    wavelength: float
    depth: float


def line_identifications(min_depth=0.15, teff=4500.0, logg=2.0, feh=0.0, band_heads=True):
    """Strong lines of a giant, to be written into a plot of its spectrum.

    Parameters
    ----------
    min_depth : float
        Shallowest line to be named; depth of the line alone, at the instrument's resolution.
    teff, logg, feh : float
        The giant: [K], log10 [cm/s2], [Fe/H].
    band_heads : bool
        Also give the heads of the CO bands, as "CO 3-0"; their depth is NaN.

    Returns
    -------
    list of LineIdentification
        Sorted by wavelength, within the APOGEE chips only. Molecular lines other than band heads are left out.

    Examples
    --------
    >>> any(line.name == "Mg I" for line in line_identifications(0.3))
    True
    """
    lines = line_list()
    depth = isolated_depths(np.array([teff]), np.array([logg]), {el: np.array([feh]) for el in ELEMENTS})[:, 0]
    named = [
        LineIdentification(_roman(name), float(wavelength), float(d))
        for name, wavelength, d in zip(lines.species, lines.wavelength, depth, strict=True)
        if d >= min_depth and name not in ("CO", "OH", "CN") and _on_grid(wavelength)
    ]
    if band_heads:
        co = molecular_lines("CO")
        for band in np.unique(co.band):
            head = float(co.wavelength[co.band == band].min())
            if _on_grid(head):
                named.append(LineIdentification(f"CO {band}", head, float("nan")))
    return sorted(named, key=lambda line: line.wavelength)


def _roman(species):
    if species == "H":
        return "H I"
    return species[:-1] + " II" if species.endswith("+") else species + " I"


def _on_grid(wavelength):
    grid = wavelength_grid()
    return bool(np.abs(grid - wavelength).min() < 0.3)
