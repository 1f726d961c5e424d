"""Small readable tables of facts (pixel ranges, element windows, ...), each with its source in its header."""

from astroNN.data._galaxy10 import GALAXY10_CLASSES, GALAXY10_SDSS_CLASSES
from astroNN.data._hband_lines import air_to_vacuum, hband_lines
from astroNN.data._morphology import BULGE_TO_TOTAL_LIMITS, MORPHOLOGY_CLASSES
from astroNN.data._pixel_ranges import pixel_range_names, pixel_ranges_mask
from astroNN.data._tables import data_description, datapath

__all__ = [
    "BULGE_TO_TOTAL_LIMITS",
    "GALAXY10_CLASSES",
    "GALAXY10_SDSS_CLASSES",
    "MORPHOLOGY_CLASSES",
    "air_to_vacuum",
    "data_description",
    "datapath",
    "hband_lines",
    "pixel_range_names",
    "pixel_ranges_mask",
]
