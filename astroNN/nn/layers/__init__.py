"""Layers that astroNN adds to Keras, and Monte Carlo inference through them."""

from astroNN.nn.layers.fast_mc_inference import FastMCInference, FastMCInferenceMeanVar, FastMCRepeat
from astroNN.nn.layers.mc_dropout import MCDropout
from astroNN.nn.layers.mc_inference import MonteCarloEngine

__all__ = ["FastMCInference", "FastMCInferenceMeanVar", "FastMCRepeat", "MCDropout", "MonteCarloEngine"]
