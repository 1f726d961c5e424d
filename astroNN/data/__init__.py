"""Small readable tables of facts (pixel ranges, element windows, ...), each with its source in its header."""

from astroNN.data._pixel_ranges import pixel_range_names, pixel_ranges_mask
from astroNN.data._tables import data_description, datapath

__all__ = ["data_description", "datapath", "pixel_range_names", "pixel_ranges_mask"]
