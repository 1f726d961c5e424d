"""The larger and the smaller of two: Keras on torch makes single precision of double in `ops.maximum`."""

from keras import ops

__all__ = ["larger", "smaller"]


def larger(one, other):
    """The larger of two tensors, or of a tensor and a number, in the precision of the first."""
    return ops.where(one >= other, one, other)


def smaller(one, other):
    """The smaller of two tensors, or of a tensor and a number, in the precision of the first."""
    return ops.where(one <= other, one, other)
