"""Data sets: loaders of files, and a simulator for data that are always at hand."""

from astroNN.datasets.h5 import H5Loader
from astroNN.datasets.simulator import (
    LineIdentification,
    SimulatedSurvey,
    line_identifications,
    simulate_apogee,
    synthesize_giants,
)
from astroNN.datasets.xmatch import xmatch, xmatch_cat

__all__ = [
    "H5Loader",
    "LineIdentification",
    "SimulatedSurvey",
    "line_identifications",
    "simulate_apogee",
    "synthesize_giants",
    "xmatch",
    "xmatch_cat",
]
