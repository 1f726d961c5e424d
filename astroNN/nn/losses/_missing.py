"""What "missing" means, decided once for every loss: the magic number (-9999.) or NaN."""

import keras
from keras import ops

from astroNN.config import MAGIC_NUMBER

__all__ = [
    "as_loss_dtype",
    "check_same_shape",
    "fill_missing",
    "magic_correction_term",
    "magic_num_check",
    "mean_over_present",
    "weighted_loss",
]


def magic_num_check(x):
    """Where a tensor is missing.

    Parameters
    ----------
    x : tensor
        Any shape.

    Returns
    -------
    tensor of bool
        True where `x` is the magic number or NaN.
    """
    x = _as_float(x)
    # float16 and bfloat16 can't hold -9999 exactly: compare with the number as that dtype rounds it.
    return ops.logical_or(ops.equal(x, ops.cast(MAGIC_NUMBER, x.dtype)), ops.isnan(x))


def fill_missing(y_true, y_pred):
    """Labels with their gaps filled by the prediction, and where labels are present.

    A loss computed from filled labels is zero, with zero gradient, at the gaps. To mask the loss afterwards is
    not enough: a NaN or -9999. that has entered the computation still poisons the gradient.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels with gaps, and their prediction.

    Returns
    -------
    labels : tensor, shape (n_stars, n_labels)
        In the dtype of the returned `y_pred`.
    present : tensor of bool, shape (n_stars, n_labels)
        True where the label was measured.
    y_pred : tensor, shape (n_stars, n_labels)
        As given, but at least in float32: sums of squares overflow in half precision.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    y_true, y_pred = _as_float(y_true), as_loss_dtype(y_pred)
    check_same_shape("y_true", y_true, "y_pred", y_pred)
    missing = magic_num_check(y_true)
    labels = ops.where(missing, y_pred, ops.cast(y_true, y_pred.dtype))
    return labels, ops.logical_not(missing), y_pred


def mean_over_present(element, present):
    """Mean over the last axis of the elements whose label is present; 0 for a star without any."""
    element = ops.where(present, element, ops.zeros_like(element))
    return ops.sum(element, axis=-1) / ops.maximum(ops.sum(ops.cast(present, element.dtype), axis=-1), 1.0)


def magic_correction_term(y_true):
    """Number of labels divided by the number of those present, for every star.

    A mean over all labels, in which missing ones count 0, times this term is the mean over the labels present.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels; magic number or NaN marks a missing one.

    Returns
    -------
    tensor of float32, shape (n_stars,)
        At least 1; exactly 1 for a star without any label, whose loss is 0.

    Examples
    --------
    >>> magic_correction_term([[2.0, -9999.0, -9999.0], [2.0, -9999.0, 4.0]]).numpy().tolist()
    [3.0, 1.5]
    """
    present = ops.cast(ops.logical_not(magic_num_check(y_true)), "float32")
    n_present = ops.sum(present, axis=-1)
    n_labels = ops.sum(ops.ones_like(present), axis=-1)
    return ops.where(n_present > 0, n_labels / ops.maximum(n_present, 1.0), 1.0)


def weighted_loss(losses, sample_weight=None):
    """Losses times the sample weights (elementwise, not divided by their sum)."""
    if sample_weight is None:
        return losses
    sample_weight = ops.cast(sample_weight, losses.dtype)
    if len(sample_weight.shape) > len(losses.shape):
        # (n_stars, 1) times (n_stars,) would be every weight with every loss.
        sample_weight = ops.reshape(sample_weight, ops.shape(losses))
    return losses * sample_weight


def check_same_shape(name, x, other_name, other):
    """Raise unless two tensors have the same shape, as far as it is known (a batch size may not be)."""
    shape, other_shape = tuple(x.shape), tuple(other.shape)
    equal = (a == b or a is None or b is None for a, b in zip(shape, other_shape, strict=False))
    if not shape or len(shape) != len(other_shape) or not all(equal):
        raise ValueError(
            f"`{name}` and `{other_name}` must have the same shape (n_stars, n_labels); got {shape}, {other_shape}."
        )


def as_loss_dtype(x):
    """Tensor in float32, or in float64 if it is of that."""
    x = _as_float(x)
    return x if keras.backend.standardize_dtype(x.dtype) == "float64" else ops.cast(x, "float32")


def _as_float(x):
    x = ops.convert_to_tensor(x)
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype))
    return x if is_float else ops.cast(x, keras.config.floatx())
