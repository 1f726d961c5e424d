"""Label minus prediction where the label is present, zero with zero gradient where it is missing."""

import keras
from keras import ops

from astroNN.nn.losses._missing import checked_pair

__all__ = ["mean_of_present", "percentage_residual", "residual"]


def residual(y_true, y_pred):
    """Label minus prediction, 0 at the gaps; and 1 where labels are present, 0 elsewhere.

    What is computed from the residual is then zero at the gaps by itself. The labels are filled before anything is
    computed, for a NaN would poison the gradient; the predictions are multiplied by zero there, which with
    its gradient costs a fraction of choosing by ``ops.where``.
    """
    y_true, present, y_pred = checked_pair(y_true, y_pred)
    there = ops.cast(present, y_pred.dtype)
    return ops.where(present, y_true, ops.zeros_like(y_true)) - there * y_pred, there


def percentage_residual(y_true, y_pred, size=None):
    """Label minus prediction as a fraction of the label, 0 at the gaps; and 1 where labels are present, 0 elsewhere.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels with gaps, and their prediction.
    size : callable, optional
        Of the label, before it is cut off at epsilon from below: ``ops.abs`` for absolute errors. Default: the
        label itself.
    """
    y_true, present, y_pred = checked_pair(y_true, y_pred)
    there = ops.cast(present, y_pred.dtype)
    labels = ops.where(present, y_true, ops.ones_like(y_true))
    denominator = ops.maximum(labels if size is None else size(labels), keras.config.epsilon())
    return there * (labels - y_pred) / denominator, there


def mean_of_present(element, there):
    """Mean over the last axis of elements that are zero at the gaps; 0 for a star without any label."""
    return ops.sum(element, axis=-1) / ops.maximum(ops.sum(there, axis=-1), 1.0)
