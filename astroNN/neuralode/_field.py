"""The right-hand side of the equations as a solver takes it: for all problems, from a time of 0 on, forwards."""

import keras
from keras import ops, tree

from astroNN.neuralode._numbers import has_gradient

__all__ = ["Field"]


class Field:
    """Derivatives of all problems with respect to the time that has passed, as a function of its parameters.

    Parameters
    ----------
    derivative : Derivative
    first, direction : tensor, shape (n,)
        The first time of each problem, and 1 or -1 where times rise or fall.
    given : tuple
        ``(aux, numbers, values)``: what the function is given besides, and the values of Keras variables. No `aux`
        is an empty tuple.
    keras_variables : list
        Those of the values.
    variables : list
        Of the backend, which the function looks at by itself.

    Attributes
    ----------
    parameters : list of tensors
        Those given that may have a gradient.
    """

    def __init__(self, derivative, first, direction, given, keras_variables, variables=()):
        self.derivative, self.first, self.direction = derivative, first, direction
        self.keras_variables, self.variables = keras_variables, list(variables)
        self.leaves, self.structure = tree.flatten(given), given
        self.parameters = [leaf for leaf in self.leaves if has_gradient(leaf)]

    def __call__(self, states, passed):
        return self.with_parameters(self.parameters)(states, passed)

    def zeros(self):
        """Cotangents of parameters and variables that nothing was added to."""
        return [ops.zeros_like(one) for one in [*self.parameters, *self.variables]]

    def with_parameters(self, parameters, copies=1):
        """The derivatives (copies * n, d) of states (copies * n, d) at times (copies * n,) with other parameters."""
        direction = _copied(self.direction, copies)[:, None]
        function = self._called(self.derivative.of_all, parameters, copies)
        return lambda states, passed: direction * function(states, passed)

    def scalar(self, parameters, function):
        """Another function of the same arguments with values (n,), as that of an event."""
        return self._called(function, parameters, 1)

    def _called(self, function, parameters, copies):
        parameters = iter(parameters)
        leaves = [next(parameters) if has_gradient(leaf) else leaf for leaf in self.leaves]
        aux, numbers, values = tree.pack_sequence_as(self.structure, leaves)
        first, direction = _copied(self.first, copies), _copied(self.direction, copies)
        has_aux = not isinstance(aux, tuple) or len(aux) > 0
        aux = tree.map_structure(lambda leaf: _copied(leaf, copies), aux) if has_aux else None

        def of_states(states, passed):
            times = first + direction * passed
            if not self.keras_variables:
                return function(states, times, aux, numbers)
            with keras.StatelessScope(state_mapping=list(zip(self.keras_variables, values, strict=True))):
                return function(states, times, aux, numbers)

        return of_states


def _copied(values, copies):
    return values if copies == 1 else ops.concatenate([values] * copies, axis=0)
