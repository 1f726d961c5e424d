"""The solution at the times that were asked for, from the polynomials of steps; and the way back."""

from typing import NamedTuple

import numpy as np
from keras import ops

from astroNN.neuralode._backend import with_added
from astroNN.neuralode._methods import interpolated, interpolation_weights
from astroNN.neuralode._numbers import smaller

__all__ = ["Kept", "evaluated", "n_together", "pulled_to_rows"]

_MOST_NUMBERS = 1 << 20
_LEAST, _MOST = 8, 256
_USUAL_BATCH = 256  # where a graph is built for any number of problems


class Kept(NamedTuple):
    """Steps that wait for their output, (n_kept, n)."""

    start: object
    step: object
    end: object
    """That of a rejected step is its start."""
    rows: object
    """Of the dense output, (n_kept, n, n_rows, d): those of one step lie together, and are read at once."""


def n_together(method, n, d):
    """How many polynomials of n problems are kept, or evaluated, at once."""
    n = n if isinstance(n, int) else _USUAL_BATCH
    return int(np.clip(_MOST_NUMBERS // (method.n_rows * n * d), _LEAST, _MOST))


def evaluated(method, n_steps, since, until, kept, times, output):
    """The output with the states at all times that the kept steps have passed, block by block.

    Parameters
    ----------
    method : Embedded or StepDoubling
    n_steps : tensor
        How many steps are kept.
    since, until : tensor, shape (n,)
        The kept steps begin and end there.
    kept : Kept
    times : tensor, shape (n, n_times)
    output : tensor, shape (n, n_times, d)
    """
    rows = _joined(kept.rows)

    def block(start, place, size, output):
        number, fraction, passed = _steps_of(place, size, n_steps, since, until, kept, times)
        found = ops.take(rows, number, axis=0)
        found = interpolated(lambda which: found[:, :, which], method.n_rows, fraction[..., None])
        before = _read(output, place, size)
        return ops.slice_update(output, _corner(place, 3), ops.where(passed[..., None], found, before))

    return _over_blocks(block, method, since, until, times, output)


def pulled_to_rows(method, n_steps, since, until, kept, times, cotangent):
    """Cotangent of the rows of the kept steps (n_kept, n, n_rows, d), from that of the output.

    Parameters
    ----------
    method, n_steps, since, until, times
        As of `evaluated`.
    kept : Kept
        Without rows.
    cotangent : tensor, shape (n, n_times, d)
    """
    n, _, d = ops.shape(cotangent)
    n_kept = kept.start.shape[0]

    def block(start, place, size, total):
        number, fraction, passed = _steps_of(place, size, n_steps, since, until, kept, times)
        # The last block is moved back: some of its times were counted before.
        is_new = place + ops.arange(size, dtype="int32") >= start
        some = ops.where((passed & is_new)[..., None], _read(cotangent, place, size), 0.0)
        weights = ops.stack(interpolation_weights(method.n_rows, fraction), axis=2)
        of_rows = ops.reshape(weights[..., None] * some[:, :, None], (n * size, method.n_rows * d))
        return with_added(total, ops.reshape(number, (n * size,)), of_rows)

    total = ops.zeros((n_kept * n, method.n_rows * d), cotangent.dtype)
    total = _over_blocks(block, method, since, until, times, total)
    return ops.reshape(total, (n_kept, n, method.n_rows, d))


def _over_blocks(block, method, since, until, times, values):
    """Goes through the times between two, some at once."""
    n_times = times.shape[1]
    d = values.shape[-1] if len(values.shape) == 3 else values.shape[-1] // method.n_rows
    size = min(n_together(method, ops.shape(times)[0], d), n_times)

    def one(start, values):
        # The last block is moved back to be whole.
        return start + size, block(start, smaller(start, n_times - size), size, values)

    first = ops.min(_number_up_to(since, times))
    last = ops.max(_number_up_to(until, times))
    return ops.while_loop(lambda start, values: start < last, one, (first, values))[1]


def _steps_of(place, size, n_steps, since, until, kept, times):
    """For some times of each problem: the number of the step, the fraction of it, and whether it was kept."""
    n_kept, n = ops.shape(kept.start)
    unused = ops.arange(n_kept, dtype="int32")[:, None] >= n_steps
    ends = ops.where(unused, ops.full_like(kept.end, np.inf), kept.end)
    some = _read(times, place, size)
    number = smaller(_first_not_below(ends, some), n_kept - 1) * n + ops.arange(n, dtype="int32")[:, None]
    fraction = (some - ops.take(_joined(kept.start), number)) / ops.take(_joined(kept.step), number)
    passed = ops.logical_and(some > since[:, None], some <= until[:, None])
    return number, ops.where(passed, fraction, 0.0), passed


def _first_not_below(ends, times):
    """Row number of the first of the rising `ends` (n_ends, n) that is not below each rising time (n, n_times).

    Few steps end between the times of one block. To compare all of its times with one end after the other takes a
    fifth of the time of a bisection, which reads a number for each time and level.
    """
    n_ends = ends.shape[0]
    before = _number_below(times[:, 0], ends)
    most = ops.max(_number_below(times[:, -1], ends) - before)

    def one(k, number):
        row = ops.take_along_axis(ends, smaller(before + k, n_ends - 1)[None], axis=0)[0]
        end = ops.where(before + k < n_ends, row, np.inf)
        return k + 1, number + ops.cast(times > end[:, None], "int32")

    number = before[:, None] + ops.zeros_like(times, "int32")
    return ops.while_loop(lambda k, number: k < most, one, (ops.zeros((), "int32"), number))[1]


def _number_below(time, ends):
    """How many of the ends each problem has passed."""
    return ops.cast(ops.sum(ops.cast(ends < time, "int32"), axis=0), "int32")


def _joined(values):
    """Steps and problems as one axis."""
    return ops.reshape(values, (-1, *ops.shape(values)[2:]))


def _corner(place, n_axes):
    zero = ops.zeros((), "int32")
    return (zero, place) + (zero,) * (n_axes - 2)


def _read(values, place, size):
    n, _, *others = ops.shape(values)
    shape = (n, size, *others)
    return ops.slice(values, _corner(place, len(shape)), shape)


def _number_up_to(time, times):
    """How many of the times each problem has reached; JAX wants all numbers of places to be of one type."""
    return ops.cast(ops.sum(ops.cast(times <= time[:, None], "int32"), axis=1), "int32")
