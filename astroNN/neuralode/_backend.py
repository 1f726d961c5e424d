"""What solvers need of the backends and Keras does not offer, behind one name each."""

import importlib

import keras

_module = importlib.import_module(f"astroNN.neuralode._{keras.backend.backend()}")

NEEDS_VALUES_OF_VARIABLES = _module.NEEDS_VALUES_OF_VARIABLES
compiled = _module.compiled
first_not_below = _module.first_not_below
in_precision = _module.in_precision
is_known = _module.is_known
variables_seen = _module.variables_seen
vjp = _module.vjp
with_gradient = _module.with_gradient
with_row = _module.with_row
zeros_of = _module.zeros_of
