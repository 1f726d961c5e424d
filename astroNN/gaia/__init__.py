"""Gaia: parallaxes, magnitudes and luminosities, and what converts one into another."""

from astroNN.gaia.catalogues import anderson_2017_parallax, gaiadr2_parallax, tgas_load
from astroNN.gaia.distances import absmag_to_pc, fakemag_to_parallax, fakemag_to_pc
from astroNN.gaia.downloads import gaia_source, tgas
from astroNN.gaia.gaia_shared import default_parallax_unit, gaia_default_dr, gaia_env, solar_absmag_bands
from astroNN.gaia.luminosities import absmag_to_logsol, fakemag_to_logsol, logsol_to_absmag, logsol_to_fakemag
from astroNN.gaia.magnitudes import (
    absmag_to_fakemag,
    extinction_correction,
    fakemag_to_absmag,
    fakemag_to_mag,
    mag_to_absmag,
    mag_to_fakemag,
)
from astroNN.gaia.query import query_gaia
from astroNN.gaia.zero_point import parallax_offset

__all__ = [
    "absmag_to_fakemag",
    "absmag_to_logsol",
    "absmag_to_pc",
    "anderson_2017_parallax",
    "default_parallax_unit",
    "extinction_correction",
    "fakemag_to_absmag",
    "fakemag_to_logsol",
    "fakemag_to_mag",
    "fakemag_to_parallax",
    "fakemag_to_pc",
    "gaia_default_dr",
    "gaia_env",
    "gaia_source",
    "gaiadr2_parallax",
    "logsol_to_absmag",
    "logsol_to_fakemag",
    "mag_to_absmag",
    "mag_to_fakemag",
    "parallax_offset",
    "query_gaia",
    "solar_absmag_bands",
    "tgas",
    "tgas_load",
]
