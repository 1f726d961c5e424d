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
    """What a solution took; arrays of shape (n,), or numbers for a single problem."""

    success: object
    """Whether the last time was reached."""
    accepted: object
    """Steps."""
    rejected: object
    """Steps that were tried and found too long."""
    evaluations: object
    """Calls of `func` for each problem, those of the first step included."""


class Stop(NamedTuple):
    """Where an event stopped a solution; of shape (n, ...), or without the first axis for a single problem."""

    happened: object
    time: object
    """NaN where it did not happen."""
    state: object
    """In the nesting of the initial state; NaN where it did not happen."""


def raise_failure(solution, problem, options):
    """Say which problem could not be carried to its last time, how far it came, and why."""
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
    """States (n, n_times, d) in the nesting and shapes of the user's."""
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
    """`Statistics` of a solution."""
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
    """`Stop` from what `refined` found."""
    state = as_given(state[:, None], problem, structure)
    state = tree.map_structure(lambda part: part[:, 0] if problem.is_batch else part[0], state)
    return Stop(happened, time, state) if problem.is_batch else Stop(happened[0], time[0], state)
