"""The loop over steps, for many problems at once, each with a step of its own; one graph on every backend.

Steps follow the error and never the times of the output. The polynomials of some steps are kept, and evaluated at
all times of the output between them when there is no more room: so a step costs the same whatever is asked for.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from astroNN.neuralode._backend import with_row
from astroNN.neuralode._events import first_crossing, located, no_crossing
from astroNN.neuralode._output import Kept, evaluated, n_together
from astroNN.neuralode._record import new_record, with_checkpoint, with_step
from astroNN.neuralode._stepper import DONE, NOT_FINITE, RUNNING, STOPPED, Problems

__all__ = ["Integrated", "beginning", "integrate"]


class Integrated(NamedTuple):
    """What `integrate` gives."""

    states: object
    """(n, n_times, d); NaN behind the time at which a problem could not be gone on with, or stopped."""
    problems: Problems
    """Where every problem has come to."""
    crossing: object
    """The `Crossing` at which problems stopped; empty without an event."""
    record: object
    """For the gradient, see `_record`; empty unless asked for."""


def beginning(function, state, times, first_step):
    """`Problems` at their first time."""
    since = ops.zeros_like(first_step)
    derivative = function(state, since)
    is_finite = ops.all(ops.isfinite(derivative) & ops.isfinite(state), axis=-1)
    none = ops.zeros_like(since, "int32")
    return Problems(
        since, state, derivative, first_step, ops.zeros_like(since, "bool"), 1e-4 * ops.ones_like(since),
        ops.where(is_finite, ops.where(times[:, -1] > 0, RUNNING, DONE), NOT_FINITE), none, none,
    )  # fmt: skip


def integrate(stepper, state, times, first_step, event=None, recorded=False):
    """Solve initial value problems.

    Parameters
    ----------
    stepper : Stepper
    state : tensor, shape (n, d)
        Initial states.
    times : tensor, shape (n, n_times)
        Of the output, rising from 0.
    first_step : tensor, shape (n,)
    event : Event, optional
        Stops problems.
    recorded : bool, optional
        Whether to record the steps for their gradient.

    Returns
    -------
    Integrated
    """
    method = stepper.method
    n, d = ops.shape(state)
    dtype = state.dtype
    n_kept = n_together(method, n, d)
    problems = beginning(stepper.function, state, times, first_step)
    kept = Kept(
        ops.zeros((n_kept, n), dtype), ops.ones((n_kept, n), dtype), ops.zeros((n_kept, n), dtype),
        ops.zeros((n_kept, n, method.n_rows, d), dtype),
    )  # fmt: skip
    crossing = no_crossing(event, state, method.n_rows) if event else ()
    record = new_record(problems, n_kept, stepper.settings.max_steps) if recorded else ()
    # The first time, and others equal to it, are that of the initial state.
    output = ops.where(times[:, :, None] <= 0, state[:, None], np.nan * ops.ones_like(times)[:, :, None])

    def steps_and_output(problems, kept, crossing, record, output):
        since = problems.time
        if recorded:
            record = with_checkpoint(record, problems)
        number, problems, kept, crossing, record = _steps(stepper, event, problems, kept, crossing, record)
        output = evaluated(method, number, since, problems.time, kept, times, output)
        return problems, kept, crossing, record, output

    problems, _, crossing, record, output = ops.while_loop(
        lambda problems, *_: ops.any(problems.status == RUNNING),
        steps_and_output,
        (problems, kept, crossing, record, output),
    )
    if event:
        crossing = located(event, method, crossing, problems.status == STOPPED)
        output = ops.where(times[:, :, None] <= crossing.time[:, None, None], output, np.nan)
    return Integrated(output, problems, crossing, record)


def _steps(stepper, event, problems, kept, crossing, record):
    """Steps until there is no room for more, or all problems are at their ends."""
    n_kept = kept.start.shape[0]

    def goes_on(number, problems, *_):
        return ops.logical_and(number < n_kept, ops.any(problems.status == RUNNING))

    def one_step(number, problems, kept, crossing, record):
        new, step, tried = stepper.step(problems)
        wide = (new.n_accepted > problems.n_accepted)[:, None]
        rows = [problems.state, *(ops.where(wide, row, ops.zeros_like(row)) for row in tried.rows)]
        rows = ops.stack(rows, axis=1)
        if event:
            new, crossing = first_crossing(event, crossing, problems, new, step, rows)
        values = (problems.time, step, new.time, rows)
        kept = Kept(*(with_row(buffer, number, row) for buffer, row in zip(kept, values, strict=True)))
        if record:
            record = with_step(record, problems, step, new.time)
        return number + 1, new, kept, crossing, record

    return ops.while_loop(goes_on, one_step, (ops.zeros((), "int32"), problems, kept, crossing, record))
