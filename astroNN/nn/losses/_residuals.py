"""Label minus prediction where the label is present, zero with zero gradient where it is missing."""

import keras
from keras import ops

from astroNN.nn.losses._missing import checked_pair

__all__ = ["mean_of_present", "percentage_residual", "residual"]


def residual(y_true, y_pred):
    """Label minus prediction, 0 at the gaps; and 1 where labels are present, 0 elsewhere.

    What is computed from the residual is then zero at the gaps by itself. The gaps are left out of the difference,
    whose derivative is 1 whatever the numbers: NaN and infinity at a gap, of the label or of the prediction, reach
    neither value nor gradient.
    """
    y_true, present, y_pred = checked_pair(y_true, y_pred)
    return _difference(y_true, present, y_pred), ops.cast(present, y_pred.dtype)


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
    labels = ops.where(present, y_true, ops.ones_like(y_true))
    denominator = ops.maximum(labels if size is None else size(labels), keras.config.epsilon())
    return _difference(labels, present, y_pred) / denominator, ops.cast(present, y_pred.dtype)


def mean_of_present(element, there):
    """Mean over the last axis of elements that are zero at the gaps; 0 for a star without any label."""
    return ops.sum(element, axis=-1) / ops.maximum(ops.sum(there, axis=-1), 1.0)


def _difference(y_true, present, y_pred):
    return ops.where(present, y_true - y_pred, ops.zeros_like(y_pred))
