"""The gradient by the adjoint equations, solved back in time: its memory does not depend on the number of steps.

Chen et al. 2018, NeurIPS 31 (arXiv:1806.07366). The state is solved back together with its cotangent, from one time
of the output to the one before. The cotangents of parameters are integrals along the way: they take no part in the
choice of steps (Kidger, Chen & Lyons 2021, arXiv:2009.09457).
"""

from keras import ops

from astroNN.neuralode._backend import vjp
from astroNN.neuralode._loop import beginning
from astroNN.neuralode._numbers import larger, smaller
from astroNN.neuralode._stepper import DONE, RUNNING, Stepper

__all__ = ["pulled_by_adjoint"]


def pulled_by_adjoint(stepper, field, states, times, cotangent, first_step):
    """Cotangents of the initial states and of what the function is given.

    Parameters
    ----------
    stepper : Stepper
        That of the solution.
    field : Field
    states : tensor, shape (n, n_times, d)
        The solution.
    times : tensor, shape (n, n_times)
        Of the output, rising from 0.
    cotangent : tensor, shape (n, n_times, d)
        Of the solution.
    first_step : tensor, shape (n,)

    Returns
    -------
    state : tensor, shape (n, d)
    parameters : list of tensors
        Of ``field.parameters`` and ``field.variables``.
    """
    back = _Back(stepper, field)

    def interval(number, carried, step, parameters):
        now, of_now = ops.take(states, number, axis=1), ops.take(cotangent, number, axis=1)
        until, since = ops.take(times, number, axis=1), ops.take(times, number - 1, axis=1)
        # A problem that came to no end has no output there, and no cotangent.
        is_there = ops.all(ops.isfinite(now), axis=-1)
        carried = carried + ops.where(is_there[:, None], of_now, 0.0)
        now = ops.where(is_there[:, None], now, states[:, 0])
        length = ops.where(is_there, until - since, 0.0)
        return number - 1, *back.through_interval(now, carried, until, length, step, parameters)

    n_times = states.shape[1]
    start = (ops.full((), n_times - 1, "int32"), ops.zeros_like(states[:, 0]), first_step, field.zeros())
    _, carried, _, parameters = ops.while_loop(lambda number, *_: number >= 1, interval, start)
    return carried + cotangent[:, 0], parameters


class _Back:
    """Solves the adjoint equations between two times of the output."""

    def __init__(self, stepper, field):
        self.stepper, self.field = stepper, field

    def through_interval(self, state, carried, until, length, step, parameters):
        """The cotangent before an interval from that behind it, the next step, and the cotangents of parameters."""
        d = state.shape[1]

        def function(both, passed):
            values, pull = vjp(lambda given: (self.field(given[0], until - passed),), [both[:, :d]], [])
            return ops.concatenate([-values[0], pull((both[:, d:],))[0]], axis=-1)

        forward = self.stepper
        back = Stepper(
            forward.method,
            function,
            forward.tolerance.with_cotangents,
            length,
            smaller(length, forward.largest_step),
            forward.settings,
            forward.fixed_step,
        )
        problems = beginning(function, ops.concatenate([state, carried], axis=-1), length[:, None], step)

        def one(problems, parameters):
            new, taken, tried = back.step(problems)
            accepted = new.n_accepted > problems.n_accepted
            return new, self._with_integrals(parameters, tried, accepted, taken, problems.state, until)

        start = (problems, parameters)
        problems, parameters = ops.while_loop(lambda now, _: ops.any(now.status == RUNNING), one, start)
        carried = ops.where((problems.status == DONE)[:, None], problems.state[:, d:], float("nan"))
        # The last step was cut short by the end of the interval.
        return carried, larger(problems.step, step), parameters

    def _with_integrals(self, parameters, tried, accepted, step, before, until):
        """The cotangents of parameters with what a step adds: the method as a quadrature of its own points."""
        if not parameters:
            return parameters
        d = before.shape[1] // 2
        weights = ops.where(accepted, step, ops.zeros_like(step))
        times = ops.concatenate([until - passed for _, passed, _ in tried.points])
        # Points of a step that was rejected may be NaN.
        both = [ops.where(accepted[:, None], state, before) for _, _, state in tried.points]
        states = ops.concatenate([state[:, :d] for state in both])
        shares = [weight * weights[:, None] for weight, _, _ in tried.points]
        carried = ops.concatenate([share * state[:, d:] for share, state in zip(shares, both, strict=True)])

        def slopes(given):
            return (self.field.with_parameters(given, copies=len(both))(states, times),)

        _, pull = vjp(slopes, self.field.parameters, self.field.variables)
        return [all_ + one for all_, one in zip(parameters, pull((carried,)), strict=True)]
