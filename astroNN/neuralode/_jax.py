"""Solvers on JAX."""

from contextlib import nullcontext

import jax
import jax.numpy as jnp

__all__ = ["NEEDS_VALUES_OF_VARIABLES", "compiled", "first_not_below", "in_precision", "is_known"]

#: whether a compiled function keeps the values that variables had at its first call
NEEDS_VALUES_OF_VARIABLES = True


def compiled(function):
    """The function as one graph."""
    return jax.jit(function)


def first_not_below(ends, times):
    """Row number of the first of the rising `ends` (n_ends, n) that is not below each time (n, n_times)."""
    return jax.vmap(jnp.searchsorted)(ends.T, times).astype("int32")


def in_precision(dtype):
    """Context in which numbers of this type exist: JAX makes float32 of all others unless told."""
    if dtype != "float64":
        return nullcontext()
    enable_x64 = getattr(jax, "enable_x64", None)
    if enable_x64 is None:  # before JAX 0.8
        from jax.experimental import enable_x64
    return enable_x64(True)


def is_known(tensor):
    """Whether a tensor has numbers already, and is not one of a graph that is being built."""
    return not isinstance(tensor, jax.core.Tracer)
