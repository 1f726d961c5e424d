"""Solvers on TensorFlow."""

from contextlib import nullcontext

import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import dynamic_update_slice

__all__ = [
    "NEEDS_VALUES_OF_VARIABLES",
    "as_it_is",
    "compiled",
    "in_precision",
    "is_known",
    "variables_seen",
    "vjp",
    "with_added",
    "with_gradient",
    "with_row",
]

#: whether a compiled function keeps the values that variables had at its first call
NEEDS_VALUES_OF_VARIABLES = False


def as_it_is(function):
    """The function, left alone by autograph, which in a `tf.function` of a user's would take most of the time."""
    return tf.autograph.experimental.do_not_convert(function)


def compiled(function):
    """The function as one graph, compiled by XLA."""
    graph = tf.function(function, jit_compile=True, autograph=False)
    # One graph for each shape is meant. TensorFlow counts all solvers as one function, and would warn of its graphs.
    graph._omit_frequent_tracing_warning = True
    return graph


def in_precision(dtype):
    """Context in which numbers of this type exist."""
    return nullcontext()


def is_known(tensor):
    """Whether a tensor has numbers already, and is not one of a graph that is being built."""
    return isinstance(tensor, tf.Tensor) and hasattr(tensor, "numpy") and tf.executing_eagerly()


def with_added(buffer, numbers, rows):
    """The buffer with rows added to those of some numbers, which may repeat."""
    return tf.tensor_scatter_nd_add(buffer, numbers[:, None], rows)


def with_row(buffer, number, row):
    """The buffer with one row written anew; XLA does this in place, and not what `tf.tensor_scatter_nd_update` is."""
    return dynamic_update_slice(buffer, row[None], [number] + [0] * (len(buffer.shape) - 1))


def vjp(function, arguments, variables):
    """See `_backend`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for one in [*arguments, *variables]:
            tape.watch(one)
        values = function(arguments)

    def pull(cotangents):
        asked = [*arguments, *variables]
        found = tape.gradient(list(values), asked, list(cotangents), tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(one) for one in found]

    return values, pull


def variables_seen(function):
    """Variables that a function looks at by itself: TensorFlow finds them when it takes the gradient."""
    return []


def with_gradient(run, pull):
    """See `_backend`."""

    def solve(constants, state, times, parameters):
        others = []

        @tf.custom_gradient
        def states_of(state, times, *parameters):
            parameters = list(parameters)
            (states, *found), residuals = run(constants, state, times, parameters)
            others.extend(tf.nest.map_structure(tf.stop_gradient, found))

            def grad(cotangent, variables=()):
                given = (constants, state, times, parameters, residuals, cotangent)
                of_state, of_times, of_others = pull(*given, variables)
                of_inputs = [of_state, of_times, *of_others[: len(parameters)]]
                return (of_inputs, of_others[len(parameters) :]) if len(variables) else of_inputs

            return states, grad

        return states_of(state, times, *parameters), *others

    # Inside of the compiled function: without a gradient the compiler finds that nobody asks for the residuals.
    solve = compiled(solve)
    return lambda constants, state, times, parameters, variables: solve(constants, state, times, parameters)
