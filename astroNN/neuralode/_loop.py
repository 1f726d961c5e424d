"""The loop over steps, for many problems at once, each with a step of its own; one graph on every backend.

Steps follow the error and never the times of the output. The polynomials of some steps are kept, and evaluated at
all times of the output between them when there is no more room: so a step costs the same whatever is asked for.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from astroNN.neuralode._backend import first_not_below
from astroNN.neuralode._methods import interpolated
from astroNN.neuralode._numbers import larger, smaller

__all__ = ["DONE", "NOT_FINITE", "RUNNING", "TOO_MANY", "UNDERFLOW", "Problems", "Settings", "integrate"]

RUNNING, DONE, UNDERFLOW, TOO_MANY, NOT_FINITE = range(5)

_KEPT_NUMBERS = 1 << 20  # in the polynomials of the steps that wait for their output
_MOST_KEPT = 256
_BLOCK = 256  # times of the output that are evaluated together
_AT_END = 1.01  # a step that comes so near to the end goes there


class Settings(NamedTuple):
    """How steps are chosen; the names are those of Hairer's programs."""

    max_steps: int
    """Steps that are tried at most."""
    safety: float
    """Factor on the step that the error allows."""
    shrink: float
    """Least ratio of a step to the one before."""
    growth: float
    """Largest ratio."""
    beta: float
    """Of the controller; 0 looks at the last error only."""
    shortest: float
    """Step, as a fraction of the time that has passed, that is taken whatever its error; 0 for none.

    In single precision the error of so short a step is that of rounding, and no shorter one is better.
    """


class Problems(NamedTuple):
    """Where every problem stands; all of shape (n,) but states and derivatives, (n, d)."""

    time: object
    """Since the first one."""
    state: object
    derivative: object
    step: object
    rejected: object
    """Whether the last step was."""
    last_error: object
    status: object
    n_accepted: object
    n_rejected: object


class _Kept(NamedTuple):
    """Steps that wait for their output, (n_kept, n); a step that was rejected has no length."""

    start: object
    step: object
    end: object
    rows: object
    """Of the dense output, (n_kept, n, n_rows, d): those of one step lie together, and are read at once."""


