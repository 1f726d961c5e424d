"""Data sets: loaders of files, and a simulator for data that are always at hand."""

from astroNN.datasets.apogee_catalogues import load_apogee_distances, load_apogee_rc
from astroNN.datasets.apokasc import load_apokasc
from astroNN.datasets.compiler import CompileReport, H5Compiler
from astroNN.datasets.galaxy10 import load_data as load_galaxy10
from astroNN.datasets.galaxy10sdss import load_data as load_galaxy10sdss
from astroNN.datasets.h5 import H5Loader
from astroNN.datasets.simulator import (
    LineIdentification,
    SimulatedSurvey,
    line_identifications,
    simulate_apogee,
    synthesize_giants,
)
from astroNN.datasets.spectra import Spectrum, read_spectrum
from astroNN.datasets.xmatch import xmatch, xmatch_cat

__all__ = [
    "CompileReport",
    "H5Compiler",
    "H5Loader",
    "LineIdentification",
    "SimulatedSurvey",
    "Spectrum",
    "line_identifications",
    "load_apogee_distances",
    "load_apogee_rc",
    "load_apokasc",
    "load_galaxy10",
    "load_galaxy10sdss",
    "read_spectrum",
    "simulate_apogee",
    "synthesize_giants",
    "xmatch",
    "xmatch_cat",
]
