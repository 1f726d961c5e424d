"""What solvers need of the backends and Keras does not offer, behind one name each.

``as_it_is(function)``
    A function whose code is not rewritten, where a graph is built from it by somebody else.
``vjp(function, arguments, variables)``
    Values of a function of a list of tensors, a tuple, and what pulls their cotangents back to those of the arguments
    and of the variables of the backend, which the function looks at by itself. JAX has none of these.
``with_gradient(run, pull)``
    ``solve(constants, state, times, parameters, variables)``, compiled, with a gradient of its own.
    ``run(constants, state, times, parameters)`` gives tensors, of which the first has a gradient, and residuals;
    ``pull(constants, state, times, parameters, residuals, cotangent, variables)`` the cotangents of state, of times,
    and of parameters and variables in one list.
``with_added(buffer, numbers, rows)``
    ``ops.segment_sum`` and a sum; on torch the former computes in single precision.
``variables_seen(function)``
    Variables that a function looks at by itself, where they must be known beforehand.
"""

import importlib

import keras

_module = importlib.import_module(f"astroNN.neuralode._{keras.backend.backend()}")

NEEDS_VALUES_OF_VARIABLES = _module.NEEDS_VALUES_OF_VARIABLES
as_it_is = _module.as_it_is
compiled = _module.compiled
in_precision = _module.in_precision
is_known = _module.is_known
variables_seen = _module.variables_seen
vjp = _module.vjp
with_added = _module.with_added
with_gradient = _module.with_gradient
with_row = _module.with_row
