"""APOGEE: pixel grid, bit masks, continuum normalisation, element windows, and readers of its files."""

from astroNN.apogee._aspcap_mask import aspcap_mask
from astroNN.apogee._continuum import apogee_continuum, continuum, continuum_mask
from astroNN.apogee._network_input import network_input
from astroNN.apogee._resample import resample_to_apogee
from astroNN.apogee.apogee_shared import apogee_default_dr, apogee_env, apogeeid_digit
from astroNN.apogee.bitmask import bitmask_boolean, bitmask_decompositor, pixel_mask
from astroNN.apogee.chips import chips_pix_info, chips_split, gap_delete, wavelength_solution
from astroNN.apogee.downloads import (
    allstar,
    allstar_cannon,
    allvisit,
    apogee_astroNN,
    apogee_astronn,
    apogee_distances,
    apogee_rc,
    apogee_vac_rc,
)
from astroNN.apogee.plotting import plot_spectra
from astroNN.apogee.readers import read_apstar, read_apvisit, read_aspcapstar
from astroNN.apogee.spectra_downloads import combined_spectra, visit_spectra
from astroNN.apogee.spectrum import ApogeeSpectrum

__all__ = [
    "ApogeeSpectrum",
    "allstar",
    "allstar_cannon",
    "allvisit",
    "apogee_astroNN",
    "apogee_astronn",
    "apogee_continuum",
    "apogee_default_dr",
    "apogee_distances",
    "apogee_env",
    "apogee_rc",
    "apogee_vac_rc",
    "apogeeid_digit",
    "aspcap_mask",
    "bitmask_boolean",
    "bitmask_decompositor",
    "chips_pix_info",
    "chips_split",
    "combined_spectra",
    "continuum",
    "continuum_mask",
    "gap_delete",
    "network_input",
    "pixel_mask",
    "plot_spectra",
    "read_apstar",
    "read_apvisit",
    "read_aspcapstar",
    "resample_to_apogee",
    "visit_spectra",
    "wavelength_solution",
]
