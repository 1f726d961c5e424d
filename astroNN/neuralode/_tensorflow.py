"""Solvers on TensorFlow."""

from contextlib import nullcontext

import tensorflow as tf

__all__ = ["NEEDS_VALUES_OF_VARIABLES", "compiled", "first_not_below", "in_precision", "is_known"]

#: whether a compiled function keeps the values that variables had at its first call
NEEDS_VALUES_OF_VARIABLES = False


def compiled(function):
    """The function as one graph, compiled by XLA."""
    return tf.function(function, jit_compile=True, autograph=False)


def first_not_below(ends, times):
    """Row number of the first of the rising `ends` (n_ends, n) that is not below each time (n, n_times)."""
    return tf.searchsorted(tf.transpose(ends), times)


def in_precision(dtype):
    """Context in which numbers of this type exist."""
    return nullcontext()


def is_known(tensor):
    """Whether a tensor has numbers already, and is not one of a graph that is being built."""
    return isinstance(tensor, tf.Tensor) and hasattr(tensor, "numpy") and tf.executing_eagerly()
