"""The gradient of a solution, by either way: from its cotangents to those of all that went into it."""

from typing import NamedTuple

from keras import ops

from astroNN.neuralode._adjoint import pulled_by_adjoint
from astroNN.neuralode._direct import pulled_through_steps
from astroNN.neuralode._numbers import smaller

__all__ = ["GRADIENTS", "Residuals", "pulled"]

#: ways to a gradient
GRADIENTS = ("direct", "adjoint", None)

_BLOCK = 256


class Residuals(NamedTuple):
    """What the gradient needs of a solution."""

    states: object
    """(n, n_times, d)"""
    times: object
    """Passed since the first one, (n, n_times)."""
    first_step: object
    record: object
    """Of the direct gradient; empty for the other."""


def pulled(stepper, field, residuals, cotangent, is_direct):
    """Cotangents of initial states, times, and parameters and variables of the function.

    Parameters
    ----------
    stepper : Stepper
    field : Field
    residuals : Residuals
    cotangent : tensor, shape (n, n_times, d)
    is_direct : bool

    Returns
    -------
    state : tensor, shape (n, d)
    times : tensor, shape (n, n_times)
    parameters : list of tensors
    """
    states, times = residuals.states, residuals.times
    # What is NaN says nothing of the parameters.
    cotangent = ops.where(ops.isfinite(states), cotangent, ops.zeros_like(cotangent))
    if is_direct:
        of_start, parameters = pulled_through_steps(stepper, field, residuals.record, times, cotangent)
        at_start = ops.where(times[:, :, None] <= 0, cotangent, ops.zeros_like(cotangent))
        of_start = of_start + ops.sum(at_start, axis=1)
    else:
        of_start, parameters = pulled_by_adjoint(stepper, field, states, times, cotangent, residuals.first_step)
    return of_start, _of_times(field, states, times, cotangent, of_start), parameters


def _of_times(field, states, times, cotangent, of_start):
    """Cotangent of the times: a state changes by its derivative with its time, and all change with the first."""
    n, n_times, d = ops.shape(states)
    size = min(_BLOCK, n_times)
    function = field.with_parameters(field.parameters, copies=size)
    safe = ops.where(ops.isfinite(states), states, states[:, :1])

    def of_block(start, found):
        place = (_zero(), smaller(start, n_times - size))

        def some(values, *further):
            # In the order of copies: all problems at the first time, at the second, ...
            part = ops.slice(values, (*place, *(_zero(),) * len(further)), (n, size, *further))
            return ops.reshape(ops.swapaxes(part, 0, 1), (size * n, *further))

        slopes = function(some(safe, d), some(times)) * some(cotangent, d)
        block = ops.swapaxes(ops.reshape(ops.sum(slopes, axis=-1), (size, n)), 0, 1)
        return start + size, ops.slice_update(found, place, block)

    start = (_zero(), ops.zeros_like(times))
    found = ops.while_loop(lambda number, _: number < n_times, of_block, start)[1]
    # The initial state, which is the first of the output, stays as it is when its time changes.
    others = of_start - cotangent[:, 0]
    at_first = -ops.sum(field(states[:, 0], times[:, 0]) * others, axis=-1)
    return field.direction[:, None] * ops.concatenate([at_first[:, None], found[:, 1:]], axis=1)


def _zero():
    return ops.zeros((), "int32")
