"""Normalisation of data with gaps, and the reading of batches."""

from astroNN.nn.utilities.normalizer import Normalizer

__all__ = ["Normalizer"]
