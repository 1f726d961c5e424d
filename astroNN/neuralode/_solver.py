"""Solvers: the integration of one function by one method, compiled at its first use and kept for the next ones."""

import functools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from astroNN.neuralode._backend import (
    NEEDS_VALUES_OF_VARIABLES,
    compiled,
    in_precision,
    variables_seen,
    with_gradient,
)
from astroNN.neuralode._events import Event, with_stop
from astroNN.neuralode._field import Field
from astroNN.neuralode._gradient import Residuals, pulled
from astroNN.neuralode._loop import integrate
from astroNN.neuralode._methods import METHODS
from astroNN.neuralode._numbers import fixed, has_gradient, larger, smaller
from astroNN.neuralode._stepper import Settings, Stepper, Tolerance

__all__ = ["Limits", "Options", "Solution", "solver"]

_MOST_KEPT = 64


class Options(NamedTuple):
    """How a solver goes on; equal options have one solver."""

    method: str
    precision: str
    by_increment: bool
    """Whether the tolerance is relative to the largest increment, as that of rk4, and not to every number."""
    has_step: bool
    """Whether all steps are equal."""
    has_first_step: bool
    settings: Settings
    gradient: object
    """``"direct"``, ``"adjoint"``, or None for none."""
    event_direction: int


class Limits(NamedTuple):
    """Numbers that may change from call to call."""

    rtol: float
    atol: float
    step: float
    """The fixed or the first one; 0 for none."""
    largest_step: float
    """Infinity for none."""


class Solution(NamedTuple):
    """What a solver gives."""

    states: object
    """(n, n_times, d); with an event one more, that of the event."""
    reached: object
    """Time since the first one, (n,)."""
    status: object
    n_accepted: object
    n_rejected: object
    stopped: object
    """Times of the event, infinite where there was none; empty if none was asked for."""


@functools.lru_cache(maxsize=_MOST_KEPT)
def solver(signature, options):
    """The solver for all calls of this signature with these options."""
    return _Solver(options)


