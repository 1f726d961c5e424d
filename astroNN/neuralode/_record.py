"""What the loop remembers of its steps, for their gradient.

All tensors have their sizes before the first step. The steps of one segment are kept one by one; of those before it
the problems at the beginning of each segment, from which its steps are found again. With segments of
sqrt(`max_steps`) steps the memory is that of 2 sqrt(`max_steps`) states, however many steps there are.
"""

import math
from typing import NamedTuple

from keras import ops, tree

from astroNN.neuralode._backend import with_row

__all__ = ["Record", "Steps", "new_record", "too_long", "with_checkpoint", "with_step"]

_MOST_STEPS = 1 << 18


class Steps(NamedTuple):
    """Steps that were tried one after the other, (n_steps, n)."""

    start: object
    step: object
    end: object
    """That of a rejected step is its start."""
    state: object
    """At the start, (n_steps, n, d)."""


class Record(NamedTuple):
    """Steps of a solution."""

    last: Steps
    """Those of the last segment; they begin at row 0."""
    checkpoints: object
    """`Problems` at the beginning of each segment, (n_segments, n, ...)."""
    n_steps: object
    """How many there were."""


def new_record(problems, n_kept, max_steps):
    """A `Record` without steps, whose segments are whole multiples of `n_kept` steps."""
    most = min(max_steps, _MOST_STEPS)
    length = n_kept * math.ceil(math.sqrt(most) / n_kept)
    n_segments = math.ceil(most / length)
    checkpoints = tree.map_structure(
        lambda values: ops.zeros((n_segments, *ops.shape(values)), values.dtype), tuple(problems)
    )
    return Record(_no_steps(problems, length), type(problems)(*checkpoints), ops.zeros((), "int32"))


def _no_steps(problems, length):
    """Room for some steps."""
    n, d = ops.shape(problems.state)
    dtype = problems.state.dtype
    time = ops.zeros((length, n), dtype)
    return Steps(time, ops.zeros_like(time), ops.zeros_like(time), ops.zeros((length, n, d), dtype))


def with_checkpoint(record, problems):
    """The record with where the problems stand, if a segment begins here."""
    length, n_segments = record.last.start.shape[0], record.checkpoints.time.shape[0]
    segment = ops.minimum(record.n_steps // length, n_segments - 1)
    is_first = record.n_steps % length == 0
    checkpoints = type(problems)(
        *(
            with_row(all_, segment, ops.where(is_first, now, all_[segment]))
            for all_, now in zip(record.checkpoints, problems, strict=True)
        )
    )
    return record._replace(checkpoints=checkpoints)


def with_step(record, problems, step, end):
    """The record with one more step."""
    number = record.n_steps % record.last.start.shape[0]
    values = (problems.time, step, end, problems.state)
    last = Steps(*(with_row(all_, number, now) for all_, now in zip(record.last, values, strict=True)))
    return record._replace(last=last, n_steps=record.n_steps + 1)


def too_long(record):
    """Whether there were more steps than there is room for."""
    length, n_segments = record.last.start.shape[0], record.checkpoints.time.shape[0]
    return record.n_steps > length * n_segments