def integrate(method, function, state, times, tolerance, first_step, largest_step, settings, fixed_step=None):
    """Solve initial value problems.

    Parameters
    ----------
    method : Embedded or StepDoubling
    function : callable
        Derivatives (n, d) of states (n, d) at times (n,), which rise from 0.
    state : tensor, shape (n, d)
        Initial states.
    times : tensor, shape (n, n_times)
        Of the output, rising from 0.
    tolerance : callable
        Tolerances of a step between two states.
    first_step, largest_step : tensor, shape (n,)
    settings : Settings
    fixed_step : tensor, shape (n,), optional
        Steps that do not depend on the error.

    Returns
    -------
    states : tensor, shape (n, n_times, d)
        NaN behind the time at which a problem could not be gone on with.
    problems : Problems
        Where every problem has come to.
    """
    n, d = state.shape
    dtype = state.dtype
    n_kept = int(np.clip(_KEPT_NUMBERS // (method.n_rows * n * d), 8, _MOST_KEPT))
    derivative = function(state, ops.zeros((n,), dtype))
    is_finite = ops.all(ops.isfinite(derivative) & ops.isfinite(state), axis=-1)
    none = ops.zeros((n,), "int32")
    problems = Problems(
        ops.zeros((n,), dtype), state, derivative, first_step, ops.zeros((n,), "bool"), ops.full((n,), 1e-4, dtype),
        ops.where(is_finite, ops.where(times[:, -1] > 0, RUNNING, DONE), NOT_FINITE), none, none,
    )  # fmt: skip
    kept = _Kept(
        ops.zeros((n_kept, n), dtype), ops.ones((n_kept, n), dtype), ops.zeros((n_kept, n), dtype),
        ops.zeros((n_kept, n, method.n_rows, d), dtype),
    )  # fmt: skip
    # The first time, and others equal to it, are that of the initial state.
    output = ops.where(times[:, :, None] <= 0, state[:, None], ops.full((n, times.shape[1], d), np.nan, dtype))
    stepper = _Stepper(method, function, tolerance, times[:, -1], largest_step, settings, fixed_step)

    def steps_and_output(*values):
        problems, kept, output = _unpacked(values)
        reached = problems.time
        number, problems, kept = _steps(stepper, problems, kept, n_kept)
        output = _with_output(method, number, reached, problems.time, kept, times, output)
        return (*problems, *kept, output)

    values = ops.while_loop(
        lambda *values: ops.any(_unpacked(values)[0].status == RUNNING),
        steps_and_output,
        (*problems, *kept, output),
    )
    problems, _, output = _unpacked(values)
    return output, problems


def _unpacked(values):
    n_fields = len(Problems._fields)
    return Problems(*values[:n_fields]), _Kept(*values[n_fields:-1]), values[-1]


def _steps(stepper, problems, kept, n_kept):
    """Steps until there is no room for more, or all problems are at their ends."""
    n_fields = len(Problems._fields)

    def goes_on(number, *values):
        return ops.logical_and(number < n_kept, ops.any(Problems(*values[:n_fields]).status == RUNNING))

    def one_step(number, *values):
        problems, kept = Problems(*values[:n_fields]), _Kept(*values[n_fields:])
        new, step, rows = stepper.step(problems)
        zero = ops.zeros((), "int32")
        kept = _Kept(
            ops.slice_update(kept.start, (number, zero), problems.time[None]),
            ops.slice_update(kept.step, (number, zero), step[None]),
            ops.slice_update(kept.end, (number, zero), new.time[None]),
            ops.slice_update(kept.rows, (number, zero, zero, zero), rows[None]),
        )
        return (number + 1, *new, *kept)

    number, *values = ops.while_loop(goes_on, one_step, (ops.zeros((), "int32"), *problems, *kept))
    return number, Problems(*values[:n_fields]), _Kept(*values[n_fields:])


class _Stepper:
    """One step of every problem, accepted or not, and how long the next one is."""

    def __init__(self, method, function, tolerance, end, largest_step, settings, fixed_step):
        self.method, self.function, self.tolerance = method, function, tolerance
        self.end, self.largest_step, self.settings, self.fixed_step = end, largest_step, settings, fixed_step
        self.exponent = 1.0 / method.order

    def step(self, now):
        """The problems after it, its length, and the rows of its dense output (n, n_rows, d)."""
        is_running = now.status == RUNNING
        left = self.end - now.time
        to_end = now.step * _AT_END >= left
        # Problems at their ends take part with a step that does no harm, and stay where they are.
        step = ops.where(is_running, ops.where(to_end, left, now.step), ops.ones_like(left))
        tried = self.method.attempt(self.function, now.time, now.state, step, now.derivative, self.tolerance)
        error = tried.error if self.fixed_step is None else ops.zeros_like(tried.error)
        is_finite = ops.all(ops.isfinite(tried.state) & ops.isfinite(tried.derivative), axis=-1)
        is_shortest = step <= self.settings.shortest * now.time
        is_good = ops.logical_and(ops.logical_or(error <= 1.0, is_shortest), is_finite)
        accepted = ops.logical_and(is_running, is_good)
        rejected = ops.logical_and(is_running, ops.logical_not(is_good))
        next_step = self._next_step(step, error, is_finite, accepted, now)
        time = ops.where(accepted, ops.where(to_end, self.end, now.time + step), now.time)
        wide = accepted[:, None]
        n_accepted = now.n_accepted + ops.cast(accepted, "int32")
        n_rejected = now.n_rejected + ops.cast(rejected, "int32")
        new = Problems(
            time,
            ops.where(wide, tried.state, now.state),
            ops.where(wide, tried.derivative, now.derivative),
            ops.where(is_running, next_step, now.step),
            rejected,
            ops.where(accepted, larger(error, 1e-4), now.last_error),
            self._status(now, accepted, to_end, next_step, is_finite, n_accepted + n_rejected),
            n_accepted,
            n_rejected,
        )
        rows = [now.state, *(ops.where(wide, row, ops.zeros_like(row)) for row in tried.rows)]
        return new, step, ops.stack(rows, axis=1)

    def _next_step(self, step, error, is_finite, accepted, now):
        if self.fixed_step is not None:
            return ops.where(is_finite, self.fixed_step, 0.0 * step)
        settings = self.settings
        error = ops.where(is_finite & ops.isfinite(error), error, ops.full_like(error, 1e30))
        wanted = error ** (self.exponent - 0.2 * settings.beta) / settings.safety
        steadied = wanted / now.last_error**settings.beta if settings.beta else wanted
        longer = step / ops.clip(steadied, 1.0 / settings.growth, 1.0 / settings.shrink)
        # No growth right after a rejection.
        longer = smaller(ops.where(now.rejected, smaller(longer, step), longer), self.largest_step)
        shorter = step / smaller(wanted, ops.full_like(wanted, 1.0 / settings.shrink))
        return ops.where(accepted, longer, shorter)

    def _status(self, now, accepted, to_end, next_step, is_finite, n_tried):
        precision = float(np.finfo(keras.backend.standardize_dtype(now.time.dtype)).eps)
        too_short = 0.1 * next_step <= precision * now.time
        failed = ops.where(is_finite, UNDERFLOW, NOT_FINITE)
        status = ops.where(n_tried >= self.settings.max_steps, TOO_MANY, now.status)
        status = ops.where(ops.logical_and(too_short, ops.logical_not(accepted)), failed, status)
        status = ops.where(ops.logical_and(accepted, to_end), DONE, status)
        return ops.where(now.status == RUNNING, status, now.status)


def _with_output(method, n_steps, since, until, kept, times, output):
    """The output with the states at all times that the kept steps have passed, block by block."""
    n, n_times, d = output.shape
    n_kept = kept.start.shape[0]
    size = min(_BLOCK, n_times)
    unused = ops.arange(n_kept, dtype="int32")[:, None] >= n_steps
    ends = ops.where(unused, ops.full_like(kept.end, np.inf), kept.end)
    problem = ops.arange(n, dtype="int32")[:, None]
    zero = ops.zeros((), "int32")

    def of_problem(values, number):
        return ops.take(ops.reshape(values, (n_kept * n,)), number)

    def block(start, output):
        # The last block is moved back to be whole.
        start_here = smaller(start, n_times - size)
        some = ops.slice(times, (zero, start_here), (n, size))
        number = smaller(first_not_below(ends, some), n_kept - 1) * n + problem
        fraction = ((some - of_problem(kept.start, number)) / of_problem(kept.step, number))[..., None]

        rows = ops.take(ops.reshape(kept.rows, (n_kept * n, method.n_rows, d)), number, axis=0)
        found = interpolated(lambda which: rows[:, :, which], method.n_rows, fraction)
        passed = ops.logical_and(some > since[:, None], some <= until[:, None])[..., None]
        place = (zero, start_here, zero)
        before = ops.slice(output, place, (n, size, d))
        return start + size, ops.slice_update(output, place, ops.where(passed, found, before))

    first = ops.min(_number_up_to(since, times))
    last = ops.max(_number_up_to(until, times))
    return ops.while_loop(lambda start, output: start < last, block, (first, output))[1]


def _number_up_to(time, times):
    """How many of the times each problem has reached; JAX wants all numbers of places to be of one type."""
    return ops.cast(ops.sum(ops.cast(times <= time[:, None], "int32"), axis=1), "int32")
