"""Small operations that every backend shall do alike."""

import keras
from keras import ops, tree

__all__ = ["fixed", "has_gradient", "larger", "rows_from", "smaller"]


def fixed(values):
    """Nested tensors without a gradient; integers have none."""
    return tree.map_structure(lambda one: ops.stop_gradient(one) if has_gradient(one) else one, values)


def has_gradient(leaf):
    """Whether it is a tensor of floating-point numbers."""
    return ops.is_tensor(leaf) and "float" in keras.backend.standardize_dtype(leaf.dtype)


def larger(one, other):
    """The larger of two tensors, or of a tensor and a number, in the precision of the first.

    Keras on torch makes single precision of double in `ops.maximum`.
    """
    return ops.where(one >= other, one, other)


def smaller(one, other):
    """The smaller of two tensors, or of a tensor and a number, in the precision of the first."""
    return ops.where(one <= other, one, other)


def rows_from(values, start, size):
    """Some rows of a tensor, from a number on that is a tensor itself."""
    zero = ops.zeros((), "int32")
    return ops.slice(values, (start,) + (zero,) * (len(values.shape) - 1), (size, *ops.shape(values)[1:]))
