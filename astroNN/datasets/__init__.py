"""Data sets: loaders of files, and a simulator for data that are always at hand."""

from astroNN.datasets.apogee_catalogues import load_apogee_distances, load_apogee_rc
from astroNN.datasets.apokasc import load_apokasc
from astroNN.datasets.compiler import CompileReport, H5Compiler
from astroNN.datasets.galaxies import (
    GALAXY_SURVEYS,
    GalaxySurvey,
    SimulatedGalaxies,
    morphology_labels,
    simulate_galaxies,
)
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
from astroNN.shared.sources import FileRows

__all__ = [
    "GALAXY_SURVEYS",
    "CompileReport",
    "FileRows",
    "GalaxySurvey",
    "H5Compiler",
    "H5Loader",
    "LineIdentification",
    "SimulatedGalaxies",
    "SimulatedSurvey",
    "Spectrum",
    "line_identifications",
    "load_apogee_distances",
    "load_apogee_rc",
    "load_apokasc",
    "load_galaxy10",
    "load_galaxy10sdss",
    "morphology_labels",
    "read_spectrum",
    "simulate_apogee",
    "simulate_galaxies",
    "synthesize_giants",
    "xmatch",
    "xmatch_cat",
]
