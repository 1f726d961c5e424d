"""What a solver gives to a user: nested states, statistics, events, and errors."""

import math
from typing import NamedTuple

import numpy as np
from keras import ops, tree

from astroNN.neuralode._methods import METHODS
from astroNN.neuralode._stepper import DONE, NOT_FINITE, STOPPED, TOO_MANY, UNDERFLOW

__all__ = ["IntegrationError", "Statistics", "Stop", "as_given", "as_statistics", "as_stop", "raise_failure"]

_REASONS = {
    UNDERFLOW: "the step became too short for the precision: the solution may be singular there, or `rtol` and "
    "`atol` ask for more than {precision} can give",
    TOO_MANY: "{max_steps} steps were tried: raise `max_steps`, or loosen `rtol` and `atol`; a stiff problem needs "
    "another solver",
    NOT_FINITE: "`func` gave NaN or infinite values there",
}


class IntegrationError(RuntimeError, ValueError):
    """A solution could not be carried to the last time."""


class Statistics(NamedTuple):
    """What a solution took; arrays of shape (n,), or numbers for a single problem.

    Attributes
    ----------
    success : bool or array
        Whether the last time, or an event, was reached.
    accepted : int or array
        Steps.
    rejected : int or array
        Steps that were tried and found too long.
    evaluations : int or array
        Calls of `func` for each problem, those of the first step included.
    """

    success: object
    accepted: object
    rejected: object
    evaluations: object


class Stop(NamedTuple):
    """Where an event stopped a solution; of shape (n, ...), or without the first axis for a single problem.

    Attributes
    ----------
    happened : tensor of bool
        Whether the event came before the last time.
    time : tensor
        Its time; NaN where it did not happen.
    state : tensor, or dict, list or tuple of tensors
        In the nesting of the initial state; NaN where it did not happen.
    """

    happened: object
    time: object
    state: object


def raise_failure(solution, problem, options):
    """Say which problem could not be carried to its last time, how far it came, and why.

    Parameters
    ----------
    solution : Solution
        As the solver gives it.
    problem : Problem
        What was solved.
    options : Options
        Of the solver.

    Raises
    ------
    IntegrationError
        If a status is neither that of the last time nor that of an event.
    """
    status = ops.convert_to_numpy(solution.status)
    failed = np.flatnonzero((status != DONE) & (status != STOPPED))
    if not len(failed):
        return
    first = int(failed[0])
    times = ops.convert_to_numpy(problem.times)[first]
    reached = times[0] + np.sign(times[-1] - times[0]) * ops.convert_to_numpy(solution.reached)[first]
    reason = _REASONS[int(status[first])].format(precision=options.precision, max_steps=options.settings.max_steps)
    which = f"problem {first} of {len(status)} (and {len(failed) - 1} more)" if len(status) > 1 else "the solution"
    raise IntegrationError(
        f"odeint: {which} came to t = {reached:.9g} only, of {times[-1]:.9g}: {reason}. `statistics=True` gives what "
        "there is."
    )


def as_given(states, problem, structure):
    """States in the nesting and shapes of the user's.

    Parameters
    ----------
    states : tensor, shape (n, n_times, d)
        States of all problems, each in one row of numbers.
    problem : Problem
        Tells the shapes of the parts, and whether there was an axis of problems.
    structure : dict, list or tuple, or None
        Nesting of the initial state; None for one array.

    Returns
    -------
    tensor, or dict, list or tuple of tensors
        Each of shape (n, n_times, ...), or (n_times, ...) for a single problem.
    """
    # As few operations as can be: outside of a graph each takes longer than some steps of a solution.
    sizes = [math.prod(shape) for shape in problem.shapes]
    parts = ops.split(states, np.cumsum(sizes)[:-1].tolist(), axis=2) if len(sizes) > 1 else [states]
    leading = ops.shape(states)[:2] if problem.is_batch else (states.shape[1],)
    parts = [
        part if problem.is_batch and len(shape) == 1 else ops.reshape(part, (*leading, *shape))
        for part, shape in zip(parts, problem.shapes, strict=True)
    ]
    return parts[0] if structure is None else tree.pack_sequence_as(structure, parts)


def as_statistics(solution, problem, options):
    """`Statistics` of a solution.

    Parameters
    ----------
    solution : Solution
        As the solver gives it.
    problem : Problem
        Tells whether there was an axis of problems.
    options : Options
        Tell the method, and how the first step was found.

    Returns
    -------
    Statistics
        Tensors, of shape (n,) for n problems.
    """
    method = METHODS[options.method]
    tried = solution.n_accepted + solution.n_rejected
    at_start = 1 if options.has_step or options.has_first_step or options.by_increment else 3
    found = Statistics(
        (solution.status == DONE) | (solution.status == STOPPED),
        solution.n_accepted,
        solution.n_rejected,
        at_start + method.evaluations * tried,
    )
    return found if problem.is_batch else Statistics(*(values[0] for values in found))


def as_stop(happened, time, state, problem, structure):
    """`Stop` from what `refined` found.

    Parameters
    ----------
    happened, time : tensor, shape (n,)
        Whether and when the event came.
    state : tensor, shape (n, d)
        States then.
    problem : Problem
        As in `as_given`.
    structure : dict, list or tuple, or None
        As in `as_given`.

    Returns
    -------
    Stop
        In the shapes of the user's.
    """
    state = as_given(state[:, None], problem, structure)
    state = tree.map_structure(lambda part: part[:, 0] if problem.is_batch else part[0], state)
    return Stop(happened, time, state) if problem.is_batch else Stop(happened[0], time[0], state)
