"""Solvers: the integration of one function by one method, compiled at its first use and kept for the next ones."""

import functools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from astroNN.neuralode._backend import NEEDS_VALUES_OF_VARIABLES, compiled
from astroNN.neuralode._loop import Settings, integrate
from astroNN.neuralode._methods import METHODS
from astroNN.neuralode._numbers import larger, smaller

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
    """(n, n_times, d)"""
    reached: object
    """Time since the first one, (n,)."""
    status: object
    n_accepted: object
    n_rejected: object


@functools.lru_cache(maxsize=_MOST_KEPT)
def solver(signature, options):
    """The solver for all calls of this signature with these options."""
    return _Solver(options)


class _Solver:
    """Integrates one function; see `solver`."""

    def __init__(self, options):
        self.options = options
        self.method = METHODS[options.method]
        self.derivative = self.variables = None
        self.run = compiled(self._with_variables)

    def __call__(self, derivative, limits, state, times, aux, numbers):
        """A `Solution`.

        Parameters
        ----------
        derivative : Derivative
            Equal, but for its identity, at every call.
        limits : Limits
        state : tensor, shape (n, d)
        times : tensor, shape (n, n_times)
        aux : nested tensors or None
        numbers : list of tensors
            Further arguments of the function.
        """
        self.derivative = self.derivative or derivative
        if self.variables is None:
            self.variables = self._variables_used(state, times, aux, numbers) if NEEDS_VALUES_OF_VARIABLES else []
        values = [variable.value for variable in self.variables]
        # Through numpy: Keras on torch makes single precision of plain numbers first.
        limits = ops.convert_to_tensor(np.array(limits, self.options.precision))
        return Solution(*self.run(limits, state, times, aux, numbers, values))

    def _variables_used(self, state, times, aux, numbers):
        """Variables of Keras that the function looks at, found by calling it once.

        A function compiled by JAX would keep the values that they had at its first call.
        """
        first = None if aux is None else tree.map_structure(lambda leaf: leaf[0], aux)
        with _Watching() as watching:
            self.derivative.of_one(state[0], times[0, 0], first, numbers)
        return watching.seen

    def _with_variables(self, limits, state, times, aux, numbers, values):
        limits = Limits(*(limits[k] for k in range(len(Limits._fields))))
        if not values:
            return self._solve(limits, state, times, aux, numbers)
        with keras.StatelessScope(state_mapping=list(zip(self.variables, values, strict=True))):
            return self._solve(limits, state, times, aux, numbers)

    def _solve(self, limits, state, times, aux, numbers):
        first = times[:, 0]
        passed = ops.abs(times - first[:, None])
        end = passed[:, -1]
        direction = ops.where(times[:, -1] < first, -ops.ones_like(first), ops.ones_like(first))

        def function(states, since):
            return direction[:, None] * self.derivative.of_all(states, first + direction * since, aux, numbers)

        def tolerance(before, after):
            size = larger(ops.abs(before), ops.abs(after))
            size = ops.max(size, axis=-1, keepdims=True) if self.options.by_increment else size
            return limits.atol + limits.rtol * size

        largest = smaller(end, limits.largest_step)
        given = limits.step + ops.zeros_like(end)
        if self.options.has_step or self.options.has_first_step:
            step = smaller(given, largest)
        elif self.options.by_increment:  # says nothing of the size of a state; a few steps find the right one
            step = 1e-3 * largest
        else:
            step = _first_step(function, state, largest, tolerance(state, state), self.method.order)
        output, problems = integrate(
            self.method, function, state, passed, tolerance, step, largest, self.options.settings,
            given if self.options.has_step else None,
        )  # fmt: skip
        return output, problems.time, problems.status, problems.n_accepted, problems.n_rejected


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
