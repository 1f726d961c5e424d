"""Where a function of the solution becomes zero, and the solution stops."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from astroNN.neuralode._backend import vjp
from astroNN.neuralode._methods import interpolated
from astroNN.neuralode._numbers import fixed
from astroNN.neuralode._stepper import STOPPED

__all__ = ["Crossing", "Event", "first_crossing", "located", "no_crossing", "refined", "with_stop"]


class Event(NamedTuple):
    """What stops a problem."""

    function: object
    """Values (n,) of states (n, d) at times (n,) since the first."""
    direction: int
    """Whether the function must rise (1) or fall (-1) there; 0 for either."""


class Crossing(NamedTuple):
    """The step within which the function of an event changed its sign; of shape (n,) but the rows."""

    value: object
    """Of the function at the beginning of the step."""
    start: object
    step: object
    rows: object
    """(n, n_rows, d)"""
    time: object
    """Of the zero, once it is `located`; infinity for problems without."""
    state: object
    """(n, d)"""


def no_crossing(event, state, n_rows):
    """A `Crossing` at the initial states."""
    zero = ops.zeros_like(state[:, 0])
    rows = ops.stack([ops.zeros_like(state)] * n_rows, axis=1)
    return Crossing(event.function(state, zero), zero, zero, rows, zero, state)


def first_crossing(event, crossing, before, after, step, rows):
    """The problems with those stopped whose function changes its sign in this step, and the crossing."""
    value = event.function(after.state, after.time)
    accepted = after.n_accepted > before.n_accepted
    # A start at a zero is none: a stone thrown from the ground has not landed.
    rises = (crossing.value < 0) & (value >= 0)
    falls = (crossing.value > 0) & (value <= 0)
    crosses = {1: rises, -1: falls, 0: rises | falls}[event.direction] & accepted
    crossing = crossing._replace(
        value=ops.where(accepted & ~crosses, value, crossing.value),
        start=ops.where(crosses, before.time, crossing.start),
        step=ops.where(crosses, step, crossing.step),
        rows=ops.where(crosses[:, None, None], rows, crossing.rows),
    )
    return after._replace(status=ops.where(crosses, STOPPED, after.status)), crossing


def located(event, method, crossing, is_there):
    """The crossing with its time and state, by bisection to the precision of numbers."""
    state, time = crossing.rows[:, 0], crossing.start

    def at(fraction):
        return interpolated(lambda which: crossing.rows[:, which], method.n_rows, fraction[:, None])

    def halve(number, low, high):
        middle = 0.5 * (low + high)
        value = event.function(at(middle), time + middle * crossing.step)
        is_before = value * crossing.value > 0
        return number + 1, ops.where(is_before, middle, low), ops.where(is_before, high, middle)

    n_halvings = 1 - int(np.log2(np.finfo(keras.backend.standardize_dtype(state.dtype)).eps))
    start = (ops.zeros((), "int32"), ops.zeros_like(time), ops.ones_like(time))
    _, _, fraction = ops.while_loop(lambda number, low, high: number < n_halvings, halve, start)
    found = ops.where(is_there, time + fraction * crossing.step, np.inf)
    return crossing._replace(time=found, state=ops.where(is_there[:, None], at(fraction), np.nan))


def with_stop(times, states, crossing, problems):
    """Times and states with those of the event behind them; problems without an event end with where they came to."""
    happened = problems.status == STOPPED
    time = ops.where(happened, crossing.time, times[:, -1])[:, None]
    state = ops.where(happened[:, None], crossing.state, problems.state)[:, None]
    behind = ops.logical_and(happened[:, None], times > time)
    times = ops.concatenate([ops.where(behind, time, times), time], axis=1)
    return times, ops.concatenate([ops.where(behind[:, :, None], state, states), state], axis=1)


def refined(derivative, event_function, solution, problem, numbers, has_gradient):
    """Where each problem stopped, with the gradient that follows from the function being zero there.

    Parameters
    ----------
    derivative : Derivative
    event_function : EventFunction
    solution : Solution
    problem : Problem
    numbers : list of tensors
        Further arguments of the functions.
    has_gradient : bool
        Whether it is asked for.

    Returns
    -------
    happened : tensor, shape (n,)
    time : tensor, shape (n,)
        As the user's; NaN where it did not happen.
    state : tensor, shape (n, d)
        Likewise.
    """
    happened = solution.status == STOPPED
    state, time = solution.states[:, -1], fixed(ops.where(happened, solution.stopped, problem.times[:, -1]))
    if has_gradient:
        # One step of Newton's method that changes nothing but the gradient: the time gives way where the state moves.
        there, aux, further = fixed(state), fixed(problem.aux), fixed(numbers)
        _, pull = vjp(lambda at: (event_function.of_all(*at, aux, further),), [there, time], [])
        by_state, by_time = pull((ops.ones_like(time),))
        drift = fixed(derivative.of_all(there, time, aux, further))
        slope = fixed(ops.sum(by_state * drift, axis=-1) + by_time)
        value = event_function.of_all(state, time, problem.aux, numbers)
        shift = (fixed(value) - value) / ops.where(happened, slope, ops.ones_like(slope))
        time, state = time + shift, state + drift * shift[:, None]
    return happened, ops.where(happened, time, np.nan), ops.where(happened[:, None], state, np.nan)
