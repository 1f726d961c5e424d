"""A physical simulator of red-giant spectra for teaching and testing; see `simulate_apogee`."""

from astroNN.datasets.simulator.identifications import LineIdentification, line_identifications
from astroNN.datasets.simulator.survey import (
    DEFAULT_LABELS,
    SimulatedSurvey,
    simulate_apogee,
    synthesize_giants,
)

__all__ = [
    "DEFAULT_LABELS",
    "LineIdentification",
    "SimulatedSurvey",
    "line_identifications",
    "simulate_apogee",
    "synthesize_giants",
]
