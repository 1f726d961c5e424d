"""A simulator of galaxies with a bulge and a disk, for training and testing; see `simulate_galaxies`."""

from astroNN.datasets.galaxies.labels import morphology_labels
from astroNN.datasets.galaxies.simulation import SimulatedGalaxies, simulate_galaxies
from astroNN.datasets.galaxies.survey import GALAXY_SURVEYS, GalaxySurvey

__all__ = ["GALAXY_SURVEYS", "GalaxySurvey", "SimulatedGalaxies", "morphology_labels", "simulate_galaxies"]
