"""Ordinary differential equations: solvers that run as one graph on every backend of Keras."""

from astroNN.neuralode.dop853 import dop853
from astroNN.neuralode.layer import NeuralODE
from astroNN.neuralode.odeint import IntegrationError, Statistics, Stop, odeint
from astroNN.neuralode.runge_kutta import rk4

__all__ = ["IntegrationError", "NeuralODE", "Statistics", "Stop", "dop853", "odeint", "rk4"]
