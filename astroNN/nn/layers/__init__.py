"""Layers that astroNN adds to Keras, and Monte Carlo inference through them."""

from astroNN.nn.layers.batch_norm import MCBatchNorm
from astroNN.nn.layers.concrete_dropout import MCConcreteDropout
from astroNN.nn.layers.error_propagation import ErrorProp
from astroNN.nn.layers.fast_mc_inference import FastMCInference, FastMCInferenceV2_internal
from astroNN.nn.layers.fast_mc_layers import FastMCInferenceMeanVar, FastMCRepeat
from astroNN.nn.layers.local_response_normalization import (
    ChannelResponseNormalization,
    SpatialResponseNormalization,
)
from astroNN.nn.layers.masking import BoolMask, StopGrad
from astroNN.nn.layers.mc_dropout import MCDropout
from astroNN.nn.layers.mc_gaussian_dropout import MCGaussianDropout
from astroNN.nn.layers.mc_inference import MonteCarloEngine
from astroNN.nn.layers.mc_spatial_dropout import MCSpatialDropout1D, MCSpatialDropout2D
from astroNN.nn.layers.mixture_density import MixtureDensity
from astroNN.nn.layers.mixture_moments import MixtureMoments
from astroNN.nn.layers.polynomial import PolyFit
from astroNN.nn.layers.tensor_input import TensorInput
from astroNN.nn.layers.vae import KLDivergenceLayer, VAESampling
from astroNN.nn.layers.variational_conv import Conv1DFlipout, Conv2DFlipout
from astroNN.nn.layers.variational_dense import DenseFlipout, DenseReparameterization

__all__ = [
    "BoolMask",
    "ChannelResponseNormalization",
    "Conv1DFlipout",
    "Conv2DFlipout",
    "DenseFlipout",
    "DenseReparameterization",
    "ErrorProp",
    "FastMCInference",
    "FastMCInferenceMeanVar",
    "FastMCInferenceV2_internal",
    "FastMCRepeat",
    "KLDivergenceLayer",
    "MCBatchNorm",
    "MCConcreteDropout",
    "MCDropout",
    "MCGaussianDropout",
    "MCSpatialDropout1D",
    "MCSpatialDropout2D",
    "MixtureDensity",
    "MixtureMoments",
    "MonteCarloEngine",
    "PolyFit",
    "SpatialResponseNormalization",
    "StopGrad",
    "TensorInput",
    "VAESampling",
]
