"""The gradient through the steps of a solution: that of what was computed, with its steps as long as they were.

The steps are gone through from the last to the first. Each is done again from its recorded beginning, and the
cotangents of its end and of its dense output are pulled back through it.
"""

from keras import ops

from astroNN.neuralode._backend import vjp, with_row
from astroNN.neuralode._numbers import rows_from
from astroNN.neuralode._output import Kept, n_together, pulled_to_rows
from astroNN.neuralode._record import Steps, too_long

__all__ = ["pulled_through_steps"]


def pulled_through_steps(stepper, field, record, times, cotangent):
    """Cotangents of the initial states and of what the function is given.

    Parameters
    ----------
    stepper : Stepper
        That of the solution.
    field : Field
    record : Record
    times : tensor, shape (n, n_times)
        Of the output, rising from 0.
    cotangent : tensor, shape (n, n_times, d)
        Of the solution.

    Returns
    -------
    state : tensor, shape (n, d)
    parameters : list of tensors
        Of ``field.parameters`` and ``field.variables``.
    """
    back = _Back(stepper, field, times, cotangent)
    length = record.last.start.shape[0]
    last = (record.n_steps - 1) // length

    def segment(number, steps, state, parameters):
        n_steps = ops.where(number == last, record.n_steps - number * length, length)
        steps = _steps_again(stepper, record.checkpoints, number, ops.where(number == last, 0, length), steps)
        state, parameters = back.through_segment(steps, n_steps, state, parameters)
        return number - 1, steps, state, parameters

    # A copy: torch writes in place, and may come this way again.
    steps = Steps(*(ops.copy(all_) for all_ in record.last))
    start = (last, steps, ops.zeros_like(cotangent[:, 0]), field.zeros())
    _, _, state, parameters = ops.while_loop(lambda number, *_: number >= 0, segment, start)
    # Longer than what was recorded: no gradient rather than a wrong one.
    lost = ops.where(too_long(record), float("nan"), 0.0)
    return state + ops.cast(lost, state.dtype), [one + ops.cast(lost, one.dtype) for one in parameters]


def _steps_again(stepper, checkpoints, segment, n_steps, steps):
    """The first steps from a checkpoint on, over others that are of no use any more."""

    def one(number, problems, steps):
        new, step, _ = stepper.step(problems)
        values = (problems.time, step, new.time, problems.state)
        steps = Steps(*(with_row(all_, number, now) for all_, now in zip(steps, values, strict=True)))
        return number + 1, new, steps

    problems = type(checkpoints)(*(ops.take(all_, segment, axis=0) for all_ in checkpoints))
    start = (ops.zeros((), "int32"), problems, steps)
    return ops.while_loop(lambda number, *_: number < n_steps, one, start)[2]


class _Back:
    """Pulls cotangents through recorded steps."""

    def __init__(self, stepper, field, times, cotangent):
        self.method, self.field, self.times, self.cotangent = stepper.method, field, times, cotangent
        n, _, d = ops.shape(cotangent)
        self.n_kept = n_together(self.method, n, d)

    def through_segment(self, steps, n_steps, state, parameters):
        """Cotangents before some steps, from those behind them."""

        def block(number, state, parameters):
            begin = number * self.n_kept
            some = Steps(*(rows_from(all_, begin, self.n_kept) for all_ in steps))
            return number - 1, *self._through_block(
                some, ops.minimum(n_steps - begin, self.n_kept), state, parameters
            )

        start = ((n_steps - 1) // self.n_kept, state, parameters)
        return ops.while_loop(lambda number, *_: number >= 0, block, start)[1:]

    def _through_block(self, steps, n_steps, state, parameters):
        kept = Kept(steps.start, steps.step, steps.end, None)
        until = ops.take(steps.end, n_steps - 1, axis=0)
        of_rows = pulled_to_rows(self.method, n_steps, steps.start[0], until, kept, self.times, self.cotangent)

        def one(number, state, parameters):
            start, step, end, before = (ops.take(all_, number, axis=0) for all_ in steps)
            return number - 1, *self._through_step(
                start, step, end > start, before, ops.take(of_rows, number, axis=0), state, parameters
            )

        return ops.while_loop(lambda number, *_: number >= 0, one, (n_steps - 1, state, parameters))[1:]

    def _through_step(self, time, step, accepted, before, of_rows, state, parameters):
        # A step that was rejected may have led to NaN: one of no length does not.
        step = ops.where(accepted, step, ops.zeros_like(step))

        def attempt(arguments):
            state, given = arguments[0], arguments[1:]
            function = self.field.with_parameters(given)
            tried = self.method.attempt(function, time, state, step, function(state, time))
            return tried.state, ops.stack([state, *tried.rows], axis=1)

        _, pull = vjp(attempt, [before, *self.field.parameters], self.field.variables)
        wide = accepted[:, None]
        zeros = ops.zeros_like(state)
        of_state, *of_parameters = pull((ops.where(wide, state, zeros), of_rows))
        total = [all_ + one for all_, one in zip(parameters, of_parameters, strict=True)]
        return ops.where(wide, of_state, state), total
