"""Losses of regression for label tables with gaps.

A survey never measures every label of every star. Missing labels are marked by the magic number (-9999.) or
NaN; they change neither the loss nor its gradient. Each loss is a mean over the labels present, one number a star.
"""

import keras
from keras import ops

from astroNN.nn.losses._missing import fill_missing, mean_over_present, weighted_loss

__all__ = ["mae", "me", "mean_absolute_error", "mean_error", "mean_squared_error", "mse", "zeros_loss"]


@keras.saving.register_keras_serializable(package="astroNN")
def mean_squared_error(y_true, y_pred, sample_weight=None):
    """Mean squared error over the labels that were measured.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels. Magic number or NaN marks a missing one.
    y_pred : tensor, shape (n_stars, n_labels)
        Predictions, in the units of `y_true`.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss. Default: every star counts once.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Raises
    ------
    ValueError
        If the shapes of `y_true` and `y_pred` differ.

    See Also
    --------
    robust_mse : the same with label errors and a predicted variance.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255, section 3.1.

    Examples
    --------
    >>> float(mean_squared_error([[3.0, -9999.0]], [[1.0, 7.0]])[0])
    4.0
    """
    labels, present, y_pred = fill_missing(y_true, y_pred)
    return weighted_loss(mean_over_present(ops.square(labels - y_pred), present), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def mean_absolute_error(y_true, y_pred, sample_weight=None):
    """Mean absolute error over the labels that were measured.

    Parameters, returned shape and errors are those of `mean_squared_error`.

    Examples
    --------
    >>> float(mean_absolute_error([[3.0, float("nan"), 5.0]], [[1.0, 7.0, 6.0]])[0])
    1.5
    """
    labels, present, y_pred = fill_missing(y_true, y_pred)
    return weighted_loss(mean_over_present(ops.abs(labels - y_pred), present), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def mean_error(y_true, y_pred, sample_weight=None):
    """Mean of label minus prediction over the labels that were measured: the bias, with its sign.

    Parameters, returned shape and errors are those of `mean_squared_error`.

    Examples
    --------
    >>> float(mean_error([[3.0, -9999.0, 5.0]], [[1.0, 7.0, 6.0]])[0])
    0.5
    """
    labels, present, y_pred = fill_missing(y_true, y_pred)
    return weighted_loss(mean_over_present(labels - y_pred, present), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def zeros_loss(y_true, y_pred, sample_weight=None):
    """Zero for every star, whatever the labels, yet connected to the prediction (its gradient is 0).

    Parameters, returned shape and errors are those of `mean_squared_error`.
    """
    _, _, y_pred = fill_missing(y_true, y_pred)
    return weighted_loss(ops.sum(0.0 * y_pred, axis=-1), sample_weight)


mse = mean_squared_error
mae = mean_absolute_error
me = mean_error
