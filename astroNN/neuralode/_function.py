"""The user's function: how it is called for one problem, and for many at once."""

import math
import warnings
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from astroNN.shared.callers import users_level

__all__ = ["NUMBER", "Arguments", "Derivative", "EventFunction", "Signature", "further_arguments"]


class _Number:
    """Stands for a further argument that is a number."""

    def __repr__(self):
        return "number"


NUMBER = _Number()


class Signature(NamedTuple):
    """What tells one function from another, and one way of calling it from another; hashable."""

    function: object
    event: object
    vectorized: bool
    """Whether they take all problems at once."""
    shapes: tuple
    """Of the parts of a state."""
    nesting: str
    aux_nesting: str
    """Empty without."""
    constants: tuple
    """Further arguments that are no numbers; `NUMBER` where there is one."""
    argument_nesting: str


class Arguments(NamedTuple):
    """Further arguments of a function."""

    numbers: list
    """Tensors."""
    constants: tuple
    structure: tuple
    """Nesting of (args, kwargs)."""


def further_arguments(args, kwargs, precision):
    """Parts numbers, which a compiled function is given anew, from what stays as it is.

    Parameters
    ----------
    args : tuple
    kwargs : dict
    precision : str
        Of those that are no integers.

    Returns
    -------
    Arguments

    Raises
    ------
    TypeError
        If an argument that is no number has no hash, as a list of texts.
    """
    given = (args, kwargs)
    leaves = tree.flatten(given)
    numbers = [_in_precision(leaf, precision) for leaf in leaves if _is_number(leaf)]
    constants = tuple(NUMBER if _is_number(leaf) else leaf for leaf in leaves)
    try:
        hash(constants)
    except TypeError as error:
        raise TypeError(
            "odeint: further arguments of `func` must be numbers, arrays, or objects that have a hash, got "
            f"{[type(leaf).__name__ for leaf in leaves]}. Let `func` see the others from outside."
        ) from error
    return Arguments(numbers, constants, tree.map_structure(lambda leaf: 0, given))


def _in_precision(leaf, precision):
    # Through numpy: Keras makes single precision of plain numbers first.
    leaf = leaf if ops.is_tensor(leaf) else np.asarray(leaf)
    is_float = "float" in str(leaf.dtype)
    return ops.convert_to_tensor(leaf, precision) if is_float else ops.convert_to_tensor(leaf)


def _is_number(leaf):
    return (
        isinstance(leaf, float | complex | np.ndarray | np.generic)
        or (isinstance(leaf, int) and not isinstance(leaf, bool))
        or ops.is_tensor(leaf)
    )


class _Called:
    """A function of the user's as the loop calls it.

    Parameters
    ----------
    function : callable
    signature : Signature
    structure : object
        Nesting of a state; None if it is one tensor.
    argument_structure : tuple
        Nesting of (args, kwargs).
    precision : str
        Of the values.
    """

    def __init__(self, function, signature, structure, argument_structure, precision):
        self.function, self.signature = function, signature
        self.structure, self.argument_structure = structure, argument_structure
        self.precision = precision

    def of_all(self, states, times, aux, numbers):
        """Values for states (n, d) at times (n,)."""
        if self.signature.vectorized:
            n = (ops.shape(states)[0],)
            return self._value(self._given(states, times, aux, numbers, n), n)
        if states.shape[0] == 1:
            first = None if aux is None else tree.map_structure(lambda leaf: leaf[0], aux)
            return self._of_one(states[0], times[0], first, numbers)[None]
        given = (states, times) if aux is None else (states, times, aux)
        return ops.vectorized_map(
            lambda one: self._of_one(one[0], one[1], None if aux is None else one[2], numbers), given
        )

    def _of_one(self, state, time, aux, numbers):
        return self._value(self._given(state, time, aux, numbers, ()), ())

    def _given(self, state, time, aux, numbers, n):
        """What the function gives."""
        numbers = iter(numbers)
        given = [next(numbers) if constant is NUMBER else constant for constant in self.signature.constants]
        args, kwargs = tree.pack_sequence_as(self.argument_structure, given)
        if self.signature.aux_nesting:
            kwargs = {**kwargs, "aux": aux}
        return self.function(self._parted(state, n), time, *args, **kwargs)

    def _parted(self, state, n):
        """A state as the user gave it."""
        sizes = [math.prod(shape) for shape in self.signature.shapes]
        ends = np.cumsum([0, *sizes])
        parts = [
            ops.reshape(state[..., int(start) : int(end)], (*n, *shape))
            for start, end, shape in zip(ends, ends[1:], self.signature.shapes, strict=False)
        ]
        return parts[0] if self.structure is None else tree.pack_sequence_as(self.structure, parts)

    def _value(self, given, n):
        raise NotImplementedError


class Derivative(_Called):
    """The right-hand side of the equations: derivatives (n, d)."""

    def _value(self, given, n):
        parts = [given] if self.structure is None else tree.flatten(given)
        parts = [ops.convert_to_tensor(part) for part in parts]
        # How many problems there are is not always known when a graph is built.
        shapes = [(*n, *shape) for shape in self.signature.shapes]
        found = [tuple(part.shape) for part in parts]
        without_ones = [[_without_ones(shape[len(n) :]) for shape in listed] for listed in (found, shapes)]
        if without_ones[0] != without_ones[1] or any(len(shape) < len(n) for shape in found):
            how = "" if n else " A state of several problems is given to `func` one by one."
            raise ValueError(
                f"odeint: `func` gave derivatives of shape {_listed(found)}, but the state has the shape "
                f"{_listed(shapes)}. They must be alike.{how}"
            )
        kinds = {keras.backend.standardize_dtype(part.dtype) for part in parts}
        if self.precision == "float64" and kinds & {"float32", "float16", "bfloat16"}:
            warnings.warn(
                "odeint: `func` computes in float32, so the solution can't be better, whatever `precision` and "
                "tolerances. (On JAX, Keras computes `ops.sin` and others in float32: use those of jax.numpy.)",
                stacklevel=users_level(),
            )
        return ops.concatenate([ops.cast(ops.reshape(part, (*n, -1)), self.precision) for part in parts], axis=-1)


class EventFunction(_Called):
    """What stops a solution where it becomes zero: values (n,)."""

    def _value(self, given, n):
        value = ops.convert_to_tensor(given)
        if _without_ones(value.shape[len(n) :]) or len(value.shape) < len(n):
            raise ValueError(
                f"odeint: `event` gave values of shape {tuple(value.shape)}; it must give one number for each state."
            )
        return ops.cast(ops.reshape(value, n), self.precision)


def _without_ones(shape):
    return tuple(size for size in shape if size != 1)


def _listed(shapes):
    return str(shapes[0]) if len(shapes) == 1 else str(list(shapes))
