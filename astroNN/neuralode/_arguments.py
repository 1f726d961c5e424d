"""What a user gives to a solver, checked and brought to one form: n problems of d numbers each."""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from astroNN.neuralode._backend import is_known

__all__ = ["PRECISIONS", "Problem", "checked_problem", "precision_name"]

PRECISIONS = ("float32", "float64")


class Problem(NamedTuple):
    """Initial value problems in one form."""

    state: object
    """Initial states, (n, d)."""
    times: object
    """Of the output, (n, n_times), as the user gave them."""
    aux: object
    """Tensors with the leading axis n, or None."""
    shapes: tuple
    """Shape of every part of one problem's state."""
    structure: object
    """The user's `x`, for its nesting; None if it is one tensor."""
    is_batch: bool


def precision_name(precision):
    """``"float32"`` or ``"float64"`` of what stands for it: their names, types of numpy or of the backend.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    try:
        name = keras.backend.standardize_dtype(precision)
    except (ValueError, TypeError):
        name = None
    if precision is None or name not in PRECISIONS:
        raise TypeError(f"odeint: `precision` must be float32 or float64, got {precision!r}.")
    return name


def checked_problem(x, t, aux, precision):
    """Initial states, times and auxiliary data as the loop takes them.

    Parameters
    ----------
    x, t, aux
        As in `astroNN.neuralode.odeint`.
    precision : {"float32", "float64"}

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        If shapes disagree, times are not in order, or a number is not finite.
    TypeError
        If `x` or `t` holds no real numbers.
    """
    times = _numbers("t", t, precision)
    if len(times.shape) not in (1, 2) or 0 in times.shape:
        raise ValueError(f"odeint: `t` must have the shape (n_times,) or (n, n_times), got {tuple(times.shape)}.")
    parts, structure, is_nested = _parts(x, precision)
    is_batch = len(times.shape) == 2 or (not is_nested and len(parts[0].shape) == 2)
    parts = [_with_problems(part, is_batch, is_nested) for part in parts]
    if len({part.shape[0] for part in parts}) > 1:
        raise ValueError(f"odeint: the parts of `x` have {[part.shape[0] for part in parts]} rows, one a problem.")
    n = _module(*parts).shape(parts[0])[0]  # a tensor where a graph is built for any number of them
    _check_times(times if len(times.shape) == 2 else times[None])
    if len(times.shape) == 1:
        times = _module(times).broadcast_to(times[None], (n, times.shape[0]))
    if _differ(times.shape[0], n):
        raise ValueError(
            f"odeint: `t` has {times.shape[0]} rows, but `x` has {n}: give one row of times for each problem, or one "
            "for all."
        )
    shapes = tuple(tuple(part.shape[1:]) for part in parts)
    state = _joined(parts)
    _check_state(state)
    state, times = (ops.convert_to_tensor(values, precision) for values in (state, times))
    return Problem(state, times, _checked_aux(aux, n, is_batch, precision), shapes, structure, is_batch)


def _module(*values):
    """What computes with arrays, or with tensors; a backend takes long for what numpy does at once."""
    return np if all(isinstance(one, np.ndarray) for one in values) else ops


def _joined(parts):
    """All parts of the states side by side, (n, d)."""
    of_parts = _module(*parts)
    rows = [of_parts.reshape(part, (-1, math.prod(part.shape[1:]))) for part in parts]
    return rows[0] if len(rows) == 1 else of_parts.concatenate(rows, axis=1)


def _numbers(argument, values, precision):
    """An array of plain numbers, a tensor of a tensor."""
    if values is None:
        raise ValueError(f"odeint: `{argument}` is None; give numbers.")
    if not hasattr(values, "shape") or isinstance(values, np.ndarray | np.generic):
        values = np.asarray(values)
        if values.dtype.kind not in "buif":
            raise TypeError(f"odeint: `{argument}` must hold real numbers, got type {values.dtype}.")
        return values.astype(precision)
    if "complex" in keras.backend.standardize_dtype(values.dtype):
        raise TypeError(
            f"odeint: `{argument}` is complex, which no solver here takes: part it into real and imaginary numbers."
        )
    return ops.convert_to_tensor(values, precision)


def _parts(x, precision):
    """Arrays or tensors that a state consists of, and their nesting; plain lists of numbers are one tensor."""
    is_nested = isinstance(x, dict) or (
        isinstance(x, list | tuple) and len(x) > 0 and all(len(getattr(part, "shape", ())) > 0 for part in x)
    )
    leaves = tree.flatten(x) if is_nested else [x]
    if not leaves:
        raise ValueError("odeint: `x` has no parts.")
    return [_numbers("x", leaf, precision) for leaf in leaves], x if is_nested else None, is_nested


def _with_problems(part, is_batch, is_nested):
    if not is_nested and len(part.shape) not in (1, 2):
        raise ValueError(f"odeint: `x` must have the shape (d,) or (n, d), got {tuple(part.shape)}.")
    if is_batch and not part.shape:
        raise ValueError(
            "odeint: with one row of `t` for each problem every part of `x` must have a row for each, too."
        )
    part = part if is_batch and len(part.shape) > (0 if is_nested else 1) else part[None]
    if 0 in part.shape:
        raise ValueError(f"odeint: `x` is empty: its shape is {tuple(part.shape)}.")
    return part


def _differ(one, other):
    return isinstance(one, int) and isinstance(other, int) and one != other


def _is_known(values):
    return isinstance(values, np.ndarray) or is_known(values)


def _check_state(state):
    if _is_known(state) and not np.isfinite(ops.convert_to_numpy(state)).all():
        raise ValueError("odeint: `x` holds NaN or infinite values; every number of an initial state is needed.")


def _check_times(times):
    if not _is_known(times):
        return
    times = ops.convert_to_numpy(times)
    change = np.diff(times, axis=1)
    in_order = (change >= 0).all(axis=1) | (change <= 0).all(axis=1)
    if not (np.isfinite(times).all() and in_order.all()):
        row = int(np.argmin(in_order & np.isfinite(times).all(axis=1)))
        raise ValueError(
            f"odeint: `t` must rise (or fall) and be finite; that of problem {row} does not. Sort it; the first time "
            "is that of the initial state."
        )


def _checked_aux(aux, n, is_batch, precision):
    if aux is None:
        return None
    if isinstance(aux, list | tuple) and not all(hasattr(leaf, "shape") for leaf in tree.flatten(aux)):
        aux = np.asarray(aux)  # rows of plain numbers are one array, as they are in `x`
    aux = tree.map_structure(lambda leaf: _aux_tensor(leaf, precision), aux)
    if not is_batch:
        return tree.map_structure(lambda leaf: leaf[None], aux)
    for leaf in tree.flatten(aux):
        if not leaf.shape or _differ(leaf.shape[0], n):
            raise ValueError(
                f"odeint: `aux` must have a row for each of the {n} problems, got the shape {tuple(leaf.shape)}."
            )
    return aux


def _aux_tensor(leaf, precision):
    # Through numpy: Keras makes single precision of plain numbers first.
    leaf = leaf if ops.is_tensor(leaf) else np.asarray(leaf)
    is_float = "float" in keras.backend.standardize_dtype(leaf.dtype)
    return ops.convert_to_tensor(leaf, precision) if is_float else ops.convert_to_tensor(leaf)
