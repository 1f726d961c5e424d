"""Checks of what losses are given: shapes that fit, and values rather than symbols."""

import keras
from keras import ops

__all__ = ["aligned", "check_not_symbolic", "check_same_shape"]


def aligned(*tensors):
    """Tensors in which one label of n stars has the shape (n, 1) throughout, if it has in any of them.

    Labels of shape (n,) come with predictions of shape (n, 1) where a table has one label: Keras adds the axis for
    losses, but not for functions that are metrics.
    """
    tensors = [ops.convert_to_tensor(tensor) for tensor in tensors]
    if not any(len(tensor.shape) == 2 and tensor.shape[-1] == 1 for tensor in tensors):
        return tensors
    return [ops.expand_dims(tensor, -1) if len(tensor.shape) == 1 else tensor for tensor in tensors]


def check_same_shape(name, x, other_name, other, hint=""):
    """Raise unless two tensors have the same shape, as far as it is known (a batch size may not be)."""
    shape, other_shape = tuple(x.shape), tuple(other.shape)
    equal = (a == b or a is None or b is None for a, b in zip(shape, other_shape, strict=False))
    if not shape or len(shape) != len(other_shape) or not all(equal):
        raise ValueError(
            f"`{name}` and `{other_name}` must have the same shape (n_stars, n_labels); got {shape}, {other_shape}."
            f"{hint}"
        )


def check_not_symbolic(function, **tensors):
    """Raise if something that a loss is to hold is a symbol of a model being built."""
    for name, tensor in tensors.items():
        if isinstance(tensor, keras.KerasTensor):
            raise TypeError(
                f"{function}: `{name}` must hold values, got the symbolic {tensor!r}, which Keras 3 doesn't allow "
                "inside a loss. Override keras.Model.compute_loss and call the loss there, with both outputs of the "
                "batch at hand, as astroNN's BayesianModel does."
            )
