"""LAMOST: wavelengths, pseudo-continuum, and the catalogue of DR5."""

from astroNN.lamost.chips import pseudo_continuum, wavelength_solution
from astroNN.lamost.lamost_shared import lamost_default_dr, lamost_env, load_allstar_dr5

__all__ = [
    "lamost_default_dr",
    "lamost_env",
    "load_allstar_dr5",
    "pseudo_continuum",
    "wavelength_solution",
]
