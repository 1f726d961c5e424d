"""One step of every problem, and how long the next one is."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from astroNN.neuralode._numbers import larger, smaller

__all__ = [
    "DONE",
    "NOT_FINITE",
    "RUNNING",
    "STOPPED",
    "TOO_MANY",
    "UNDERFLOW",
    "Problems",
    "Settings",
    "Stepper",
    "Tolerance",
]

#: of a problem; STOPPED is that of an event
RUNNING, DONE, UNDERFLOW, TOO_MANY, NOT_FINITE, STOPPED = range(6)

_LOOSEST = 1e-3  # relative tolerance of cotangents
_TINY = 1e-30
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


class Tolerance(NamedTuple):
    """Tolerance (n, d) of a step between two states (n, d)."""

    rtol: object
    atol: object
    by_increment: bool
    """Whether it is relative to the largest number, as that of rk4, and not to every one."""

    def __call__(self, before, after):
        size = larger(ops.abs(before), ops.abs(after))
        size = ops.max(size, axis=-1, keepdims=True) if self.by_increment else size
        return self.atol + self.rtol * size

    def with_cotangents(self, before, after):
        """Of states (n, 2 d), the second half of which are the cotangents of the first.

        These have the scale of what is minimised. They shall be as good, relative to the largest of them, as the
        largest number of the state.
        """
        d = before.shape[-1] // 2
        of_state = self(before[:, :d], after[:, :d]) + ops.zeros_like(before[:, :d])
        size, of_both = (
            ops.max(larger(ops.abs(before[:, part]), ops.abs(after[:, part])), axis=-1, keepdims=True)
            for part in (slice(0, d), slice(d, None))
        )
        relative = smaller(self.rtol + self.atol / larger(size, self.atol + _TINY), _LOOSEST)
        return ops.concatenate([of_state, relative * of_both + _TINY + ops.zeros_like(of_state)], axis=-1)


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


class Stepper:
    """One step of every problem, accepted or not, and how long the next one is.

    Parameters
    ----------
    method : Embedded or StepDoubling
    function : callable
        Derivatives (n, d) of states (n, d) at times (n,), which rise from 0.
    tolerance : Tolerance
    end, largest_step : tensor, shape (n,)
    settings : Settings
    fixed_step : tensor, shape (n,), optional
        Steps that do not depend on the error.
    """

    def __init__(self, method, function, tolerance, end, largest_step, settings, fixed_step=None):
        self.method, self.function, self.tolerance = method, function, tolerance
        self.end, self.largest_step, self.settings, self.fixed_step = end, largest_step, settings, fixed_step
        self.exponent = 1.0 / method.order

    def step(self, now):
        """The problems after it, its length, and the `Attempt`."""
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
        return new, step, tried

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
