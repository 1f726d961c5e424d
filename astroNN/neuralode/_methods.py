"""One step of each method: the new state, its error, and the polynomial between the two ends."""

from typing import NamedTuple

from keras import ops

from astroNN.neuralode._tableaux import DOP853, DOPRI5

__all__ = ["METHODS", "Attempt", "Embedded", "StepDoubling", "interpolated", "interpolation_weights"]


class Attempt(NamedTuple):
    """What one step gives; all of shape (n, d) but the error."""

    state: object
    derivative: object
    """At the end of the step."""
    error: object
    """Shape (n,), in units of the tolerance: the step is good up to 1. None without a tolerance."""
    rows: list
    """Of the dense output behind the state at the beginning, see `interpolated`."""
    points: list
    """Of the quadrature that the method is: weight, time (n,) and state of each."""


class Embedded:
    """Explicit Runge-Kutta method with an error estimate from the same stages.

    Parameters
    ----------
    tableau : Tableau
    """

    def __init__(self, tableau):
        self.tableau = tableau
        self.order = tableau.order
        self.n_rows = 4 + len(tableau.dense)
        self.evaluations = len(tableau.nodes) + len(tableau.extra_nodes)

    def attempt(self, function, time, state, step, derivative, tolerance=None):
        """A step of every problem.

        Parameters
        ----------
        function : callable
            Derivatives (n, d) of states (n, d) at times (n,).
        time, step : tensor, shape (n,)
        state, derivative : tensor, shape (n, d)
            At the beginning.
        tolerance : callable, optional
            Tolerances (n, d) of a step between two states.

        Returns
        -------
        Attempt
        """
        tableau, width = self.tableau, step[:, None]
        stages, places = [derivative], [(time, state)]

        def add_stage(node, weights):
            places.append((time + node * step, state + width * _weighted(weights, stages)))
            stages.append(function(places[-1][1], places[-1][0]))

        for node, weights in zip(tableau.nodes[1:], tableau.stages, strict=True):
            add_stage(node, weights)
        change = width * _weighted(tableau.weights, stages)
        new_state = state + change
        stages.append(function(new_state, time + step))
        new_derivative = stages[-1]
        for node, weights in zip(tableau.extra_nodes, tableau.extra_stages, strict=True):
            add_stage(node, weights)
        rows = _cubic_rows(change, width * derivative, width * new_derivative)
        rows += [width * _weighted(weights, stages) for weights in tableau.dense]
        error = None if tolerance is None else self._error(step, stages, tolerance(state, new_state))
        points = [(weight, *places[number]) for number, weight in tableau.weights.items()]
        return Attempt(new_state, new_derivative, error, rows, points)

    def _error(self, step, stages, scale):
        squares = [ops.mean((_weighted(weights, stages) / scale) ** 2, axis=-1) for weights in self.tableau.errors]
        if len(squares) == 1:
            return step * ops.sqrt(squares[0])
        # Hairer's combination of the estimates of fifth and third order.
        fifth, third = squares
        both = fifth + 0.01 * third
        return step * fifth / ops.sqrt(ops.where(both > 0, both, 1.0))


class StepDoubling:
    """Classical Runge-Kutta method of fourth order; two half steps against one whole say the error."""

    order = 4
    n_rows = 4
    evaluations = 11

    def attempt(self, function, time, state, step, derivative, tolerance=None):
        """As of `Embedded`."""
        width, half = step[:, None], 0.5 * step
        whole, _ = _classical(function, time, state, step, derivative)
        first, points = _classical(function, time, state, half, derivative)
        middle = state + 0.5 * width * first
        second, more = _classical(function, time + half, middle, half, function(middle, time + half))
        mean = 0.5 * (first + second)
        new_state = state + width * mean
        new_derivative = function(new_state, time + step)
        error = None if tolerance is None else ops.max(ops.abs(whole - mean) / tolerance(mean, mean), axis=-1) / 2.0
        rows = _cubic_rows(width * mean, width * derivative, width * new_derivative)
        points = [(0.5 * weight, *place) for weight, *place in points + more]
        return Attempt(new_state, new_derivative, error, rows, points)


def interpolated(row, n_rows, fraction):
    """Dense output within a step.

    Parameters
    ----------
    row : callable
        Row of a number from 0, the state at the beginning, to `n_rows` - 1.
    n_rows : int
    fraction : tensor
        Of the step that has passed, from 0 to 1.
    """
    # Hairer, Norsett & Wanner 1993, section II.6: nested, with the fraction and what is left of it in turn.
    value = row(n_rows - 1)
    for number in range(n_rows - 2, -1, -1):
        value = row(number) + (fraction if number % 2 == 0 else 1.0 - fraction) * value
    return value


def interpolation_weights(n_rows, fraction):
    """Of all rows at a fraction of the step; `interpolated` is the sum of the rows with them."""
    weights = [ops.ones_like(fraction)]
    for number in range(n_rows - 1):
        weights.append(weights[-1] * (fraction if number % 2 == 0 else 1.0 - fraction))
    return weights


def _cubic_rows(change, bent, bent_at_end):
    """Rows of the Hermite polynomial from the change of the state and step times derivative at both ends."""
    bend = bent - change
    return [change, bend, change - bent_at_end - bend]


def _classical(function, time, state, step, derivative):
    """Increment per unit of time of one classical Runge-Kutta step, and its points."""
    slopes, points = [derivative], [(1.0 / 6.0, time, state)]
    for weight, length in ((2.0, 0.5 * step), (2.0, 0.5 * step), (1.0, step)):
        points.append((weight / 6.0, time + length, state + length[:, None] * slopes[-1]))
        slopes.append(function(points[-1][2], points[-1][1]))
    first, second, third, fourth = slopes
    return (first + 2.0 * second + 2.0 * third + fourth) / 6.0, points


def _weighted(weights, stages):
    total = None
    for number, weight in weights.items():
        term = weight * stages[number]
        total = term if total is None else total + term
    return total


METHODS = {"dop853": Embedded(DOP853), "dopri5": Embedded(DOPRI5), "rk4": StepDoubling()}
