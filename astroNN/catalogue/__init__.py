"""Predictions for whole surveys: from files of spectra to one table of labels."""

from astroNN.catalogue._answering import FLAGS
from astroNN.catalogue._reading import IDENTIFIERS
from astroNN.catalogue.predict import CatalogueSummary, predict_catalogue

__all__ = ["FLAGS", "IDENTIFIERS", "CatalogueSummary", "predict_catalogue"]
