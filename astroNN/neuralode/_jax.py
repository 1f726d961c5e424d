"""Solvers on JAX."""

from contextlib import nullcontext

import jax

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
NEEDS_VALUES_OF_VARIABLES = True


def as_it_is(function):
    """The function: nothing is rewritten here."""
    return function


def compiled(function):
    """The function as one graph."""
    return jax.jit(function)


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


def with_added(buffer, numbers, rows):
    """The buffer with rows added to those of some numbers, which may repeat."""
    return buffer.at[numbers].add(rows)


def with_row(buffer, number, row):
    """The buffer with one row written anew."""
    return jax.lax.dynamic_update_index_in_dim(buffer, row, number, 0)


def vjp(function, arguments, variables):
    """See `_backend`."""
    values, pull = jax.vjp(function, list(arguments))
    return values, lambda cotangents: pull(tuple(cotangents))[0]


def variables_seen(function):
    """Variables that a function looks at by itself: JAX has none."""
    return []


def with_gradient(run, pull):
    """See `_backend`."""

    def forward(constants, state, times, parameters):
        found, residuals = run(constants, state, times, parameters)
        return found, (constants, state, times, parameters, residuals)

    def backward(kept, cotangents):
        of_state, of_times, of_parameters = pull(*kept, cotangents[0], ())
        return None, of_state, of_times, of_parameters

    # Without a gradient the compiler finds that nobody asks for the residuals.
    solve = jax.custom_vjp(lambda *given: run(*given)[0])
    solve.defvjp(forward, backward)
    solve = jax.jit(solve)
    return lambda constants, state, times, parameters, variables: solve(constants, state, times, parameters)