class _Solver:
    """Integrates one function; see `solver`."""

    def __init__(self, options):
        self.options = options
        self.method = METHODS[options.method]
        self.derivative = self.event_function = self.keras_variables = self.structure = None
        if options.gradient is None:
            plain = compiled(lambda *given: self._run(*given, is_differentiable=False)[0])
            self.solve = lambda constants, state, times, parameters, variables: fixed(
                plain(*fixed((constants, state, times, parameters)))
            )
        else:
            self.solve = with_gradient(lambda *given: self._run(*given, is_differentiable=True), self._pull)

    def __call__(self, derivative, event_function, limits, state, times, aux, numbers):
        """A `Solution`.

        Parameters
        ----------
        derivative : Derivative
            Equal, but for its identity, at every call.
        event_function : EventFunction or None
            Likewise.
        limits : Limits
        state : tensor, shape (n, d)
        times : tensor, shape (n, n_times)
        aux : nested tensors or None
        numbers : list of tensors
            Further arguments of the function.
        """
        if self.derivative is None:
            self.derivative, self.event_function = derivative, event_function
            self.keras_variables = self._keras_variables(state, times, aux, numbers)
        variables = self._variables(state, times, aux, numbers)
        values = [variable.value for variable in self.keras_variables]
        # Through numpy: Keras on torch makes single precision of plain numbers first.
        limits = ops.convert_to_tensor(np.array(limits, self.options.precision))
        given = (() if aux is None else aux, numbers, values)
        self.structure = self.structure or tree.map_structure(lambda leaf: 0, given)
        leaves = tree.flatten(given)
        parameters = [leaf for leaf in leaves if has_gradient(leaf)]
        constants = (limits, [None if has_gradient(leaf) else leaf for leaf in leaves])
        return Solution(*self.solve(constants, state, times, parameters, variables))

    def _keras_variables(self, state, times, aux, numbers):
        """Variables of Keras that the functions look at, found by calling them once.

        A function compiled by JAX would keep the values that they had at its first call.
        """
        if not NEEDS_VALUES_OF_VARIABLES:
            return []
        with _Watching() as watching:
            self._call_once(state, times, aux, numbers)
        return watching.seen

    def _variables(self, state, times, aux, numbers):
        if self.options.gradient is None:
            return []
        return variables_seen(lambda: self._call_once(*fixed((state, times, aux, numbers))))

    def _call_once(self, state, times, aux, numbers):
        first = None if aux is None else tree.map_structure(lambda leaf: leaf[:1], aux)
        functions = [self.derivative, self.event_function] if self.event_function else [self.derivative]
        return [function.of_all(state[:1], times[:1, 0], first, numbers) for function in functions]

    def _run(self, constants, state, times, parameters, is_differentiable):
        """The solution, and the `Residuals`."""
        limits, field, stepper, passed = self._set_up(constants, times, parameters, ())
        step = self._first_step(limits, field, stepper, state)
        event = None
        if self.event_function:
            event = Event(field.scalar(parameters, self.event_function.of_all), self.options.event_direction)
        recorded = is_differentiable and self.options.gradient == "direct"
        found = integrate(stepper, state, passed, step, event, recorded)
        states, stopped = found.states, ()
        if event:
            stopped = field.first + field.direction * found.crossing.time
            # The state where it stopped is one more of the output; those behind it are as that.
            passed, states = with_stop(passed, states, found.crossing, found.problems)
        problems = found.problems
        solution = (states, problems.time, problems.status, problems.n_accepted, problems.n_rejected, stopped)
        return solution, Residuals(states, passed, step, found.record)

    def _pull(self, constants, state, times, parameters, residuals, cotangent, variables):
        with in_precision(self.options.precision):
            limits, field, stepper, _ = self._set_up(constants, times, parameters, variables)
            is_direct = self.options.gradient == "direct"
            of_state, of_times, of_parameters = pulled(stepper, field, residuals, cotangent, is_direct)
            return of_state, of_times[:, : times.shape[1]], of_parameters

    def _set_up(self, constants, times, parameters, variables):
        limits, others = constants
        limits = Limits(*(limits[k] for k in range(len(Limits._fields))))
        parameters = iter(parameters)
        leaves = [next(parameters) if leaf is None else leaf for leaf in others]
        given = tree.pack_sequence_as(self.structure, leaves)
        first = times[:, 0]
        passed = ops.abs(times - first[:, None])
        direction = ops.where(times[:, -1] < first, -ops.ones_like(first), ops.ones_like(first))
        field = Field(self.derivative, first, direction, given, self.keras_variables, variables)
        largest = smaller(passed[:, -1], limits.largest_step)
        step = limits.step + ops.zeros_like(first) if self.options.has_step else None
        tolerance = Tolerance(limits.rtol, limits.atol, self.options.by_increment)
        stepper = Stepper(self.method, field, tolerance, passed[:, -1], largest, self.options.settings, step)
        return limits, field, stepper, passed

    def _first_step(self, limits, field, stepper, state):
        largest = stepper.largest_step
        if self.options.has_step or self.options.has_first_step:
            return smaller(limits.step + ops.zeros_like(largest), largest)
        if self.options.by_increment:  # says nothing of the size of a state; a few steps find the right one
            return 1e-3 * largest
        return _first_step(field, state, largest, stepper.tolerance(state, state), self.method.order)


def _first_step(function, state, largest, scale, order):
    """As in Hairer, Norsett & Wanner 1993, section II.4; a small step where nothing can be said."""
    one = ops.ones_like(largest)
    derivative = function(state, ops.zeros_like(largest))
    slope, height = (ops.sum((values / scale) ** 2, axis=-1) for values in (derivative, state))
    unknown = ops.logical_or(slope <= 1e-10, height <= 1e-10)
    small = 1e-6 * ops.where(largest > 0, largest, one)
    guess = ops.where(unknown, small, 0.01 * ops.sqrt(height / ops.where(unknown, one, slope)))
    guess = smaller(guess, ops.where(largest > 0, largest, one))
    after = function(state + guess[:, None] * derivative, guess)
    size = larger(ops.sqrt(ops.sum(((after - derivative) / scale) ** 2, axis=-1)) / guess, ops.sqrt(slope))
    is_flat = size <= 1e-15
    by_order = (0.01 / ops.where(is_flat, one, size)) ** (1.0 / order)
    by_order = ops.where(is_flat, larger(small, 1e-3 * guess), by_order)
    return smaller(smaller(100.0 * guess, by_order), largest)


class _Watching(keras.StatelessScope):
    """Remembers which variables are looked at; their values are those of a scope around it, or their own."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def get_current_value(self, variable):
        """Value of a variable in the scope around this one; None for its own."""
        if all(variable is not one for one in self.seen):
            self.seen.append(variable)
        around = self.original_scope
        return around.get_current_value(variable) if around is not None else None
