"""The module in which version 1.2 kept the base of all networks."""

from astroNN.models.base_master_nn import NeuralNetBase

__all__ = ["NeuralNetBase"]
